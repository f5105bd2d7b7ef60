//! Halting, blocked, ended.

use pogo_plan::HostIdx;
use pogo_plan::event::{Blocker, Fact, HaltReason};
use pogo_plan::outcome::{HostState, JobState};

use super::{Action, Machine, Phase};
use crate::fault::Fault;
use crate::host_task;
use crate::ledger::{BadHost, MAX_BLOCKERS, Op};
use crate::notice::{JobNews, Notice};
use crate::outbox::Outbox;

impl Machine {
    /// No new start from here on.
    pub(super) fn halt(&mut self, reason: HaltReason, stop_running: bool, out: &mut impl Outbox<Action>) {
        self.phase = Phase::Halting;
        self.reason = Some(reason);
        out.push(Action::Record(Fact::JobState { state: JobState::Halting }));
        self.tell_state(out);
        out.push(Action::Ledger(Op::Withdraw { job: self.id, hosts: None }));
        let targets = std::sync::Arc::clone(&self.plan);
        for &host in &targets.targets {
            let Some(record) = self.get(host) else { continue };
            match record.state {
                HostState::Waiting => {
                    self.set_claimed(host, false);
                    self.call_off(host, HostState::Cancelled, out);
                }
                HostState::Retrying if !self.faults.has(Fault::DroppedCancel) => {
                    self.set_claimed(host, false);
                    out.push(Action::Task(host, host_task::Event::Cancel));
                }
                HostState::Running if stop_running => out.push(Action::Task(host, host_task::Event::Stop)),
                _ => {}
            }
        }
    }

    /// Ends every attempt that is under way.
    pub(super) fn stop_running(&self, out: &mut impl Outbox<Action>) {
        let is_active = |host: &&HostIdx| self.get(**host).is_some_and(|host| host.state.is_active());
        for &host in self.plan.targets.iter().filter(is_active) {
            out.push(Action::Task(host, host_task::Event::Stop));
        }
    }

    /// Ends the job if nothing is left to happen in it, or asks the ledger whether anything is.
    pub(super) fn look_for_end(&mut self, out: &mut impl Outbox<Action>) {
        match self.phase {
            Phase::Halting if self.counts.active == 0 => self.close(JobState::Halted, out),
            Phase::Running if self.counts.active == 0 && self.pending == 0 && self.pausing == 0 => {
                if self.counts.claimed > 0 {
                    if !std::mem::replace(&mut self.idle_said, true) {
                        out.push(Action::Ledger(Op::Idle { job: self.id, number: self.idle_number }));
                    }
                } else if self.counts.waiting > 0 {
                    self.blocked_by = self.own_blockers();
                    self.close(JobState::Blocked, out);
                } else if self.counts.bad > 0 {
                    self.close(JobState::Failed, out);
                } else {
                    self.close(JobState::Succeeded, out);
                }
            }
            _ => {}
        }
    }

    pub(super) fn blocked(&mut self, number: u32, by: &[BadHost], out: &mut impl Outbox<Action>) {
        if self.phase != Phase::Running || !self.idle_said || number != self.idle_number {
            return;
        }
        self.blocked_by = by
            .iter()
            .map(|bad| Blocker {
                host: bad.host.clone(),
                job: bad.job,
                state: bad.state,
                limit: bad.limit.as_deref().map(str::to_owned),
            })
            .collect();
        if self.counts.waiting > self.counts.claimed {
            self.blocked_by.extend(self.own_blockers());
            self.blocked_by.truncate(MAX_BLOCKERS);
        }
        self.close(JobState::Blocked, out);
    }

    /// The bad hosts that hold up a sequence of this job.
    fn own_blockers(&self) -> Vec<Blocker> {
        let holds_up = |host: &HostIdx| {
            let record = self.get(*host).filter(|host| host.state.is_bad() && !host.is_settled)?;
            Some(Blocker { host: self.name(*host), job: self.id, state: record.state, limit: None })
        };
        self.plan.targets.iter().filter_map(holds_up).take(MAX_BLOCKERS).collect()
    }

    fn close(&mut self, state: JobState, out: &mut impl Outbox<Action>) {
        self.phase = Phase::Closing(state);
        // What is claimed is forgotten by the ledger; a grant on its way is given back.
        let plan = std::sync::Arc::clone(&self.plan);
        if self.counts.claimed > 0 {
            for &host in &plan.targets {
                self.set_claimed(host, false);
            }
        }
        self.timer = self.timer.wrapping_add(1);
        out.push(Action::Ledger(Op::Finish { job: self.id }));
    }

    pub(super) fn finished(&mut self, out: &mut impl Outbox<Action>) {
        let Phase::Closing(state) = self.phase else { return };
        self.phase = Phase::Ended(state);
        out.push(Action::Record(Fact::JobState { state }));
        self.tell_state(out);
        self.blocked_by.clear();
    }

    pub(super) fn tell_state(&self, out: &mut impl Outbox<Action>) {
        let state = self.state();
        let reason = match state {
            JobState::Halting | JobState::Halted => self.reason.clone(),
            _ => None,
        };
        let blocked_by = if state == JobState::Blocked { self.blocked_by.clone() } else { Vec::new() };
        out.push(Action::Notify(Notice::JobState(Box::new(JobNews { state, reason, blocked_by }))));
    }
}
