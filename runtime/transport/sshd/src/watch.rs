//! Looking at processes: who is there, what they show to others, and ending one. By the list of processes that Linux has.

use std::fs;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill as send};
use nix::unistd::Pid;

/// Waits until something is so, for thirty seconds at most.
pub fn until(what: &str, is_so: impl FnMut() -> bool) {
    until_within(what, Duration::from_secs(30), is_so);
}

fn until_within(what: &str, time: Duration, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + time;
    while !is_so() {
        assert!(Instant::now() < end, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The processes of which the command line contains this.
#[must_use]
pub fn processes_with(text: &str) -> Vec<u32> {
    all().filter(|&pid| command_line(pid).contains(text)).collect()
}

/// A process's arguments, with blanks between them; empty for one that is gone.
#[must_use]
pub fn command_line(pid: u32) -> String {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&bytes).replace('\0', " ")
}

/// A process's environment as it was at its start; empty for one that is gone or hides it.
#[must_use]
pub fn environment(pid: u32) -> String {
    let bytes = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    String::from_utf8_lossy(&bytes).replace('\0', "\n")
}

/// The nearest process above this one that has this name.
#[must_use]
pub fn ancestor(pid: u32, name: &str) -> Option<u32> {
    let mut at = parent(pid)?;
    while at > 1 {
        if fs::read_to_string(format!("/proc/{at}/comm")).is_ok_and(|comm| comm.trim_end() == name) {
            return Some(at);
        }
        at = parent(at)?;
    }
    None
}

/// The processes that this one has started and that are still there.
#[must_use]
pub fn children(pid: u32) -> Vec<u32> {
    all().filter(|&other| parent(other) == Some(pid)).collect()
}

/// Ends a process with KILL.
pub fn kill(pid: u32) {
    let pid = Pid::from_raw(i32::try_from(pid).expect("a process id"));
    // It may be gone by now.
    let _sent = send(pid, Signal::SIGKILL);
}

fn all() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").expect("a list of processes");
    entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn parent(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}
