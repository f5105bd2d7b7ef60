//! `pogo.done/1`: what a verb that changes something has done, as one object.

use pogo_plan::event::{Author, Command, JobId};
use pogo_plan::outcome::JobState;
use schemars::JsonSchema;
use serde::Serialize;

/// The name and the version of the format.
const FORMAT: &str = "pogo.done/1";

/// What a verb has done.
#[derive(Serialize, JsonSchema)]
pub(super) struct DoneOut<'a> {
    /// The name and the version of this format.
    #[schemars(extend("const" = "pogo.done/1"))]
    format: &'static str,
    #[serde(flatten)]
    done: Done<'a>,
}

impl<'a> DoneOut<'a> {
    pub(super) const fn new(done: Done<'a>) -> Self {
        Self { format: FORMAT, done }
    }
}

/// What each verb has done.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "verb", rename_all = "snake_case")]
pub(super) enum Done<'a> {
    /// A job starts nothing more.
    Halt(OrdersOut<'a>),
    /// What runs is ended: all, and the job halts; or the attempts on these hosts.
    Stop(OrdersOut<'a>),
    /// Hosts count as done for sequences.
    Skip(OrdersOut<'a>),
    /// Settings of the job have changed.
    Alter(OrdersOut<'a>),
    /// It is on record what became of a host.
    Decide(OrdersOut<'a>),
    /// Hosts are in service.
    Release {
        /// The scope in which they were out of service.
        namespace: &'a str,
        /// Who said so, and why.
        by: Author,
        /// Each host, in the order of the command line.
        hosts: Vec<ReleasedOut>,
    },
    /// Jobs that ended long ago are deleted.
    Prune {
        /// Whether nothing was deleted, and `jobs` are those that would be.
        is_dry_run: bool,
        /// The jobs that are deleted.
        jobs: &'a [JobId],
        /// Jobs as old as these that are kept, for the hosts that they left out of service.
        kept: &'a [JobId],
    },
}

/// What was said to a job.
#[derive(Serialize, JsonSchema)]
pub(super) struct OrdersOut<'a> {
    /// The job.
    pub(super) job: JobId,
    /// The scope in which its limits count hosts.
    pub(super) namespace: &'a str,
    /// Who said it, and why.
    pub(super) by: Author,
    /// What was said, each with what became of it.
    pub(super) orders: &'a [Order],
    /// The state of the job after it; absent if the process that runs the job was told, or the next one will be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) job_state: Option<JobState>,
}

/// Something that was said to a job, and what became of it.
#[derive(Serialize, JsonSchema)]
pub(super) struct Order {
    /// What was said.
    pub(super) command: Command,
    #[serde(flatten)]
    pub(super) fate: Fate,
}

/// What became of something that was said to a job.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub(super) enum Fate {
    /// It is done, and on record.
    Done,
    /// It makes no sense as things are.
    Refused {
        /// Why.
        why: String,
    },
    /// It is on record, and nobody runs the job: whoever resumes it takes it up.
    Waits,
    /// It is on record, and the process that runs the job has not answered in time.
    Unanswered,
}

/// A host that was to be released.
#[derive(Serialize, JsonSchema)]
pub(super) struct ReleasedOut {
    /// The host.
    pub(super) host: String,
    #[serde(flatten)]
    pub(super) fate: Release,
}

/// What became of a host that was to be released.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub(super) enum Release {
    /// It is in service.
    Released,
    /// It is as it was.
    Refused {
        /// Why.
        why: String,
    },
}
