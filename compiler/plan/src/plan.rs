//! The plan: what runs where, in which order, under which limits.

use crate::{HostIdx, HostTable, Job};

/// The value of `format` in every plan of this version.
pub const FORMAT: &str = "pogo.plan/1";

/// Everything a run depends on. Applying it needs no spec, no resolver and no environment.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The scope of the promise: limits count hosts of all jobs of one namespace.
    pub namespace: String,
    /// The names behind every [`HostIdx`] of this plan.
    pub hosts: HostTable,
    /// The hosts to run on, each once, in spec order.
    pub targets: Vec<HostIdx>,
    /// The threads, in spec order; `unconstrained` is the last and always there.
    pub threads: Vec<Thread>,
    /// One limit for each group that has a target.
    pub limits: Vec<Limit>,
    /// What to run.
    pub job: Job,
    /// Where the plan came from; not part of its digest.
    pub origin: Origin,
}

/// Slots that run one after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thread {
    /// Unique among the threads of a plan.
    pub id: String,
    /// In the order in which they open.
    pub slots: Vec<Slot>,
}

/// Hosts that run in parallel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Unique among the slots of a plan.
    pub id: String,
    /// The targets of the slot, in the order in which they start.
    pub hosts: Vec<HostIdx>,
    /// Time in milliseconds between the end of this slot and the opening of the next.
    pub pause_after_ms: Option<u64>,
    /// More bad hosts than this in the slot halt the job.
    pub max_failures: Option<u32>,
    /// Where the spec says so; not part of the digest.
    pub at: Option<At>,
}

/// How many hosts of a group may be out of service at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    /// The group's selector.
    pub id: String,
    /// At most this many; never zero.
    pub max_parallel: u32,
    /// As the spec has it: `2`, `25%`.
    pub declared: String,
    /// The number of `members`.
    pub group_size: u32,
    /// All hosts of the group that the spec knows, targets or not.
    pub members: Vec<HostIdx>,
    /// Where the spec says so; not part of the digest.
    pub at: Option<At>,
}

/// A place in a source of the plan: `source` counts from 0, lines and columns (in characters) from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct At {
    /// Index into [`Origin::sources`].
    pub source: u32,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

/// Who made the plan, of what.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Origin {
    /// The compiler and its version: `pogo 0.1.0`.
    pub compiler: String,
    /// The files that were read, the spec first.
    pub sources: Vec<SourceFile>,
}

/// A file that the plan was made of.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SourceFile {
    /// As it was named when the plan was made.
    pub path: String,
    /// Its SHA-256 in lower-case hexadecimal.
    pub sha256: String,
}
