//! How many rounds the limits force on a slot.
//!
//! If a group of ten hosts of a slot may have three out of service at once, the slot takes at least four rounds, however
//! fast the hosts are. It can take more: limits overlap, and hosts that are out already take places.

use crate::{Plan, Slot};

/// The least number of rounds in which a slot can run, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Least {
    /// Zero for a slot without hosts.
    pub rounds: u32,
    /// What does not allow fewer.
    pub cause: Cause,
}

/// What forces a number of rounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Nothing: all hosts of the slot may run at once.
    Nothing,
    /// A limit, by its index in [`Plan::limits`]: of several that force as many rounds the first.
    Limit(usize),
    /// `concurrent` of the job; a limit that forces as many rounds is named before it.
    Concurrent,
}

/// The least rounds of every slot of a plan, in time and memory linear in the plan's size.
#[derive(Clone, Debug)]
pub struct Rounds {
    threads: Vec<Vec<Least>>,
}

impl Rounds {
    /// Works out the rounds of every slot.
    #[must_use]
    pub fn new(plan: &Plan) -> Self {
        let mut counter = Counter::new(plan);
        let threads = plan
            .threads
            .iter()
            .map(|thread| thread.slots.iter().map(|slot| counter.least(slot)).collect())
            .collect();
        Self { threads }
    }

    /// The rounds of a slot by its place in the plan: the index of its thread and its own index in there.
    #[must_use]
    pub fn get(&self, thread: usize, slot: usize) -> Option<Least> {
        self.threads.get(thread)?.get(slot).copied()
    }

    /// The rounds of the slots of each thread, in the plan's order.
    pub fn threads(&self) -> impl ExactSizeIterator<Item = &[Least]> + '_ {
        self.threads.iter().map(Vec::as_slice)
    }
}

impl Plan {
    /// The rounds of one slot. For several slots, [`Rounds::new`] does not go through the limits for each.
    #[must_use]
    pub fn least_rounds(&self, slot: &Slot) -> Least {
        Counter::new(self).least(slot)
    }
}

struct Counter<'a> {
    plan: &'a Plan,
    /// For each host where its limits begin in `limits_of`, and one more entry for the end.
    begins: Vec<usize>,
    limits_of: Vec<usize>,
    /// For each limit, its members among the hosts of the slot at hand; zero between two slots.
    counts: Vec<usize>,
}

impl<'a> Counter<'a> {
    fn new(plan: &'a Plan) -> Self {
        // First how many limits each host has, one place further on; then, by adding up, where they begin.
        let mut begins = vec![0_usize; plan.hosts.len() + 1];
        let members = || {
            plan.limits
                .iter()
                .enumerate()
                .flat_map(|(index, limit)| limit.members.iter().map(move |host| (index, host.index())))
        };
        for (_, host) in members() {
            if let Some(count) = begins.get_mut(host + 1) {
                *count += 1;
            }
        }
        let mut end = 0;
        for begin in &mut begins {
            end += *begin;
            *begin = end;
        }
        let mut next = begins.clone();
        let mut limits_of = vec![0; end];
        for (index, host) in members() {
            if let Some(at) = next.get_mut(host)
                && let Some(entry) = limits_of.get_mut(*at)
            {
                *entry = index;
                *at += 1;
            }
        }
        Self { plan, begins, limits_of, counts: vec![0; plan.limits.len()] }
    }

    fn least(&mut self, slot: &Slot) -> Least {
        if slot.hosts.is_empty() {
            return Least { rounds: 0, cause: Cause::Nothing };
        }
        let mut touched = Vec::new();
        for host in &slot.hosts {
            let begin = self.begins.get(host.index()).copied().unwrap_or(0);
            let end = self.begins.get(host.index() + 1).copied().unwrap_or(begin);
            for &limit in self.limits_of.get(begin..end).unwrap_or_default() {
                if let Some(count) = self.counts.get_mut(limit) {
                    if *count == 0 {
                        touched.push(limit);
                    }
                    *count += 1;
                }
            }
        }
        touched.sort_unstable();
        let mut least = Least { rounds: 1, cause: Cause::Nothing };
        for limit in touched {
            let members = self.counts.get_mut(limit).map(std::mem::take).unwrap_or(0);
            let at_once = self.plan.limits.get(limit).map_or(1, |limit| limit.max_parallel);
            least.raise(members, at_once, Cause::Limit(limit));
        }
        if let Some(at_once) = self.plan.job.concurrent {
            least.raise(slot.hosts.len(), at_once, Cause::Concurrent);
        }
        least
    }
}

impl Least {
    fn raise(&mut self, hosts: usize, at_once: u32, cause: Cause) {
        // A limit of zero is a fault of the plan; as one it gives a number.
        let rounds = u32::try_from(hosts).unwrap_or(u32::MAX).div_ceil(at_once.max(1));
        if rounds > self.rounds {
            *self = Self { rounds, cause };
        }
    }
}
