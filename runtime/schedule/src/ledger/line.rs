//! The waiting hosts of one group, by their tickets.
//!
//! Tickets are drawn in ascending order and the oldest goes first, so nearly everybody joins at the end and leaves at the
//! front: a ring. Whoever comes back into a line with an older ticket (the host had to be waited for, or is in other limits
//! than before) stands in a B-tree beside it.

use std::collections::{BTreeMap, VecDeque};

use crate::slab::NONE;

/// Tickets and the waiters that drew them, oldest first.
#[derive(Clone, Debug, Default)]
pub(super) struct Line {
    /// In ascending order. Whoever left from the middle is `NONE`; the first and the last never are.
    ring: VecDeque<(u64, u32)>,
    late: BTreeMap<u64, u32>,
}

impl Line {
    pub(super) fn is_empty(&self) -> bool {
        self.ring.is_empty() && self.late.is_empty()
    }

    /// The oldest ticket.
    #[inline]
    pub(super) fn first(&self) -> Option<(u64, u32)> {
        let ring = self.ring.front().copied();
        if self.late.is_empty() {
            return ring;
        }
        let late = self.late.first_key_value().map(|(&ticket, &waiter)| (ticket, waiter));
        ring.into_iter().chain(late).min()
    }

    /// The newest ticket.
    pub(super) fn last(&self) -> Option<(u64, u32)> {
        let late = self.late.last_key_value().map(|(&ticket, &waiter)| (ticket, waiter));
        self.ring.back().copied().into_iter().chain(late).max()
    }

    /// Everybody in it, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        let ring = self.ring.iter().map(|&(_, waiter)| waiter).filter(|&waiter| waiter != NONE);
        ring.chain(self.late.values().copied())
    }

    /// Nobody draws a ticket twice, nor joins a line twice.
    pub(super) fn insert(&mut self, ticket: u64, waiter: u32) {
        if self.ring.back().is_none_or(|&(last, _)| last < ticket) {
            self.ring.push_back((ticket, waiter));
        } else {
            self.late.insert(ticket, waiter);
        }
    }

    pub(super) fn remove(&mut self, ticket: u64) {
        if self.ring.front().is_some_and(|&(first, _)| first == ticket) {
            self.ring.pop_front();
        } else if self.late.is_empty() || self.late.remove(&ticket).is_none() {
            let Ok(at) = self.ring.binary_search_by_key(&ticket, |&(ticket, _)| ticket) else { return };
            if let Some((_, waiter)) = self.ring.get_mut(at) {
                *waiter = NONE;
            }
        }
        while self.ring.front().is_some_and(|&(_, waiter)| waiter == NONE) {
            self.ring.pop_front();
        }
        while self.ring.back().is_some_and(|&(_, waiter)| waiter == NONE) {
            self.ring.pop_back();
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
                let waiter = (chance >> 32) as u32 & 0xffff;
                plain.insert(ticket, waiter);
                line.insert(ticket, waiter);
            }
            let entry = |(&ticket, &waiter): (&u64, &u32)| (ticket, waiter);
            assert_eq!(line.first(), plain.first_key_value().map(entry));
            assert_eq!(line.last(), plain.last_key_value().map(entry));
            assert_eq!(line.is_empty(), plain.is_empty());
        }
    }
}
