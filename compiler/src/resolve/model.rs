//! What a spec means: hosts are numbers, tags are sets, slots and limits have their hosts.

use pogo_grammar::Share;
use pogo_plan::HostIdx;

use super::tags::Tags;
use crate::source::Span;
use crate::syntax::{Hosts, ast};

/// A spec after resolution. Whatever could not be resolved has been reported and is left out.
#[derive(Debug)]
pub struct Model {
    pub(crate) hosts: Hosts,
    pub(crate) tags: Tags,
    pub(crate) has_sequence: bool,
    pub(crate) threads: Vec<Thread>,
    pub(crate) limits: Vec<Limit>,
    pub(crate) namespace: String,
    pub(crate) job: ast::Job,
    pub(crate) script: Option<Script>,
    /// Hosts to run on, in spec order.
    pub(crate) targets: Vec<HostIdx>,
    /// Whether all of the spec was read and all its groups were asked: what seems to be missing is missing.
    pub(crate) is_whole: bool,
}

/// The script that a job sends.
#[derive(Debug)]
pub(crate) struct Script {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
}

/// Slots that run one after the other, each with all hosts that the spec gives it.
#[derive(Debug)]
pub(crate) struct Thread {
    pub(crate) id: String,
    pub(crate) labels: Vec<ast::At<String>>,
    pub(crate) slots: Vec<Slot>,
}

#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) id: String,
    /// In the order of the text, without those that an earlier slot of the thread has.
    pub(crate) hosts: Vec<HostIdx>,
    pub(crate) pause_after_ms: Option<u64>,
    pub(crate) max_failures: Option<u32>,
    pub(crate) span: Span,
}

/// How many hosts of one group may be out of service at once.
#[derive(Debug)]
pub(crate) struct Limit {
    pub(crate) id: String,
    pub(crate) max_parallel: u32,
    pub(crate) share: Share,
    pub(crate) declared: String,
    pub(crate) members: Vec<HostIdx>,
    /// Where `max_parallel` has its value.
    pub(crate) span: Span,
}
