//! Hand-made event streams.

use jiff::{SignedDuration, Timestamp};
use pogo_plan::event::{Event, EventKind, Stream};
use pogo_plan::outcome::{Attempt, HostState, JobState, Outcome};

use super::{Reporter, Tally};

/// A stream that grows by one event a call.
pub(super) struct Run {
    pub(super) events: Vec<Event>,
    attempt: Attempt,
    /// From one event to the next.
    step_ms: i64,
    /// Before the next event, besides.
    later_ms: i64,
}

impl Run {
    pub(super) fn new() -> Self {
        Self { events: Vec::new(), attempt: Attempt(1), step_ms: 1_000, later_ms: 250 }
    }

    pub(super) fn push(&mut self, kind: EventKind) -> &mut Self {
        let seq = self.events.len() as u64 + 1;
        let ms = i64::try_from(seq).unwrap() * self.step_ms + self.later_ms;
        let start: Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
        let time = start + SignedDuration::from_millis(ms);
        self.events.push(Event { seq, time: format!("{time:.6}"), kind });
        self
    }

    /// All events are at the same time, but for [`Run::later`].
    pub(super) fn instantly(&mut self) -> &mut Self {
        self.step_ms = 0;
        self
    }

    /// Lets time pass.
    pub(super) fn later(&mut self, ms: i64) -> &mut Self {
        self.later_ms += ms;
        self
    }

    /// The attempt that the next calls are about.
    pub(super) fn attempt(&mut self, attempt: u32) -> &mut Self {
        self.attempt = Attempt(attempt);
        self
    }

    pub(super) fn job(&mut self, state: JobState) -> &mut Self {
        self.push(EventKind::JobState { state, reason: None, blocked_by: vec![] })
    }

    pub(super) fn opened(&mut self, slot: &str) -> &mut Self {
        self.push(EventKind::SlotOpened { slot: slot.to_owned() })
    }

    pub(super) fn done(&mut self, slot: &str) -> &mut Self {
        self.push(EventKind::SlotDone { slot: slot.to_owned() })
    }

    pub(super) fn state(&mut self, host: &str, state: HostState) -> &mut Self {
        self.push(EventKind::HostState { host: host.to_owned(), state })
    }

    pub(super) fn started(&mut self, host: &str) -> &mut Self {
        let attempt = self.attempt;
        self.state(host, HostState::Running)
            .push(EventKind::AttemptStarted { host: host.to_owned(), attempt })
    }

    pub(super) fn output(&mut self, host: &str, stream: Stream, text: &str) -> &mut Self {
        let attempt = self.attempt;
        let text = Some(text.to_owned());
        self.push(EventKind::Output {
            host: host.to_owned(),
            attempt,
            stream,
            text,
            base64: None,
            dropped_bytes: 0,
        })
    }

    pub(super) fn attempt_ended(&mut self, host: &str, outcome: Outcome) -> &mut Self {
        let attempt = self.attempt;
        self.push(EventKind::AttemptEnded { host: host.to_owned(), attempt, outcome, duration_ms: 1200 })
    }

    pub(super) fn ended(&mut self, host: &str, outcome: Outcome) -> &mut Self {
        self.attempt_ended(host, outcome).state(host, outcome.host_state())
    }

    pub(super) fn ran(&mut self, host: &str, outcome: Outcome) -> &mut Self {
        self.started(host).ended(host, outcome)
    }

    pub(super) fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        self.events.iter().for_each(|event| tally.event(event));
        tally
    }

    pub(super) fn to(&self, reporter: &mut impl Reporter) {
        self.events.iter().for_each(|event| reporter.event(event).unwrap());
    }
}
