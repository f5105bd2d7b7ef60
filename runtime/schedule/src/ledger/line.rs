//! Groups in the order of their tickets: those that are parked at a place, and those that are to be looked at.
//!
//! A group goes to the end with its next host, whose ticket is mostly newer than everybody's, and leaves at the front: a
//! ring. Whoever comes with an older ticket stands in a B-tree beside it.

use std::collections::{BTreeMap, VecDeque};

use crate::slab::NONE;

/// Tickets and the groups whose oldest hosts drew them, oldest first.
#[derive(Clone, Debug, Default)]
pub(super) struct Line {
    /// In ascending order. Whoever left from the middle is `NONE`; the first and the last never are.
    ring: VecDeque<(u64, u32)>,
    /// How many of the ring have left.
    gone: usize,
    late: BTreeMap<u64, u32>,
}

impl Line {
    /// The oldest ticket.
    #[inline]
    pub(super) fn first(&self) -> Option<(u64, u32)> {
        let ring = self.ring.front().copied();
        if self.late.is_empty() {
            return ring;
        }
        let late = self.late.first_key_value().map(|(&ticket, &group)| (ticket, group));
        ring.into_iter().chain(late).min()
    }

    /// Everybody in it, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, u32)> + '_ {
        let ring = self.ring.iter().copied().filter(|&(_, group)| group != NONE);
        ring.chain(self.late.iter().map(|(&ticket, &group)| (ticket, group)))
    }

    /// Nobody has a ticket twice, nor joins a line twice.
    #[inline]
    pub(super) fn insert(&mut self, ticket: u64, group: u32) {
        if self.ring.back().is_none_or(|&(last, _)| last < ticket) {
            self.ring.push_back((ticket, group));
        } else {
            self.late.insert(ticket, group);
        }
    }

    /// Takes out whoever has this ticket.
    #[inline]
    pub(super) fn remove(&mut self, ticket: u64) {
        if self.ring.front().is_some_and(|&(first, _)| first == ticket) {
            self.ring.pop_front();
            if self.gone > 0 {
                self.trim();
            }
        } else {
            self.remove_from_middle(ticket);
        }
    }

    #[cold]
    fn remove_from_middle(&mut self, ticket: u64) {
        if self.late.remove(&ticket).is_some() {
            return;
        }
        let Ok(at) = self.ring.binary_search_by_key(&ticket, |&(ticket, _)| ticket) else { return };
        if let Some((_, group)) = self.ring.get_mut(at)
            && std::mem::replace(group, NONE) != NONE
        {
            self.gone += 1;
        }
        self.trim();
    }

    /// No more have left than stay.
    fn trim(&mut self) {
        while self.ring.front().is_some_and(|&(_, group)| group == NONE) {
            self.ring.pop_front();
            self.gone -= 1;
        }
        while self.ring.back().is_some_and(|&(_, group)| group == NONE) {
            self.ring.pop_back();
            self.gone -= 1;
        }
        if self.gone > self.ring.len() / 2 {
            self.ring.retain(|&(_, group)| group != NONE);
            self.gone = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every step of a long mixture, compared with one B-tree.
    #[test]
    fn is_in_the_order_of_tickets_whoever_comes_and_goes() {
        let mut line = Line::default();
        let mut plain = BTreeMap::new();
        let mut chance = 7;
        for _ in 0..10_000 {
            chance = crate::policy::mix(chance);
            let ticket = chance >> 8 & 0x3f;
            if plain.remove(&ticket).is_some() || chance & 3 == 0 {
                line.remove(ticket);
            } else {
                let group = (chance >> 32) as u32 & 0xffff;
                plain.insert(ticket, group);
                line.insert(ticket, group);
            }
            let entry = |(&ticket, &group): (&u64, &u32)| (ticket, group);
            assert_eq!(line.first(), plain.first_key_value().map(entry));
            let mut all: Vec<(u64, u32)> = line.iter().collect();
            all.sort_unstable();
            assert!(all.into_iter().eq(plain.iter().map(entry)));
            assert!(line.gone <= line.ring.len() / 2);
        }
    }
}
