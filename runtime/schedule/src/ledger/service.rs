//! Coming back into service, or not: on evidence only.

use pogo_plan::HostIdx;
use pogo_plan::event::{JobId, Verdict};
use pogo_plan::outcome::{Attempt, HostState, Outcome};

use super::queue::note_change;
use super::{Effect, Ledger, Mark, NONE};
use crate::fault::Fault;
use crate::outbox::Outbox;
use crate::time::Monotonic;

impl Ledger {
    pub(super) fn end(
        &mut self,
        now: Monotonic,
        id: JobId,
        idx: HostIdx,
        attempt: Attempt,
        outcome: Outcome,
    ) {
        let Some(job) = self.job_at(id) else { return };
        let Some(host) = self.host_of(job, idx) else { return };
        let at = self.hosts.get(host as usize).map_or(NONE, |host| host.out);
        let Some(record) = self.outs.get_mut(at) else { return };
        // A further attempt may have been granted in the moment in which the job gave it up.
        let is_current = record.running.is_some_and(|running| {
            running.job == job
                && (running.attempt == attempt || (running.again && running.attempt == attempt.next()))
        });
        if !is_current {
            return;
        }
        record.running = None;
        let restores = self.jobs.get(job).is_some_and(|job| job.restores);
        let restores = restores || self.faults.has(Fault::AnySuccessRestores);
        let state = outcome.host_state();
        if outcome == Outcome::Succeeded && restores {
            record.bad.clear();
        } else {
            record.bad.retain(|mark| mark.job != id);
            if state.is_bad() && !(self.faults.has(Fault::FailureReleases) && state == HostState::Failed) {
                record.bad.push(Mark { job: id, attempt, state });
            }
        }
        self.leave_flight(job);
        if outcome == Outcome::Succeeded || self.faults.has(Fault::RampCountsFailures) {
            self.step_up(job);
        }
        self.stopped_running(job, host);
        self.reattach(now, host);
        self.forget_if_over(job);
    }

    pub(super) fn give_back(&mut self, now: Monotonic, id: JobId, idx: HostIdx, attempt: Attempt) {
        let Some(job) = self.job_at(id) else { return };
        let Some(host) = self.host_of(job, idx) else { return };
        let at = self.hosts.get(host as usize).map_or(NONE, |host| host.out);
        let Some(record) = self.outs.get_mut(at) else { return };
        let Some(running) = record.running.filter(|running| running.job == job && running.attempt == attempt)
        else {
            return;
        };
        if running.again {
            // Still between two attempts: its end is another operation.
            record.running =
                Some(super::Running { attempt: Attempt(attempt.0.saturating_sub(1)), again: false, job });
            return;
        }
        record.running = None;
        self.leave_flight(job);
        self.stopped_running(job, host);
        self.reattach(now, host);
        self.forget_if_over(job);
    }

    pub(super) fn release(&mut self, now: Monotonic, name: &str, out: &mut impl Outbox<Effect>) {
        let Some(host) = self.find(name) else { return };
        let at = self.hosts.get(host as usize).map_or(NONE, |host| host.out);
        let Some(record) = self.outs.get_mut(at) else { return };
        if let Some(mark) = record.bad.iter().find(|mark| mark.state == HostState::Unknown) {
            out.push(Effect::NotReleased { host: name.into(), job: mark.job });
            return;
        }
        record.bad.clear();
        self.marks_changed(now, host);
    }

    pub(super) fn decide(&mut self, now: Monotonic, id: JobId, name: &str, verdict: Verdict, restores: bool) {
        let Some(host) = self.find(name) else { return };
        let at = self.hosts.get(host as usize).map_or(NONE, |host| host.out);
        let Some(record) = self.outs.get_mut(at) else { return };
        let Some(mark) =
            record.bad.iter().position(|mark| mark.job == id && mark.state == HostState::Unknown)
        else {
            return;
        };
        match verdict {
            Verdict::Failed => {
                if let Some(mark) = record.bad.get_mut(mark) {
                    mark.state = HostState::Failed;
                }
            }
            // What the job's own success would have done. Other jobs' unknown attempts stay unknown.
            Verdict::Succeeded => {
                record.bad.retain(|mark| mark.job != id && !(restores && mark.state != HostState::Unknown));
            }
        }
        self.marks_changed(now, host);
    }

    pub(super) fn forget_marks_of(&mut self, now: Monotonic, id: JobId) {
        let hosts: Vec<u32> = self.outs.iter().map(|(_, out)| out.host).collect();
        for host in hosts {
            let at = self.hosts.get(host as usize).map_or(NONE, |host| host.out);
            if let Some(record) = self.outs.get_mut(at) {
                record.bad.retain(|mark| mark.job != id);
            }
            self.marks_changed(now, host);
        }
    }

    fn marks_changed(&mut self, now: Monotonic, host: u32) {
        self.back_in_service(NONE, host, false);
        self.reattach(now, host);
    }

    fn leave_flight(&mut self, job: u32) {
        let Some(record) = self.jobs.get_mut(job) else { return };
        record.running = record.running.saturating_sub(1);
        let in_flight = record.in_flight;
        if let Some(place) = self.places.get_mut(in_flight) {
            place.in_use = place.in_use.saturating_sub(1);
        }
        self.freed.push(in_flight);
    }

    /// The host's places are no longer in use by an attempt, and free if nobody left it bad.
    fn stopped_running(&mut self, job: u32, host: u32) {
        self.back_in_service(job, host, true);
    }

    fn back_in_service(&mut self, job: u32, host: u32, was_running: bool) {
        let Some(record) = self.out_of(host) else { return };
        let is_back = record.running.is_none() && record.bad.is_empty();
        let twice = self.faults.has(Fault::ReleaseTwice);
        for &at in self.sets.as_slice(self.set_of(host)) {
            let counts = job == NONE || self.counts(job, at);
            let Some(place) = self.places.get_mut(at) else { continue };
            place.running = place.running.saturating_sub(u32::from(was_running));
            let may_come_free = place.running > 0 || (is_back && place.in_use <= place.max);
            self.is_hope_lost |= was_running && !may_come_free && place.in_use >= place.max;
            if is_back {
                place.in_use = place.in_use.saturating_sub(u32::from(counts) + u32::from(twice));
                note_change(&mut self.changed, at, place);
                self.freed.push(at);
            }
        }
        if is_back {
            let at =
                self.hosts.get_mut(host as usize).map_or(NONE, |host| std::mem::replace(&mut host.out, NONE));
            self.outs.remove(at);
        }
    }
}
