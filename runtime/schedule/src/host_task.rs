//! A host task: the work of one host while it is out of service for its job, from its grant to its last attempt's end.
//!
//! It never starts by itself: the first attempt and every further one begin with an [`Event::Begin`], which the job sends
//! after the ledger's grant is on record.

use std::sync::Arc;

use pogo_plan::HostIdx;
use pogo_plan::outcome::{Attempt, Outcome, Phase};

use crate::fault::{Fault, Faults};
use crate::outbox::Outbox;
use crate::policy::{DEADLINE_SLACK_MS, Policy, STOP_GRACE_MS};
use crate::time::Monotonic;

/// What happens to a host task. News of another attempt than the current one is ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// From the job: make this attempt.
    Begin {
        /// The attempt.
        attempt: Attempt,
    },
    /// From the job, after a crash: this attempt has ended on record and another was to follow.
    Continue {
        /// The attempt that ended.
        attempt: Attempt,
        /// How many further attempts had been decided on, this one included.
        retries_made: u32,
    },
    /// From the worker: the host said that the attempt has started.
    Started {
        /// The attempt.
        attempt: Attempt,
    },
    /// From the worker: a part of the attempt begins.
    Phase {
        /// The attempt.
        attempt: Attempt,
        /// The part.
        phase: Phase,
    },
    /// From the worker: the attempt has ended.
    Ended {
        /// The attempt.
        attempt: Attempt,
        /// How.
        outcome: Outcome,
    },
    /// The worker is gone and will not report.
    Lost {
        /// The attempt.
        attempt: Attempt,
    },
    /// A timer of this host's tasks, maybe of an earlier one.
    Timer {
        /// The attempt that asked for it.
        attempt: Attempt,
        /// Its number: only the latest counts.
        number: u32,
    },
    /// From the job: end the attempt, and make no other.
    Stop,
    /// From the job: make no further attempt.
    Cancel,
}

/// What a host task wants done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// To the worker: make this attempt.
    Start {
        /// The attempt.
        attempt: Attempt,
    },
    /// To the worker: end this attempt, make sure that it is gone, and report.
    Kill {
        /// The attempt.
        attempt: Attempt,
    },
    /// To a timer that comes back as [`Event::Timer`]. It replaces the one before; that one need not be chased.
    SetTimer {
        /// The attempt that asks for it; to come back with the event.
        attempt: Attempt,
        /// Its number.
        number: u32,
        /// When.
        at: Monotonic,
    },
    /// To the job: the command has started.
    Started {
        /// The attempt.
        attempt: Attempt,
    },
    /// To the job: the attempt has ended. The task is over unless `again`.
    Ended {
        /// The attempt.
        attempt: Attempt,
        /// How.
        outcome: Outcome,
        /// Whether another attempt follows by itself.
        again: bool,
        /// From its beginning to its end, in milliseconds.
        duration_ms: u64,
    },
    /// To the job: the time before the further attempt is over; it may be claimed.
    RetryDue {
        /// The attempt to claim.
        attempt: Attempt,
    },
    /// To the job: the attempt that was to follow does not. The task is over.
    GaveUp {
        /// The attempt that ended last.
        attempt: Attempt,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    New,
    Connecting,
    /// `left_ms` is what remains of `timeout` while `verify` has its own time.
    Working {
        since: Monotonic,
        left_ms: u64,
        verifying: bool,
    },
    /// `by_operator` tells a stop from a deadline.
    Stopping {
        by_operator: bool,
    },
    Backoff,
    Asking,
    Over,
}

/// The state of a host task.
#[derive(Clone, Debug)]
pub struct Machine {
    policy: Arc<Policy>,
    seed: u64,
    began: Monotonic,
    host: HostIdx,
    attempt: Attempt,
    retries_made: u32,
    timer: u32,
    no_more: bool,
    faults: Faults,
    state: State,
}

impl Machine {
    /// A task that waits for [`Event::Begin`]. The seed is the job's; each host draws its own numbers from it.
    #[must_use]
    pub const fn new(host: HostIdx, policy: Arc<Policy>, seed: u64, faults: Faults) -> Self {
        let (attempt, retries_made, timer) = (Attempt(0), 0, 0);
        let began = Monotonic(0);
        Self {
            policy,
            seed,
            began,
            host,
            attempt,
            retries_made,
            timer,
            no_more: false,
            faults,
            state: State::New,
        }
    }

    /// Whether the task has nothing more to do and may be dropped.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        matches!(self.state, State::Over)
    }

    /// The time of one attempt, without connecting and `verify`, in milliseconds. Whoever makes the attempt is to keep it too.
    #[must_use]
    pub fn timeout_ms(&self) -> u64 {
        self.policy.timeout_ms
    }

    /// One step.
    pub fn handle(&mut self, now: Monotonic, event: Event, out: &mut impl Outbox<Action>) {
        match (event, self.state) {
            (Event::Begin { attempt }, State::New | State::Asking) if attempt > self.attempt => {
                self.attempt = attempt;
                self.began = now;
                self.state = State::Connecting;
                out.push(Action::Start { attempt });
                self.set_timer(now.after_ms(self.slack(self.policy.connect_timeout_ms)), out);
            }
            (Event::Continue { attempt, retries_made }, State::New) => {
                self.attempt = attempt;
                self.retries_made = retries_made.saturating_sub(1);
                self.back_off(now, out);
            }
            (Event::Started { attempt }, State::Connecting) if attempt == self.attempt => {
                let left_ms = self.policy.timeout_ms;
                self.state = State::Working { since: now, left_ms, verifying: false };
                out.push(Action::Started { attempt });
                self.set_timer(now.after_ms(self.slack(left_ms)), out);
            }
            (Event::Phase { attempt, phase }, State::Working { since, left_ms, verifying })
                if attempt == self.attempt && verifying != (phase == Phase::Verify) =>
            {
                let spent = if verifying { 0 } else { now.ms_since(since) };
                let left_ms = left_ms.saturating_sub(spent);
                let time = if verifying { left_ms } else { self.policy.verify_timeout_ms };
                self.state = State::Working { since: now, left_ms, verifying: !verifying };
                self.set_timer(now.after_ms(self.slack(time)), out);
            }
            (Event::Ended { attempt, outcome }, State::Connecting | State::Working { .. })
                if attempt == self.attempt =>
            {
                self.end(now, outcome, out);
            }
            (Event::Ended { attempt, outcome }, State::Stopping { by_operator })
                if attempt == self.attempt =>
            {
                let outcome = match outcome {
                    // The worker knows that it was asked to end it, not by whom.
                    Outcome::Stopped if !by_operator => Outcome::TimedOut,
                    other => other,
                };
                self.end(now, outcome, out);
            }
            (Event::Lost { attempt }, State::Connecting | State::Working { .. } | State::Stopping { .. })
                if attempt == self.attempt =>
            {
                self.end(now, Outcome::Unknown, out);
            }
            (Event::Timer { attempt, number }, state)
                if (attempt, number) == (self.attempt, self.timer) || self.faults.has(Fault::StaleTimer) =>
            {
                self.timer_fired(now, state, out);
            }
            (Event::Stop, State::Connecting | State::Working { .. }) => {
                self.no_more = true;
                self.kill(now, true, out);
            }
            (Event::Stop, State::Stopping { .. }) => self.no_more = true,
            (Event::Stop | Event::Cancel, State::Backoff | State::Asking) => {
                self.state = State::Over;
                out.push(Action::GaveUp { attempt: self.attempt });
            }
            (
                Event::Cancel,
                State::Connecting | State::Working { .. } | State::Stopping { .. } | State::New,
            ) => {
                self.no_more = true;
            }
            // Late news, or news of another attempt.
            _ => {}
        }
    }

    fn timer_fired(&mut self, now: Monotonic, state: State, out: &mut impl Outbox<Action>) {
        match state {
            State::Connecting | State::Working { .. } => self.kill(now, false, out),
            State::Stopping { .. } => self.end(now, Outcome::Unknown, out),
            State::Backoff => {
                self.state = State::Asking;
                out.push(Action::RetryDue { attempt: self.attempt.next() });
            }
            State::New | State::Asking | State::Over => {}
        }
    }

    fn kill(&mut self, now: Monotonic, by_operator: bool, out: &mut impl Outbox<Action>) {
        self.state = State::Stopping { by_operator };
        out.push(Action::Kill { attempt: self.attempt });
        self.set_timer(now.after_ms(STOP_GRACE_MS), out);
    }

    fn end(&mut self, now: Monotonic, outcome: Outcome, out: &mut impl Outbox<Action>) {
        let attempt = self.attempt;
        let are_left =
            self.retries_made < self.policy.retry.attempts || self.faults.has(Fault::EndlessRetries);
        let again = are_left && !self.no_more && self.policy.may_retry(outcome, self.faults);
        let duration_ms = now.ms_since(self.began);
        out.push(Action::Ended { attempt, outcome, again, duration_ms });
        if !again {
            self.state = State::Over;
            return;
        }
        self.back_off(now, out);
    }

    /// Waits before a further attempt; all of the time again after a crash, since the clock does not outlive the process.
    fn back_off(&mut self, now: Monotonic, out: &mut impl Outbox<Action>) {
        let mut wait = self.policy.backoff_ms(self.retries_made, self.seed, self.host, self.attempt);
        if self.faults.has(Fault::BackoffIgnored) {
            wait = 0;
        }
        self.retries_made = self.retries_made.saturating_add(1);
        self.state = State::Backoff;
        self.set_timer(now.after_ms(wait), out);
    }

    fn slack(&self, time_ms: u64) -> u64 {
        if self.faults.has(Fault::EarlyDeadline) {
            time_ms / 2
        } else {
            time_ms.saturating_add(DEADLINE_SLACK_MS)
        }
    }

    fn set_timer(&mut self, at: Monotonic, out: &mut impl Outbox<Action>) {
        self.timer = self.timer.wrapping_add(1);
        out.push(Action::SetTimer { attempt: self.attempt, number: self.timer, at });
    }
}

#[cfg(test)]
mod tests;
