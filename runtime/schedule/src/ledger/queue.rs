//! Who waits, for which one place, and who goes first.
//!
//! INVARIANT: after every operation each group with waiting hosts is parked at exactly one place, and that place was not
//! available to the group's oldest host when it was last looked at; whatever makes it available puts it into `freed`.

use std::num::NonZeroU64;
use std::sync::Arc;

use pogo_plan::HostIdx;
use pogo_plan::event::JobId;
use pogo_plan::outcome::Attempt;

use super::chain::Chain;
use super::{Effect, Group, Kind, Ledger, Mark, NONE, On, Out, Place, Running, Waiter, Waits, What};
use crate::fault::Fault;
use crate::outbox::Outbox;
use crate::time::Monotonic;

/// A bit of every ticket. Keys of parked groups without it come before all that have it.
pub(super) const TICKET: u64 = 1 << 63;

const FIRST_TICKET: NonZeroU64 = match NonZeroU64::new(TICKET) {
    Some(ticket) => ticket,
    None => NonZeroU64::MIN,
};

/// The ticket with a number.
pub(super) fn ticket_of(number: u64) -> NonZeroU64 {
    FIRST_TICKET | number
}

/// What came of looking at the oldest host of a group.
enum Step {
    Granted,
    /// It waits for the host itself and is in the group no longer.
    Aside,
    Parked,
    Empty,
}

impl Ledger {
    pub(super) fn claim(
        &mut self,
        now: Monotonic,
        id: JobId,
        hosts: &[(HostIdx, Attempt)],
        out: &mut impl Outbox<Effect>,
    ) {
        let Some(job) = self.job_at(id) else { return };
        if let Some(record) = self.jobs.get_mut(job) {
            record.idle = None;
            if !record.is_unfinished {
                return;
            }
        }
        for &(idx, attempt) in hosts {
            let Some(host) = self.host_of(job, idx) else { continue };
            if self.waiter_of(host, job).is_some() || self.is_granted(host, job, attempt) {
                continue;
            }
            let Some(record) = self.hosts.get_mut(host as usize) else { continue };
            self.last_ticket += 1;
            let ticket = ticket_of(self.last_ticket);
            let group = NONE;
            let next = record.waiter;
            let waiter = Waiter { ticket, job, host, idx, attempt, group, next, before: NONE, after: NONE };
            record.waiter = self.waiters.insert(waiter);
            let waiter = record.waiter;
            if let Some(job) = self.jobs.get_mut(job) {
                job.waiting += 1;
            }
            self.attach(now, waiter);
        }
        self.drain(now, out);
        self.report_waiting(id, job, hosts, out);
    }

    /// Says for the hosts of a claim that were not granted what they wait for, one message for each reason.
    fn report_waiting(
        &mut self,
        id: JobId,
        job: u32,
        hosts: &[(HostIdx, Attempt)],
        out: &mut impl Outbox<Effect>,
    ) {
        let mut said: Vec<(u32, Box<Waits>)> = Vec::new();
        for &(idx, _) in hosts {
            let waiter = self.host_of(job, idx).and_then(|host| self.waiter_of(host, job));
            let Some(waiter) = waiter.and_then(|waiter| self.waiters.get(waiter)) else { continue };
            let at = waiter.group;
            let group = self.groups.get(at);
            if let Some((_, waits)) = group.and_then(|group| said.get_mut(group.said as usize)) {
                waits.hosts.push(idx);
            } else if let Some(on) = self.reason(waiter) {
                if group.is_none() {
                    out.push(Effect::Waiting { job: id, waits: Box::new(Waits { hosts: vec![idx], on }) });
                } else {
                    if let Some(group) = self.groups.get_mut(at) {
                        group.said = u32::try_from(said.len()).unwrap_or(NONE);
                    }
                    said.push((at, Box::new(Waits { hosts: vec![idx], on })));
                }
            }
        }
        for (group, waits) in said {
            if let Some(group) = self.groups.get_mut(group) {
                group.said = NONE;
            }
            out.push(Effect::Waiting { job: id, waits });
        }
    }

    pub(super) fn withdraw(&mut self, id: JobId, hosts: Option<&[HostIdx]>) {
        let Some(job) = self.job_at(id) else { return };
        let Some(hosts) = hosts else { return self.withdraw_all(job) };
        for &host in hosts {
            if let Some(waiter) = self.host_of(job, host).and_then(|host| self.waiter_of(host, job)) {
                self.forget_waiter(waiter);
            }
        }
    }

    pub(super) fn withdraw_all(&mut self, job: u32) {
        if self.jobs.get(job).is_none_or(|job| job.waiting == 0) {
            return;
        }
        let all: Vec<u32> =
            self.waiters.iter().filter(|(_, waiter)| waiter.job == job).map(|(waiter, _)| waiter).collect();
        for waiter in all {
            self.forget_waiter(waiter);
        }
    }

    /// The waiter of a job for a host.
    pub(super) fn waiter_of(&self, host: u32, job: u32) -> Option<u32> {
        let mut at = self.hosts.get(host as usize)?.waiter;
        while let Some(waiter) = self.waiters.get(at) {
            if waiter.job == job {
                return Some(at);
            }
            at = waiter.next;
        }
        None
    }

    fn is_granted(&self, host: u32, job: u32, attempt: Attempt) -> bool {
        let running = self.out_of(host).and_then(|out| out.running);
        running.is_some_and(|running| running.job == job && running.attempt >= attempt)
    }

    /// What a waiter waits for now.
    pub(super) fn reason(&self, waiter: &Waiter) -> Option<On> {
        let Some(group) = self.groups.get(waiter.group) else {
            let out = self.out_of(waiter.host)?;
            return match (out.running, self.unknown_mark(out)) {
                (Some(running), _) => Some(On::OtherJob(self.jobs.get(running.job)?.id)),
                (None, Some(mark)) => Some(On::Decision(mark.job)),
                (None, None) => None,
            };
        };
        let place = self.places.get(group.parked?.0)?;
        Some(match &place.what {
            What::Limit { id, .. } if place.in_use < place.max => On::Turn(Arc::clone(id)),
            What::Limit { id, .. } => On::Limit(Arc::clone(id)),
            What::InFlight { .. } if group.kind == Kind::Again || place.in_use < place.max => On::Stagger,
            What::InFlight { .. } => On::InFlight,
        })
    }

    /// The first mark on a host of which nobody knows whether its command still runs.
    pub(super) fn unknown_mark(&self, out: &Out) -> Option<Mark> {
        let unknown = |mark: &&Mark| mark.state == pogo_plan::outcome::HostState::Unknown;
        out.bad.iter().find(unknown).copied().filter(|_| !self.faults.has(Fault::UnknownTakenOver))
    }

    /// Puts a waiter into the group of its present needs, or sets it aside to wait for the host.
    pub(super) fn attach(&mut self, now: Monotonic, at: u32) {
        let Some(waiter) = self.waiters.get(at) else { return };
        let (job, host, ticket) = (waiter.job, waiter.host, waiter.ticket.get());
        let shared = self.faults.has(Fault::HostShared);
        let kind = match self.out_of(host) {
            None => Kind::Limits(self.set_of(host)),
            Some(Out { running: Some(running), .. }) if running.job == job => Kind::Again,
            Some(Out { running: Some(_), .. }) if !shared => return,
            Some(out) if self.unknown_mark(out).is_some() => return,
            Some(_) => Kind::Out,
        };
        let group = self.group_for(now, job, kind);
        if let Some(waiter) = self.waiters.get_mut(at) {
            waiter.group = group;
        }
        let Some(record) = self.groups.get_mut(group) else { return };
        let was_head = record.waiting.first().map(|(ticket, _)| ticket);
        record.waiting.insert(&mut self.waiters, at);
        if was_head.is_none_or(|head| ticket < head) {
            record.head_since = now;
            record.passed_since = None;
            self.unpark(group);
            if let Some(head) = was_head {
                self.ready.remove(head);
            }
            self.ready.insert(ticket, group);
        }
    }

    /// The group of a job's hosts with the same needs.
    fn group_for(&mut self, now: Monotonic, job: u32, kind: Kind) -> u32 {
        if let Kind::Limits(set) = kind {
            let last = self.sets.last_group(set);
            if self.groups.get(last).is_some_and(|group| group.job == job && group.kind == kind) {
                return last;
            }
        }
        let group = match self.group_index.get(&(job, kind)) {
            Some(&group) => group,
            None => {
                let (waiting, parked, passed_since) = (Chain::default(), None, None);
                let group = Group { job, kind, waiting, parked, head_since: now, passed_since, said: NONE };
                let group = self.groups.insert(group);
                self.group_index.insert((job, kind), group);
                if let Kind::Limits(set) = kind {
                    self.sets.retain(set);
                }
                group
            }
        };
        if let Kind::Limits(set) = kind {
            self.sets.set_last_group(set, group);
        }
        group
    }

    /// Takes a waiter out of its group; an empty group goes.
    fn detach(&mut self, at: u32) {
        let Some(waiter) = self.waiters.get_mut(at) else { return };
        let (ticket, group) = (waiter.ticket.get(), std::mem::replace(&mut waiter.group, NONE));
        let Some(record) = self.groups.get_mut(group) else { return };
        let was_head = record.waiting.first().is_some_and(|(head, _)| head == ticket);
        record.waiting.remove(&mut self.waiters, at);
        if !was_head {
            return;
        }
        record.passed_since = None;
        self.stop_reserving(group);
        self.unpark(group);
        self.ready.remove(ticket);
        self.look_again(group);
    }

    /// Lets a group that is not parked be looked at; an empty one goes.
    fn look_again(&mut self, group: u32) {
        let Some(record) = self.groups.get(group) else { return };
        if let Some((head, _)) = record.waiting.first() {
            self.ready.insert(head, group);
            return;
        }
        self.stop_reserving(group);
        let Some(record) = self.groups.remove(group) else { return };
        self.group_index.remove(&(record.job, record.kind));
        if let Kind::Limits(set) = record.kind {
            self.sets.release(set);
        }
    }

    fn forget_waiter(&mut self, at: u32) {
        self.detach(at);
        self.drop_waiter(at);
    }

    /// A waiter that is in no group goes.
    fn drop_waiter(&mut self, at: u32) {
        let Some(waiter) = self.waiters.remove(at) else { return };
        if let Some(job) = self.jobs.get_mut(waiter.job) {
            job.waiting = job.waiting.saturating_sub(1);
        }
        let Some(host) = self.hosts.get_mut(waiter.host as usize) else { return };
        if host.waiter == at {
            host.waiter = waiter.next;
            return;
        }
        let mut before = host.waiter;
        while let Some(other) = self.waiters.get_mut(before) {
            if other.next == at {
                other.next = waiter.next;
                return;
            }
            before = other.next;
        }
    }

    /// Looks anew at everybody who waits for a host whose state has changed.
    pub(super) fn reattach(&mut self, now: Monotonic, host: u32) {
        let mut waiting = Vec::new();
        let mut at = self.hosts.get(host as usize).map_or(NONE, |host| host.waiter);
        while let Some(waiter) = self.waiters.get(at) {
            waiting.push(at);
            at = waiter.next;
        }
        for at in waiting {
            self.detach(at);
            self.attach(now, at);
        }
    }

    /// Moves the waiters of hosts that are in other limits than before.
    pub(super) fn regroup(&mut self) {
        let moved = |ledger: &Self, waiter: &Waiter| {
            let group = ledger.groups.get(waiter.group)?;
            matches!(group.kind, Kind::Limits(set) if set != ledger.set_of(waiter.host))
                .then_some(group.head_since)
        };
        let all: Vec<_> =
            self.waiters.iter().filter_map(|(at, waiter)| Some((at, moved(self, waiter)?))).collect();
        for (at, since) in all {
            self.detach(at);
            self.attach(since, at);
        }
    }

    fn unpark(&mut self, group: u32) {
        let Some((place, ticket)) = self.groups.get_mut(group).and_then(|group| group.parked.take()) else {
            return;
        };
        if let Some(place) = self.places.get_mut(place) {
            place.parked.remove(ticket);
        }
    }

    fn park(&mut self, group: u32, place: u32) {
        let Some(record) = self.groups.get_mut(group) else { return };
        let Some((head, _)) = record.waiting.first() else { return };
        // Whoever is in flight already needs less than the others, and so must not stand behind them.
        let key = if record.kind == Kind::Again { head & !TICKET } else { head };
        record.parked = Some((place, key));
        if let Some(place) = self.places.get_mut(place) {
            place.parked.insert(key, group);
        }
    }

    /// Lets everybody go who may, until nothing is left to look at: at each moment the oldest of those who are to be looked
    /// at anew and of those who are parked where there is room.
    pub(super) fn drain(&mut self, now: Monotonic, out: &mut impl Outbox<Effect>) {
        if self.faults.has(Fault::ReleaseWakesNobody) {
            self.freed.clear();
        }
        let newcomers_first = self.faults.has(Fault::NewcomersFirst);
        loop {
            let ready = self.ready.first();
            let woken = self.freed.iter().filter_map(|&place| self.first_parked(now, place)).min();
            let (group, place) = match (ready, woken) {
                (None, None) => break,
                (Some((ticket, group)), Some((other, ..))) if ticket < other || newcomers_first => {
                    (group, None)
                }
                (_, Some((_, group, place))) => (group, Some(place)),
                (Some((_, group)), None) => (group, None),
            };
            if place.is_none() {
                if let Some((ticket, _)) = ready {
                    self.ready.remove(ticket);
                }
            } else {
                self.unpark(group);
            }
            match self.step(now, group, out) {
                Step::Granted | Step::Aside => {
                    let waits = self.groups.get(group).is_some_and(|group| !group.waiting.is_empty());
                    match place.filter(|_| waits) {
                        // It stays where there is room, for its next host to be looked at in turn.
                        Some(place) => self.park(group, place),
                        None => self.look_again(group),
                    }
                }
                Step::Parked | Step::Empty => {}
            }
        }
        self.freed.clear();
    }

    /// Who is first of those parked at a place, if it may take one there.
    #[inline]
    fn first_parked(&self, now: Monotonic, place: u32) -> Option<(u64, u32, u32)> {
        let record = self.places.get(place)?;
        let (ticket, group) = record.parked.first()?;
        let is_again = || self.groups.get(group).is_some_and(|group| group.kind == Kind::Again);
        self.has_room(now, record, is_again, ticket).then_some((ticket, group, place))
    }

    /// Whether a host with this ticket, which is in flight already or not, may take a place there.
    #[inline]
    fn has_room(&self, now: Monotonic, place: &Place, is_again: impl Fn() -> bool, ticket: u64) -> bool {
        match place.what {
            What::Limit { .. } => {
                place.in_use < place.max && place.reserved.is_none_or(|first| ticket <= first)
            }
            What::InFlight { job } => {
                let in_time = self.jobs.get(job).is_none_or(|job| now >= job.next_start);
                let in_time = in_time || self.faults.has(Fault::StaggerIgnored);
                let has_room = place.in_use < place.max || self.faults.has(Fault::InFlightIgnored);
                in_time && (has_room || is_again())
            }
        }
    }

    /// Looks at the oldest host of a group that is not parked.
    fn step(&mut self, now: Monotonic, group: u32, out: &mut impl Outbox<Effect>) -> Step {
        let Some(record) = self.groups.get(group) else { return Step::Empty };
        let head = if self.faults.has(Fault::UnfairQueue) {
            record.waiting.last(&self.waiters)
        } else {
            record.waiting.first()
        };
        let Some((ticket, at)) = head else { return Step::Empty };
        let (job, kind) = (record.job, record.kind);
        let Some(waiter) = self.waiters.get(at) else { return Step::Empty };
        let host = waiter.host;
        let is_busy = self.out_of(host).and_then(|out| out.running).is_some() && kind != Kind::Again;
        if is_busy && !self.faults.has(Fault::HostShared) {
            if let Some(record) = self.groups.get_mut(group) {
                record.waiting.remove(&mut self.waiters, at);
                record.head_since = now;
                record.passed_since = None;
            }
            if let Some(waiter) = self.waiters.get_mut(at) {
                waiter.group = NONE;
            }
            self.stop_reserving(group);
            return Step::Aside;
        }
        let in_flight = self.jobs.get(job).map_or(NONE, |job| job.in_flight);
        let set = match kind {
            Kind::Limits(set) => set,
            Kind::Again | Kind::Out => super::sets::EMPTY,
        };
        let limits = self.sets.as_slice(set);
        let looked_at = if self.faults.has(Fault::OnlyFirstLimit) { 1 } else { usize::MAX };
        let mut needs = std::iter::once(in_flight).chain(limits.iter().copied().take(looked_at));
        let missing = needs.find(|&place| {
            let ignored =
                place != in_flight && self.faults.has(Fault::OthersLimitsIgnored) && !self.is_own(job, place);
            let is_full = self
                .places
                .get(place)
                .is_some_and(|place| !self.has_room(now, place, || kind == Kind::Again, ticket));
            !ignored && is_full
        });
        if let Some(missing) = missing {
            if missing == in_flight {
                self.stop_reserving(group);
                self.ask_for_tick(now, job, out);
            }
            self.park(group, missing);
            return Step::Parked;
        }
        self.grant(now, group, at, set, out);
        Step::Granted
    }

    /// Takes a host out of service. All it needs is free.
    fn grant(&mut self, now: Monotonic, group: u32, at: u32, set: u32, out: &mut impl Outbox<Effect>) {
        let Some(waiter) = self.waiters.get(at) else { return };
        let (ticket, job, host, idx, attempt) =
            (waiter.ticket.get(), waiter.job, waiter.host, waiter.idx, waiter.attempt);
        let kind = self.groups.get(group).map_or(Kind::Out, |group| group.kind);
        let again = kind == Kind::Again;
        self.stop_reserving(group);
        if let Some(group) = self.groups.get_mut(group) {
            group.waiting.remove(&mut self.waiters, at);
            group.head_since = now;
            group.passed_since = None;
        }
        self.drop_waiter(at);
        let is_new = self.out_of(host).is_none();
        if is_new {
            let record = Out { host, since: now, running: None, bad: Vec::new() };
            let record = self.outs.insert(record);
            if let Some(host) = self.hosts.get_mut(host as usize) {
                host.out = record;
            }
        }
        let out_at = self.hosts.get(host as usize).map_or(NONE, |host| host.out);
        if let Some(record) = self.outs.get_mut(out_at) {
            record.running = Some(Running { job, attempt, again });
        }
        if !again {
            // A host that is out already takes no place, but its places are in use by an attempt again.
            let own = if is_new { set } else { self.set_of(host) };
            for &at in self.sets.as_slice(own) {
                let counts = self.counts(job, at);
                let Some(place) = self.places.get_mut(at) else { continue };
                place.in_use += u32::from(is_new && counts);
                place.running += 1;
                if is_new {
                    place.latest = (place.latest.0.max(ticket), now);
                    note_change(&mut self.changed, at, place);
                }
            }
        }
        let Some(record) = self.jobs.get_mut(job) else { return };
        record.idle = None;
        record.next_start = now.after_ms(record.stagger_ms);
        let (id, in_flight, is_waited_for) = (record.id, record.in_flight, record.waiting > 0);
        if !again {
            record.running += 1;
            if let Some(place) = self.places.get_mut(in_flight) {
                place.in_use += 1;
            }
        }
        out.push(Effect::Granted { job: id, host: idx, attempt });
        if is_waited_for {
            self.ask_for_tick(now, job, out);
        }
    }

    /// Asks to be woken when the job may start the next host, unless that was asked already.
    fn ask_for_tick(&mut self, now: Monotonic, at: u32, out: &mut impl Outbox<Effect>) {
        let Some(job) = self.jobs.get_mut(at) else { return };
        if job.next_start <= now || job.timer == Some(job.next_start) {
            return;
        }
        if let Some(old) = job.timer.replace(job.next_start) {
            self.timers.remove(&(old, at));
        }
        self.timers.insert((job.next_start, at));
        out.push(Effect::WakeAt(job.next_start));
    }

    pub(super) fn tick(&mut self, now: Monotonic) {
        while let Some(&(at, job)) = self.timers.first().filter(|(at, _)| *at <= now) {
            self.timers.remove(&(at, job));
            if let Some(job) = self.jobs.get_mut(job) {
                job.timer = None;
                self.freed.push(job.in_flight);
            }
        }
    }
}

/// Remembers a limit whose use has changed.
pub(super) fn note_change(changed: &mut Vec<u32>, at: u32, place: &mut Place) {
    if !place.has_changed && matches!(place.what, What::Limit { .. }) {
        place.has_changed = true;
        changed.push(at);
    }
}
