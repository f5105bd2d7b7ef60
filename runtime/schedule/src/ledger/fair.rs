//! Going first after having been passed over for too long.
//!
//! A host that needs several limits at once could wait forever while others take them one at a time. So once the oldest
//! host of a group has been passed over (somebody who came later took a place in one of its limits) for
//! [`PASSED_OVER_MS`], its limits are kept for it and for those who came before it. Hosts behind it in the same group
//! are not passed over: they wait for it.
//!
//! The places are kept only as long as attempts that are under way can still free what it misses. Places held by bad
//! hosts may never come back, and keeping others from starting for their sake would help nobody.

use super::{Kind, Ledger, What};
use crate::fault::Fault;
use crate::time::Monotonic;

/// For how long the oldest host of a group is passed over before it goes first, in milliseconds.
pub const PASSED_OVER_MS: u64 = 300_000;

/// How often that is looked at, in milliseconds, and so how much later it may happen.
pub const SCAN_MS: u64 = 30_000;

impl Ledger {
    pub(super) fn scan_if_due(&mut self, now: Monotonic) {
        if now >= self.next_scan {
            self.next_scan = now.after_ms(SCAN_MS);
            self.scan(now);
        }
    }

    /// The last attempt in a full limit has ended: that may have been the hope for which places are kept.
    pub(super) fn give_up_hope(&mut self, now: Monotonic) {
        if std::mem::take(&mut self.is_hope_lost) && !self.reserving.is_empty() {
            self.scan(now);
        }
    }

    fn scan(&mut self, now: Monotonic) {
        if self.faults.has(Fault::UnfairQueue) || self.faults.has(Fault::NeverGoesFirst) {
            return;
        }
        let mut reserving = Vec::new();
        let mut first_passed = Vec::new();
        for (at, group) in self.groups.iter() {
            let Kind::Limits(set) = group.kind else { continue };
            let Some((place, head)) = group.parked else { continue };
            if !self.places.get(place).is_some_and(|place| matches!(place.what, What::Limit { .. })) {
                continue;
            }
            let limits = || self.sets.as_slice(set).iter().filter_map(|&limit| self.places.get(limit));
            match group.passed_since {
                None => {
                    if limits().any(|limit| limit.latest.0 > head && limit.latest.1 >= group.head_since) {
                        first_passed.push(at);
                    }
                }
                Some(since) if now.ms_since(since) >= PASSED_OVER_MS => {
                    if limits().all(|limit| limit.in_use < limit.max || limit.running > 0) {
                        reserving.push((at, head, set));
                    }
                }
                Some(_) => {}
            }
        }
        for at in first_passed {
            if let Some(group) = self.groups.get_mut(at) {
                group.passed_since = Some(now);
            }
        }
        self.reserve_for(&reserving);
    }

    /// Keeps the limits of exactly these groups for their oldest hosts.
    fn reserve_for(&mut self, groups: &[(u32, u64, u32)]) {
        for at in std::mem::take(&mut self.reserving) {
            self.clear_reservations(at);
        }
        for &(at, head, set) in groups {
            self.reserving.insert(at);
            for &limit in self.sets.as_slice(set) {
                if let Some(place) = self.places.get_mut(limit) {
                    place.reserved = Some(place.reserved.map_or(head, |other| other.min(head)));
                }
            }
        }
    }

    /// The group goes, or needs no places kept any more. Those who stood back are looked at again.
    pub(super) fn stop_reserving(&mut self, at: u32) {
        if !self.reserving.remove(&at) {
            return;
        }
        self.clear_reservations(at);
        // What others keep, they keep.
        for &other in &self.reserving {
            let Some(group) = self.groups.get(other) else { continue };
            let (Kind::Limits(set), Some((head, _))) = (group.kind, group.waiting.first()) else { continue };
            for &limit in self.sets.as_slice(set) {
                if let Some(place) = self.places.get_mut(limit) {
                    place.reserved = Some(place.reserved.map_or(head, |first| first.min(head)));
                }
            }
        }
    }

    fn clear_reservations(&mut self, at: u32) {
        let Some(Kind::Limits(set)) = self.groups.get(at).map(|group| group.kind) else { return };
        for &limit in self.sets.as_slice(set) {
            if let Some(place) = self.places.get_mut(limit)
                && place.reserved.take().is_some()
            {
                self.freed.push(limit);
            }
        }
    }
}
