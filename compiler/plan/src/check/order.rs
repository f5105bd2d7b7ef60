//! Whether the order over all threads comes to an end.
//!
//! It is run through as if every host took no time: a thread opens its next slot when each host of the current one is
//! done, and a host is done when all its slots are open. What is left then waits for itself.

use super::fault::{Fault, Step};
use crate::{HostIdx, Plan, Slot};

/// A circle in the order of the threads, if there is one. `n_hosts` is the length of the plan's table of hosts.
pub(super) fn circle(plan: &Plan, n_hosts: usize) -> Option<Fault> {
    let mut run = Run::new(plan, n_hosts);
    run.run_through();
    run.circle()
}

/// Where a slot stands.
#[derive(Clone, Copy)]
struct Place {
    thread: usize,
    position: usize,
}

struct Run<'a> {
    plan: &'a Plan,
    /// All slots, thread after thread.
    places: Vec<Place>,
    /// For each host where its slots begin in `slots_of`, and one more entry for the end.
    begins: Vec<usize>,
    slots_of: Vec<u32>,
    /// For each host, how many of its slots are not open yet.
    closed_slots: Vec<u32>,
    /// For each slot, how many of its hosts are not done yet.
    missing: Vec<usize>,
    /// For each thread, the position of its open slot: the only one that is open and not done.
    current: Vec<usize>,
}

impl<'a> Run<'a> {
    fn new(plan: &'a Plan, n_hosts: usize) -> Self {
        let mut places = Vec::new();
        let mut closed_slots = vec![0_u32; n_hosts];
        let mut missing = Vec::new();
        for (thread, slots) in plan.threads.iter().map(|thread| &thread.slots).enumerate() {
            for (position, slot) in slots.iter().enumerate() {
                places.push(Place { thread, position });
                let mut hosts = 0;
                for host in &slot.hosts {
                    if let Some(count) = closed_slots.get_mut(host.index()) {
                        *count += 1;
                        hosts += 1;
                    }
                }
                missing.push(hosts);
            }
        }
        let mut begins = Vec::with_capacity(n_hosts + 1);
        let mut end = 0;
        begins.push(end);
        for &count in &closed_slots {
            end += count as usize;
            begins.push(end);
        }
        let mut next = begins.clone();
        let mut slots_of = vec![0; end];
        for (number, slot) in (0_u32..).zip(plan.threads.iter().flat_map(|thread| &thread.slots)) {
            for host in &slot.hosts {
                if host.index() < n_hosts
                    && let Some(at) = next.get_mut(host.index())
                    && let Some(entry) = slots_of.get_mut(*at)
                {
                    *entry = number;
                    *at += 1;
                }
            }
        }
        let current = vec![0; plan.threads.len()];
        Self { plan, places, begins, slots_of, closed_slots, missing, current }
    }

    fn run_through(&mut self) {
        // Slots that were just opened.
        let mut opened: Vec<(usize, usize)> =
            (0..self.plan.threads.len()).map(|thread| (thread, 0)).collect();
        while let Some((thread, position)) = opened.pop() {
            let Some(slot) = self.slot(thread, position) else { continue };
            for &host in &slot.hosts {
                if let Some(count) = self.closed_slots.get_mut(host.index()) {
                    *count = count.saturating_sub(1);
                    if *count == 0 {
                        self.host_done(host, &mut opened);
                    }
                }
            }
            if slot.hosts.is_empty() {
                self.close(Place { thread, position }, &mut opened);
            }
        }
    }

    fn host_done(&mut self, host: HostIdx, opened: &mut Vec<(usize, usize)>) {
        for at in self.range(host) {
            let Some(&number) = self.slots_of.get(at) else { continue };
            let number = number as usize;
            let Some(missing) = self.missing.get_mut(number) else { continue };
            *missing = missing.saturating_sub(1);
            if *missing == 0
                && let Some(&place) = self.places.get(number)
            {
                self.close(place, opened);
            }
        }
    }

    /// A slot is done: its thread opens the next.
    fn close(&mut self, place: Place, opened: &mut Vec<(usize, usize)>) {
        if let Some(current) = self.current.get_mut(place.thread) {
            *current = place.position + 1;
            opened.push((place.thread, place.position + 1));
        }
    }

    /// Goes from a slot that is open and not done to a host that keeps it so, to a slot of that host that is not open,
    /// to the open slot of that thread, until it meets a thread again.
    fn circle(&self) -> Option<Fault> {
        let is_stuck =
            |thread: &usize| self.slot(*thread, self.current.get(*thread).copied().unwrap_or(0)).is_some();
        let mut thread = (0..self.plan.threads.len()).find(is_stuck)?;
        let mut met_at = vec![None; self.plan.threads.len()];
        let mut steps = Vec::new();
        loop {
            let met = met_at.get_mut(thread)?;
            if let Some(start) = *met {
                return Some(Fault::Circle(steps.split_off(start)));
            }
            *met = Some(steps.len());
            let from = self.slot(thread, *self.current.get(thread)?)?;
            let (host, place) = from.hosts.iter().find_map(|&host| Some((host, self.closed_slot(host)?)))?;
            let to = self.slot(place.thread, place.position)?;
            steps.push(Step {
                from: from.id.clone(),
                host: self.plan.hosts.name(host).to_owned(),
                to: to.id.clone(),
            });
            thread = place.thread;
        }
    }

    /// A slot of this host that is not open.
    fn closed_slot(&self, host: HostIdx) -> Option<Place> {
        self.range(host)
            .filter_map(|at| self.places.get(*self.slots_of.get(at)? as usize).copied())
            .find(|place| self.current.get(place.thread).is_some_and(|&current| place.position > current))
    }

    fn slot(&self, thread: usize, position: usize) -> Option<&'a Slot> {
        self.plan.threads.get(thread)?.slots.get(position)
    }

    fn range(&self, host: HostIdx) -> std::ops::Range<usize> {
        let begin = self.begins.get(host.index()).copied().unwrap_or(0);
        begin..self.begins.get(host.index() + 1).copied().unwrap_or(begin)
    }
}
