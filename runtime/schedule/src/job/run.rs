//! Starting, slots, grants, attempts.

use std::sync::Arc;

use pogo_plan::HostIdx;
use pogo_plan::event::{Fact, HaltReason};
use pogo_plan::job::OnFailure;
use pogo_plan::outcome::{Attempt, HostState, JobState, Outcome};

use super::{Action, Machine, Phase};
use crate::fault::Fault;
use crate::host_task;
use crate::ids::{RECOVERY, SlotIdx};
use crate::ledger::{Op, Waits};
use crate::notice::Notice;
use crate::outbox::Outbox;
use crate::time::Monotonic;
use crate::{slot, thread};

impl Machine {
    pub(super) fn start(&mut self, now: Monotonic, out: &mut impl Outbox<Action>) {
        match self.phase {
            Phase::New => {
                self.phase = Phase::Registering;
                out.push(Action::Record(Fact::JobState { state: JobState::Running }));
                self.tell_state(out);
                self.register(now, out);
                self.say_leftover(out);
            }
            // The journal says that the job was halting: what it left ends as it is.
            Phase::Halting => self.say_leftover(out),
            _ => {}
        }
    }

    /// Puts the job's limits in force and begins its time.
    pub(super) fn register(&mut self, now: Monotonic, out: &mut impl Outbox<Action>) {
        out.push(Action::Ledger(Op::Register { job: self.id, plan: Arc::clone(&self.plan) }));
        if self.is_altered {
            self.set_pace(out);
        }
        self.timer = self.timer.wrapping_add(1);
        if let Some(limit) = self.policy.job_timeout_ms {
            out.push(Action::SetTimer {
                number: self.timer,
                at: now.after_ms(limit.saturating_sub(self.ran_ms)),
            });
        }
    }

    pub(super) fn set_pace(&self, out: &mut impl Outbox<Action>) {
        let (concurrent, stagger_ms) = (self.policy.concurrent, self.policy.stagger_ms);
        out.push(Action::Ledger(Op::SetPace { job: self.id, concurrent, stagger_ms }));
    }

    pub(super) fn registered(&mut self, already_out: &[HostIdx], out: &mut impl Outbox<Action>) {
        if self.phase != Phase::Registering {
            return;
        }
        self.phase = Phase::Running;
        if self.recovering.is_none() {
            self.choose_recovering(already_out, out);
        }
        if !self.has_threads {
            if self.recovering.unwrap_or(0) > 0 {
                out.push(Action::Notify(Notice::SlotOpened(RECOVERY)));
            } else {
                self.start_threads(out);
            }
        }
        self.claim_all_open(out);
        if std::mem::take(&mut self.halt_due) {
            if self.policy.on_failure == OnFailure::Halt {
                self.halt(HaltReason::OnFailure, false, out);
            }
            self.check_failures(out);
        }
    }

    fn choose_recovering(&mut self, already_out: &[HostIdx], out: &mut impl Outbox<Action>) {
        let mut hosts = Vec::new();
        if self.policy.recover {
            for &host in already_out {
                if let Some(record) = self.get_mut(host)
                    && record.is_target
                    && record.state == HostState::Waiting
                {
                    record.recovers = true;
                    hosts.push(host);
                }
            }
        }
        self.recovering = Some(u32::try_from(hosts.len()).unwrap_or(u32::MAX));
        if !hosts.is_empty() {
            out.push(Action::Record(Fact::Recovering { hosts }));
        }
    }

    /// Tells the slots how far the hosts are, and lets the threads begin.
    pub(super) fn start_threads(&mut self, out: &mut impl Outbox<Action>) {
        self.has_threads = true;
        let mut done = vec![(0u32, 0u32); self.slots.len()];
        for &target in &self.plan.targets {
            let Some(host) = self.get(target).filter(|host| host.is_settled || host.state.is_bad()) else {
                continue;
            };
            for slot in self.slots.of(target) {
                if let Some((settled, bad)) = done.get_mut(slot.0 as usize) {
                    *settled += u32::from(host.is_settled);
                    *bad += u32::from(host.state.is_bad());
                }
            }
        }
        let mut opened = vec![0u32; self.plan.threads.len()];
        for ((thread, slot), (settled, bad)) in self.slots.iter().zip(done) {
            if settled > 0 || bad > 0 {
                let is_news = self.halt_due;
                self.pending += 1;
                out.push(Action::Slot(slot, slot::Event::Restore { done: settled, bad, is_news }));
            }
            let was_open = self.opened.get(slot.0 as usize).copied().unwrap_or(false);
            if let Some(opened) = opened.get_mut(thread.0 as usize) {
                *opened += u32::from(was_open);
            }
        }
        for (opened, thread) in opened.into_iter().zip(0..) {
            self.pending += i64::from(opened.max(1));
            out.push(Action::Thread(crate::ids::ThreadIdx(thread), thread::Event::Start { opened }));
        }
    }

    pub(super) fn slot(&mut self, slot: SlotIdx, action: slot::Action, out: &mut impl Outbox<Action>) {
        match action {
            slot::Action::Opened { after_pause, done } => {
                let chain = if after_pause { &mut self.pausing } else { &mut self.pending };
                *chain -= 1;
                self.pending += i64::from(done);
                self.slot_opened(slot, out);
            }
            slot::Action::Noted => self.pending -= 1,
            slot::Action::Done => out.push(Action::Notify(Notice::SlotDone(slot))),
            slot::Action::TooManyBad => {
                if self.phase == Phase::Running {
                    let slot = self.slots.name(&self.plan, slot).to_owned();
                    self.halt(HaltReason::SlotMaxFailures { slot }, false, out);
                }
            }
        }
    }

    fn slot_opened(&mut self, slot: SlotIdx, out: &mut impl Outbox<Action>) {
        let plan = Arc::clone(&self.plan);
        let Some(members) = self.slots.get(&plan, slot) else { return };
        if let Some(opened) = self.opened.get_mut(slot.0 as usize)
            && !std::mem::replace(opened, true)
        {
            out.push(Action::Record(Fact::SlotOpened { slot: slot.0 }));
            out.push(Action::Notify(Notice::SlotOpened(slot)));
        }
        let early = self.faults.has(Fault::StartBeforeOpen);
        let per_slot = self.faults.has(Fault::ClaimedPerSlot);
        let mut hosts = Vec::new();
        for &host in &members.hosts {
            let is_running = self.phase == Phase::Running;
            let Some(record) = self.get_mut(host) else { continue };
            record.closed = record.closed.saturating_sub(1);
            let may = is_running && (record.closed == 0 || early);
            if may && record.state == HostState::Waiting && !record.is_claimed {
                hosts.push(host);
            } else if per_slot && is_running && record.state == HostState::Succeeded {
                // The host has run for another slot.
                self.set_state(host, HostState::Waiting, out);
                hosts.push(host);
            }
        }
        self.claim(&hosts, out);
    }

    /// Claims every waiting host whose slots are open.
    pub(super) fn claim_all_open(&mut self, out: &mut impl Outbox<Action>) {
        let plan = Arc::clone(&self.plan);
        let may = |host: &&HostIdx| self.get(**host).is_some_and(|host| self.may_claim(&host));
        let hosts: Vec<HostIdx> = plan.targets.iter().filter(may).copied().collect();
        self.claim(&hosts, out);
    }

    pub(super) fn may_claim(&self, host: &super::Host) -> bool {
        // A host that has run before went through its slots then.
        let is_open = host.recovers || host.attempt > Attempt(0) || (self.has_threads && host.closed == 0);
        host.is_target && host.state == HostState::Waiting && !host.is_claimed && is_open
    }

    pub(super) fn claim(&mut self, hosts: &[HostIdx], out: &mut impl Outbox<Action>) {
        if hosts.is_empty() {
            return;
        }
        let claims = hosts.iter().filter_map(|&host| Some((host, self.get(host)?.attempt.next()))).collect();
        for &host in hosts {
            self.set_claimed(host, true);
        }
        out.push(Action::Ledger(Op::Claim { job: self.id, hosts: claims }));
    }

    pub(super) fn thread(&mut self, action: thread::Action) {
        match action {
            thread::Action::Pausing { .. } => {
                self.pending -= 1;
                self.pausing += 1;
            }
            thread::Action::Noted | thread::Action::Finished => self.pending -= 1,
            thread::Action::Open { .. } => {}
        }
    }

    pub(super) fn granted(&mut self, host: HostIdx, attempt: Attempt, out: &mut impl Outbox<Action>) {
        if self.faults.has(Fault::LostGrant) && host.index() % 3 == 1 {
            return;
        }
        let Some(record) = self.get(host) else { return };
        let is_running = self.phase == Phase::Running
            || (self.phase == Phase::Halting && self.faults.has(Fault::StartAfterHalt));
        let is_due = record.attempt.next() == attempt
            && matches!(record.state, HostState::Waiting | HostState::Retrying | HostState::Cancelled);
        let is_claimed = record.is_claimed || self.faults.has(Fault::StartAfterHalt);
        if !(is_running && is_claimed && is_due) {
            // Claimed once, no longer wanted. News of a grant that was used cannot come twice.
            if attempt > record.attempt {
                out.push(Action::Record(Fact::Returned { host, attempt }));
                out.push(Action::Ledger(Op::Return { job: self.id, host, attempt }));
            }
            return;
        }
        let is_first = record.state != HostState::Retrying;
        self.set_claimed(host, false);
        if let Some(record) = self.get_mut(host) {
            record.attempt = attempt;
        }
        self.set_state(host, HostState::Running, out);
        if is_first {
            self.spawn(host, out);
        }
        out.push(Action::Task(host, host_task::Event::Begin { attempt }));
    }

    pub(super) fn spawn(&self, host: HostIdx, out: &mut impl Outbox<Action>) {
        out.push(Action::Spawn { host, policy: Arc::clone(&self.policy), seed: self.seed });
    }

    pub(super) fn waiting(&self, mut waits: Box<Waits>, out: &mut impl Outbox<Action>) {
        waits.hosts.retain(|&host| self.get(host).is_some_and(|host| host.is_claimed));
        if !waits.hosts.is_empty() {
            out.push(Action::Notify(Notice::HostsWaiting(waits)));
        }
    }

    pub(super) fn task(&mut self, host: HostIdx, action: host_task::Action, out: &mut impl Outbox<Action>) {
        let Some(record) = self.get(host) else { return };
        match action {
            host_task::Action::Started { attempt } => {
                if record.attempt == attempt && record.state == HostState::Running {
                    out.push(Action::Record(Fact::Started { host, attempt }));
                    out.push(Action::Notify(Notice::AttemptStarted { host, attempt }));
                }
            }
            host_task::Action::Ended { attempt, outcome, again, duration_ms } => {
                if record.attempt == attempt && record.state == HostState::Running {
                    self.attempt_ended(host, outcome, again, duration_ms, out);
                }
            }
            host_task::Action::RetryDue { attempt } => {
                let is_due = record.attempt.next() == attempt
                    && record.state == HostState::Retrying
                    && !record.is_called_off;
                if is_due && matches!(self.phase, Phase::Running | Phase::Registering) && !record.is_claimed {
                    self.claim(&[host], out);
                }
            }
            host_task::Action::GaveUp { attempt } => {
                if record.attempt == attempt && record.state == HostState::Retrying {
                    self.gave_up(host, out);
                }
            }
            // For the worker and the timer.
            host_task::Action::Start { .. }
            | host_task::Action::Kill { .. }
            | host_task::Action::SetTimer { .. } => {}
        }
    }

    pub(super) fn task_lost(&mut self, host: HostIdx, attempt: Attempt, out: &mut impl Outbox<Action>) {
        let Some(record) = self.get(host).filter(|host| host.attempt == attempt) else { return };
        match record.state {
            HostState::Running => self.attempt_ended(host, Outcome::Unknown, false, 0, out),
            HostState::Retrying => self.gave_up(host, out),
            _ => {}
        }
    }

    pub(super) fn attempt_ended(
        &mut self,
        host: HostIdx,
        outcome: Outcome,
        again: bool,
        duration_ms: u64,
        out: &mut impl Outbox<Action>,
    ) {
        let Some(record) = self.get_mut(host) else { return };
        record.last = outcome;
        let attempt = record.attempt;
        out.push(Action::Record(Fact::Ended { host, attempt, outcome, again }));
        out.push(Action::Notify(Notice::AttemptEnded { host, attempt, outcome, duration_ms }));
        if again {
            self.set_state(host, HostState::Retrying, out);
            if self.phase != Phase::Running && !self.faults.has(Fault::DroppedCancel) {
                out.push(Action::Task(host, host_task::Event::Cancel));
            }
        } else {
            self.ended(host, outcome, out);
        }
    }

    pub(super) fn gave_up(&mut self, host: HostIdx, out: &mut impl Outbox<Action>) {
        let Some(record) = self.get(host) else { return };
        out.push(Action::Record(Fact::GaveUp { host }));
        if record.is_claimed {
            self.set_claimed(host, false);
            out.push(Action::Ledger(Op::Withdraw { job: self.id, hosts: Some(Box::new([host])) }));
        }
        self.ended(host, record.last, out);
    }

    /// The host's work has ended for this time.
    fn ended(&mut self, host: HostIdx, outcome: Outcome, out: &mut impl Outbox<Action>) {
        let Some(record) = self.get_mut(host) else { return };
        record.is_called_off = false;
        let attempt = record.attempt;
        out.push(Action::Ledger(Op::End { job: self.id, host, attempt, outcome }));
        self.set_state(host, outcome.host_state(), out);
        if outcome == Outcome::Succeeded {
            self.settle(host, out);
            return;
        }
        self.tell_slots(host, slot::Event::Bad { hosts: 1 }, out);
        match self.policy.on_failure {
            OnFailure::Continue => self.settle(host, out),
            OnFailure::Hold | OnFailure::Halt if self.faults.has(Fault::FailureCountsAsDone) => {
                self.settle(host, out);
            }
            OnFailure::Halt if self.phase == Phase::Running => self.halt(HaltReason::OnFailure, false, out),
            OnFailure::Hold | OnFailure::Halt => {}
        }
        self.halt_due |= self.phase == Phase::Registering;
        self.check_failures(out);
    }

    pub(super) fn check_failures(&mut self, out: &mut impl Outbox<Action>) {
        let are_too_many = self.policy.max_failures.is_some_and(|most| self.counts.bad > most);
        if are_too_many && self.phase == Phase::Running && !self.faults.has(Fault::MaxFailuresIgnored) {
            self.halt(HaltReason::MaxFailures, false, out);
        }
    }

    /// From now on the host counts as done for sequences.
    pub(super) fn settle(&mut self, host: HostIdx, out: &mut impl Outbox<Action>) {
        let Some(record) = self.get_mut(host) else { return };
        if std::mem::replace(&mut record.is_settled, true) {
            return;
        }
        let recovers = record.recovers;
        if self.has_threads {
            self.pending += i64::try_from(self.slots.of(host).count()).unwrap_or(0);
            self.tell_slots(host, slot::Event::Done { hosts: 1 }, out);
        }
        if recovers && let Some(left) = self.recovering.as_mut() {
            *left = left.saturating_sub(1);
            if *left == 0 && !self.has_threads {
                out.push(Action::Notify(Notice::SlotDone(RECOVERY)));
                if self.phase == Phase::Running {
                    self.start_threads(out);
                }
            }
        }
    }

    /// Tells the host's slots, unless they will be told everything when the threads start.
    pub(super) fn tell_slots(&self, host: HostIdx, event: slot::Event, out: &mut impl Outbox<Action>) {
        if self.has_threads {
            for slot in self.slots.of(host) {
                out.push(Action::Slot(slot, event));
            }
        }
    }
}
