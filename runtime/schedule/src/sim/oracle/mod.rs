//! What must never happen, judged from the plans and from what was seen, never from the machines' state.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "the simulator is a test: a panic in it is a finding"
)]

mod fair;
mod job;
mod ledger;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use pogo_plan::job::OnFailure;
use pogo_plan::outcome::{Attempt, HostState, JobState, Outcome};
use pogo_plan::{HostIdx, Plan};

use crate::ids::Slots;

/// What became of an attempt in the simulated world.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::sim) struct Truth {
    pub(in crate::sim) started_at: Option<u64>,
    pub(in crate::sim) ended_at: Option<u64>,
    pub(in crate::sim) succeeded: bool,
}

#[derive(Clone, Debug)]
pub(in crate::sim) struct Seen {
    plan: Arc<Plan>,
    slots: Arc<Slots>,
    /// The number of each of the plan's hosts in the namespace.
    pub(in crate::sim) global: Vec<usize>,
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
    pub(in crate::sim) job_state: JobState,
}

#[derive(Clone, Debug)]
pub(in crate::sim) struct Oracle {
    pub(in crate::sim) jobs: Vec<Seen>,
    /// For each host: the jobs that put it out of service and were not seen to be done with it.
    out: Vec<BTreeSet<usize>>,
    /// For each host: the jobs whose attempt on it nobody saw end.
    pub(in crate::sim) unknown: Vec<BTreeSet<usize>>,
    pub(in crate::sim) truth: BTreeMap<(usize, usize, u32), Truth>,
    /// The grants that are on record.
    on_record: BTreeSet<(usize, usize, u32)>,
    fair: fair::Fair,
}

type Verdicts = Result<(), String>;

fn must(holds: bool, otherwise: impl FnOnce() -> String) -> Verdicts {
    if holds { Ok(()) } else { Err(otherwise()) }
}

impl Seen {
    pub(in crate::sim) fn new(plan: Arc<Plan>, slots: Arc<Slots>) -> Self {
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

    pub(in crate::sim) fn restores(&self) -> bool {
        self.plan.job.recover || self.plan.job.verify.is_some()
    }

    pub(in crate::sim) fn bad(&self) -> usize {
        self.plan.targets.iter().filter(|host| self.state[host.index()].is_bad()).count()
    }

    /// Whether all slots of a host are open at a time, as the plan has it.
    pub(in crate::sim) fn is_open(&self, host: HostIdx, now: u64) -> Verdicts {
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

    pub(in crate::sim) fn name(&self, host: HostIdx) -> &str {
        self.plan.hosts.name(host)
    }
}

impl Oracle {
    pub(in crate::sim) fn new(jobs: Vec<Seen>, n_hosts: usize) -> Self {
        let nobody = vec![BTreeSet::new(); n_hosts];
        Self {
            jobs,
            out: nobody.clone(),
            unknown: nobody,
            truth: BTreeMap::new(),
            on_record: BTreeSet::new(),
            fair: fair::Fair::default(),
        }
    }

    pub(in crate::sim) fn limits_with(
        &self,
        global: usize,
    ) -> impl Iterator<Item = (BTreeSet<usize>, u32, &str)> + '_ {
        self.jobs.iter().filter(|job| job.in_force).flat_map(move |job| {
            job.plan.limits.iter().filter_map(move |limit| {
                let members: BTreeSet<usize> =
                    limit.members.iter().map(|host| job.global[host.index()]).collect();
                members.contains(&global).then_some((members, limit.max_parallel, limit.id.as_str()))
            })
        })
    }

    pub(in crate::sim) fn out_among(&self, members: &BTreeSet<usize>) -> u32 {
        members.iter().filter(|&&host| !self.out[host].is_empty()).count() as u32
    }

    /// A process starts on a host.
    pub(in crate::sim) fn process_starts(
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
        must(self.on_record.contains(&(job, host.index(), attempt.0)), || {
            format!("acts on the grant of h{global}, which is not on record")
        })?;
        self.truth
            .insert((job, host.index(), attempt.0), Truth { started_at: Some(now), ..Truth::default() });
        Ok(())
    }

    pub(in crate::sim) fn process_ends(
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
    pub(in crate::sim) fn all_quiet(&self) -> Verdicts {
        for (job, seen) in self.jobs.iter().enumerate() {
            must(seen.job_state.has_ended(), || {
                format!("job {job} never ends: {:?}, {:?}", seen.job_state, seen.state)
            })?;
            let open = seen.begun.keys().find(|key| !seen.ended.contains(key));
            must(open.is_none(), || format!("job {job}: an attempt without an end: {open:?}"))?;
            let kept = seen.in_flight.first();
            must(kept.is_none(), || {
                format!("job {job} has ended and the ledger keeps host {kept:?} for it")
            })?;
        }
        for ((job, at, attempt), truth) in &self.truth {
            let is_told = truth.started_at.is_none() || self.jobs[*job].ended.contains(&(*at, *attempt));
            must(is_told, || format!("job {job} has forgotten attempt {attempt} of host {at}"))?;
        }
        Ok(())
    }
}
