//! Where a run stands: the one fold of its events that every summary reads.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::Timestamp;
use pogo_plan::event::{Blocker, Event, EventKind, HaltReason, Stream, WaitsFor};
use pogo_plan::outcome::{Attempt, HostState, JobState, Outcome};
use pogo_plan::{HostTable, Plan};
use sha2::{Digest as _, Sha256};

use super::words::bytes_of;

/// The end of an output that is kept for the summary.
const TAIL_BYTES: usize = 4096;
/// All kept ends together; a job on many hosts that all say something else keeps only the first ones.
const ALL_TAILS_BYTES: usize = 64 << 20;

/// What is known of a host.
#[derive(Clone, Debug)]
pub(crate) struct Host {
    /// Its state in the job.
    pub(crate) state: HostState,
    /// Attempts so far; 0 for none.
    pub(crate) attempts: u32,
    /// How the last one ended.
    pub(crate) outcome: Option<Outcome>,
    /// How long the last one took, in milliseconds.
    pub(crate) duration_ms: u64,
    /// What it waits for as far as somebody said so.
    pub(crate) waits_for: Option<WaitsFor>,
    /// What its last attempt wrote; equal numbers are equal outputs.
    pub(crate) output: Option<usize>,
}

/// The end of an output that some hosts have in common.
#[derive(Clone, Debug, Default)]
pub(crate) struct Output {
    /// The last bytes of both streams as they came; of several hosts, as they came from the first.
    pub(crate) tail: Vec<u8>,
    /// Bytes before them.
    pub(crate) n_before: u64,
}

/// The output of an attempt under way.
struct Capture {
    attempt: Attempt,
    stdout: Sha256,
    stderr: Sha256,
    n_bytes: u64,
    tail: Vec<u8>,
}

/// A run as far as its events have been read.
#[derive(Default)]
pub(crate) struct Tally {
    names: HostTable,
    hosts: Vec<Host>,
    running: HashMap<usize, Capture>,
    outputs: Vec<Output>,
    by_hash: HashMap<[u8; 32], usize>,
    n_tail_bytes: usize,
    opened: HashSet<String>,
    done: HashSet<String>,
    limits: BTreeMap<String, (u32, u32)>,
    times: Option<(Timestamp, Timestamp)>,
    /// The job's state; none before the first event about it.
    pub(crate) state: Option<JobState>,
    /// Why it halts.
    pub(crate) reason: Option<HaltReason>,
    /// What keeps it from going on.
    pub(crate) blocked_by: Vec<Blocker>,
}

impl Tally {
    /// A run of this plan of which nothing has happened yet.
    #[must_use]
    pub(crate) fn of(plan: &Plan) -> Self {
        let mut tally = Self::default();
        for &target in &plan.targets {
            tally.host(plan.hosts.name(target));
        }
        tally
    }

    fn host(&mut self, name: &str) -> usize {
        // A table of four thousand million hosts is full; nobody has them.
        let index = self.names.intern(name).map_or(0, |it| it.host.index());
        while self.hosts.len() <= index {
            self.hosts.push(Host {
                state: HostState::Waiting,
                attempts: 0,
                outcome: None,
                duration_ms: 0,
                waits_for: None,
                output: None,
            });
        }
        index
    }

    fn with(&mut self, name: &str, change: impl FnOnce(&mut Host)) {
        let index = self.host(name);
        if let Some(host) = self.hosts.get_mut(index) {
            change(host);
        }
    }

    /// Takes in the next event.
    pub(crate) fn event(&mut self, event: &Event) {
        if let Ok(time) = event.time.parse::<Timestamp>() {
            self.times = Some((self.times.map_or(time, |(first, _)| first), time));
        }
        match &event.kind {
            EventKind::JobState { state, reason, blocked_by } => {
                self.state = Some(*state);
                self.reason.clone_from(reason);
                self.blocked_by.clone_from(blocked_by);
            }
            EventKind::SlotOpened { slot } => {
                self.opened.insert(slot.clone());
            }
            EventKind::SlotDone { slot } => {
                self.done.insert(slot.clone());
            }
            EventKind::HostWaiting { host, waits_for } => {
                self.with(host, |host| host.waits_for = Some(waits_for.clone()));
            }
            EventKind::AttemptStarted { host, attempt } => {
                self.with(host, |host| host.attempts = host.attempts.max(attempt.0));
            }
            EventKind::Output { host, attempt, stream, .. } => {
                let index = self.host(host);
                self.capture(index, *attempt, *stream, &bytes_of(&event.kind));
            }
            EventKind::AttemptEnded { host, attempt, outcome, duration_ms } => {
                let index = self.host(host);
                let output = self.keep(index, *attempt);
                self.with(host, |host| {
                    host.attempts = host.attempts.max(attempt.0);
                    host.outcome = Some(*outcome);
                    host.duration_ms = *duration_ms;
                    host.output = Some(output);
                });
            }
            EventKind::HostState { host, state } => self.with(host, |host| {
                host.state = *state;
                if *state != HostState::Waiting {
                    host.waits_for = None;
                }
            }),
            EventKind::LimitChanged { limit, in_use, max_parallel } => {
                self.limits.insert(limit.clone(), (*in_use, *max_parallel));
            }
            // A kind that this program does not know changes nothing that it knows.
            _ => {}
        }
    }

    fn capture(&mut self, host: usize, attempt: Attempt, stream: Stream, bytes: &[u8]) {
        let capture = self.running.entry(host).or_insert_with(|| Capture::new(attempt));
        if capture.attempt != attempt {
            *capture = Capture::new(attempt);
        }
        match stream {
            Stream::Stdout => capture.stdout.update(bytes),
            Stream::Stderr => capture.stderr.update(bytes),
        }
        capture.n_bytes += bytes.len() as u64;
        capture.tail.extend_from_slice(bytes);
        if capture.tail.len() > 4 * TAIL_BYTES {
            capture.tail.drain(..capture.tail.len() - TAIL_BYTES);
        }
    }

    fn keep(&mut self, host: usize, attempt: Attempt) -> usize {
        let capture = self.running.remove(&host).filter(|capture| capture.attempt == attempt);
        let Capture { stdout, stderr, n_bytes, mut tail, .. } =
            capture.unwrap_or_else(|| Capture::new(attempt));
        let hash: [u8; 32] =
            Sha256::new().chain_update(stdout.finalize()).chain_update(stderr.finalize()).finalize().into();
        *self.by_hash.entry(hash).or_insert_with(|| {
            tail.drain(..tail.len().saturating_sub(TAIL_BYTES));
            if self.n_tail_bytes + tail.len() > ALL_TAILS_BYTES {
                tail.clear();
            }
            self.n_tail_bytes += tail.len();
            tail.shrink_to_fit();
            let n_before = n_bytes - tail.len() as u64;
            self.outputs.push(Output { tail, n_before });
            self.outputs.len() - 1
        })
    }

    /// All hosts in the order of the plan's targets.
    pub(crate) fn hosts(&self) -> impl ExactSizeIterator<Item = (&str, &Host)> {
        self.names.iter().zip(&self.hosts).map(|((_, name), host)| (name, host))
    }

    /// A host by its name.
    pub(crate) fn get(&self, name: &str) -> Option<&Host> {
        self.hosts.get(self.names.get(name)?.index())
    }

    /// What hosts with this number wrote.
    pub(crate) fn output(&self, number: usize) -> Option<&Output> {
        self.outputs.get(number)
    }

    /// How many hosts are in each state that any is in, in the order of [`HostState`].
    pub(crate) fn counts(&self) -> BTreeMap<HostState, usize> {
        let mut counts = BTreeMap::new();
        for host in &self.hosts {
            *counts.entry(host.state).or_insert(0) += 1;
        }
        counts
    }

    /// Hosts of a group that are out of service, and how many may be.
    pub(crate) fn limit(&self, id: &str) -> Option<(u32, u32)> {
        self.limits.get(id).copied()
    }

    /// Whether a slot has opened.
    pub(crate) fn is_open(&self, slot: &str) -> bool {
        self.opened.contains(slot)
    }

    /// Whether every host of a slot is done.
    pub(crate) fn is_done(&self, slot: &str) -> bool {
        self.done.contains(slot)
    }

    /// The times of the first and the last event.
    pub(crate) const fn times(&self) -> Option<(Timestamp, Timestamp)> {
        self.times
    }

    /// Milliseconds between the first and the last event; 0 if the clock went back.
    pub(crate) fn elapsed_ms(&self) -> u64 {
        self.times.map_or(0, |(first, last)| {
            u64::try_from(last.as_millisecond() - first.as_millisecond()).unwrap_or(0)
        })
    }
}

impl Capture {
    fn new(attempt: Attempt) -> Self {
        Self { attempt, stdout: Sha256::new(), stderr: Sha256::new(), n_bytes: 0, tail: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;

    #[test]
    fn outputs_are_equal_only_as_a_whole() {
        let mut run = Run::new();
        for (host, stdout, stderr) in [("a", "x", ""), ("b", "x", ""), ("c", "", "x"), ("d", "", "")] {
            run.output(host, Stream::Stdout, stdout).output(host, Stream::Stderr, stderr);
            run.ended(host, Outcome::Succeeded);
        }
        let tally = run.tally();
        let output = |name: &str| tally.get(name).unwrap().output.unwrap();
        assert_eq!(output("a"), output("b"));
        assert_ne!(output("a"), output("c"));
        assert_ne!(output("a"), output("d"));
        assert_eq!(tally.output(output("c")).unwrap().tail, b"x");
    }

    #[test]
    fn only_the_end_of_a_flood_is_kept() {
        let mut run = Run::new();
        for _ in 0..100 {
            run.output("a", Stream::Stdout, &"0123456789".repeat(100));
        }
        run.ended("a", Outcome::Succeeded);
        let tally = run.tally();
        let output = tally.output(tally.get("a").unwrap().output.unwrap()).unwrap();
        assert_eq!((output.tail.len(), output.n_before), (TAIL_BYTES, 100_000 - TAIL_BYTES as u64));
    }

    #[test]
    fn an_attempt_has_its_own_output() {
        let mut run = Run::new();
        run.output("a", Stream::Stdout, "first\n").attempt(2).output("a", Stream::Stdout, "second\n");
        run.ended("a", Outcome::Succeeded);
        let tally = run.tally();
        assert_eq!(tally.output(tally.get("a").unwrap().output.unwrap()).unwrap().tail, b"second\n");
        assert_eq!(tally.get("a").unwrap().attempts, 2);
    }
}
