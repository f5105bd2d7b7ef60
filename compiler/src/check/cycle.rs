//! Circles in the order over all threads: hosts that would wait for each other for ever.
//!
//! A slot opens when the slot before it in its thread is done; a host starts when all its slots are open; a slot is
//! done when every host in it is done. Drawn as a graph of "must come before", with a node for the opening and one for
//! the end of each slot, and one for each host, a job can always be finished exactly if the graph has no circle: in any
//! order of the nodes that respects the arrows, the first host that is not done has all its slots open.
//!
//! Only hosts in several slots can close a circle, and hosts in the same slots do so alike: one stands for all of them.
//! So the graph grows with slots and with different sets of slots, not with hosts.

use std::collections::{HashMap, HashSet, VecDeque};

use pogo_plan::HostIdx;

use crate::diagnostics::{Findings, sequence as codes};
use crate::resolve::Model;
use crate::resolve::model::Slot;

/// More circles than this say nothing new.
const MAX_REPORTS: usize = 20;

pub(super) fn check(model: &Model, findings: &mut Findings) {
    let graph = Graph::new(model);
    let mut left = graph.without_circle_free_parts(&HashSet::new());
    let mut reported = HashSet::new();
    for _ in 0..MAX_REPORTS {
        let Some(circle) = graph.shortest_circle(&left) else { return };
        if let Some(finding) = graph.describe(model, &circle) {
            findings.push(finding);
        }
        reported.extend(circle);
        left = graph.without_circle_free_parts(&reported);
    }
}

/// A slot's opening is node `2 * slot`, its end `2 * slot + 1`; hosts follow.
struct Graph<'m> {
    slots: Vec<&'m Slot>,
    hosts: Vec<HostIdx>,
    after: Vec<Vec<usize>>,
}

impl<'m> Graph<'m> {
    fn new(model: &'m Model) -> Self {
        let slots: Vec<&Slot> = model.threads.iter().flat_map(|thread| &thread.slots).collect();
        let mut after: Vec<Vec<usize>> = vec![Vec::new(); 2 * slots.len()];
        let mut arrow = |from: usize, to: usize| {
            if after.len() <= from.max(to) {
                after.resize(from.max(to) + 1, Vec::new());
            }
            if let Some(list) = after.get_mut(from) {
                list.push(to);
            }
        };
        let mut number = 0;
        for thread in &model.threads {
            for position in 0..thread.slots.len() {
                arrow(2 * number, 2 * number + 1);
                if position > 0 {
                    arrow(2 * number - 1, 2 * number);
                }
                number += 1;
            }
        }
        let hosts = Self::crossings(model, &slots);
        let mut representatives = Vec::with_capacity(hosts.len());
        for (host, slots_of_host) in hosts {
            let node = 2 * slots.len() + representatives.len();
            representatives.push(host);
            for slot in slots_of_host {
                arrow(2 * slot, node);
                arrow(node, 2 * slot + 1);
            }
        }
        Self { slots, hosts: representatives, after }
    }

    /// One host for each set of two or more slots that some host is in.
    fn crossings(model: &Model, slots: &[&Slot]) -> Vec<(HostIdx, Vec<usize>)> {
        const NOT_YET: u32 = u32::MAX;
        let mut first_slot: Vec<u32> = vec![NOT_YET; model.hosts.len()];
        let mut several: HashMap<HostIdx, Vec<usize>> = HashMap::new();
        for (number, slot) in slots.iter().enumerate() {
            for &host in &slot.hosts {
                let Some(first) = first_slot.get_mut(host.index()) else { continue };
                if *first == NOT_YET {
                    *first = u32::try_from(number).unwrap_or(NOT_YET);
                } else {
                    several.entry(host).or_insert_with(|| vec![*first as usize]).push(number);
                }
            }
        }
        let mut by_slots: HashMap<Vec<usize>, HostIdx> = HashMap::new();
        for (host, slots) in several {
            by_slots.entry(slots).and_modify(|known| *known = (*known).min(host)).or_insert(host);
        }
        let mut crossings: Vec<(HostIdx, Vec<usize>)> =
            by_slots.into_iter().map(|(slots, host)| (host, slots)).collect();
        // The same text gives the same message.
        crossings.sort_unstable();
        crossings
    }

    /// Takes away what nothing leads to and what leads to nothing, again and again: circles and what lies between
    /// them are left.
    fn without_circle_free_parts(&self, gone: &HashSet<usize>) -> Vec<bool> {
        let mut left: Vec<bool> = (0..self.after.len()).map(|node| !gone.contains(&node)).collect();
        let mut before: Vec<Vec<usize>> = vec![Vec::new(); self.after.len()];
        for (from, list) in self.after.iter().enumerate() {
            for &to in list {
                if let Some(list) = before.get_mut(to) {
                    list.push(from);
                }
            }
        }
        peel(&mut left, &before, &self.after);
        peel(&mut left, &self.after, &before);
        left
    }

    /// The shortest circle through the first slot that is in one.
    fn shortest_circle(&self, left: &[bool]) -> Option<Vec<usize>> {
        let is_left = |node: usize| left.get(node).copied().unwrap_or(false);
        (0..self.slots.len()).map(|slot| 2 * slot).filter(|&node| is_left(node)).find_map(|start| {
            let mut came_from: HashMap<usize, usize> = HashMap::new();
            let mut queue = VecDeque::from([start]);
            while let Some(node) = queue.pop_front() {
                for &next in self.after.get(node)?.iter().filter(|&&next| is_left(next)) {
                    if next == start {
                        let mut circle = vec![node];
                        let mut at = node;
                        while let Some(&previous) = came_from.get(&at) {
                            circle.push(previous);
                            at = previous;
                        }
                        circle.reverse();
                        return Some(circle);
                    }
                    if next != start && !came_from.contains_key(&next) {
                        came_from.insert(next, node);
                        queue.push_back(next);
                    }
                }
            }
            None
        })
    }

    /// Names the circle step by step.
    fn describe(&self, model: &Model, circle: &[usize]) -> Option<crate::diagnostics::Diagnostic> {
        let first_host = 2 * self.slots.len();
        // Start at a crossing, so that each step is: a host ties two slots, and the way leads on in the second's thread.
        let start = circle.iter().position(|&node| node >= first_host)?;
        let turned: Vec<usize> = circle.iter().cycle().skip(start).take(circle.len()).copied().collect();
        let mut steps: Vec<codes::Step<'_>> = Vec::new();
        for (index, &node) in turned.iter().enumerate() {
            let Some(&host) = node.checked_sub(first_host).and_then(|host| self.hosts.get(host)) else {
                continue;
            };
            let waits_in = index.checked_sub(1).or(turned.len().checked_sub(1)).and_then(|at| turned.get(at));
            let holds_up = turned.get(index + 1);
            let slot = |node: Option<&usize>| node.and_then(|node| self.slots.get(node / 2)).copied();
            let (waits_in, holds_up) = (slot(waits_in)?, slot(holds_up)?);
            steps.push(codes::Step {
                host: model.hosts.name(host),
                waits_in: (&waits_in.id, waits_in.span),
                holds_up: (&holds_up.id, holds_up.span),
            });
        }
        Some(codes::cycle(&steps))
    }
}

/// Takes away the nodes that no remaining `before` leads to, until there are none.
fn peel(left: &mut [bool], before: &[Vec<usize>], after: &[Vec<usize>]) {
    let is_left = |left: &[bool], node: usize| left.get(node).copied().unwrap_or(false);
    let mut counts: Vec<usize> =
        before.iter().map(|list| list.iter().filter(|&&node| is_left(left, node)).count()).collect();
    let mut free: Vec<usize> = counts
        .iter()
        .enumerate()
        .filter(|&(node, &count)| count == 0 && is_left(left, node))
        .map(|(node, _)| node)
        .collect();
    while let Some(node) = free.pop() {
        if let Some(place) = left.get_mut(node) {
            *place = false;
        }
        for &next in after.get(node).map_or(&[][..], Vec::as_slice) {
            if let Some(count) = counts.get_mut(next) {
                *count = count.saturating_sub(1);
                if *count == 0 && is_left(left, next) {
                    free.push(next);
                }
            }
        }
    }
}
