//! Host names in one arena, each with a small dense number.
//!
//! A farm of a million hosts is named three times in a plan (target, slot, limit); as numbers that costs four bytes a
//! mention, as strings some forty.

use std::hash::{BuildHasher, Hasher};

use hashbrown::{DefaultHashBuilder, HashTable, hash_table::Entry};

/// The number of a host in its [`HostTable`]: dense, from zero, in the order of first mention.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct HostIdx(u32);

impl HostIdx {
    /// The number as an index into arrays that are kept beside the table.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// The host with this number; `None` past the four billion that a table can hold.
    #[must_use]
    pub fn from_index(index: usize) -> Option<Self> {
        u32::try_from(index).ok().map(Self)
    }
}

/// What [`HostTable::intern`] found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Interned {
    /// The host's number.
    pub host: HostIdx,
    /// Whether the name was new.
    pub is_new: bool,
    /// For a new name: an earlier one that differs from it only in case or in a trailing dot.
    pub twin: Option<HostIdx>,
}

/// An entry of the index. With its hash beside it, a growing index need not look at the names again.
#[derive(Clone, Copy)]
struct Bucket {
    hash: u32,
    at: u32,
}

/// An append-only set of host names.
#[derive(Clone, Default)]
pub struct HostTable {
    bytes: String,
    ends: Vec<u32>,
    index: HashTable<Bucket>,
    twins: Vec<(HostIdx, HostIdx)>,
    hasher: DefaultHashBuilder,
}

impl HostTable {
    /// An empty table.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The number of hosts.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no host.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The name of a host; the empty string for a number of another table.
    #[must_use]
    pub fn name(&self, host: HostIdx) -> &str {
        name_at(&self.bytes, &self.ends, host.0)
    }

    /// All hosts, in order of first mention.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (HostIdx, &str)> + '_ {
        (0..self.ends.len()).map(|index| {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "`intern` refuses the host that would not fit"
            )]
            let host = HostIdx(index as u32);
            (host, self.name(host))
        })
    }

    /// The number of a name that is in the table, spelt exactly so.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<HostIdx> {
        let Self { bytes, ends, index, hasher, .. } = self;
        let hash = hash_of(hasher, name);
        let is_it = |bucket: &Bucket| bucket.hash == hash && name_at(bytes, ends, bucket.at) == name;
        index.find(spread(hash), is_it).map(|bucket| HostIdx(bucket.at))
    }

    /// The number of a name, which is added if it is new. `None` when the table is full (four gigabytes of names).
    pub fn intern(&mut self, name: &str) -> Option<Interned> {
        let Self { bytes, ends, index, twins, hasher } = self;
        let mut twin = None;
        let hash = hash_of(hasher, name);
        let entry = index.entry(
            spread(hash),
            |bucket| {
                if bucket.hash != hash {
                    return false;
                }
                let known = name_at(bytes, ends, bucket.at);
                if known == name {
                    return true;
                }
                if same_host(known, name) {
                    twin = Some(HostIdx(bucket.at));
                }
                false
            },
            |bucket| spread(bucket.hash),
        );
        match entry {
            Entry::Occupied(known) => {
                Some(Interned { host: HostIdx(known.get().at), is_new: false, twin: None })
            }
            Entry::Vacant(free) => {
                let number = u32::try_from(ends.len()).ok()?;
                let end = u32::try_from(bytes.len() + name.len()).ok()?;
                free.insert(Bucket { hash, at: number });
                bytes.push_str(name);
                ends.push(end);
                twins.extend(twin.map(|twin| (twin, HostIdx(number))));
                Some(Interned { host: HostIdx(number), is_new: true, twin })
            }
        }
    }

    /// Every name that differs from an earlier one only in case or in a trailing dot, after that one.
    #[must_use]
    pub fn twins(&self) -> &[(HostIdx, HostIdx)] {
        &self.twins
    }

    /// Gives back what growing has left unused.
    pub fn shrink_to_fit(&mut self) {
        self.bytes.shrink_to_fit();
        self.ends.shrink_to_fit();
    }
}

impl std::fmt::Debug for HostTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter().map(|(_, name)| name)).finish()
    }
}

fn name_at<'a>(bytes: &'a str, ends: &[u32], at: u32) -> &'a str {
    let at = at as usize;
    let start = at.checked_sub(1).and_then(|before| ends.get(before)).copied().unwrap_or(0);
    let end = ends.get(at).copied().unwrap_or(start);
    bytes.get(start as usize..end as usize).unwrap_or("")
}

/// Hashes what makes two names the same machine to a resolver, so that twins meet in one bucket.
fn hash_of(hasher: &DefaultHashBuilder, name: &str) -> u32 {
    let mut state = hasher.build_hasher();
    let name = name.strip_suffix('.').unwrap_or(name).as_bytes();
    let mut chunks = name.chunks_exact(8);
    for chunk in &mut chunks {
        let mut word = [0; 8];
        word.copy_from_slice(chunk);
        state.write_u64(u64::from_le_bytes(word) | LOWER_CASE);
    }
    let mut word = [0; 8];
    for (to, from) in word.iter_mut().zip(chunks.remainder()) {
        *to = *from;
    }
    state.write_u64(u64::from_le_bytes(word) | LOWER_CASE);
    state.write_usize(name.len());
    let hash = state.finish();
    #[expect(clippy::cast_possible_truncation, reason = "both halves are folded into one")]
    let folded = (hash ^ (hash >> 32)) as u32;
    folded
}

/// A hash of the width that the index wants, which takes its lowest and its highest bits.
fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// The bit by which ASCII letters differ in case. Setting it also folds a few other characters together, which costs a
/// comparison and nothing else: [`same_host`] decides.
const LOWER_CASE: u64 = 0x2020_2020_2020_2020;

fn same_host(a: &str, b: &str) -> bool {
    a.strip_suffix('.').unwrap_or(a).eq_ignore_ascii_case(b.strip_suffix('.').unwrap_or(b))
}
