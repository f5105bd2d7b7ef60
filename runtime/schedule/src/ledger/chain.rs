//! The waiting hosts of one group, by their tickets.
//!
//! Tickets are drawn in ascending order and the oldest goes first, so nearly everybody joins at the end and leaves at the
//! front: a list that runs through the waiters themselves, and needs no memory of its own. Whoever comes back with an older
//! ticket (the host had to be waited for, or is in other limits than before) stands in a B-tree beside it.

use std::collections::BTreeMap;

use super::Waiter;
use crate::slab::{NONE, Slab};

/// The numbers of waiters, oldest first. A waiter is in one chain at most; all of a chain's are in the slab that is given.
#[derive(Clone, Debug)]
pub(super) struct Chain {
    /// The oldest of those in the list, with its ticket.
    first: (u64, u32),
    last: u32,
    /// Hardly ever there.
    late: BTreeMap<u64, u32>,
}

impl Default for Chain {
    fn default() -> Self {
        Self { first: (u64::MAX, NONE), last: NONE, late: BTreeMap::new() }
    }
}

impl Chain {
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.first.1 == NONE && self.late.is_empty()
    }

    /// The oldest ticket and its waiter.
    #[inline]
    pub(super) fn first(&self) -> Option<(u64, u32)> {
        let first = Some(self.first).filter(|&(_, waiter)| waiter != NONE);
        if self.late.is_empty() {
            return first;
        }
        let late = self.late.first_key_value().map(|(&ticket, &waiter)| (ticket, waiter));
        first.into_iter().chain(late).min()
    }

    /// The newest ticket and its waiter.
    pub(super) fn last(&self, waiters: &Slab<Waiter>) -> Option<(u64, u32)> {
        let last = waiters.get(self.last).map(|waiter| (waiter.ticket.get(), self.last));
        let late = self.late.last_key_value().map(|(&ticket, &waiter)| (ticket, waiter));
        late.into_iter().chain(last).max()
    }

    /// Everybody in it, in no order.
    pub(super) fn iter<'a>(&'a self, waiters: &'a Slab<Waiter>) -> impl Iterator<Item = &'a Waiter> {
        let listed = std::iter::successors(waiters.get(self.first.1), |waiter| waiters.get(waiter.after));
        listed.chain(self.late.values().filter_map(|&waiter| waiters.get(waiter)))
    }

    /// Nobody draws a ticket twice, nor joins twice.
    #[inline]
    pub(super) fn insert(&mut self, waiters: &mut Slab<Waiter>, at: u32) {
        let Some(ticket) = waiters.get(at).map(|waiter| waiter.ticket.get()) else { return };
        match waiters.get_mut(self.last) {
            None => self.first = (ticket, at),
            Some(last) if last.ticket.get() < ticket => last.after = at,
            Some(_) => {
                self.late.insert(ticket, at);
                return;
            }
        }
        let before = std::mem::replace(&mut self.last, at);
        if let Some(waiter) = waiters.get_mut(at) {
            (waiter.before, waiter.after) = (before, NONE);
        }
    }

    /// Takes one of its waiters out.
    #[inline]
    pub(super) fn remove(&mut self, waiters: &mut Slab<Waiter>, at: u32) {
        let Some(waiter) = waiters.get(at) else { return };
        if !self.late.is_empty() && self.late.remove(&waiter.ticket.get()).is_some() {
            return;
        }
        let (before, after) = (waiter.before, waiter.after);
        match waiters.get_mut(after) {
            Some(next) => {
                next.before = before;
                if before == NONE {
                    self.first = (next.ticket.get(), after);
                }
            }
            None => {
                self.last = before;
                if before == NONE {
                    self.first = (u64::MAX, NONE);
                }
            }
        }
        if let Some(previous) = waiters.get_mut(before) {
            previous.after = after;
        }
    }
}

#[cfg(test)]
mod tests {
    use pogo_plan::HostIdx;
    use pogo_plan::outcome::Attempt;

    use super::super::queue::ticket_of;
    use super::*;

    /// Every step of a long mixture, compared with one B-tree.
    #[test]
    fn is_in_the_order_of_tickets_whoever_comes_and_goes() {
        let mut chain = Chain::default();
        let mut waiters = Slab::default();
        let mut plain: BTreeMap<u64, u32> = BTreeMap::new();
        let mut chance = 7;
        for _ in 0..10_000 {
            chance = crate::policy::mix(chance);
            let ticket = ticket_of(chance >> 8 & 0x3f);
            if let Some(at) = plain.remove(&ticket.get()) {
                chain.remove(&mut waiters, at);
                waiters.remove(at);
            } else {
                let (idx, attempt) = (HostIdx::from_index(0).unwrap(), Attempt(1));
                let at = waiters.insert(Waiter {
                    ticket,
                    job: 0,
                    host: 0,
                    idx,
                    attempt,
                    group: 0,
                    next: NONE,
                    before: NONE,
                    after: NONE,
                });
                plain.insert(ticket.get(), at);
                chain.insert(&mut waiters, at);
            }
            let entry = |(&ticket, &waiter): (&u64, &u32)| (ticket, waiter);
            assert_eq!(chain.first(), plain.first_key_value().map(entry));
            assert_eq!(chain.last(&waiters), plain.last_key_value().map(entry));
            assert_eq!(chain.is_empty(), plain.is_empty());
            let mut all: Vec<u64> = chain.iter(&waiters).map(|waiter| waiter.ticket.get()).collect();
            all.sort_unstable();
            assert!(all.iter().eq(plain.keys()));
        }
    }
}
