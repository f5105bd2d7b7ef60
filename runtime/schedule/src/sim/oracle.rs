//! What must never happen, judged from the plans and from what was seen, never from the machines' state.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "the simulator is a test: a panic in it is a finding"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use pogo_plan::event::{Blocker, Command, Fact, Setting, Verdict};
use pogo_plan::job::{OnFailure, RetryOn};
use pogo_plan::outcome::{Attempt, HostState, JobState, Outcome};
use pogo_plan::{HostIdx, Plan};

use crate::ids::Slots;

/// What became of an attempt in the simulated world.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Truth {
    pub(super) started_at: Option<u64>,
    pub(super) ended_at: Option<u64>,
    pub(super) succeeded: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Seen {
    plan: Arc<Plan>,
    slots: Arc<Slots>,
    /// The number of each of the plan's hosts in the namespace.
    pub(super) global: Vec<usize>,
    in_force: bool,
    may_start: bool,
    last_granted: Vec<u32>,
    in_flight: BTreeSet<usize>,
    /// Of those in flight, the ones that this job had left out of service before.
    was_out: BTreeSet<usize>,
    /// Of those in flight, the ones that were granted a further attempt.
    again: BTreeSet<usize>,
    last_grant_at: Option<u64>,
    ramp_step: usize,
    ramp_successes: u32,
    concurrent: Option<u32>,
    stagger_ms: u64,
    on_failure: OnFailure,
    max_failures: Option<u32>,
    bad_at_start: usize,
    retries: u32,
    settled_at: Vec<Option<u64>>,
    state: Vec<HostState>,
    tries: Vec<u32>,
    last: Vec<Option<(Outcome, u64)>>,
    begun: BTreeMap<(usize, u32), u64>,
    /// When its task heard of the end of an attempt.
    heard: BTreeMap<(usize, u32), u64>,
    ended: BTreeSet<(usize, u32)>,
    stopped: BTreeSet<usize>,
    recovering: BTreeSet<usize>,
    claims: Vec<usize>,
    pub(super) job_state: JobState,
}

#[derive(Clone, Debug)]
pub(super) struct Oracle {
    pub(super) jobs: Vec<Seen>,
    /// For each host: the jobs that put it out of service and were not seen to be done with it.
    out: Vec<BTreeSet<usize>>,
    /// For each host: the jobs whose attempt on it nobody saw end.
    pub(super) unknown: Vec<BTreeSet<usize>>,
    pub(super) truth: BTreeMap<(usize, usize, u32), Truth>,
}

type Verdicts = Result<(), String>;

fn must(holds: bool, otherwise: impl FnOnce() -> String) -> Verdicts {
    if holds { Ok(()) } else { Err(otherwise()) }
}

impl Seen {
    pub(super) fn new(plan: Arc<Plan>, slots: Arc<Slots>) -> Self {
        let number = |name: &str| name.get(1..).and_then(|digits| digits.parse().ok()).unwrap_or(0);
        let n = plan.hosts.len();
        Self {
            global: plan.hosts.iter().map(|(_, name)| number(name)).collect(),
            in_force: false,
            may_start: false,
            last_granted: vec![0; n],
            in_flight: BTreeSet::new(),
            was_out: BTreeSet::new(),
            again: BTreeSet::new(),
            last_grant_at: None,
            ramp_step: 0,
            ramp_successes: 0,
            concurrent: plan.job.concurrent,
            stagger_ms: plan.job.stagger_ms,
            on_failure: plan.job.on_failure,
            max_failures: plan.job.max_failures,
            bad_at_start: 0,
            retries: plan.job.retry.attempts,
            settled_at: vec![None; n],
            state: vec![HostState::Waiting; n],
            tries: vec![0; n],
            last: vec![None; n],
            begun: BTreeMap::new(),
            heard: BTreeMap::new(),
            ended: BTreeSet::new(),
            stopped: BTreeSet::new(),
            recovering: BTreeSet::new(),
            claims: Vec::new(),
            job_state: JobState::Running,
            plan,
            slots,
        }
    }

    fn restores(&self) -> bool {
        self.plan.job.recover || self.plan.job.verify.is_some()
    }

    fn bad(&self) -> usize {
        self.plan.targets.iter().filter(|host| self.state[host.index()].is_bad()).count()
    }

    /// Whether all slots of a host are open at a time, as the plan has it.
    fn is_open(&self, host: HostIdx, now: u64) -> Verdicts {
        for slot in self.slots.of(host) {
            let thread = self.slots.thread(slot).unwrap();
            let before = &self.plan.threads[thread.0 as usize].slots;
            for slot_before in before.iter().take_while(|other| !other.hosts.contains(&host)) {
                let mut done_at = 0;
                for other in &slot_before.hosts {
                    match self.settled_at[other.index()] {
                        Some(at) => done_at = done_at.max(at),
                        None => {
                            return Err(format!(
                                "starts {} before {} of slot {} is done",
                                self.name(host),
                                self.name(*other),
                                slot_before.id
                            ));
                        }
                    }
                }
                let pause = slot_before.pause_after_ms.filter(|_| !slot_before.hosts.is_empty()).unwrap_or(0);
                must(now >= done_at + pause * 1_000_000, || {
                    format!("starts {} in the pause after slot {}", self.name(host), slot_before.id)
                })?;
            }
        }
        Ok(())
    }

    pub(super) fn name(&self, host: HostIdx) -> &str {
        self.plan.hosts.name(host)
    }
}

impl Oracle {
    pub(super) fn new(jobs: Vec<Seen>, n_hosts: usize) -> Self {
        let nobody = vec![BTreeSet::new(); n_hosts];
        Self { jobs, out: nobody.clone(), unknown: nobody, truth: BTreeMap::new() }
    }

    fn limits_with(&self, global: usize) -> impl Iterator<Item = (BTreeSet<usize>, u32, &str)> + '_ {
        self.jobs.iter().filter(|job| job.in_force).flat_map(move |job| {
            job.plan.limits.iter().filter_map(move |limit| {
                let members: BTreeSet<usize> =
                    limit.members.iter().map(|host| job.global[host.index()]).collect();
                members.contains(&global).then_some((members, limit.max_parallel, limit.id.as_str()))
            })
        })
    }

    fn out_among(&self, members: &BTreeSet<usize>) -> u32 {
        members.iter().filter(|&&host| !self.out[host].is_empty()).count() as u32
    }

    pub(super) fn registered(&mut self, job: usize) {
        let seen = &mut self.jobs[job];
        seen.in_force = true;
        seen.ramp_step = 0;
        seen.ramp_successes = 0;
        seen.concurrent = seen.plan.job.concurrent;
        seen.stagger_ms = seen.plan.job.stagger_ms;
        seen.claims.clear();
    }

    pub(super) fn finished(&mut self, job: usize) {
        let seen = &mut self.jobs[job];
        seen.in_force = false;
        seen.last_grant_at = None;
        seen.claims.clear();
    }

    pub(super) fn paced(&mut self, job: usize, concurrent: Option<u32>, stagger_ms: u64) {
        self.jobs[job].concurrent = concurrent;
        self.jobs[job].stagger_ms = stagger_ms;
    }

    pub(super) fn claimed(&mut self, job: usize, hosts: &[(HostIdx, Attempt)]) {
        for (host, _) in hosts {
            if !self.jobs[job].claims.contains(&host.index()) {
                self.jobs[job].claims.push(host.index());
            }
        }
    }

    pub(super) fn withdrawn(&mut self, job: usize, hosts: Option<&[HostIdx]>) {
        match hosts {
            None => self.jobs[job].claims.clear(),
            Some(hosts) => {
                self.jobs[job].claims.retain(|claim| !hosts.iter().any(|host| host.index() == *claim));
            }
        }
    }

    /// The ledger took a host out of service.
    pub(super) fn granted(&mut self, now: u64, job: usize, host: HostIdx, attempt: Attempt) -> Verdicts {
        let at = host.index();
        let seen = &self.jobs[job];
        let global = seen.global[at];
        must(seen.in_force, || format!("grants {} to a job that is not registered", seen.name(host)))?;
        must(attempt.0 == seen.last_granted[at] + 1, || {
            format!("grants attempt {attempt} of {} after attempt {}", seen.name(host), seen.last_granted[at])
        })?;
        if let Some(last) = seen.last_grant_at {
            must(now >= last + seen.stagger_ms * 1_000_000, || {
                format!("grants {} before stagger is over", seen.name(host))
            })?;
        }
        let again = seen.in_flight.contains(&at);
        if !again {
            for (other, seen) in self.jobs.iter().enumerate() {
                let holds = seen.in_flight.iter().any(|at| seen.global[*at] == global);
                must(!holds, || format!("grants h{global} while job {other} is on it"))?;
            }
            let ramp = &seen.plan.job.ramp;
            let cap = ramp
                .get(seen.ramp_step)
                .copied()
                .unwrap_or(u32::MAX)
                .min(seen.concurrent.unwrap_or(u32::MAX));
            must((seen.in_flight.len() as u32) < cap, || {
                format!("grants {} over a cap of {cap}", seen.name(host))
            })?;
            must(self.unknown[global].is_empty(), || format!("grants h{global}, which is unknown"))?;
            self.goes_in_turn(job, at)?;
            if self.out[global].is_empty() {
                for (members, most, id) in self.limits_with(global) {
                    let count = self.out_among(&members);
                    must(count < most, || {
                        format!("limit {id}: h{global} goes out with {count} of {most} out")
                    })?;
                }
            }
        }
        let was_out = !self.out[global].insert(job);
        let seen = &mut self.jobs[job];
        seen.last_granted[at] = attempt.0;
        if again {
            seen.again.insert(at);
        }
        if seen.in_flight.insert(at) && was_out {
            seen.was_out.insert(at);
        }
        seen.last_grant_at = Some(now);
        seen.claims.retain(|&claim| claim != at);
        Ok(())
    }

    /// Within a job, hosts in exactly the same limits go first come, first served.
    fn goes_in_turn(&self, job: usize, at: usize) -> Verdicts {
        let seen = &self.jobs[job];
        let limits = |at: usize| -> BTreeSet<(BTreeSet<usize>, u32)> {
            self.limits_with(seen.global[at]).map(|(members, most, _)| (members, most)).collect()
        };
        let is_idle = |at: &usize| self.out[seen.global[*at]].is_empty();
        if !is_idle(&at) {
            return Ok(());
        }
        let own = limits(at);
        let earlier = seen.claims.iter().take_while(|&&claim| claim != at).filter(|claim| is_idle(claim));
        for &claim in earlier {
            must(limits(claim) != own, || {
                format!("h{} goes before h{}", seen.global[at], seen.global[claim])
            })?;
        }
        Ok(())
    }

    pub(super) fn returned(&mut self, job: usize, host: HostIdx, attempt: Attempt) {
        let at = host.index();
        let seen = &mut self.jobs[job];
        if seen.last_granted[at] != attempt.0 {
            return;
        }
        seen.last_granted[at] -= 1;
        // Between two attempts it is out of service until its end is heard, or was heard already.
        if seen.again.remove(&at) || !seen.in_flight.contains(&at) {
            return;
        }
        seen.in_flight.remove(&at);
        if !seen.was_out.remove(&at) {
            let global = seen.global[at];
            self.out[global].remove(&job);
        }
    }

    /// The ledger hears that a host's work has ended for now.
    pub(super) fn end_heard(&mut self, job: usize, host: HostIdx, outcome: Outcome) {
        let seen = &mut self.jobs[job];
        let global = seen.global[host.index()];
        seen.was_out.remove(&host.index());
        seen.again.remove(&host.index());
        if seen.in_flight.remove(&host.index()) && outcome == Outcome::Succeeded {
            seen.ramp_successes += 1;
            let step = seen.plan.job.ramp.get(seen.ramp_step).copied().unwrap_or(u32::MAX);
            if seen.ramp_successes >= step && seen.ramp_step + 1 < seen.plan.job.ramp.len() {
                seen.ramp_step += 1;
                seen.ramp_successes = 0;
            }
            self.good(job, global);
        }
    }

    pub(super) fn decided(&mut self, job: usize, global: usize, verdict: Verdict) {
        if self.unknown[global].remove(&job) && verdict == Verdict::Succeeded {
            self.good(job, global);
        }
    }

    pub(super) fn released(&mut self, global: usize) {
        if self.unknown[global].is_empty() {
            let on_it: BTreeSet<usize> = (0..self.jobs.len())
                .filter(|&job| self.jobs[job].in_flight.iter().any(|&at| self.jobs[job].global[at] == global))
                .collect();
            self.out[global].retain(|job| on_it.contains(job));
            for job in on_it {
                let global_of = self.jobs[job].global.clone();
                self.jobs[job].was_out.retain(|&at| global_of[at] != global);
            }
        }
    }

    /// A job lets an attempt begin.
    pub(super) fn begins(&mut self, now: u64, job: usize, host: HostIdx, attempt: Attempt) -> Verdicts {
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

    pub(super) fn stop_asked(&mut self, job: usize, host: HostIdx) {
        self.jobs[job].stopped.insert(host.index());
    }

    pub(super) fn heard(&mut self, now: u64, job: usize, host: HostIdx, attempt: Attempt) {
        self.jobs[job].heard.entry((host.index(), attempt.0)).or_insert(now);
    }

    /// A job puts something on record.
    pub(super) fn recorded(&mut self, now: u64, job: usize, fact: &Fact<HostIdx>) -> Verdicts {
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

    fn ended(
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

    fn done_for_now(&mut self, now: u64, job: usize, host: HostIdx, outcome: Outcome) {
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

    fn good(&mut self, job: usize, global: usize) {
        if self.jobs[job].restores() && self.unknown[global].is_empty() {
            self.out[global].clear();
        }
        self.out[global].remove(&job);
    }

    fn commanded(&mut self, now: u64, job: usize, command: &Command<HostIdx>) {
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

    fn job_state(&mut self, job: usize, state: JobState) -> Verdicts {
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

    /// The ledger says that nothing will move a job.
    pub(super) fn blocked_said(&self, now: u64, job: usize) -> Verdicts {
        let seen = &self.jobs[job];
        for &claim in &seen.claims {
            let host = HostIdx::from_index(claim).unwrap();
            let global = seen.global[claim];
            if seen.is_open(host, now).is_err() && seen.tries[claim] == 0 && !seen.recovering.contains(&claim)
            {
                continue;
            }
            let is_busy = |global: usize| {
                self.jobs.iter().any(|job| job.in_flight.iter().any(|&at| job.global[at] == global))
            };
            if !self.unknown[global].is_empty() {
                continue;
            }
            must(!is_busy(global), || format!("job {job} is said to be blocked while h{global} runs"))?;
            let is_stuck = !self.out[global].is_empty();
            must(!is_stuck, || format!("job {job} is said to be blocked with h{global} free to go"))?;
            let full_of_bad = self.limits_with(global).any(|(members, most, _)| {
                self.out_among(&members) >= most && !members.iter().any(|&member| is_busy(member))
            });
            must(full_of_bad, || format!("job {job} is said to be blocked though h{global} may go later"))?;
        }
        Ok(())
    }

    /// A job tells why it is blocked.
    pub(super) fn blocked_told(&self, job: usize, by: &[Blocker]) -> Verdicts {
        must(!by.is_empty(), || format!("job {job} is blocked and does not say by what"))?;
        for blocker in by {
            must(blocker.state.is_bad(), || {
                format!("job {job} is blocked by {}, which is not bad", blocker.host)
            })?;
        }
        Ok(())
    }

    /// A process starts on a host.
    pub(super) fn process_starts(
        &mut self,
        now: u64,
        job: usize,
        host: HostIdx,
        attempt: Attempt,
    ) -> Verdicts {
        let global = self.jobs[job].global[host.index()];
        let live = self.truth.iter().find(|((job, at, _), truth)| {
            self.jobs[*job].global[*at] == global && truth.started_at.is_some() && truth.ended_at.is_none()
        });
        must(live.is_none(), || format!("two attempts on h{global} at once: {live:?}"))?;
        self.truth
            .insert((job, host.index(), attempt.0), Truth { started_at: Some(now), ..Truth::default() });
        Ok(())
    }

    pub(super) fn process_ends(
        &mut self,
        now: u64,
        job: usize,
        host: HostIdx,
        attempt: Attempt,
        succeeded: bool,
    ) {
        if let Some(truth) = self.truth.get_mut(&(job, host.index(), attempt.0)) {
            truth.ended_at.get_or_insert(now);
            truth.succeeded |= succeeded;
        }
    }

    /// Nothing happens any more.
    pub(super) fn all_quiet(&self) -> Verdicts {
        for (job, seen) in self.jobs.iter().enumerate() {
            must(seen.job_state.has_ended(), || {
                format!("job {job} never ends: {:?}, {:?}", seen.job_state, seen.state)
            })?;
            let open = seen.begun.keys().find(|key| !seen.ended.contains(key));
            must(open.is_none(), || format!("job {job}: an attempt without an end: {open:?}"))?;
        }
        Ok(())
    }
}
