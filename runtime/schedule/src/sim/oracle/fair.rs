//! First come, first served; and nobody is overtaken for longer than five minutes.
//!
//! Nobody goes while somebody who came earlier could go as well. Whoever is blocked does not hold up those behind it: a
//! host that waits longest in its job, and sees others who came later take places in its limits, goes next after five
//! minutes: from the first look after that time (there is one every thirty seconds) nobody who came later takes a place in
//! one of its limits, as long as attempts are under way that may free what it misses.
//!
//! Only waits are judged of which nothing else could have changed the order: whatever an operator or a bad end does
//! starts a new look, and for a host that somebody older stands before there is no such promise.

use std::collections::{BTreeMap, BTreeSet};

use super::{Oracle, Verdicts, must};
use crate::ledger::{Op, PASSED_OVER_MS, SCAN_MS};

const MS: u64 = 1_000_000;

/// Waits shorter than this are not looked at: they are most of all, and none of them is too long.
const SHORT_MS: u64 = 60_000;

#[derive(Clone, Debug)]
struct Wait {
    /// Whoever came later has a higher one.
    number: u64,
    since: u64,
    is_overtaken: bool,
    /// The look that found it overtaken.
    passed_at: Option<u64>,
    /// The last operation in which somebody older went.
    stood_back_in: u64,
}

/// Who waits since when.
#[derive(Clone, Debug, Default)]
pub(super) struct Fair {
    waits: BTreeMap<(usize, usize), Wait>,
    claims: u64,
    ops: u64,
    next_look: u64,
    /// The last look: its operation and its time.
    look: (u64, u64),
    /// The last operation after which only the next look says who goes first.
    disturbed_in: u64,
}

impl Oracle {
    /// An operation is about to change the ledger.
    pub(in crate::sim) fn looks(&mut self, now: u64, op: &Op) {
        self.fair.ops += 1;
        if now >= self.fair.next_look {
            self.fair.next_look = now + SCAN_MS * MS;
            self.fair.look = (self.fair.ops, now);
            let is_new = |wait: &Wait| wait.is_overtaken && wait.passed_at.is_none();
            let new: Vec<(usize, usize)> =
                self.fair.waits.iter().filter(|(_, wait)| is_new(wait)).map(|(key, _)| *key).collect();
            for key in new {
                if self.is_held_by_limits_only(key, 0)
                    && let Some(wait) = self.fair.waits.get_mut(&key)
                {
                    wait.passed_at = Some(now);
                }
            }
        }
        match op {
            Op::Register { .. } | Op::Finish { .. } | Op::OwnerLost { .. } | Op::SetPace { .. } => {
                self.fair.disturbed_in = self.fair.ops;
                for wait in self.fair.waits.values_mut() {
                    wait.is_overtaken = false;
                    wait.passed_at = None;
                }
            }
            Op::End { outcome, .. } if *outcome == pogo_plan::outcome::Outcome::Succeeded => {}
            Op::Claim { .. } | Op::Idle { .. } | Op::Tick => {}
            Op::Withdraw { .. }
            | Op::Return { .. }
            | Op::End { .. }
            | Op::Release { .. }
            | Op::Decide { .. } => {
                self.fair.disturbed_in = self.fair.ops;
            }
        }
    }

    /// A host of a job has joined those who wait.
    pub(super) fn joins(&mut self, now: u64, job: usize, at: usize) {
        self.fair.claims += 1;
        let (number, since) = (self.fair.claims, now);
        let wait = Wait { number, since, is_overtaken: false, passed_at: None, stood_back_in: 0 };
        self.fair.waits.insert((job, at), wait);
    }

    /// A host waits no longer, since it goes.
    pub(super) fn goes(&mut self, job: usize, at: usize) {
        self.fair.waits.remove(&(job, at));
    }

    /// Some of a job wait no longer.
    pub(super) fn leaves(&mut self, job: usize) {
        let claims: BTreeSet<usize> =
            self.jobs.get(job).into_iter().flat_map(|job| &job.claims).copied().collect();
        self.fair.waits.retain(|(of, at), _| *of != job || claims.contains(at));
    }

    /// Somebody is about to go, and takes a place in each of its limits.
    pub(super) fn takes_places(&mut self, now: u64, job: usize, at: usize, global: usize) -> Verdicts {
        let Some(taker) = self.fair.waits.get(&(job, at)).map(|wait| wait.number) else { return Ok(()) };
        self.nobody_older_could_go(now, taker, global)?;
        let is_long = |wait: &Wait| now >= wait.since + SHORT_MS * MS;
        let overtaken: Vec<(usize, usize)> = self
            .fair
            .waits
            .iter()
            .filter(|(_, wait)| wait.number < taker && is_long(wait))
            .map(|(key, _)| *key)
            .filter(|&(job, at)| self.jobs.get(job).and_then(|job| job.claims.first()) == Some(&at))
            // One that is out, with another job, does not wait for places.
            .filter(|&key| self.out.get(self.global_of(key)).is_some_and(BTreeSet::is_empty))
            .filter(|&key| self.share_a_limit(self.global_of(key), global))
            .collect();
        for key in overtaken {
            self.may_overtake(key)?;
            if let Some(wait) = self.fair.waits.get_mut(&key) {
                wait.is_overtaken = true;
            }
        }
        let ops = self.fair.ops;
        for (&key, wait) in &mut self.fair.waits {
            if wait.number > taker {
                wait.stood_back_in = ops;
            }
            let is_same = self.jobs.get(key.0).and_then(|job| job.global.get(key.1)) == Some(&global);
            if is_same {
                wait.is_overtaken = false;
                wait.passed_at = None;
            }
        }
        Ok(())
    }

    /// Whoever takes places does so after everybody who came earlier and could go at this moment.
    fn nobody_older_could_go(&self, now: u64, taker: u64, global: usize) -> Verdicts {
        let since = self.fair.waits.values().map(|wait| wait.since).min().unwrap_or(now);
        if now >= since + PASSED_OVER_MS * MS {
            // Places may be kept for somebody, and who that is follows from more than what is seen here.
            return Ok(());
        }
        let older = self.fair.waits.iter().filter(|(_, wait)| wait.number < taker);
        for (&key, _) in older {
            let waiting = self.global_of(key);
            let has_room = |(members, most, _): (BTreeSet<usize>, u32, &str)| self.out_among(&members) < most;
            let could_go = self.is_held_by_limits_only(key, 0) && self.limits_with(waiting).all(has_room);
            must(!could_go, || format!("h{global} goes before h{waiting}, which came earlier and could go"))?;
        }
        Ok(())
    }

    fn may_overtake(&self, key: (usize, usize)) -> Verdicts {
        let Some(wait) = self.fair.waits.get(&key) else { return Ok(()) };
        let (look, looked_at) = self.fair.look;
        let is_due = wait.passed_at.is_some_and(|at| at + PASSED_OVER_MS * MS <= looked_at);
        let is_calm = self.fair.disturbed_in < look && wait.stood_back_in < look;
        if !is_due || !is_calm || !self.is_held_by_limits_only(key, 1) || !self.has_hope(key) {
            return Ok(());
        }
        let global = self.global_of(key);
        let stands_behind = self.fair.waits.iter().any(|(other, before)| {
            before.number < wait.number && self.share_a_limit(self.global_of(*other), global)
        });
        must(stands_behind, || format!("h{global} is passed over after five minutes of that"))
    }

    fn global_of(&self, (job, at): (usize, usize)) -> usize {
        self.jobs.get(job).and_then(|job| job.global.get(at)).copied().unwrap_or(usize::MAX)
    }

    fn share_a_limit(&self, one: usize, other: usize) -> bool {
        self.limits_with(one).any(|(members, ..)| members.contains(&other))
    }

    /// Whether a host is in service and its job might let it go, with so many more in flight.
    fn is_held_by_limits_only(&self, key: (usize, usize), more: usize) -> bool {
        let Some(seen) = self.jobs.get(key.0) else { return false };
        let is_in_service = self.out.get(self.global_of(key)).is_some_and(BTreeSet::is_empty);
        let ramp = seen.plan.job.ramp.get(seen.ramp_step).copied().unwrap_or(u32::MAX);
        let cap = ramp.min(seen.concurrent.unwrap_or(u32::MAX));
        is_in_service && seen.stagger_ms == 0 && seen.in_flight.len() + more < cap as usize
    }

    /// Whether each full limit of a host has an attempt under way.
    fn has_hope(&self, key: (usize, usize)) -> bool {
        let runs = |global: &usize| {
            self.jobs.iter().any(|job| job.in_flight.iter().any(|at| job.global.get(*at) == Some(global)))
        };
        self.limits_with(self.global_of(key))
            .all(|(members, most, _)| self.out_among(&members) < most || members.iter().any(runs))
    }
}
