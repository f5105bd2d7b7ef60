//! What a spec says, section by section, with its places. Hosts are numbers already, tags are still names.

use pogo_grammar::{SetOp, Share};
use pogo_plan::{HostIdx, job};

use super::tree::NodeId;
use crate::source::Span;

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct At<T> {
    pub(crate) value: T,
    pub(crate) span: Span,
}

impl<T> At<T> {
    pub(crate) fn new(value: T, span: Span) -> Self {
        Self { value, span }
    }
}

/// One file.
#[derive(Debug, Default)]
pub(crate) struct Spec {
    pub(crate) namespace: Option<At<String>>,
    pub(crate) includes: Vec<At<String>>,
    /// In the order of the text; a mapping comes before what stands in it.
    pub(crate) tags: Vec<Tag>,
    /// Whether there is a `sequence` that is not empty.
    pub(crate) has_sequence: bool,
    pub(crate) threads: Vec<Thread>,
    pub(crate) limits: Vec<Limit>,
    pub(crate) job: Job,
}

/// A tag, or a value of one.
#[derive(Debug)]
pub(crate) struct Tag {
    /// The tag's name, then the values on the way; each with its key.
    pub(crate) path: Vec<At<String>>,
    /// Nothing for a mapping, whose values follow.
    pub(crate) members: Option<Members>,
}

/// The members of a tag or value, in the order of the text.
#[derive(Debug, Default)]
pub(crate) struct Members {
    pub(crate) hosts: Vec<HostIdx>,
    /// Members that are no plain pattern, and how many hosts stand before each.
    pub(crate) sets: Vec<(u32, Set)>,
    /// The list, to find the place of a member again.
    pub(crate) node: Option<NodeId>,
}

/// A set expression.
#[derive(Debug)]
pub(crate) enum Set {
    /// What host patterns expand to.
    Hosts(Vec<HostIdx>),
    Selector(Selector),
    Call(Call),
    /// `@path`
    File(At<String>),
    Chain {
        op: SetOp,
        operands: Vec<Set>,
    },
    /// Reported already.
    Broken,
}

#[derive(Debug)]
pub(crate) struct Selector {
    pub(crate) parts: Vec<SelectorPart>,
}

#[derive(Debug)]
pub(crate) struct SelectorPart {
    pub(crate) name: At<String>,
    pub(crate) values: Vec<SelectorValue>,
    /// Whether it ends in `.*`.
    pub(crate) each: bool,
    pub(crate) span: Span,
}

#[derive(Debug)]
pub(crate) struct SelectorValue {
    pub(crate) text: At<String>,
    pub(crate) quoted: bool,
}

#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) name: At<String>,
    pub(crate) args: Vec<String>,
    pub(crate) span: Span,
}

/// Slots that run one after the other.
#[derive(Debug)]
pub(crate) struct Thread {
    pub(crate) id: String,
    /// What stands before the text of each slot in its id, up to and with the dot.
    pub(crate) slot_prefix: String,
    /// Labels on the way, to compare with names of tags and hosts.
    pub(crate) labels: Vec<At<String>>,
    /// Selectors and patterns on the way: numbers of [`Spec::keys`]-like shared sets, outermost first.
    pub(crate) narrowed_by: Vec<std::rc::Rc<At<Set>>>,
    pub(crate) slots: Vec<Slot>,
    pub(crate) span: Span,
}

#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) hosts: At<Set>,
    pub(crate) text: String,
    pub(crate) pause_after_ms: Option<u64>,
    pub(crate) max_failures: Option<u32>,
}

/// `max_parallel` under its keys.
#[derive(Debug)]
pub(crate) struct Limit {
    /// Outermost first; all must hold.
    pub(crate) group: Vec<std::rc::Rc<LimitKey>>,
    pub(crate) max_parallel: At<Share>,
    /// As written.
    pub(crate) declared: String,
}

#[derive(Debug)]
pub(crate) struct LimitKey {
    pub(crate) set: At<Set>,
    pub(crate) text: String,
}

/// `job`, as far as it is written.
#[derive(Debug, Default)]
pub(crate) struct Job {
    pub(crate) span: Option<Span>,
    pub(crate) command: Option<At<String>>,
    pub(crate) script: Option<At<String>>,
    pub(crate) args: Option<At<Vec<String>>>,
    pub(crate) shell: Option<String>,
    /// Each item of the list, or the one expression.
    pub(crate) targets: Option<At<Vec<At<Set>>>>,
    pub(crate) user: Option<String>,
    pub(crate) run_as: Option<String>,
    pub(crate) env: Vec<(At<String>, String)>,
    pub(crate) secrets: Vec<(At<String>, job::SecretRef)>,
    pub(crate) prehook: Option<String>,
    pub(crate) posthook: Option<String>,
    pub(crate) finally: Option<String>,
    pub(crate) verify: Option<job::Verify>,
    pub(crate) timeout_ms: Option<u64>,
    pub(crate) connect_timeout_ms: Option<u64>,
    pub(crate) job_timeout_ms: Option<u64>,
    pub(crate) retry: Option<Retry>,
    pub(crate) on_disconnect: Option<At<job::OnDisconnect>>,
    pub(crate) concurrent: Option<Share>,
    pub(crate) ramp: Vec<Share>,
    pub(crate) stagger_ms: Option<u64>,
    pub(crate) on_failure: Option<job::OnFailure>,
    pub(crate) max_failures: Option<Share>,
    pub(crate) recover: Option<bool>,
    pub(crate) max_output_bytes: Option<u64>,
    pub(crate) ssh: job::Ssh,
    pub(crate) transport: Option<job::Transport>,
}

#[derive(Debug, Default)]
pub(crate) struct Retry {
    pub(crate) attempts: Option<u32>,
    pub(crate) backoff_ms: Option<u64>,
    pub(crate) max_backoff_ms: Option<u64>,
    pub(crate) retry_on: Option<Vec<job::RetryOn>>,
}
