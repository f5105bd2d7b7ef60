//! Going on from the journal.
//!
//! Facts are folded in their order; nothing that is on record is decided again. What is not on record is what the job
//! says at its start: an attempt that was granted and whose end nobody recorded is unknown, and a further attempt that was
//! decided on is claimed.

use std::sync::Arc;

use pogo_plan::event::{Command, Fact, HaltReason, JobId, Setting};
use pogo_plan::job::OnFailure;
use pogo_plan::outcome::{Attempt, HostState, JobState, Outcome};
use pogo_plan::{HostIdx, Plan};

use super::command::outcome_of;
use super::{Action, Counts, Machine, Phase};
use crate::fault::{Fault, Faults};
use crate::host_task;
use crate::ids::Slots;
use crate::outbox::Outbox;

/// What the journal left to be said.
#[derive(Clone, Copy, Debug)]
pub(super) enum Leftover {
    /// Granted, and no end on record.
    Unfinished(HostIdx),
    /// Between two attempts.
    Retrying { host: HostIdx, retries_made: u32 },
}

/// What is needed of a host only while facts are folded.
#[derive(Clone, Copy)]
struct Folding {
    /// Granted, and no end on record.
    granted: Option<Attempt>,
    retries_made: u32,
}

impl Machine {
    /// The job as its journal has it. [`super::Event::Start`] makes it go on; one that had ended waits for
    /// [`Command::Resume`].
    pub fn recover(
        id: JobId,
        plan: Arc<Plan>,
        slots: Arc<Slots>,
        seed: u64,
        faults: Faults,
        facts: impl IntoIterator<Item = Fact<HostIdx>>,
    ) -> Self {
        let mut job = Self::new(id, plan, slots, seed, faults);
        let blank = Folding { granted: None, retries_made: 0 };
        let mut folding = vec![blank; job.hosts.len()];
        for fact in facts {
            job.fold(fact, &mut folding);
        }
        job.take_stock(&folding);
        job
    }

    /// Says for how long the job has run in processes before this one since it began, or since somebody went on with it after an
    /// end. The pauses between them do not count.
    #[must_use]
    pub fn after_ms(self, ran_ms: u64) -> Self {
        Self { ran_ms, ..self }
    }

    fn fold(&mut self, fact: Fact<HostIdx>, folding: &mut [Folding]) {
        match fact {
            // Whether the job had heard of a grant when it decided what follows on record cannot be told from here, so a
            // grant changes nothing but itself.
            Fact::Granted { host, attempt } => {
                if let Some(folding) = folding.get_mut(host.index()) {
                    folding.granted = Some(attempt);
                }
            }
            Fact::Returned { host, .. } => {
                if let Some(folding) = folding.get_mut(host.index()) {
                    folding.granted = None;
                }
            }
            Fact::Ended { host, attempt, outcome, again } => {
                let Some(record) = self.hosts.get_mut(host.index()) else { return };
                let was_retrying = record.state == HostState::Retrying;
                record.attempt = attempt;
                record.last = outcome;
                if let Some(folding) = folding.get_mut(host.index()) {
                    folding.granted = None;
                    folding.retries_made =
                        u32::from(again) + if was_retrying { folding.retries_made } else { 0 };
                }
                if again {
                    self.fold_state(host, HostState::Retrying);
                } else {
                    self.fold_end(host, outcome);
                }
            }
            Fact::GaveUp { host } => {
                if let Some(last) = self.get(host).map(|host| host.last) {
                    self.fold_end(host, last);
                }
            }
            Fact::SlotOpened { slot } => {
                if let Some(opened) = self.opened.get_mut(slot as usize) {
                    *opened = true;
                }
            }
            Fact::Recovering { hosts } => {
                self.recovering = Some(0);
                for host in hosts {
                    if let Some(record) = self.get_mut(host) {
                        record.recovers = true;
                    }
                }
            }
            Fact::JobState { state } => self.fold_job_state(state),
            Fact::Commanded { command, .. } => self.fold_command(&command),
            // `Started` says nothing more than the grant; a journal with other kinds is refused by whoever reads it.
            _ => {}
        }
    }

    fn fold_state(&mut self, host: HostIdx, state: HostState) {
        if let Some(record) = self.get_mut(host) {
            record.state = state;
        }
    }

    fn fold_end(&mut self, host: HostIdx, outcome: Outcome) {
        let is_done = outcome == Outcome::Succeeded || self.policy.on_failure == OnFailure::Continue;
        if let Some(record) = self.get_mut(host) {
            record.state = outcome.host_state();
            record.is_called_off = false;
            record.is_settled |= is_done;
        }
    }

    fn fold_job_state(&mut self, state: JobState) {
        self.phase = match state {
            JobState::Running => Phase::New,
            JobState::Halting => Phase::Halting,
            ended => Phase::Ended(ended),
        };
        let (from, to) = match state {
            JobState::Running => (HostState::Cancelled, HostState::Waiting),
            JobState::Halting | JobState::Halted => (HostState::Waiting, HostState::Cancelled),
            _ => return,
        };
        for host in &mut self.hosts {
            if host.is_target && host.state == from {
                let was_bad = to == HostState::Cancelled && host.attempt > Attempt(0);
                host.state = if was_bad { host.last.host_state() } else { to };
            }
        }
        self.reason = (state != JobState::Running).then_some(HaltReason::Operator);
    }

    fn fold_command(&mut self, command: &Command<HostIdx>) {
        match *command {
            Command::Skip { host } => {
                if let Some(record) = self.get_mut(host) {
                    record.is_settled = true;
                    if !record.state.is_bad() {
                        let was_bad = record.attempt > Attempt(0);
                        record.state = if was_bad { record.last.host_state() } else { HostState::Skipped };
                    }
                }
            }
            Command::Stop { host } => {
                if let Some(record) = self.get_mut(host) {
                    record.is_called_off = true;
                }
            }
            Command::Retry { host } => self.fold_state(host, HostState::Waiting),
            Command::Decide { host, verdict } => {
                let outcome = outcome_of(verdict);
                if let Some(record) = self.get_mut(host) {
                    record.last = outcome;
                    record.state = outcome.host_state();
                    record.is_settled |= outcome == Outcome::Succeeded;
                }
            }
            Command::Alter(setting) => {
                self.apply_setting(setting);
                if setting == Setting::OnFailure(OnFailure::Continue) {
                    for host in &mut self.hosts {
                        host.is_settled |= host.state.is_bad();
                    }
                }
            }
            // What these did is on record as facts of its own.
            _ => {}
        }
    }

    /// Counts what was folded, and notes what is left to be said.
    fn take_stock(&mut self, folding: &[Folding]) {
        self.counts = Counts::default();
        let plan = Arc::clone(&self.plan);
        let forgets_running = self.faults.has(Fault::CrashForgetsRunning);
        let forgets_success = self.faults.has(Fault::CrashForgetsSuccess);
        let mut recovering = 0;
        for &target in &plan.targets {
            let Some(host) = self.hosts.get_mut(target.index()) else { continue };
            if forgets_success && host.state == HostState::Succeeded {
                host.state = HostState::Waiting;
            }
            if let Some(attempt) = folding.get(target.index()).and_then(|host| host.granted)
                && !forgets_running
            {
                host.attempt = attempt;
                host.state = HostState::Running;
            }
            recovering += u32::from(host.recovers && !host.is_settled);
            *self.counts.of(host.state) += 1;
            match host.state {
                HostState::Running => self.leftover.push(Leftover::Unfinished(target)),
                HostState::Retrying => {
                    let retries_made = folding.get(target.index()).map_or(0, |host| host.retries_made);
                    self.leftover.push(Leftover::Retrying { host: target, retries_made });
                }
                _ => {}
            }
        }
        // A job that had started without the slot `recovery` has none after a crash either.
        let has_started = self.opened.contains(&true);
        if self.recovering.is_some() || has_started {
            self.recovering = Some(recovering);
        }
    }

    pub(super) fn say_leftover(&mut self, out: &mut impl Outbox<Action>) {
        for leftover in std::mem::take(&mut self.leftover) {
            match leftover {
                Leftover::Unfinished(host) => self.attempt_ended(host, Outcome::Unknown, false, 0, out),
                Leftover::Retrying { host, .. }
                    if self.phase == Phase::Halting
                        || self.get(host).is_some_and(|host| host.is_called_off) =>
                {
                    self.gave_up(host, out);
                }
                Leftover::Retrying { host, retries_made } => {
                    let Some(attempt) = self.get(host).map(|host| host.attempt) else { continue };
                    self.spawn(host, out);
                    out.push(Action::Task(host, host_task::Event::Continue { attempt, retries_made }));
                }
            }
        }
    }
}
