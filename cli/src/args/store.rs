//! The arguments of the verbs about jobs that are kept in a store.

use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use schemars::JsonSchema;
use serde::Serialize;

use super::{AnswerFormat, LogArgs, PasswordArgs, RunReportArgs};

/// Which store.
#[derive(Args, Debug, Default, Clone)]
#[command(next_help_heading = "Store")]
pub struct StoreArgs {
    /// The folder that jobs are kept in [default: $XDG_STATE_HOME/pogo/store]
    ///
    /// Whoever shares it shares the limits of each namespace. It must lie on a local disk.
    #[arg(long, value_name = "FOLDER")]
    pub store: Option<PathBuf>,
}

/// `pogo jobs`
#[derive(Args, Debug)]
pub struct JobsArgs {
    /// Only of this namespace
    #[arg(long, value_name = "NAME")]
    pub namespace: Option<String>,
    /// Only in this state; may be repeated
    #[arg(long, value_enum, value_name = "STATE")]
    pub state: Vec<ShownState>,
    /// At most so many, the newest
    #[arg(long, value_name = "N", default_value = "50")]
    pub limit: NonZeroUsize,
    /// How to answer
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub format: AnswerFormat,
    /// Where they are kept.
    #[command(flatten)]
    pub store: StoreArgs,
}

/// The states of jobs, for people: one that says it is running, and has no process, is interrupted.
#[derive(ValueEnum, Serialize, JsonSchema, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "snake_case")]
pub enum ShownState {
    /// A process runs it
    Running,
    /// A process runs it, and starts nothing more
    Halting,
    /// It had not ended when its process did
    Interrupted,
    /// Every host succeeded
    Succeeded,
    /// Everything ran, some hosts are bad
    Failed,
    /// What waits, waits for bad hosts
    Blocked,
    /// By an operator, a threshold or a time limit
    Halted,
}

/// `pogo status`
#[derive(Args, Debug)]
pub struct StatusArgs {
    /// A job: its id, the beginning of one, or `last` for the last one that you began
    #[arg(value_name = "JOB", default_value = "last")]
    pub job: String,
    /// How to answer
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub format: AnswerFormat,
    /// Where it is kept.
    #[command(flatten)]
    pub store: StoreArgs,
}

/// `pogo log`
#[derive(Args, Debug)]
pub struct JournalArgs {
    /// A job: its id, the beginning of one, or `last`
    #[arg(value_name = "JOB", default_value = "last")]
    pub job: String,
    /// Only what concerns these hosts: names or patterns
    #[arg(value_name = "HOST")]
    pub hosts: Vec<String>,
    /// Go on as more is put on record, until the job ends
    #[arg(short, long)]
    pub follow: bool,
    /// How to answer: lines for people, or a JSON object a line
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub format: AnswerFormat,
    /// Where it is kept.
    #[command(flatten)]
    pub store: StoreArgs,
}

/// `pogo output`
#[derive(Args, Debug)]
pub struct OutputArgs {
    /// A job: its id, the beginning of one, or `last`
    #[arg(value_name = "JOB")]
    pub job: String,
    /// The host
    #[arg(value_name = "HOST")]
    pub host: String,
    /// Which attempt [default: the last]
    #[arg(long, value_name = "N")]
    pub attempt: Option<NonZeroU32>,
    /// Only this stream, on standard output
    #[arg(long, value_enum, value_name = "STREAM")]
    pub stream: Option<ShownStream>,
    /// How to answer: the bytes as they are, each stream on its own, or one JSON object
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub format: AnswerFormat,
    /// Where it is kept.
    #[command(flatten)]
    pub store: StoreArgs,
}

/// A stream of a command's output.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum ShownStream {
    /// Standard output
    Stdout,
    /// Standard error
    Stderr,
}

/// How a job that is kept is run on.
#[derive(Args, Debug)]
pub struct AgainArgs {
    /// Attempts that may run at once
    #[arg(long, value_name = "N", default_value = "64")]
    pub fanout: NonZeroUsize,
    /// Attempts that may be connecting at once
    #[arg(long, value_name = "N", default_value = "16")]
    pub max_connecting: NonZeroUsize,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// What to tell of the run, and to whom.
    #[command(flatten)]
    pub report: RunReportArgs,
    /// What is typed for ssh and sudo.
    #[command(flatten)]
    pub passwords: PasswordArgs,
    /// What to tell of pogo's own steps.
    #[command(flatten)]
    pub log: LogArgs,
    /// Where it is kept.
    #[command(flatten)]
    pub store: StoreArgs,
}

/// `pogo resume`
#[derive(Args, Debug)]
pub struct ResumeArgs {
    /// A job: its id, the beginning of one, or `last`
    #[arg(value_name = "JOB")]
    pub job: String,
    /// How it goes on.
    #[command(flatten)]
    pub again: AgainArgs,
}

/// `pogo retry`
#[derive(Args, Debug)]
pub struct RetryArgs {
    /// A job: its id, the beginning of one, or `last`
    #[arg(value_name = "JOB")]
    pub job: String,
    /// Bad hosts: names or patterns [default: all but those of which nobody knows the end]
    #[arg(value_name = "HOST")]
    pub hosts: Vec<String>,
    /// How it goes on.
    #[command(flatten)]
    pub again: AgainArgs,
}

/// What is said to a job.
#[derive(Args, Debug)]
pub struct OrderArgs {
    /// How long to wait for the answer of the process that runs the job
    #[arg(long, value_name = "DURATION", value_parser = super::apply::duration, default_value = "10s")]
    pub wait: u64,
    /// How to answer
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub format: AnswerFormat,
    /// Where it is kept.
    #[command(flatten)]
    pub store: StoreArgs,
}

/// `pogo halt`
#[derive(Args, Debug)]
pub struct HaltArgs {
    /// A job: its id, the beginning of one, or `last`
    #[arg(value_name = "JOB")]
    pub job: String,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// How it is said.
    #[command(flatten)]
    pub order: OrderArgs,
}

/// `pogo stop`
#[derive(Args, Debug)]
pub struct StopArgs {
    /// A job: its id, the beginning of one, or `last`
    #[arg(value_name = "JOB")]
    pub job: String,
    /// Running hosts: names or patterns [default: all, and the job halts]
    #[arg(value_name = "HOST")]
    pub hosts: Vec<String>,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// How it is said.
    #[command(flatten)]
    pub order: OrderArgs,
}

/// `pogo skip`
#[derive(Args, Debug)]
pub struct SkipArgs {
    /// A job: its id, the beginning of one, or `last`
    #[arg(value_name = "JOB")]
    pub job: String,
    /// Waiting or bad hosts: names or patterns
    #[arg(required = true, value_name = "HOST")]
    pub hosts: Vec<String>,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// How it is said.
    #[command(flatten)]
    pub order: OrderArgs,
}

/// `pogo alter`
#[derive(Args, Debug)]
pub struct AlterArgs {
    /// A job: its id, the beginning of one, or `last`
    #[arg(value_name = "JOB")]
    pub job: String,
    /// A setting and its new value, such as `concurrent=5`; may be repeated
    ///
    /// `concurrent` (N, N% or none), `stagger` (a duration), `max_failures` (N, N% or none), `on_failure` (hold, continue
    /// or halt) and `retry` (further attempts of hosts that start from now on). Limits cannot be changed: they are other
    /// people's promise too.
    #[arg(long, required = true, value_name = "KEY=VALUE", value_parser = super::key_value)]
    pub set: Vec<(String, String)>,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// How it is said.
    #[command(flatten)]
    pub order: OrderArgs,
}

/// `pogo out`
#[derive(Args, Debug)]
pub struct OutArgs {
    /// Only of this namespace [default: all]
    #[arg(long, value_name = "NAME")]
    pub namespace: Option<String>,
    /// How to answer
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub format: AnswerFormat,
    /// Where it is on record.
    #[command(flatten)]
    pub store: StoreArgs,
}

/// `pogo release`
#[derive(Args, Debug)]
pub struct ReleaseArgs {
    /// Hosts that are out of service: names or patterns
    #[arg(required = true, value_name = "HOST")]
    pub hosts: Vec<String>,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// The namespace that they are out of service in
    #[arg(long, value_name = "NAME", default_value = "default")]
    pub namespace: String,
    /// How to answer
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub format: AnswerFormat,
    /// Where it is on record.
    #[command(flatten)]
    pub store: StoreArgs,
}

/// `pogo decide`
#[derive(Args, Debug)]
pub struct DecideArgs {
    /// A job: its id, the beginning of one, or `last`
    #[arg(value_name = "JOB")]
    pub job: String,
    /// The host
    #[arg(value_name = "HOST")]
    pub host: String,
    /// What became of it
    #[arg(long = "as", value_enum, value_name = "WHAT")]
    pub verdict: ShownVerdict,
    /// How you know, for the record
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// How it is said.
    #[command(flatten)]
    pub order: OrderArgs,
}

/// What became of an attempt that nobody saw end.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum ShownVerdict {
    /// It did its work
    Succeeded,
    /// It did not, and does not run any more
    Failed,
}

/// `pogo prune`
#[derive(Args, Debug)]
pub struct PruneArgs {
    /// Jobs that ended longer ago than this, such as `30d`
    #[arg(long, value_name = "DURATION", value_parser = super::apply::duration)]
    pub older_than: u64,
    /// Only of this namespace [default: all]
    #[arg(long, value_name = "NAME")]
    pub namespace: Option<String>,
    /// Say which jobs these are, and delete nothing
    #[arg(long)]
    pub dry_run: bool,
    /// How to answer
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub format: AnswerFormat,
    /// Where they are kept.
    #[command(flatten)]
    pub store: StoreArgs,
}
