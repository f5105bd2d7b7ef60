//! What comes back: marks in the output, and the output between them.

use std::mem;

use memchr::memchr;
use pogo_plan::event::Stream;
use pogo_plan::outcome::{Exit, Outcome, Phase};

use super::traces::Traces;

/// Begins and ends a mark. A control character that output hardly ever has, so that hardly ever output is held back until
/// it is clear that it is no mark.
pub(super) const EDGE: u8 = 0x1e;

/// The length of a nonce: 128 bits in hexadecimal digits.
pub(super) const NONCE: usize = 32;

/// The scripts write no longer mark.
const LONGEST: usize = 4096;

/// So much is kept of what is said around an attempt, for messages.
const NOISE: usize = 8 * 1024;

/// Something that a script says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The script is up under sudo, as the user that it is to run as. Without sudo it says nothing before its answer.
    Hello,
    /// sudo wants its password.
    PasswordWanted,
    /// sudo wants a password again: the one it got is wrong. End the script's input; it gets no second one.
    PasswordRefused,
    /// A command may have started.
    Started(Traces),
    /// A part of the attempt begins, in a process group of its own.
    Phase(Phase, Traces),
    /// Output, as it is.
    Output(Stream, Vec<u8>),
    /// The attempt is over, and all its output has been given.
    Ended(Ended),
    /// The script has heard that the end is on record, and leaves.
    Bye,
    /// The answer of a kill.
    Killed(Killed),
    /// The answer of a probe.
    Probed(Probed),
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Its outcome. `Unknown` if somebody of it is left whom even KILL did not end.
    pub outcome: Outcome,
    /// Why it did not start, or what else is to be said, in the script's words.
    pub message: Option<String>,
}

/// What a kill found and did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Killed {
    /// Nobody of the attempt is left.
    Gone,
    /// The host has booted since: nobody can be left.
    Rebooted,
    /// Somebody is left who could not be ended, or may not be touched because it may be somebody else.
    Left,
}

/// What became of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probed {
    /// It is still running.
    Running,
    /// It ended so. The record is removed from the host when it is acknowledged.
    Ended(Outcome),
    /// The host has booted since, and has no record of its end.
    Rebooted,
    /// It is over, and there is no record of how.
    Gone,
}

/// Takes the marks out of what a script writes. It holds no more than a mark's length of either stream.
pub struct Decoder {
    token: [u8; NONCE],
    nonce: [u8; NONCE],
    stdout: Half,
    stderr: Half,
    has_started: bool,
    password_wanted: bool,
    ended: Option<Ended>,
    noise: Vec<u8>,
}

#[derive(Default)]
struct Half {
    /// What may be the beginning of a mark.
    held: Vec<u8>,
    /// Whether this stream is over.
    is_over: bool,
}

impl Decoder {
    pub(super) fn new(token: [u8; NONCE], nonce: [u8; NONCE]) -> Self {
        Self {
            token,
            nonce,
            stdout: Half::default(),
            stderr: Half::default(),
            has_started: false,
            password_wanted: false,
            ended: None,
            noise: Vec::new(),
        }
    }

    /// Takes bytes of a stream, cut anywhere, and adds what they say to `events`.
    pub fn push(&mut self, stream: Stream, bytes: &[u8], events: &mut Vec<Event>) {
        let mut all = mem::take(&mut self.half(stream).held);
        let joined = if all.is_empty() {
            bytes
        } else {
            all.extend_from_slice(bytes);
            &all
        };
        let mut rest = joined;
        // Output up to here is given in one piece.
        let mut text = rest;
        loop {
            let from = text.len() - rest.len();
            let Some(at) = memchr(EDGE, rest).map(|at| from + at) else { break };
            let (before, mark) = text.split_at_checked(at).unwrap_or((text, &[]));
            match self.mark(mark) {
                Found::No => rest = mark.get(1..).unwrap_or_default(),
                Found::Maybe => {
                    self.text(stream, before, events);
                    self.half(stream).held = mark.to_vec();
                    return;
                }
                Found::Mark { is_hello, words, len } => {
                    self.text(stream, before, events);
                    self.said(stream, is_hello, &words, events);
                    text = mark.get(len..).unwrap_or_default();
                    rest = text;
                }
            }
        }
        self.text(stream, text, events);
    }

    /// The streams are over. Gives what was held back, and reports an end that only one of them has told: the other
    /// was closed by then.
    pub fn finish(&mut self, events: &mut Vec<Event>) {
        for stream in [Stream::Stdout, Stream::Stderr] {
            let held = mem::take(&mut self.half(stream).held);
            self.text(stream, &held, events);
        }
        if let Some(ended) = self.ended.take() {
            events.push(Event::Ended(ended));
        }
    }

    /// What was said around the attempt: by login shells, ssh's server, sudo. For messages; only the last of it.
    #[must_use]
    pub fn noise(&self) -> String {
        String::from_utf8_lossy(&self.noise).trim().to_owned()
    }

    /// Why the script is not up, after the streams were over without [`Event::Hello`]: what sudo said, in other words.
    #[must_use]
    pub fn why_not_up(&self) -> String {
        super::request::why_not_up(&self.noise())
    }

    const fn half(&mut self, stream: Stream) -> &mut Half {
        match stream {
            Stream::Stdout => &mut self.stdout,
            Stream::Stderr => &mut self.stderr,
        }
    }

    fn text(&mut self, stream: Stream, bytes: &[u8], events: &mut Vec<Event>) {
        if bytes.is_empty() {
        } else if self.has_started && !self.half(stream).is_over {
            events.push(Event::Output(stream, bytes.to_vec()));
        } else {
            self.noise.extend_from_slice(bytes);
            let excess = self.noise.len().saturating_sub(NOISE);
            self.noise.drain(..excess);
        }
    }

    /// What `bytes`, which begin with an edge, are.
    fn mark(&self, bytes: &[u8]) -> Found {
        let after = bytes.get(1..).unwrap_or_default();
        let name = after.get(..NONCE).unwrap_or(after);
        // The token is no secret under sudo: once the output begins it means nothing.
        let is_hello = !self.has_started && self.token.starts_with(name);
        if !is_hello && !self.nonce.starts_with(name) {
            return Found::No;
        }
        let words = after.get(NONCE..).unwrap_or_default();
        match memchr(EDGE, words) {
            Some(end) => {
                let text = String::from_utf8_lossy(words.get(..end).unwrap_or_default());
                Found::Mark { is_hello, words: text.trim().to_owned(), len: 1 + NONCE + end + 1 }
            }
            None if bytes.len() < LONGEST => Found::Maybe,
            None => Found::No,
        }
    }

    fn said(&mut self, stream: Stream, is_hello: bool, words: &str, events: &mut Vec<Event>) {
        let (verb, rest) = words.split_once(' ').unwrap_or((words, ""));
        match (is_hello, verb) {
            (true, "hello") => events.push(Event::Hello),
            (true, "password") => {
                let again = mem::replace(&mut self.password_wanted, true);
                events.push(if again { Event::PasswordRefused } else { Event::PasswordWanted });
            }
            (false, "phase") => {
                let Some((phase, traces)) = rest.split_once(' ') else { return };
                let (Some(phase), Ok(traces)) = (phase_of(phase), traces.parse::<Traces>()) else { return };
                if !mem::replace(&mut self.has_started, true) {
                    events.push(Event::Started(traces.clone()));
                }
                events.push(Event::Phase(phase, traces));
            }
            (false, "end") => {
                self.half(stream).is_over = true;
                if stream == Stream::Stdout {
                    self.ended = Some(ended(rest));
                }
                if self.stdout.is_over && self.stderr.is_over {
                    events.extend(self.ended.take().map(Event::Ended));
                }
            }
            (false, "bye") => events.push(Event::Bye),
            (false, "killed") => events.push(Event::Killed(killed(rest))),
            (false, "probed") => events.push(Event::Probed(probed(rest))),
            _ => {}
        }
    }
}

enum Found {
    No,
    Maybe,
    Mark { is_hello: bool, words: String, len: usize },
}

fn killed(text: &str) -> Killed {
    match text {
        "gone" => Killed::Gone,
        "rebooted" => Killed::Rebooted,
        _ => Killed::Left,
    }
}

fn probed(text: &str) -> Probed {
    match text.split_once(' ').unwrap_or((text, "")) {
        ("ended", how) => Probed::Ended(ended(how).outcome),
        ("running", _) => Probed::Running,
        ("rebooted", _) => Probed::Rebooted,
        _ => Probed::Gone,
    }
}

/// Reads `KIND STATUS PHASE MESSAGE…`. What cannot be read is an end that nobody knows.
fn ended(text: &str) -> Ended {
    let mut words = text.splitn(4, ' ');
    let mut word = || words.next().unwrap_or_default();
    let (kind, status, phase, message) = (word(), word(), word(), word());
    let outcome = match (kind, status.parse().ok().map(exit), phase_of(phase)) {
        ("succeeded", ..) => Outcome::Succeeded,
        ("failed", Some(exit), Some(phase)) => Outcome::Failed { exit, phase },
        ("timed_out", ..) => Outcome::TimedOut,
        ("stopped", ..) => Outcome::Stopped,
        ("unreachable", ..) => Outcome::Unreachable,
        _ => Outcome::Unknown,
    };
    Ended { outcome, message: Some(message.to_owned()).filter(|message| !message.is_empty()) }
}

/// A shell's word for how a process ended. It has the same one for a death by signal 9 and for `exit 137`: the signal is
/// meant nearly always, also where it ended the last command of the shell and not the shell.
const fn exit(status: u8) -> Exit {
    match status {
        129..=159 => Exit::Signal(status - 128),
        status => Exit::Status(status),
    }
}

fn phase_of(name: &str) -> Option<Phase> {
    Some(match name {
        "prehook" => Phase::Prehook,
        "command" => Phase::Command,
        "verify" => Phase::Verify,
        "posthook" => Phase::Posthook,
        "finally" => Phase::Finally,
        _ => return None,
    })
}
