//! What the ledger must never do.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "the simulator is a test: a panic in it is a finding"
)]

use std::collections::BTreeSet;

use pogo_plan::HostIdx;
use pogo_plan::event::{Blocker, Verdict};
use pogo_plan::outcome::{Attempt, Outcome};

use super::{Oracle, Verdicts, must};

impl Oracle {
    pub(in crate::sim) fn registered(&mut self, job: usize) {
        let seen = &mut self.jobs[job];
        seen.in_force = true;
        seen.ramp_step = 0;
        seen.ramp_successes = 0;
        seen.concurrent = seen.plan.job.concurrent;
        seen.stagger_ms = seen.plan.job.stagger_ms;
        seen.claims.clear();
        self.leaves(job);
    }

    pub(in crate::sim) fn finished(&mut self, job: usize) {
        let seen = &mut self.jobs[job];
        seen.in_force = false;
        seen.last_grant_at = None;
        seen.claims.clear();
        self.leaves(job);
    }

    pub(in crate::sim) fn paced(&mut self, job: usize, concurrent: Option<u32>, stagger_ms: u64) {
        self.jobs[job].concurrent = concurrent;
        self.jobs[job].stagger_ms = stagger_ms;
    }

    pub(in crate::sim) fn claimed(&mut self, now: u64, job: usize, hosts: &[(HostIdx, Attempt)]) {
        for (host, _) in hosts {
            if !self.jobs[job].claims.contains(&host.index()) {
                self.jobs[job].claims.push(host.index());
                self.joins(now, job, host.index());
            }
        }
    }

    pub(in crate::sim) fn withdrawn(&mut self, job: usize, hosts: Option<&[HostIdx]>) {
        match hosts {
            None => self.jobs[job].claims.clear(),
            Some(hosts) => {
                self.jobs[job].claims.retain(|claim| !hosts.iter().any(|host| host.index() == *claim));
            }
        }
        self.leaves(job);
    }

    /// The ledger took a host out of service.
    pub(in crate::sim) fn granted(
        &mut self,
        now: u64,
        job: usize,
        host: HostIdx,
        attempt: Attempt,
    ) -> Verdicts {
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
                self.takes_places(now, job, at, global)?;
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
        self.goes(job, at);
        Ok(())
    }

    /// Within a job, hosts in exactly the same limits go first come, first served.
    pub(in crate::sim) fn goes_in_turn(&self, job: usize, at: usize) -> Verdicts {
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

    /// A job's journal has a grant.
    pub(in crate::sim) fn grant_recorded(&mut self, job: usize, host: HostIdx, attempt: Attempt) -> Verdicts {
        let seen = &self.jobs[job];
        let is_so = seen.last_granted[host.index()] == attempt.0 && seen.in_flight.contains(&host.index());
        must(is_so, || format!("has a grant of {} on record that the ledger has not", seen.name(host)))?;
        self.on_record.insert((job, host.index(), attempt.0));
        Ok(())
    }

    pub(in crate::sim) fn returned(&mut self, job: usize, host: HostIdx, attempt: Attempt) -> Verdicts {
        let at = host.index();
        let seen = &mut self.jobs[job];
        if seen.last_granted[at] != attempt.0 {
            return Ok(());
        }
        let has_begun = seen.begun.contains_key(&(at, attempt.0));
        must(!has_begun, || format!("gives {} back, which has begun", seen.name(host)))?;
        self.on_record.remove(&(job, at, attempt.0));
        seen.last_granted[at] -= 1;
        // Between two attempts it is out of service until its end is heard, or was heard already.
        if seen.again.remove(&at) || !seen.in_flight.contains(&at) {
            return Ok(());
        }
        seen.in_flight.remove(&at);
        if !seen.was_out.remove(&at) {
            let global = seen.global[at];
            self.out[global].remove(&job);
        }
        Ok(())
    }

    /// The ledger hears that a host's work has ended for now.
    pub(in crate::sim) fn end_heard(&mut self, job: usize, host: HostIdx, outcome: Outcome) {
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

    pub(in crate::sim) fn decided(&mut self, job: usize, global: usize, verdict: Verdict) {
        if self.unknown[global].remove(&job) && verdict == Verdict::Succeeded {
            self.good(job, global);
        }
    }

    pub(in crate::sim) fn released(&mut self, global: usize) {
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

    /// The ledger says that nothing will move a job.
    pub(in crate::sim) fn blocked_said(&self, now: u64, job: usize) -> Verdicts {
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
    pub(in crate::sim) fn blocked_told(&self, job: usize, by: &[Blocker]) -> Verdicts {
        must(!by.is_empty(), || format!("job {job} is blocked and does not say by what"))?;
        for blocker in by {
            must(blocker.state.is_bad(), || {
                format!("job {job} is blocked by {}, which is not bad", blocker.host)
            })?;
        }
        Ok(())
    }
}
