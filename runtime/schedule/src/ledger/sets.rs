//! Sets of limits. Thousands of hosts share one, so a host's set is one number.

use std::sync::Arc;

use hashbrown::HashMap;

use crate::slab::Slab;

/// The set of no limits; always there.
pub(super) const EMPTY: u32 = 0;

#[derive(Clone, Debug)]
struct Set {
    limits: Arc<[u32]>,
    users: u32,
    /// What became of it in the last change that met it: the number of the change, and the set after it.
    changed: (u64, u32),
}

#[derive(Clone, Debug)]
pub(super) struct Sets {
    sets: Slab<Set>,
    index: HashMap<Arc<[u32]>, u32>,
    /// How many changes there were.
    changes: u64,
}

impl Default for Sets {
    fn default() -> Self {
        let mut sets = Self { sets: Slab::default(), index: HashMap::new(), changes: 0 };
        sets.intern(Arc::from([]));
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
    pub(super) fn limits(&self, set: u32) -> Arc<[u32]> {
        self.sets.get(set).map_or_else(|| Arc::from([]), |set| Arc::clone(&set.limits))
    }

    pub(super) fn as_slice(&self, set: u32) -> &[u32] {
        self.sets.get(set).map_or(&[], |set| &set.limits)
    }

    /// The set with one limit more, which is younger than those in it. Their order is one of age, not of numbers: numbers
    /// are used again, and replicas of a ledger may differ in them.
    pub(super) fn with(&mut self, set: u32, limit: u32) -> u32 {
        let mut limits = self.limits(set).to_vec();
        if !limits.contains(&limit) {
            limits.push(limit);
        }
        self.intern(limits.into())
    }

    pub(super) fn without(&mut self, set: u32, limit: u32) -> u32 {
        let limits: Vec<u32> = self.limits(set).iter().copied().filter(|&other| other != limit).collect();
        self.intern(limits.into())
    }

    /// Begins a change of many sets in the same way.
    pub(super) fn begin_change(&mut self) {
        self.changes += 1;
    }

    /// The set after the present change, which `change` is asked for only once for each set. A set that has come about by
    /// the change must not be given in.
    pub(super) fn changed(&mut self, set: u32, change: impl FnOnce(&mut Self, u32) -> u32) -> u32 {
        let number = self.changes;
        if let Some(&Set { changed: (met_in, new), .. }) = self.sets.get(set)
            && met_in == number
        {
            return new;
        }
        let new = change(self, set);
        if let Some(record) = self.sets.get_mut(set) {
            record.changed = (number, new);
        }
        new
    }

    fn intern(&mut self, limits: Arc<[u32]>) -> u32 {
        if let Some(&set) = self.index.get(&limits) {
            return set;
        }
        let set = self.sets.insert(Set { limits: Arc::clone(&limits), users: 0, changed: (0, EMPTY) });
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
        let Some(record) = self.sets.get_mut(set) else { return };
        record.users = record.users.saturating_sub(1);
        if record.users == 0 && set != EMPTY {
            let limits = Arc::clone(&record.limits);
            self.index.remove(&limits);
            self.sets.remove(set);
        }
    }
}
