//! `pogo one`: one command on some hosts, with two lines for each, as the original Pogo's `pogo-one` has them.

use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use pogo_actors::{Stored, Subscriber, SubscriberError};
use pogo_plan::event::{Event, EventKind};
use pogo_plan::outcome::{Exit, HostState, Outcome, Phase};

use super::apply::launch::{self, Begin, Launch, Over};
use super::apply::{self, input};
use super::ssh::keys::{self, Again};
use crate::App;
use crate::args::OneArgs;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::kept::{Kept, problem};
use crate::logging;
use crate::run::Tally;
use crate::terminal::visible;

/// Lines of a bad host's output that are shown.
const LAST_LINES: usize = 5;

/// Runs the verb.
pub(crate) fn run(args: OneArgs, app: &App) -> Result<ExitCode, Failure> {
    logging::start(&args.log, app.terminal.stderr)?;
    let OneArgs { config, fanout, max_connecting, message_format, passwords, job, options, .. } = args;
    let again = Again::new(&config, &options, &job.ssh);
    let wanted = input::Wanted { path: &config, options, job, message_format, max_age: None };
    let Some(plan) = input::load(wanted, app)? else { return Ok(ExitCode::Usage) };
    let kept = Kept::open(app)?;
    let launch = Launch::new(
        &plan,
        &launch::Wanted {
            fanout,
            max_connecting,
            passwords: &passwords,
            is_stdin_taken: config == Path::new("-"),
            has_output_dir: false,
            job: None,
        },
    )?;
    let tally = Arc::new(Mutex::new(Tally::of(&plan)));
    let listener = TwoLines { tally: Arc::clone(&tally), to: io::stdout() };
    let begin = Begin::New(Stored { store: kept.store, summary: apply::summary("one", &config, &plan) });
    let Over { ended, signal, key_problems } =
        launch.run(begin, &plan, Box::new(listener), app.terminal.stderr)?;
    let code = match ended {
        Ok(ended) => apply::exit_code(ended.state, signal),
        Err(error) => return Err(problem::of_run(error)),
    };
    let tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
    // Hosts that wait for bad ones, or were cancelled: without a word they would be missed.
    let mut to = io::stdout().lock();
    for (name, host) in tally.hosts() {
        if matches!(host.state, HostState::Waiting | HostState::Cancelled) {
            writeln!(to, "{}: Not run", visible(name))?;
        }
    }
    to.flush()?;
    tell_why(&tally, &mut io::stderr().lock());
    keys::tell(&key_problems, &again, app.terminal.stderr);
    Ok(code)
}

/// The last lines of hosts that failed.
fn tell_why(tally: &Tally, to: &mut impl Write) {
    for (name, host) in tally.hosts().filter(|(_, host)| host.state.is_bad()) {
        let Some(output) = host.output.and_then(|number| tally.output(number)) else { continue };
        let text = String::from_utf8_lossy(&output.tail);
        let lines: Vec<&str> = text.lines().collect();
        for line in lines.iter().skip(lines.len().saturating_sub(LAST_LINES)) {
            // Nothing can be done about a standard error that is gone.
            let _ = writeln!(to, "{}: {}", visible(name), visible(line));
        }
    }
}

/// Writes the two lines as it happens.
struct TwoLines<W> {
    tally: Arc<Mutex<Tally>>,
    to: W,
}

impl<W: Write + Send> Subscriber for TwoLines<W> {
    fn event(&mut self, event: &Event) -> Result<(), SubscriberError> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner).event(event);
        let line = match &event.kind {
            EventKind::AttemptStarted { host, attempt } if attempt.0 > 1 => {
                format!("{}: Running target (attempt {attempt})", visible(host))
            }
            EventKind::AttemptStarted { host, .. } => format!("{}: Running target", visible(host)),
            EventKind::AttemptEnded { host, outcome, .. } => format!("{}: {}", visible(host), end(*outcome)),
            _ => return Ok(()),
        };
        // Whoever does not listen any more does not end the job.
        let _ = writeln!(self.to, "{line}").and_then(|()| self.to.flush());
        Ok(())
    }
}

/// The second line of a host.
fn end(outcome: Outcome) -> String {
    let (exit, phase) = match outcome {
        Outcome::Succeeded => return "Success".to_owned(),
        Outcome::Unreachable => return "Failed (unreachable)".to_owned(),
        Outcome::TimedOut => return "Failed (timed out)".to_owned(),
        Outcome::Stopped => return "Failed (stopped)".to_owned(),
        Outcome::Unknown => return "Unknown (it may still run)".to_owned(),
        Outcome::Failed { exit, phase } => (exit, phase),
    };
    let exit = match exit {
        Exit::Status(status) => format!("exit {status}"),
        Exit::Signal(signal) => format!("signal {signal}"),
    };
    let part = match phase {
        Phase::Command => "",
        Phase::Prehook => " in prehook",
        Phase::Verify => " in verify",
        Phase::Posthook => " in posthook",
        Phase::Finally => " in finally",
    };
    format!("Failed ({exit}{part})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_end_is_one_line() {
        let failed = |exit, phase| end(Outcome::Failed { exit, phase });
        assert_eq!(end(Outcome::Succeeded), "Success");
        assert_eq!(failed(Exit::Status(3), Phase::Command), "Failed (exit 3)");
        assert_eq!(failed(Exit::Signal(9), Phase::Verify), "Failed (signal 9 in verify)");
        assert_eq!(end(Outcome::Unreachable), "Failed (unreachable)");
    }
}
