//! Sets of limits. Thousands of hosts share one, so a host's set is one number.

use std::sync::Arc;

use hashbrown::HashMap;

use crate::slab::{NONE, Slab};

/// The set of no limits; always there.
pub(super) const EMPTY: u32 = 0;

#[derive(Clone, Debug)]
struct Set {
    limits: Arc<[u32]>,
    users: u32,
    /// What became of it in the last change that met it: the number of the change, and the set after it.
    changed: (u64, u32),
    /// How many of its users that change has taken to the set after it.
    moved: u32,
    /// The group in which hosts of the set were last seen to wait; it may be another's by now.
    group: u32,
}

#[derive(Clone, Debug)]
pub(super) struct Sets {
    sets: Slab<Set>,
    index: HashMap<Arc<[u32]>, u32>,
    /// How many changes there were.
    changes: u64,
    /// The sets that the present change has met.
    met: Vec<u32>,
    /// A list that is filled and emptied.
    scratch: Vec<u32>,
}

impl Default for Sets {
    fn default() -> Self {
        let mut sets = Self {
            sets: Slab::default(),
            index: HashMap::new(),
            changes: 0,
            met: Vec::new(),
            scratch: Vec::new(),
        };
        sets.intern(&[]);
        sets
    }
}

impl Sets {
    /// How many sets there are besides the empty one.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.index.len() - 1
    }

    /// The limits of a set, oldest first.
    #[inline]
    pub(super) fn as_slice(&self, set: u32) -> &[u32] {
        self.sets.get(set).map_or(&[], |set| &set.limits)
    }

    /// The set with one limit more, which is younger than those in it. Their order is one of age, not of numbers: numbers
    /// are used again, and replicas of a ledger may differ in them.
    pub(super) fn with(&mut self, set: u32, limit: u32) -> u32 {
        self.edited(set, |limits| {
            if !limits.contains(&limit) {
                limits.push(limit);
            }
        })
    }

    pub(super) fn without(&mut self, set: u32, limit: u32) -> u32 {
        self.edited(set, |limits| limits.retain(|&other| other != limit))
    }

    fn edited(&mut self, set: u32, edit: impl FnOnce(&mut Vec<u32>)) -> u32 {
        let mut limits = std::mem::take(&mut self.scratch);
        limits.extend_from_slice(self.as_slice(set));
        edit(&mut limits);
        let new = self.intern(&limits);
        limits.clear();
        self.scratch = limits;
        new
    }

    /// Begins a change of many sets in the same way.
    pub(super) fn begin_change(&mut self) {
        self.changes += 1;
    }

    /// The set after the present change for one user of a set more. `change` is asked only once for each set, and must not
    /// give one that is given in.
    #[inline]
    pub(super) fn changed(&mut self, set: u32, change: impl FnOnce(&mut Self, u32) -> u32) -> u32 {
        let number = self.changes;
        if let Some(record) = self.sets.get_mut(set)
            && record.changed.0 == number
        {
            record.moved += 1;
            return record.changed.1;
        }
        let new = change(self, set);
        if let Some(record) = self.sets.get_mut(set) {
            record.changed = (number, new);
            record.moved = 1;
            self.met.push(set);
        }
        new
    }

    /// Counts the users of the sets anew that the change has met.
    pub(super) fn end_change(&mut self) {
        let mut met = std::mem::take(&mut self.met);
        for set in met.drain(..) {
            let Some(record) = self.sets.get_mut(set) else { continue };
            let moved = std::mem::take(&mut record.moved);
            let new = record.changed.1;
            self.drop_users(set, moved);
            if let Some(new) = self.sets.get_mut(new) {
                new.users += moved;
            }
        }
        self.met = met;
    }

    /// The group in which hosts of the set were last seen to wait: to be looked at, since it may be another's by now.
    #[inline]
    pub(super) fn last_group(&self, set: u32) -> u32 {
        self.sets.get(set).map_or(NONE, |set| set.group)
    }

    pub(super) fn set_last_group(&mut self, set: u32, group: u32) {
        if let Some(set) = self.sets.get_mut(set) {
            set.group = group;
        }
    }

    fn intern(&mut self, limits: &[u32]) -> u32 {
        if let Some(&set) = self.index.get(limits) {
            return set;
        }
        let limits: Arc<[u32]> = Arc::from(limits);
        let set = Set { limits: Arc::clone(&limits), users: 0, changed: (0, EMPTY), moved: 0, group: NONE };
        let set = self.sets.insert(set);
        self.index.insert(limits, set);
        set
    }

    /// Somebody more refers to the set.
    pub(super) fn retain(&mut self, set: u32) {
        if let Some(set) = self.sets.get_mut(set) {
            set.users += 1;
        }
    }

    /// Somebody less refers to the set; without any it goes.
    pub(super) fn release(&mut self, set: u32) {
        self.drop_users(set, 1);
    }

    fn drop_users(&mut self, set: u32, users: u32) {
        let Some(record) = self.sets.get_mut(set) else { return };
        record.users = record.users.saturating_sub(users);
        if record.users == 0 && set != EMPTY {
            let limits = Arc::clone(&record.limits);
            self.index.remove(&limits);
            self.sets.remove(set);
        }
    }
}
