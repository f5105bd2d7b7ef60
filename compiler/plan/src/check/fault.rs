//! What can be wrong with a plan, in plain words.

use std::fmt;

/// A contradiction in a plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// There is nothing to run on.
    #[error("the plan has no targets")]
    NoTargets,
    /// A number that the table of hosts does not know; only plans made in memory can have it.
    #[error("host number {number} has no name")]
    NoSuchHost {
        /// The number.
        number: usize,
    },
    /// Neither a DNS name nor an address.
    #[error("`{host}` is not a host name")]
    HostName {
        /// What stands in its place.
        host: String,
    },
    /// Two names of one machine.
    #[error("hosts `{first}` and `{second}` differ only in case or in a trailing dot")]
    Twins {
        /// The name that the table got first.
        first: String,
        /// The other.
        second: String,
    },
    /// A host would run twice.
    #[error("host `{host}` is in `targets` more than once")]
    TargetTwice {
        /// The host.
        host: String,
    },
    /// A text that must not be empty.
    #[error("{what} is empty")]
    Empty {
        /// Which.
        what: &'static str,
    },
    /// A thread, slot or limit that cannot be named.
    #[error("the id of a {what} is empty")]
    EmptyId {
        /// `thread`, `slot` or `limit`.
        what: &'static str,
    },
    /// Ids tell threads, slots and limits apart.
    #[error("two {what}s have the id `{id}`")]
    IdTwice {
        /// `thread`, `slot` or `limit`.
        what: &'static str,
        /// The id.
        id: String,
    },
    /// The thread `unconstrained` is always there and always the last.
    #[error("the last thread is not `unconstrained`")]
    NoUnconstrained,
    /// That thread has one slot of the same name.
    #[error("the thread `unconstrained` does not have exactly one slot, `unconstrained`")]
    UnconstrainedSlots,
    /// The slot `unconstrained` is for targets that are in no other slot.
    #[error("host `{host}` is in the slot `unconstrained` and also in another")]
    NotUnconstrained {
        /// The host.
        host: String,
    },
    /// A host in two slots of one thread belongs to the first.
    #[error("host `{host}` is more than once in the thread `{thread}`")]
    HostTwiceInThread {
        /// The thread's id.
        thread: String,
        /// The host.
        host: String,
    },
    /// It would never run.
    #[error("target `{host}` is in no slot")]
    TargetWithoutSlot {
        /// The host.
        host: String,
    },
    /// It would run unasked.
    #[error("host `{host}` of the slot `{slot}` is not in `targets`")]
    SlotHostNotTarget {
        /// The slot's id.
        slot: String,
        /// The host.
        host: String,
    },
    /// The threads wait for each other for ever.
    #[error("the order of the threads has a circle: {}", Circle(.0))]
    Circle(Vec<Step>),
    /// Nothing in the group could ever run.
    #[error("`max_parallel` of the limit `{limit}` is 0")]
    MaxParallelZero {
        /// The limit's id.
        limit: String,
    },
    /// Two counts of one group.
    #[error("the limit `{limit}` says that its group has {stated} hosts, and lists {members}")]
    GroupSize {
        /// The limit's id.
        limit: String,
        /// `group_size`.
        stated: u32,
        /// The length of `members`.
        members: usize,
    },
    /// It would count twice.
    #[error("host `{host}` is more than once a member of the limit `{limit}`")]
    MemberTwice {
        /// The limit's id.
        limit: String,
        /// The host.
        host: String,
    },
    /// Such limits are left out.
    #[error("no member of the limit `{limit}` is in `targets`")]
    LimitWithoutTarget {
        /// The limit's id.
        limit: String,
    },
    /// Which of the two should run?
    #[error("the job has both a command and a script")]
    CommandAndScript,
    /// The name of a script is that of a file without its folder.
    #[error("the script's name `{name}` is not the name of a file")]
    ScriptName {
        /// The name.
        name: String,
    },
    /// Not base64, or too long.
    #[error("the script is not base64 of at most 1 MiB")]
    ScriptBytes,
    /// A name that no shell takes, or one that pogo sets itself.
    #[error("`{name}` cannot be set in the environment of the command")]
    EnvName {
        /// The name.
        name: String,
    },
    /// One variable with two values.
    #[error("`{name}` is both in `env` and in `secrets`")]
    EnvTwice {
        /// The name.
        name: String,
    },
    /// It would reach ssh or sudo as an option.
    #[error("`{key}` is `{value}`, which is empty or starts with `-`")]
    Option {
        /// The key in `job`.
        key: &'static str,
        /// Its value.
        value: String,
    },
    /// A count or a time that must not be zero.
    #[error("`{key}` is 0")]
    Zero {
        /// The key in `job`.
        key: &'static str,
    },
    /// JSON's numbers are exact up to here and no further.
    #[error("`{key}` is {value}, which is more than {MAX_EXACT}")]
    TooLarge {
        /// The key in `job`, or of a slot.
        key: &'static str,
        /// Its value.
        value: u64,
    },
    /// A list that is a set.
    #[error("`retry.retry_on` names the same end of an attempt more than once")]
    RetryOnTwice,
}

/// The largest integer up to which every JSON reader is exact: 2⁵³ - 1.
pub(super) const MAX_EXACT: u64 = (1 << 53) - 1;

/// A part of a circle: `from` cannot end before `to` opens, because of `host`; and `to` opens after the `from` of the
/// next step, which stands before it in its thread. The last step leads to the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The id of a slot.
    pub from: String,
    /// A host of `from` that is also in `to`, and starts when both are open.
    pub host: String,
    /// The id of a slot of the next step's thread.
    pub to: String,
}

struct Circle<'a>(&'a [Step]);

impl fmt::Display for Circle<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Step { from, host, to }) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            let next = self.0.get(index + 1).or(self.0.first()).map_or("", |step| &step.from);
            write!(f, "`{from}` needs `{host}`, which waits for `{to}`, which opens after `{next}`")?;
        }
        Ok(())
    }
}
