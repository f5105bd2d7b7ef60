//! The whole ledger on record, so that a process need not read the log from its beginning.
//!
//! A snapshot says what is so, not what follows from it: who is out, who waits since when, what was taken when. Counts
//! are counted again. It is the same in every replica that has applied the same operations, and a ledger that was
//! restored from it answers whatever comes as the original does. A later version may decide differently, and can read
//! it all the same.

use std::sync::Arc;

use hashbrown::HashMap;
use pogo_plan::event::JobId;
use pogo_plan::outcome::Attempt;
use pogo_plan::{HostIdx, Plan};
use serde::{Deserialize, Serialize};

use super::chain::Chain;
use super::queue::{TICKET, ticket_of};
use super::{Group, Kind, Ledger, Mark, NONE, Out, Place, Running, Waiter, What};
use crate::policy::Policy;
use crate::stable::{HostStateForm, RecordError, host_of, job_bits, number_of};
use crate::time::Monotonic;

/// The version of [`Snapshot`]. One of another version is refused by whoever reads it.
pub const VERSION: u8 = 1;

/// A ledger on record. Times are monotonic nanoseconds, `job` is a place in `jobs`, hosts of a job are numbers in its plan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Snapshot {
    /// How many tickets were drawn.
    tickets: u64,
    /// When it is next looked at who was passed over.
    next_scan: u64,
    /// Oldest first: the unfinished ones, and those that ended with an attempt under way.
    jobs: Vec<JobForm>,
    /// By name.
    out: Vec<OutForm>,
    /// Oldest first.
    limits: Vec<LimitForm>,
    /// Those who wait for places, by the ticket of the first of each line.
    lines: Vec<LineForm>,
    /// Those who wait for a host, with their jobs, by ticket.
    aside: Vec<(u32, WaiterForm)>,
}

impl Snapshot {
    /// The jobs in it: those whose plans [`Ledger::restore`] asks for.
    pub fn jobs(&self) -> impl Iterator<Item = JobId> + '_ {
        self.jobs.iter().map(|form| form.job)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct JobForm {
    #[serde(with = "job_bits")]
    job: JobId,
    is_unfinished: bool,
    concurrent: Option<u32>,
    stagger_ms: u64,
    ramp_step: u32,
    ramp_successes: u32,
    next_start: u64,
    wakes_at: Option<u64>,
    idle: Option<u32>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct OutForm {
    host: String,
    since: u64,
    running: Option<RunningForm>,
    bad: Vec<MarkForm>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RunningForm {
    job: u32,
    attempt: u32,
    again: bool,
}

/// The job may have ended long ago.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct MarkForm {
    #[serde(with = "job_bits")]
    job: JobId,
    attempt: u32,
    state: HostStateForm,
}

/// A limit in force, which is one of the limits of a job's plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LimitForm {
    job: u32,
    /// Counted over the limits of the plan.
    number: u32,
    /// The latest ticket that took a place, and when somebody last did.
    taken: (u64, u64),
    /// Only this ticket and earlier ones may take a place.
    kept_for: Option<u64>,
}

/// Hosts of a job with the same needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LineForm {
    job: u32,
    needs: Needs,
    /// Oldest first; never empty.
    waiting: Vec<WaiterForm>,
    waits_at: Option<PlaceForm>,
    head_since: u64,
    passed_since: Option<u64>,
    /// Whether its limits are kept for it.
    keeps: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Needs {
    /// The next attempt of a host in flight.
    Again,
    /// What a host that is out already needs.
    Out,
    /// Places in the host's limits too.
    Limits,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum PlaceForm {
    /// What the job may have in flight, and when.
    Pace,
    /// A place in `limits`.
    Limit(u32),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WaiterForm {
    ticket: u64,
    host: u32,
    attempt: u32,
}

/// A snapshot that no ledger can be made of.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// Something that has no meaning here.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// It speaks of a job, limit or host that is not in it or in the job's plan.
    #[error("the snapshot of the ledger is broken: it has no {what} {number}")]
    Missing {
        /// What is missing.
        what: &'static str,
        /// Its number.
        number: u32,
    },
    /// A name that is no host's.
    #[error("the snapshot of the ledger is broken: {host} is no host")]
    NoHost {
        /// The name.
        host: String,
    },
}

fn small(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

impl Ledger {
    /// Everything that the ledger knows, to be restored by [`Ledger::restore`].
    ///
    /// Costs as much as there are hosts out, hosts waiting, jobs and limits.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let mut jobs: Vec<(u32, &super::Job)> = self.jobs.iter().collect();
        jobs.sort_unstable_by_key(|(_, job)| job.age);
        let job_numbers: HashMap<u32, u32> = jobs.iter().map(|&(at, _)| at).zip(0..).collect();
        let number_of_job = |at: u32| job_numbers.get(&at).copied().unwrap_or(NONE);

        let mut limits: Vec<(u64, u32, LimitForm)> = Vec::new();
        let mut seen: HashMap<u32, ()> = HashMap::new();
        for &(job, record) in &jobs {
            for (&place, number) in record.limits.iter().zip(0..) {
                if let Some(Place { what: What::Limit { age, .. }, latest, reserved, .. }) =
                    self.places.get(place)
                    && seen.insert(place, ()).is_none()
                {
                    let taken = (latest.0 & !TICKET, latest.1.0);
                    let kept_for = reserved.map(|ticket| ticket & !TICKET);
                    let job = number_of_job(job);
                    limits.push((*age, place, LimitForm { job, number, taken, kept_for }));
                }
            }
        }
        limits.sort_unstable_by_key(|&(age, ..)| age);
        let limit_numbers: HashMap<u32, u32> = limits.iter().map(|&(_, place, _)| place).zip(0..).collect();

        let mut aside: Vec<(u32, WaiterForm)> = self
            .waiters
            .iter()
            .filter(|(_, waiter)| self.groups.get(waiter.group).is_none())
            .map(|(_, waiter)| (number_of_job(waiter.job), WaiterForm::of(waiter)))
            .collect();
        aside.sort_unstable_by_key(|(_, waiter)| waiter.ticket);

        let mut lines: Vec<LineForm> = self
            .groups
            .iter()
            .map(|(at, group)| LineForm {
                job: number_of_job(group.job),
                needs: match group.kind {
                    Kind::Again => Needs::Again,
                    Kind::Out => Needs::Out,
                    Kind::Limits(_) => Needs::Limits,
                },
                waiting: self.waiting_in(&group.waiting),
                waits_at: group.parked.map(|(place, _)| {
                    limit_numbers.get(&place).map_or(PlaceForm::Pace, |&limit| PlaceForm::Limit(limit))
                }),
                head_since: group.head_since.0,
                passed_since: group.passed_since.map(|since| since.0),
                keeps: self.reserving.contains(&at),
            })
            .collect();
        lines.sort_unstable_by_key(|line| line.waiting.first().map(|first| first.ticket));

        let mut out: Vec<OutForm> =
            self.outs.iter().map(|(_, out)| self.out_form(out, number_of_job)).collect();
        out.sort_unstable_by(|one, other| one.host.cmp(&other.host));

        Snapshot {
            tickets: self.last_ticket,
            next_scan: self.next_scan.0,
            jobs: jobs.into_iter().map(|(_, job)| JobForm::of(job)).collect(),
            out,
            limits: limits.into_iter().map(|(_, _, limit)| limit).collect(),
            lines,
            aside,
        }
    }

    fn out_form(&self, out: &Out, number_of_job: impl Fn(u32) -> u32) -> OutForm {
        let mark =
            |mark: &Mark| MarkForm { job: mark.job, attempt: mark.attempt.0, state: mark.state.into() };
        let running = |Running { job, attempt, again }| RunningForm {
            job: number_of_job(job),
            attempt: attempt.0,
            again,
        };
        OutForm {
            host: self.name(out.host).to_owned(),
            since: out.since.0,
            running: out.running.map(running),
            bad: out.bad.iter().map(mark).collect(),
        }
    }

    fn waiting_in(&self, chain: &Chain) -> Vec<WaiterForm> {
        let mut waiting: Vec<WaiterForm> = chain.iter(&self.waiters).map(WaiterForm::of).collect();
        waiting.sort_unstable_by_key(|waiter| waiter.ticket);
        waiting
    }

    /// The ledger of a snapshot. `plan` is asked for the plan of each job in it. Whoever goes on with it asks
    /// [`Ledger::wake_at`] when to come back.
    ///
    /// # Errors
    ///
    /// [`RecordError::NoPlan`] if a plan is missing, and others if the snapshot does not fit the plans.
    pub fn restore(
        snapshot: Snapshot,
        mut plan: impl FnMut(JobId) -> Option<Arc<Plan>>,
    ) -> Result<Self, RestoreError> {
        let mut ledger = Self {
            last_ticket: snapshot.tickets,
            next_scan: Monotonic(snapshot.next_scan),
            ..Self::default()
        };
        let mut jobs = Vec::new();
        for form in &snapshot.jobs {
            let plan = plan(form.job).ok_or(RecordError::NoPlan { job: form.job })?;
            jobs.push((ledger.restore_job(form, &plan), plan));
        }
        let job_at = |number: u32| {
            let job = jobs.get(number as usize).map(|(job, _)| *job);
            job.ok_or(RestoreError::Missing { what: "job", number })
        };
        for form in snapshot.out {
            ledger.restore_out(form, job_at)?;
        }
        let mut places = Vec::new();
        for form in &snapshot.limits {
            let missing = RestoreError::Missing { what: "limit", number: form.number };
            let (job, plan) = jobs.get(form.job as usize).ok_or_else(|| missing.clone())?;
            let limit = plan.limits.get(form.number as usize).ok_or(missing)?;
            let hosts = ledger.jobs.get(*job).map(|job| job.hosts.clone()).unwrap_or_default();
            let place = ledger.put_in_force(limit, &hosts);
            if let Some(Place { what: What::Limit { users, .. }, latest, reserved, .. }) =
                ledger.places.get_mut(place)
            {
                *users = 0;
                *latest =
                    (if form.taken.0 == 0 { 0 } else { form.taken.0 | TICKET }, Monotonic(form.taken.1));
                *reserved = form.kept_for.map(|ticket| ticket | TICKET);
            }
            places.push(place);
        }
        for (job, plan) in &jobs {
            let Some(record) = ledger.jobs.get(*job).filter(|job| job.is_unfinished) else { continue };
            let hosts = record.hosts.clone();
            let limits = plan.limits.iter().map(|limit| ledger.put_in_force(limit, &hosts)).collect();
            if let Some(record) = ledger.jobs.get_mut(*job) {
                record.limits = limits;
            }
        }
        for line in snapshot.lines {
            let job = job_at(line.job)?;
            ledger.restore_line(job, line, &places)?;
        }
        for (job, form) in snapshot.aside {
            ledger.restore_waiter(job_at(job)?, form, NONE)?;
        }
        ledger.freed.clear();
        Ok(ledger)
    }

    /// The ledger with a fault planted in it.
    #[cfg(any(test, feature = "sim"))]
    #[must_use]
    pub(crate) fn with_faults(mut self, faults: crate::fault::Faults) -> Self {
        self.faults = faults;
        self
    }

    fn restore_job(&mut self, form: &JobForm, plan: &Plan) -> u32 {
        let hosts = self.intern_all(&plan.hosts);
        let policy = Policy::of(&plan.job);
        let at = self.job_record(form.job);
        if let Some(record) = self.jobs.get_mut(at) {
            record.hosts = hosts;
            record.ramp = policy.ramp;
            record.restores = policy.restores;
            record.is_unfinished = form.is_unfinished;
            record.concurrent = form.concurrent;
            record.stagger_ms = form.stagger_ms;
            record.ramp_step = form.ramp_step as usize;
            record.ramp_successes = form.ramp_successes;
            record.next_start = Monotonic(form.next_start);
            record.timer = form.wakes_at.map(Monotonic);
            record.idle = form.idle;
        }
        if let Some(at_time) = form.wakes_at {
            self.timers.insert((Monotonic(at_time), at));
        }
        self.update_in_flight(at);
        at
    }

    fn restore_out(
        &mut self,
        form: OutForm,
        job_at: impl Fn(u32) -> Result<u32, RestoreError>,
    ) -> Result<(), RestoreError> {
        let host = self.intern(&form.host);
        let Some(record) = self.hosts.get_mut(host as usize) else {
            return Err(RestoreError::NoHost { host: form.host });
        };
        let mark =
            |mark: MarkForm| Mark { job: mark.job, attempt: Attempt(mark.attempt), state: mark.state.into() };
        let running = match form.running {
            None => None,
            Some(RunningForm { job, attempt, again }) => {
                Some(Running { job: job_at(job)?, attempt: Attempt(attempt), again })
            }
        };
        let bad = form.bad.into_iter().map(mark).collect();
        record.out = self.outs.insert(Out { host, since: Monotonic(form.since), running, bad });
        if let Some(job) = running.and_then(|running| self.jobs.get_mut(running.job)) {
            job.running += 1;
            if let Some(place) = self.places.get_mut(job.in_flight) {
                place.in_use += 1;
            }
        }
        Ok(())
    }

    fn restore_line(&mut self, job: u32, form: LineForm, places: &[u32]) -> Result<(), RestoreError> {
        let head = form.waiting.first().ok_or(RestoreError::Missing { what: "waiting host", number: 0 })?;
        let host = self.restored_host(job, head.host)?;
        let kind = match form.needs {
            Needs::Again => Kind::Again,
            Needs::Out => Kind::Out,
            Needs::Limits => Kind::Limits(self.set_of(host)),
        };
        let ticket = head.ticket | TICKET;
        let key = if kind == Kind::Again { ticket & !TICKET } else { ticket };
        let place = match form.waits_at {
            None => None,
            Some(PlaceForm::Pace) => self.jobs.get(job).map(|job| job.in_flight),
            Some(PlaceForm::Limit(number)) => {
                let place = places.get(number as usize).copied();
                Some(place.ok_or(RestoreError::Missing { what: "limit", number })?)
            }
        };
        let group = self.groups.insert(Group {
            job,
            kind,
            waiting: Chain::default(),
            parked: place.map(|place| (place, key)),
            head_since: Monotonic(form.head_since),
            passed_since: form.passed_since.map(Monotonic),
            said: NONE,
        });
        self.group_index.insert((job, kind), group);
        if let Kind::Limits(set) = kind {
            self.sets.retain(set);
        }
        match place.and_then(|place| self.places.get_mut(place)) {
            Some(place) => {
                place.parked.insert(key, group);
            }
            None => {
                self.ready.insert(ticket, group);
            }
        }
        if form.keeps {
            self.reserving.insert(group);
        }
        for waiter in form.waiting {
            self.restore_waiter(job, waiter, group)?;
        }
        Ok(())
    }

    fn restore_waiter(&mut self, job: u32, form: WaiterForm, group: u32) -> Result<(), RestoreError> {
        let (idx, host) = (host_of(form.host)?, self.restored_host(job, form.host)?);
        let (ticket, attempt) = (ticket_of(form.ticket), Attempt(form.attempt));
        let Some(record) = self.hosts.get_mut(host as usize) else { return Ok(()) };
        let waiter =
            Waiter { ticket, job, host, idx, attempt, group, next: record.waiter, before: NONE, after: NONE };
        record.waiter = self.waiters.insert(waiter);
        if let Some(group) = self.groups.get_mut(group) {
            group.waiting.insert(&mut self.waiters, record.waiter);
        }
        if let Some(job) = self.jobs.get_mut(job) {
            job.waiting += 1;
        }
        Ok(())
    }

    fn restored_host(&self, job: u32, number: u32) -> Result<u32, RestoreError> {
        let host = HostIdx::from_index(number as usize).and_then(|host| self.host_of(job, host));
        let host = host.filter(|&host| (host as usize) < self.hosts.len());
        host.ok_or(RestoreError::Missing { what: "host", number })
    }
}

impl WaiterForm {
    fn of(waiter: &Waiter) -> Self {
        Self { ticket: waiter.ticket.get() & !TICKET, host: number_of(waiter.idx), attempt: waiter.attempt.0 }
    }
}

impl JobForm {
    fn of(job: &super::Job) -> Self {
        Self {
            job: job.id,
            is_unfinished: job.is_unfinished,
            concurrent: job.concurrent,
            stagger_ms: job.stagger_ms,
            ramp_step: small(job.ramp_step),
            ramp_successes: job.ramp_successes,
            next_start: job.next_start.0,
            wakes_at: job.timer.map(|at| at.0),
            idle: job.idle,
        }
    }
}
#[cfg(test)]
mod tests;
