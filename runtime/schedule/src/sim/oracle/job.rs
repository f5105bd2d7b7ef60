//! What a job must never do.

#![expect(clippy::indexing_slicing, reason = "the simulator is a test: a panic in it is a finding")]

use std::sync::Arc;

use pogo_plan::HostIdx;
use pogo_plan::event::{Command, Fact, Setting, Verdict};
use pogo_plan::job::{OnFailure, RetryOn};
use pogo_plan::outcome::{Attempt, HostState, JobState, Outcome};

use super::{Oracle, Verdicts, must};

impl Oracle {
    /// A job lets an attempt begin.
    pub(in crate::sim) fn begins(
        &mut self,
        now: u64,
        job: usize,
        host: HostIdx,
        attempt: Attempt,
    ) -> Verdicts {
        let at = host.index();
        let seen = &self.jobs[job];
        must(seen.may_start, || format!("starts {} while it does not run", seen.name(host)))?;
        must(!seen.begun.contains_key(&(at, attempt.0)), || {
            format!("starts attempt {attempt} of {} twice", seen.name(host))
        })?;
        must(seen.state[at] != HostState::Succeeded, || {
            format!("starts {}, which has succeeded", seen.name(host))
        })?;
        must(seen.state[at] != HostState::Skipped, || {
            format!("starts {}, which is skipped", seen.name(host))
        })?;
        let bad = seen.bad();
        let too_many = seen.max_failures.is_some_and(|most| bad > most as usize && bad > seen.bad_at_start);
        must(!too_many, || format!("starts {} after too many failures", seen.name(host)))?;
        let is_retry = seen.state[at] == HostState::Retrying;
        if seen.tries[at] == 0 && !seen.recovering.contains(&at) {
            seen.is_open(host, now)?;
        }
        let threads_wait = seen.recovering.iter().any(|&first| seen.settled_at[first].is_none());
        must(!threads_wait || seen.recovering.contains(&at) || seen.tries[at] > 0, || {
            format!("starts {} before slot recovery is done", seen.name(host))
        })?;
        if is_retry {
            let policy = &seen.plan.job.retry;
            must(seen.tries[at] <= seen.retries, || format!("tries {} too often", seen.name(host)))?;
            let Some((last, ended_at)) = seen.last[at] else { return Err("a retry of nothing".to_owned()) };
            let on = match last {
                Outcome::Failed { .. } => Some(RetryOn::Exit),
                Outcome::Unreachable => Some(RetryOn::Unreachable),
                Outcome::TimedOut => Some(RetryOn::Timeout),
                _ => None,
            };
            must(on.is_some_and(|on| policy.retry_on.contains(&on)), || {
                format!("tries {} again after {last:?}", seen.name(host))
            })?;
            let doublings = seen.tries[at] - 1;
            let least = (policy.backoff_ms << doublings).min(policy.max_backoff_ms) / 2;
            must(now >= ended_at + least * 1_000_000, || {
                format!("tries {} again too early", seen.name(host))
            })?;
        }
        let seen = &mut self.jobs[job];
        seen.tries[at] = if is_retry { seen.tries[at] + 1 } else { 1 };
        seen.begun.insert((at, attempt.0), now);
        seen.state[at] = HostState::Running;
        seen.stopped.remove(&at);
        Ok(())
    }

    pub(in crate::sim) fn stop_asked(&mut self, job: usize, host: HostIdx) {
        self.jobs[job].stopped.insert(host.index());
    }

    pub(in crate::sim) fn heard(&mut self, now: u64, job: usize, host: HostIdx, attempt: Attempt) {
        self.jobs[job].heard.entry((host.index(), attempt.0)).or_insert(now);
    }

    /// A job puts something on record.
    pub(in crate::sim) fn recorded(&mut self, now: u64, job: usize, fact: &Fact<HostIdx>) -> Verdicts {
        match fact {
            Fact::Ended { host, attempt, outcome, again } => {
                self.ended(now, job, *host, *attempt, *outcome, *again)
            }
            Fact::GaveUp { host } => {
                let Some((outcome, _)) = self.jobs[job].last[host.index()] else {
                    return Err("gave up nothing".to_owned());
                };
                self.done_for_now(now, job, *host, outcome);
                Ok(())
            }
            Fact::JobState { state } => self.job_state(job, *state),
            Fact::Recovering { hosts } => {
                self.jobs[job].recovering = hosts.iter().map(|host| host.index()).collect();
                Ok(())
            }
            Fact::Commanded { command, .. } => {
                self.commanded(now, job, command);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    pub(in crate::sim) fn ended(
        &mut self,
        now: u64,
        job: usize,
        host: HostIdx,
        attempt: Attempt,
        outcome: Outcome,
        again: bool,
    ) -> Verdicts {
        let at = host.index();
        let truth = self.truth.get(&(job, at, attempt.0)).copied().unwrap_or_default();
        let seen = &mut self.jobs[job];
        let name = seen.plan.hosts.name(host);
        must(seen.ended.insert((at, attempt.0)), || format!("attempt {attempt} of {name} ends twice"))?;
        let is_gone = truth.started_at.is_none() || truth.ended_at.is_some();
        must(is_gone || outcome == Outcome::Unknown, || format!("says {outcome:?} while {name} still runs"))?;
        match outcome {
            Outcome::Succeeded => must(truth.succeeded, || format!("says that {name} succeeded"))?,
            Outcome::Unreachable => {
                must(truth.started_at.is_none(), || format!("says that {name} was not reached"))?;
            }
            Outcome::TimedOut => {
                let least = match truth.started_at {
                    Some(at) => at + seen.plan.job.timeout_ms * 1_000_000,
                    None => {
                        seen.begun.get(&(at, attempt.0)).copied().unwrap_or(now)
                            + seen.plan.job.connect_timeout_ms * 1_000_000
                    }
                };
                must(now >= least, || format!("ends {name} before its deadline"))?;
            }
            Outcome::Stopped => {
                must(seen.stopped.contains(&at), || format!("says that somebody stopped {name}"))?;
            }
            Outcome::Failed { .. } | Outcome::Unknown => {}
        }
        if again && outcome == Outcome::Unknown {
            return Err(format!("will try {name} again, which is unknown"));
        }
        let heard_at = seen.heard.get(&(at, attempt.0)).copied().unwrap_or(now);
        seen.last[at] = Some((outcome, heard_at));
        if again {
            seen.state[at] = HostState::Retrying;
        } else {
            self.done_for_now(now, job, host, outcome);
        }
        Ok(())
    }

    pub(in crate::sim) fn done_for_now(&mut self, now: u64, job: usize, host: HostIdx, outcome: Outcome) {
        let at = host.index();
        let seen = &mut self.jobs[job];
        let global = seen.global[at];
        seen.state[at] = outcome.host_state();
        if outcome == Outcome::Succeeded || seen.on_failure == OnFailure::Continue {
            seen.settled_at[at].get_or_insert(now);
        }
        if outcome == Outcome::Unknown {
            self.unknown[global].insert(job);
        }
    }

    pub(in crate::sim) fn good(&mut self, job: usize, global: usize) {
        if self.jobs[job].restores() && self.unknown[global].is_empty() {
            self.out[global].clear();
        }
        self.out[global].remove(&job);
    }

    pub(in crate::sim) fn commanded(&mut self, now: u64, job: usize, command: &Command<HostIdx>) {
        let seen = &mut self.jobs[job];
        match command {
            Command::Skip { host } => {
                let at = host.index();
                seen.settled_at[at].get_or_insert(now);
                if !seen.state[at].is_bad() {
                    seen.state[at] = match seen.last[at] {
                        Some((last, _)) => last.host_state(),
                        None => HostState::Skipped,
                    };
                }
            }
            Command::Retry { host } => {
                seen.state[host.index()] = HostState::Waiting;
            }
            Command::Decide { host, verdict } => {
                let at = host.index();
                let outcome = crate::job::outcome_of(*verdict);
                seen.last[at] = Some((outcome, now));
                seen.state[at] = outcome.host_state();
                if *verdict == Verdict::Succeeded {
                    seen.settled_at[at].get_or_insert(now);
                }
            }
            Command::Alter(Setting::OnFailure(on_failure)) => {
                seen.on_failure = *on_failure;
                if *on_failure == OnFailure::Continue {
                    for host in &seen.plan.targets {
                        if seen.state[host.index()].is_bad() {
                            seen.settled_at[host.index()].get_or_insert(now);
                        }
                    }
                }
            }
            Command::Alter(Setting::MaxFailures(most)) => seen.max_failures = *most,
            _ => {}
        }
    }

    pub(in crate::sim) fn job_state(&mut self, job: usize, state: JobState) -> Verdicts {
        let seen = &mut self.jobs[job];
        seen.job_state = state;
        seen.may_start = state == JobState::Running;
        let (bad, plan) = (seen.bad(), Arc::clone(&seen.plan));
        if state == JobState::Running {
            seen.bad_at_start = bad;
        }
        let stopping = matches!(state, JobState::Halting | JobState::Halted);
        let mut waiting = 0;
        for host in &plan.targets {
            let state_of = &mut seen.state[host.index()];
            match *state_of {
                HostState::Waiting if stopping => {
                    *state_of = match seen.last[host.index()] {
                        Some((last, _)) => last.host_state(),
                        None => HostState::Cancelled,
                    };
                }
                HostState::Cancelled if state == JobState::Running => *state_of = HostState::Waiting,
                HostState::Waiting => waiting += 1,
                _ => {}
            }
        }
        if state.has_ended() {
            let active = plan.targets.iter().find(|host| seen.state[host.index()].is_active());
            must(active.is_none(), || format!("job {job} ends as {state:?} while a host is active"))?;
            seen.may_start = false;
        }
        match state {
            JobState::Succeeded => must(bad == 0 && waiting == 0, || format!("job {job} has not succeeded")),
            JobState::Failed => must(bad > 0 && waiting == 0, || format!("job {job} has not failed")),
            JobState::Blocked => must(waiting > 0, || format!("job {job} is blocked with nothing waiting")),
            JobState::Running | JobState::Halting | JobState::Halted => Ok(()),
        }
    }
}
