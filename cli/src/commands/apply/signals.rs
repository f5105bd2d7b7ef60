//! Signals while a job runs: the first Ctrl-C halts, the second one and SIGTERM end what runs, the next one leaves.

use std::io::{self, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread::JoinHandle;

use pogo_actors::ControlSender;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::{Handle, Signals};

use crate::terminal::Style;

/// Signals that are listened to until it is closed.
pub(super) struct Listening {
    handle: Handle,
    thread: JoinHandle<()>,
    /// The signal that ended what ran; 0 for none.
    ended_by: Arc<AtomicU8>,
}

/// How far the user has gone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    /// Nothing more is started.
    Halt,
    /// What runs is ended.
    Stop,
    /// The program leaves as it is.
    Leave,
}

/// What a signal does after the steps before it.
const fn next(before: Option<Step>, is_interrupt: bool) -> Step {
    match before {
        None if is_interrupt => Step::Halt,
        None | Some(Step::Halt) => Step::Stop,
        Some(Step::Stop | Step::Leave) => Step::Leave,
    }
}

/// Listens from now on.
///
/// # Errors
/// If the system does not let it.
pub(super) fn listen(control: ControlSender, style: Style) -> io::Result<Listening> {
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    // Under nohup the end of the terminal is to change nothing.
    if !is_ignored(SIGHUP) {
        signals.add_signal(SIGHUP)?;
    }
    let handle = signals.handle();
    let ended_by = Arc::new(AtomicU8::new(0));
    let noted = Arc::clone(&ended_by);
    let thread = std::thread::Builder::new().name("pogo-signals".to_owned()).spawn(move || {
        let mut step = None;
        for signal in signals.forever() {
            let number = u8::try_from(signal).unwrap_or(u8::MAX);
            let now = next(step, signal == SIGINT);
            step = Some(now);
            match now {
                Step::Halt => {
                    say(style, "halting: nothing more is started, what runs may come to its end. Ctrl-C again ends it.");
                    control.halt();
                }
                Step::Stop => {
                    noted.store(number, Ordering::SeqCst);
                    say(style, "ending what runs, and making sure that it is gone. Once more leaves at once, and leaves it running.");
                    control.stop();
                }
                Step::Leave => leave(number),
            }
        }
    })?;
    Ok(Listening { handle, thread, ended_by })
}

impl Listening {
    /// Stops listening; the signal that ended what ran, if one did.
    pub(super) fn close(self) -> Option<u8> {
        self.handle.close();
        // A thread that panicked has said so; nobody halted by it.
        let _ = self.thread.join();
        Some(self.ended_by.load(Ordering::SeqCst)).filter(|&signal| signal != 0)
    }
}

#[expect(clippy::exit, reason = "the user wants out, whatever else goes on")]
fn leave(signal: u8) -> ! {
    std::process::exit(128 + i32::from(signal));
}

fn say(style: Style, text: &str) {
    // Nothing can be done about a standard error that is gone.
    let _ = writeln!(io::stderr().lock(), "{}", style.yellow(text));
}

/// Whether whoever started this program wants it to ignore the signal.
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    mask >> (signal - 1) & 1 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_signal_goes_one_step_further() {
        assert_eq!(next(None, true), Step::Halt);
        assert_eq!(next(None, false), Step::Stop);
        for is_interrupt in [true, false] {
            assert_eq!(next(Some(Step::Halt), is_interrupt), Step::Stop);
            assert_eq!(next(Some(Step::Stop), is_interrupt), Step::Leave);
        }
    }
}
