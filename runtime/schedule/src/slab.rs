//! Records with small numbers that are used again.

/// A number that stands for nothing.
pub(crate) const NONE: u32 = u32::MAX;

/// A vector whose places are used again. Looking up a number that is not in use gives nothing.
#[derive(Clone, Debug)]
pub(crate) struct Slab<T> {
    records: Vec<Option<T>>,
    free: Vec<u32>,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self { records: Vec::new(), free: Vec::new() }
    }
}

impl<T> Slab<T> {
    #[expect(clippy::cast_possible_truncation, reason = "four billion records do not fit into memory")]
    pub(crate) fn insert(&mut self, record: T) -> u32 {
        if let Some(at) = self.free.pop()
            && let Some(free) = self.records.get_mut(at as usize)
        {
            *free = Some(record);
            return at;
        }
        self.records.push(Some(record));
        (self.records.len() - 1) as u32
    }

    pub(crate) fn remove(&mut self, at: u32) -> Option<T> {
        let record = self.records.get_mut(at as usize)?.take()?;
        self.free.push(at);
        Some(record)
    }

    #[inline]
    pub(crate) fn get(&self, at: u32) -> Option<&T> {
        self.records.get(at as usize)?.as_ref()
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, at: u32) -> Option<&mut T> {
        self.records.get_mut(at as usize)?.as_mut()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        self.records.iter().zip(0..).filter_map(|(record, at)| Some((at, record.as_ref()?)))
    }
}
