//! Jobs, the limits that they put in force, and which limits a host is in.

use std::sync::Arc;

use pogo_plan::event::JobId;
use pogo_plan::{HostTable, Limit, Plan};

use super::line::Line;
use super::{Effect, Host, Job, Ledger, NONE, Place, What, sets};
use crate::outbox::Outbox;
use crate::policy::Policy;
use crate::time::Monotonic;

/// A host that is in service and in no limit.
const NEW_HOST: Host = Host { set: sets::EMPTY, out: NONE, waiter: NONE };

impl Ledger {
    pub(super) fn register(&mut self, id: JobId, plan: &Plan, out: &mut impl Outbox<Effect>) {
        let hosts = self.intern_all(&plan.hosts);
        let limits: Vec<u32> = plan.limits.iter().map(|limit| self.put_in_force(limit, &hosts)).collect();
        let policy = Policy::of(&plan.job);
        let job = self.job_record(id);
        self.withdraw_all(job);
        let old =
            self.jobs.get_mut(job).map(|job| std::mem::replace(&mut job.limits, limits)).unwrap_or_default();
        if let Some(record) = self.jobs.get_mut(job) {
            record.hosts = hosts;
            record.concurrent = policy.concurrent;
            record.ramp = policy.ramp;
            record.ramp_step = 0;
            record.ramp_successes = 0;
            record.change_stagger(policy.stagger_ms);
            record.restores = policy.restores;
            record.is_unfinished = true;
            record.idle = None;
        }
        for limit in old {
            self.put_out_of_force(limit);
        }
        self.update_in_flight(job);
        self.regroup();
        let free_to_run = |ledger: &Self, host| {
            let out = ledger.out_of(ledger.host_of(job, host)?)?;
            let may = out.running.is_none() && ledger.unknown_mark(out).is_none();
            may.then_some(host)
        };
        let already_out = plan.targets.iter().filter_map(|&host| free_to_run(self, host)).collect();
        out.push(Effect::Registered { job: id, out: already_out });
    }

    pub(super) fn finish(&mut self, now: Monotonic, id: JobId) {
        let Some(job) = self.job_at(id) else { return };
        self.withdraw_all(job);
        if self.faults.has(crate::fault::Fault::EndReleases) {
            self.forget_marks_of(now, id);
        }
        let Some(record) = self.jobs.get_mut(job) else { return };
        record.is_unfinished = false;
        record.idle = None;
        for limit in std::mem::take(&mut record.limits) {
            self.put_out_of_force(limit);
        }
        self.regroup();
        self.forget_if_over(job);
    }

    /// Drops what is known of a job once nothing refers to it any more.
    pub(super) fn forget_if_over(&mut self, job: u32) {
        let Some(record) = self.jobs.get_mut(job) else { return };
        if record.is_unfinished || record.running > 0 {
            return;
        }
        let (id, in_flight, timer) = (record.id, record.in_flight, record.timer.take());
        if let Some(at) = timer {
            self.timers.remove(&(at, job));
        }
        self.job_index.remove(&id);
        self.jobs.remove(job);
        self.places.remove(in_flight);
    }

    pub(super) fn set_pace(&mut self, id: JobId, concurrent: Option<u32>, stagger_ms: u64) {
        let Some(job) = self.job_at(id) else { return };
        let Some(record) = self.jobs.get_mut(job) else { return };
        record.concurrent = concurrent;
        record.change_stagger(stagger_ms);
        let in_flight = record.in_flight;
        self.update_in_flight(job);
        // Everybody who waits for that asks anew to be woken.
        let parked = self.places.get_mut(in_flight).map(|place| std::mem::take(&mut place.parked));
        for (ticket, group) in parked.iter().flat_map(Line::iter) {
            if let Some(group) = self.groups.get_mut(group) {
                group.parked = None;
            }
            self.ready.insert(ticket, group);
        }
    }

    /// What the job may have in flight follows from `concurrent` and from the present step of `ramp`.
    pub(super) fn update_in_flight(&mut self, job: u32) {
        let Some(record) = self.jobs.get(job) else { return };
        let last = record.ramp.len().saturating_sub(1);
        let step = record.ramp.get(record.ramp_step.min(last)).copied();
        let max = record.concurrent.unwrap_or(u32::MAX).min(step.unwrap_or(u32::MAX)).max(1);
        let in_flight = record.in_flight;
        if let Some(place) = self.places.get_mut(in_flight) {
            place.max = max;
        }
        self.freed.push(in_flight);
    }

    /// Counts a success for the ramp: a step ends when as many more hosts have succeeded as it lets fly.
    pub(super) fn step_up(&mut self, job: u32) {
        let Some(record) = self.jobs.get_mut(job) else { return };
        let Some(&step) = record.ramp.get(record.ramp_step) else { return };
        record.ramp_successes += 1;
        if record.ramp_successes >= step && record.ramp_step + 1 < record.ramp.len() {
            record.ramp_step += 1;
            record.ramp_successes = 0;
            self.update_in_flight(job);
        }
    }

    pub(super) fn job_record(&mut self, id: JobId) -> u32 {
        if let Some(job) = self.job_at(id) {
            return job;
        }
        self.last_age += 1;
        let job = self.jobs.insert(Job {
            id,
            age: self.last_age,
            hosts: Vec::new(),
            limits: Vec::new(),
            in_flight: NONE,
            concurrent: None,
            ramp: Vec::new(),
            ramp_step: 0,
            ramp_successes: 0,
            stagger_ms: 0,
            next_start: Monotonic::default(),
            timer: None,
            restores: false,
            running: 0,
            waiting: 0,
            idle: None,
            is_unfinished: true,
        });
        let in_flight = self.places.insert(Place::new(What::InFlight { job }, u32::MAX));
        if let Some(record) = self.jobs.get_mut(job) {
            record.in_flight = in_flight;
        }
        self.job_index.insert(id, job);
        self.latest_job = job;
        job
    }

    /// The ledger's numbers of a plan's hosts, in their order.
    pub(super) fn intern_all(&mut self, hosts: &HostTable) -> Vec<u32> {
        // Most ledgers serve one job, and most plans spell each host in one way: then the plan's table is the ledger's.
        if self.names.is_empty() && hosts.iter().all(|(_, name)| is_plain(name)) {
            self.names = hosts.clone();
            self.hosts = vec![NEW_HOST; hosts.len()];
            return (0..).take(hosts.len()).collect();
        }
        hosts.iter().map(|(_, name)| self.intern(name)).collect()
    }

    /// One number for all spellings of a name that a resolver takes for the same machine.
    pub(super) fn intern(&mut self, name: &str) -> u32 {
        let interned = if is_plain(name) {
            self.names.intern(name)
        } else {
            self.names.intern(&name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase())
        };
        let Some(interned) = interned else { return NONE };
        if interned.is_new {
            self.hosts.push(NEW_HOST);
        }
        u32::try_from(interned.host.index()).unwrap_or(NONE)
    }

    pub(super) fn find(&self, name: &str) -> Option<u32> {
        let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        u32::try_from(self.names.get(&name)?.index()).ok()
    }

    /// Puts a limit in force, or counts one more user of the same limit over the same hosts.
    pub(super) fn put_in_force(&mut self, limit: &Limit, hosts: &[u32]) -> u32 {
        let mut members: Vec<u32> =
            limit.members.iter().filter_map(|member| hosts.get(member.index()).copied()).collect();
        members.sort_unstable();
        members.dedup();
        let known = self.limit_index.get(limit.id.as_str()).into_iter().flatten().copied().find(|&place| {
            self.places.get(place).is_some_and(|place| {
                place.max == limit.max_parallel
                    && matches!(&place.what, What::Limit { members: same, .. } if *same == members)
            })
        });
        if let Some(place) = known {
            if let Some(Place { what: What::Limit { users, .. }, .. }) = self.places.get_mut(place) {
                *users += 1;
            }
            return place;
        }
        let id: Arc<str> = Arc::from(limit.id.as_str());
        self.last_age += 1;
        let age = self.last_age;
        let what = What::Limit { id: Arc::clone(&id), members: Vec::new(), users: 1, age };
        let mut place = Place::new(what, limit.max_parallel);
        for &member in &members {
            if let Some(out) = self.out_of(member) {
                place.in_use += 1;
                place.running += u32::from(out.running.is_some());
            }
        }
        let at = self.places.insert(place);
        self.limit_index.entry(id).or_default().push(at);
        self.change_sets(&members, |sets, set| sets.with(set, at));
        if let Some(Place { what: What::Limit { members: known, .. }, .. }) = self.places.get_mut(at) {
            *known = members;
        }
        at
    }

    fn put_out_of_force(&mut self, at: u32) {
        let Some(Place { what: What::Limit { id, members, users, .. }, .. }) = self.places.get_mut(at) else {
            return;
        };
        *users = users.saturating_sub(1);
        if *users > 0 {
            return;
        }
        let (id, members) = (Arc::clone(id), std::mem::take(members));
        self.change_sets(&members, |sets, set| sets.without(set, at));
        if let Some(same_name) = self.limit_index.get_mut(&id) {
            same_name.retain(|&place| place != at);
            if same_name.is_empty() {
                self.limit_index.remove(&id);
            }
        }
        let Some(place) = self.places.remove(at) else { return };
        for (ticket, group) in place.parked.iter() {
            if let Some(group) = self.groups.get_mut(group) {
                group.parked = None;
            }
            self.ready.insert(ticket, group);
        }
    }

    fn change_sets(&mut self, members: &[u32], mut change: impl FnMut(&mut sets::Sets, u32) -> u32) {
        self.sets.begin_change();
        for &member in members {
            let Some(host) = self.hosts.get_mut(member as usize) else { continue };
            host.set = self.sets.changed(host.set, &mut change);
        }
        self.sets.end_change();
    }
}

/// Whether a name is spelled as the ledger spells it. All bytes are looked at, since that can be done many at a time.
fn is_plain(name: &str) -> bool {
    let has_upper = name.bytes().fold(false, |has, byte| has | byte.is_ascii_uppercase());
    !has_upper && !name.ends_with('.')
}

impl Job {
    /// The time since the last start counts.
    fn change_stagger(&mut self, stagger_ms: u64) {
        if self.next_start != Monotonic::default() {
            let since_start = self.stagger_ms.saturating_mul(1_000_000);
            let last_start = Monotonic(self.next_start.0.saturating_sub(since_start));
            self.next_start = last_start.after_ms(stagger_ms);
        }
        self.stagger_ms = stagger_ms;
    }
}

impl Place {
    fn new(what: What, max: u32) -> Self {
        Self {
            what,
            max,
            in_use: 0,
            running: 0,
            parked: Line::default(),
            reserved: None,
            latest: (0, Monotonic::default()),
            has_changed: false,
        }
    }
}
