//! What operators say.

use std::sync::Arc;

use pogo_plan::HostIdx;
use pogo_plan::event::{Author, Command, Fact, HaltReason, Setting, Verdict};
use pogo_plan::job::OnFailure;
use pogo_plan::outcome::{Exit, HostState, JobState, Outcome};

use super::{Action, Machine, Phase, Refusal};
use crate::fault::Fault;
use crate::host_task;
use crate::ledger::Op;
use crate::outbox::Outbox;
use crate::slot;
use crate::time::Monotonic;

impl Machine {
    pub(super) fn command(
        &mut self,
        now: Monotonic,
        command: Command<HostIdx>,
        by: Box<Author>,
        out: &mut impl Outbox<Action>,
    ) {
        if let Err(why) = self.check(&command) {
            out.push(Action::Refused { command, why });
            return;
        }
        out.push(Action::Record(Fact::Commanded { command: command.clone(), by }));
        match command {
            Command::Halt { stop_running } => {
                if self.phase == Phase::Running {
                    self.halt(HaltReason::Operator, stop_running, out);
                } else if stop_running {
                    self.stop_running(out);
                }
            }
            Command::Stop { host } => self.stop(host, out),
            Command::Skip { host } => self.skip(host, out),
            Command::Retry { host } => self.retry(host, out),
            Command::Resume => self.resume(now, out),
            Command::Decide { host, verdict } => self.decide(host, verdict, out),
            Command::Alter(setting) => self.alter(setting, out),
            // A command that this version does not know was refused above.
            _ => {}
        }
    }

    fn check(&self, command: &Command<HostIdx>) -> Result<(), Refusal> {
        let state = |host: &HostIdx| {
            let host = self.get(*host).filter(|host| host.is_target).ok_or(Refusal::NotATarget)?;
            if matches!(self.phase, Phase::New | Phase::Registering | Phase::Closing(_)) {
                return Err(Refusal::NotNow);
            }
            Ok(host.state)
        };
        let is = |fits: bool, state: HostState| if fits { Ok(()) } else { Err(Refusal::HostIs(state)) };
        match command {
            Command::Halt { stop_running } => match self.phase {
                Phase::Running => Ok(()),
                Phase::Halting if *stop_running => Ok(()),
                Phase::New | Phase::Registering | Phase::Closing(_) => Err(Refusal::NotNow),
                Phase::Halting | Phase::Ended(_) => Err(Refusal::JobIs(self.state())),
            },
            Command::Stop { host } => state(host).and_then(|state| is(state.is_active(), state)),
            Command::Skip { host } => state(host).and_then(|state| {
                is(state.is_bad() || matches!(state, HostState::Waiting | HostState::Cancelled), state)
            }),
            Command::Retry { host } => state(host).and_then(|state| {
                if self.phase == Phase::Halting {
                    return Err(Refusal::JobIs(JobState::Halting));
                }
                is(state.is_bad() && state != HostState::Unknown, state)
            }),
            Command::Decide { host, .. } => {
                state(host).and_then(|state| is(state == HostState::Unknown, state))
            }
            Command::Resume => match self.phase {
                Phase::Ended(JobState::Succeeded) | Phase::Running | Phase::Halting => {
                    Err(Refusal::JobIs(self.state()))
                }
                Phase::Ended(_) => Ok(()),
                Phase::New | Phase::Registering | Phase::Closing(_) => Err(Refusal::NotNow),
            },
            Command::Alter(_) => match self.phase {
                Phase::Running | Phase::Ended(_) => Ok(()),
                Phase::Halting => Err(Refusal::JobIs(JobState::Halting)),
                Phase::New | Phase::Registering | Phase::Closing(_) => Err(Refusal::NotNow),
            },
            _ => Err(Refusal::NotNow),
        }
    }

    fn stop(&mut self, host: HostIdx, out: &mut impl Outbox<Action>) {
        let Some(record) = self.get_mut(host) else { return };
        record.is_called_off = true;
        if record.is_claimed {
            self.set_claimed(host, false);
            out.push(Action::Ledger(Op::Withdraw { job: self.id, hosts: Some(Box::new([host])) }));
        }
        out.push(Action::Task(host, host_task::Event::Stop));
    }

    fn skip(&mut self, host: HostIdx, out: &mut impl Outbox<Action>) {
        let Some(record) = self.get(host) else { return };
        if record.is_claimed {
            self.set_claimed(host, false);
            out.push(Action::Ledger(Op::Withdraw { job: self.id, hosts: Some(Box::new([host])) }));
        }
        if record.state.is_bad() {
            if self.faults.has(Fault::SkipReleases) {
                out.push(Action::Ledger(Op::Release { host: self.name(host) }));
            }
        } else {
            self.call_off(host, HostState::Skipped, out);
        }
        self.settle(host, out);
    }

    /// A waiting host will not run. One that has run, and was about to be retried, is as its last attempt left it.
    pub(super) fn call_off(&mut self, host: HostIdx, state: HostState, out: &mut impl Outbox<Action>) {
        let Some(record) = self.get(host) else { return };
        if record.attempt.0 > 0 {
            self.set_state(host, record.last.host_state(), out);
            self.tell_slots(host, slot::Event::Bad { hosts: 1 }, out);
        } else {
            self.set_state(host, state, out);
        }
    }

    fn retry(&mut self, host: HostIdx, out: &mut impl Outbox<Action>) {
        self.set_state(host, HostState::Waiting, out);
        self.tell_slots(host, slot::Event::Mended, out);
        if self.phase == Phase::Running {
            self.claim(&[host], out);
        }
    }

    fn resume(&mut self, now: Monotonic, out: &mut impl Outbox<Action>) {
        let plan = Arc::clone(&self.plan);
        for &host in &plan.targets {
            if self.get(host).is_some_and(|host| host.state == HostState::Cancelled) {
                self.set_state(host, HostState::Waiting, out);
            }
        }
        self.phase = Phase::Registering;
        self.reason = None;
        // Whoever goes on with a job that has ended gives it its whole time again: one that ran out of it could never be finished.
        self.ran_ms = 0;
        out.push(Action::Record(Fact::JobState { state: JobState::Running }));
        self.tell_state(out);
        self.register(now, out);
    }

    fn decide(&mut self, host: HostIdx, verdict: Verdict, out: &mut impl Outbox<Action>) {
        let restores = self.policy.restores;
        out.push(Action::Ledger(Op::Decide {
            job: self.id,
            host: self.name(host).into(),
            verdict,
            restores,
        }));
        let outcome = outcome_of(verdict);
        if let Some(record) = self.get_mut(host) {
            record.last = outcome;
        }
        self.set_state(host, outcome.host_state(), out);
        if verdict == Verdict::Succeeded {
            self.tell_slots(host, slot::Event::Mended, out);
            self.settle(host, out);
        }
    }

    fn alter(&mut self, setting: Setting, out: &mut impl Outbox<Action>) {
        self.apply_setting(setting);
        match setting {
            Setting::Concurrent(_) | Setting::StaggerMs(_) if self.phase == Phase::Running => {
                self.set_pace(out);
            }
            Setting::MaxFailures(_) => self.check_failures(out),
            Setting::OnFailure(OnFailure::Continue) => {
                let plan = Arc::clone(&self.plan);
                for &host in &plan.targets {
                    if self.get(host).is_some_and(|host| host.state.is_bad()) {
                        self.settle(host, out);
                    }
                }
            }
            _ => {}
        }
    }

    pub(super) fn apply_setting(&mut self, setting: Setting) {
        self.is_altered = true;
        let policy = Arc::make_mut(&mut self.policy);
        match setting {
            Setting::Concurrent(concurrent) => policy.concurrent = concurrent,
            Setting::StaggerMs(stagger_ms) => policy.stagger_ms = stagger_ms,
            Setting::MaxFailures(most) => policy.max_failures = most,
            Setting::OnFailure(on_failure) => policy.on_failure = on_failure,
            Setting::RetryAttempts(attempts) => policy.retry.attempts = attempts,
            Setting::TimeoutMs(timeout_ms) => policy.timeout_ms = timeout_ms,
            _ => {}
        }
    }
}

/// The outcome that a verdict stands for. A failure has no exit status that anybody saw.
pub(crate) const fn outcome_of(verdict: Verdict) -> Outcome {
    match verdict {
        Verdict::Succeeded => Outcome::Succeeded,
        Verdict::Failed => {
            Outcome::Failed { exit: Exit::Status(255), phase: pogo_plan::outcome::Phase::Command }
        }
    }
}
