//! An independent check that a plan does not contradict itself.
//!
//! It shares no code with the compiler and starts from the promises of the format, so that a mistake in either shows.
//! Time and memory are linear in the size of the plan.

mod fault;
mod job;
mod order;

use std::collections::HashSet;

pub use fault::{Fault, Step};

use crate::{HostIdx, Limit, Plan, Thread};

/// The id of the last thread and of its one slot.
const UNCONSTRAINED: &str = "unconstrained";

impl Plan {
    /// Everything that is wrong with the plan; nothing for what the compiler makes.
    #[must_use]
    pub fn check(&self) -> Vec<Fault> {
        let mut checker = Checker::new(self);
        checker.targets();
        checker.ids();
        checker.unconstrained();
        checker.threads();
        checker.limits();
        checker.host_names();
        let Checker { mut faults, is_target, repeats_in_thread, .. } = checker;
        // A host that stands twice in a thread always makes a circle; one mistake gives one fault.
        if !repeats_in_thread {
            faults.extend(order::circle(self, is_target.len()));
        }
        job::check(&self.job, &mut faults);
        faults
    }
}

struct Checker<'a> {
    plan: &'a Plan,
    faults: Vec<Fault>,
    is_target: Vec<bool>,
    /// Hosts that the plan names anywhere.
    is_named: Vec<bool>,
    has_slot: Vec<bool>,
    repeats_in_thread: bool,
}

impl<'a> Checker<'a> {
    fn new(plan: &'a Plan) -> Self {
        let n_hosts = plan.hosts.len();
        Self {
            plan,
            faults: Vec::new(),
            is_target: vec![false; n_hosts],
            is_named: vec![false; n_hosts],
            has_slot: vec![false; n_hosts],
            repeats_in_thread: false,
        }
    }

    fn name(&self, host: HostIdx) -> String {
        self.plan.hosts.name(host).to_owned()
    }

    /// Notes that the plan names this host; whether the host is in the table at all.
    fn note(&mut self, host: HostIdx) -> bool {
        if let Some(is_named) = self.is_named.get_mut(host.index()) {
            *is_named = true;
            return true;
        }
        self.faults.push(Fault::NoSuchHost { number: host.index() });
        false
    }

    fn targets(&mut self) {
        if self.plan.targets.is_empty() {
            self.faults.push(Fault::NoTargets);
        }
        for &host in &self.plan.targets {
            if self.note(host) && !mark(&mut self.is_target, host) {
                let host = self.name(host);
                self.faults.push(Fault::TargetTwice { host });
            }
        }
    }

    fn ids(&mut self) {
        let plan = self.plan;
        if plan.namespace.is_empty() {
            self.faults.push(Fault::Empty { what: "the namespace" });
        }
        self.unique("thread", plan.threads.iter().map(|thread| &thread.id));
        self.unique("slot", plan.threads.iter().flat_map(|thread| &thread.slots).map(|slot| &slot.id));
        self.unique("limit", plan.limits.iter().map(|limit| &limit.id));
    }

    fn unique(&mut self, what: &'static str, ids: impl Iterator<Item = &'a String>) {
        let mut known = HashSet::new();
        for id in ids {
            if id.is_empty() {
                self.faults.push(Fault::EmptyId { what });
            } else if !known.insert(id) {
                self.faults.push(Fault::IdTwice { what, id: id.clone() });
            }
        }
    }

    fn unconstrained(&mut self) {
        match self.plan.threads.last() {
            Some(Thread { id, slots }) if id == UNCONSTRAINED => {
                if !matches!(slots.as_slice(), [slot] if slot.id == UNCONSTRAINED) {
                    self.faults.push(Fault::UnconstrainedSlots);
                }
            }
            _ => self.faults.push(Fault::NoUnconstrained),
        }
    }

    fn threads(&mut self) {
        let plan = self.plan;
        // The last thread in which a host was met, counted from 1.
        let mut met_in: Vec<usize> = vec![0; plan.hosts.len()];
        for (number, thread) in (1..).zip(&plan.threads) {
            let is_unconstrained = number == plan.threads.len() && thread.id == UNCONSTRAINED;
            for slot in &thread.slots {
                self.faults.extend(job::too_large("pause_after_ms", slot.pause_after_ms));
                for &host in &slot.hosts {
                    if !self.note(host) {
                        continue;
                    }
                    if !is_marked(&self.is_target, host) {
                        let host = self.name(host);
                        self.faults.push(Fault::SlotHostNotTarget { slot: slot.id.clone(), host });
                    }
                    if met_in
                        .get_mut(host.index())
                        .is_some_and(|met| std::mem::replace(met, number) == number)
                    {
                        self.repeats_in_thread = true;
                        let host = self.name(host);
                        self.faults.push(Fault::HostTwiceInThread { thread: thread.id.clone(), host });
                    } else if !mark(&mut self.has_slot, host) && is_unconstrained {
                        let host = self.name(host);
                        self.faults.push(Fault::NotUnconstrained { host });
                    }
                }
            }
        }
        for (host, name) in plan.hosts.iter() {
            if is_marked(&self.is_target, host) && !is_marked(&self.has_slot, host) {
                self.faults.push(Fault::TargetWithoutSlot { host: name.to_owned() });
            }
        }
    }

    fn limits(&mut self) {
        let plan = self.plan;
        // The last limit of which a host was seen to be a member, counted from 1.
        let mut member_of: Vec<usize> = vec![0; plan.hosts.len()];
        for (number, limit) in (1..).zip(&plan.limits) {
            let Limit { id, max_parallel, declared, group_size, members, at: _ } = limit;
            if *max_parallel == 0 {
                self.faults.push(Fault::MaxParallelZero { limit: id.clone() });
            }
            if declared.is_empty() {
                self.faults.push(Fault::Empty { what: "the `declared` of a limit" });
            }
            if usize::try_from(*group_size) != Ok(members.len()) {
                let (stated, members) = (*group_size, members.len());
                self.faults.push(Fault::GroupSize { limit: id.clone(), stated, members });
            }
            let mut has_target = false;
            for &host in members {
                if !self.note(host) {
                    continue;
                }
                has_target |= is_marked(&self.is_target, host);
                if member_of
                    .get_mut(host.index())
                    .is_some_and(|last| std::mem::replace(last, number) == number)
                {
                    let host = self.name(host);
                    self.faults.push(Fault::MemberTwice { limit: id.clone(), host });
                }
            }
            if !has_target {
                self.faults.push(Fault::LimitWithoutTarget { limit: id.clone() });
            }
        }
    }

    fn host_names(&mut self) {
        let plan = self.plan;
        for (host, name) in plan.hosts.iter() {
            if is_marked(&self.is_named, host) && !is_host_name(name) {
                self.faults.push(Fault::HostName { host: name.to_owned() });
            }
        }
        for &(first, second) in plan.hosts.twins() {
            if is_marked(&self.is_named, first) && is_marked(&self.is_named, second) {
                self.faults.push(Fault::Twins { first: self.name(first), second: self.name(second) });
            }
        }
    }
}

/// Marks a host; whether it was not marked yet.
fn mark(marks: &mut [bool], host: HostIdx) -> bool {
    marks.get_mut(host.index()).is_some_and(|mark| !std::mem::replace(mark, true))
}

fn is_marked(marks: &[bool], host: HostIdx) -> bool {
    marks.get(host.index()).copied().unwrap_or(false)
}

/// Whether this is a DNS name or an IPv4 address by its characters, or an IPv6 address of eight groups.
fn is_host_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    let starts_well = name.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric() || first == b'_');
    if starts_well && name.bytes().all(is_plain) {
        return true;
    }
    let mut groups = 0;
    name.split(':').all(|group| {
        groups += 1;
        matches!(group.len(), 1..=4) && group.bytes().all(|byte| byte.is_ascii_hexdigit())
    }) && groups == 8
}
