//! Jobs that nothing will move any more.
//!
//! A job that says it is idle waits in the ledger only. It is stuck if every place and host that its hosts wait for is held by
//! jobs that have ended, by itself, or by other jobs that are stuck as well: then no event but an operator's will ever free
//! one. Of several such jobs the oldest is told; its end may be what the others waited for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use pogo_plan::event::JobId;

use super::{BadHost, Effect, Ledger, MAX_BLOCKERS, Out, What};
use crate::fault::Fault;
use crate::outbox::Outbox;

/// Who a job waits for: unfinished jobs, and whether anything else will move it.
#[derive(Default)]
struct Needs {
    jobs: BTreeSet<u32>,
    will_move: bool,
}

impl Ledger {
    pub(super) fn look_for_stuck(&mut self, out: &mut impl Outbox<Effect>) {
        if self.faults.has(Fault::NeverBlocked) {
            return;
        }
        let idle = |(at, job): (u32, &super::Job)| (job.idle.is_some() && job.running == 0).then_some(at);
        let mut stuck: BTreeSet<u32> = self.jobs.iter().filter_map(idle).collect();
        if stuck.is_empty() {
            return;
        }
        let needs = self.needs(&stuck);
        loop {
            let movable = stuck.iter().copied().find(|job| {
                let Some(needs) = needs.get(job) else { return false };
                let waits = needs.jobs.iter().any(|other| !stuck.contains(other));
                needs.will_move || (waits && !self.faults.has(Fault::BlockedTooSoon))
            });
            let Some(movable) = movable else { break };
            stuck.remove(&movable);
        }
        let age = |job: &u32| self.jobs.get(*job).map_or(u64::MAX, |job| job.age);
        let Some(job) = stuck.into_iter().min_by_key(age) else { return };
        let by = self.blockers(job);
        let Some(record) = self.jobs.get_mut(job) else { return };
        if let Some(number) = record.idle.take() {
            out.push(Effect::Blocked { job: record.id, number, by });
        }
    }

    fn needs(&self, idle: &BTreeSet<u32>) -> BTreeMap<u32, Needs> {
        let mut holders: BTreeMap<u32, BTreeSet<u32>> = BTreeMap::new();
        for (_, out) in self.outs.iter() {
            let jobs = self.holders(out);
            for &limit in self.sets.as_slice(self.set_of(out.host)) {
                holders.entry(limit).or_default().extend(&jobs);
            }
        }
        let mut needs: BTreeMap<u32, Needs> = BTreeMap::new();
        for (_, group) in self.groups.iter().filter(|(_, group)| idle.contains(&group.job)) {
            let needs = needs.entry(group.job).or_default();
            let Some((place, _)) = group.parked else {
                needs.will_move |= !group.waiting.is_empty();
                continue;
            };
            let Some(record) = self.places.get(place) else { continue };
            match record.what {
                // Nothing of the job is in flight, so this is `stagger`: time moves it.
                What::InFlight { .. } => needs.will_move = true,
                What::Limit { .. } => {
                    if let Some(holders) = holders.get(&place) {
                        needs.jobs.extend(holders);
                    }
                    // Not full, but kept for somebody, who will go.
                    needs.will_move |= record.in_use < record.max;
                }
            }
        }
        for (_, waiter) in self.waiters.iter() {
            if self.groups.get(waiter.group).is_none()
                && idle.contains(&waiter.job)
                && let Some(out) = self.out_of(waiter.host)
            {
                needs.entry(waiter.job).or_default().jobs.extend(self.holders(out));
            }
        }
        needs
    }

    /// The unfinished jobs that run on a host or left it bad.
    fn holders(&self, out: &Out) -> BTreeSet<u32> {
        let unfinished = |id: JobId| {
            let job = self.job_at(id)?;
            self.jobs.get(job)?.is_unfinished.then_some(job)
        };
        out.running
            .map(|running| running.job)
            .into_iter()
            .chain(out.bad.iter().filter_map(|mark| unfinished(mark.job)))
            .collect()
    }

    /// The bad hosts in the way of a job.
    fn blockers(&self, job: u32) -> Box<[BadHost]> {
        let mut by = BTreeSet::new();
        let parked: BTreeSet<u32> = self
            .groups
            .iter()
            .filter(|(_, group)| group.job == job)
            .filter_map(|(_, group)| Some(group.parked?.0))
            .collect();
        for (_, out) in self.outs.iter() {
            let limits =
                self.sets.as_slice(self.set_of(out.host)).iter().filter(|limit| parked.contains(limit));
            for place in limits.filter_map(|&limit| self.places.get(limit)) {
                if let What::Limit { id, .. } = &place.what {
                    self.bad_marks(out, Some(id), &mut by);
                }
            }
            let is_waited_for = self.waiter_of(out.host, job).and_then(|waiter| self.waiters.get(waiter));
            if is_waited_for.is_some_and(|waiter| self.groups.get(waiter.group).is_none()) {
                self.bad_marks(out, None, &mut by);
            }
            while by.len() > MAX_BLOCKERS {
                by.pop_last();
            }
        }
        by.into_iter().collect()
    }

    fn bad_marks(&self, out: &Out, limit: Option<&Arc<str>>, by: &mut BTreeSet<BadHost>) {
        by.extend(out.bad.iter().map(|mark| BadHost {
            host: self.name(out.host).to_owned(),
            job: mark.job,
            state: mark.state,
            limit: limit.cloned(),
        }));
    }
}
