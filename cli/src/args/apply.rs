//! The arguments of the verbs that run jobs and read what a run left behind.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{ArgAction, Args, ValueEnum};

use super::{LevelArgs, MessageFormat, PasswordArgs, SpecArgs, SshArgs, StoreArgs};

/// `pogo apply`
#[derive(Args, Debug)]
pub struct ApplyArgs {
    /// A spec, a plan made by `pogo compile`, or `-` for one of them on standard input
    ///
    /// A plan is run exactly as it is: options that would change it are refused.
    #[arg(value_name = "SPEC|PLAN")]
    pub input: PathBuf,
    /// Show what would run in which order, and run nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Attempts that may run at once
    #[arg(long, value_name = "N", default_value = "64")]
    pub fanout: NonZeroUsize,
    /// Attempts that may be connecting at once
    #[arg(long, value_name = "N", default_value = "16")]
    pub max_connecting: NonZeroUsize,
    /// Refuse a plan file that was written longer ago than this
    ///
    /// A plan has no time in it, so that the same spec gives the same plan: the file's modification time counts. Standard
    /// input has none, and a spec is compiled now: with either of them the option is wrong usage.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub max_age: Option<u64>,
    /// How to report findings in the spec, on standard error
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub message_format: MessageFormat,
    /// What to tell of the run, and to whom.
    #[command(flatten)]
    pub report: RunReportArgs,
    /// What is typed for ssh and sudo.
    #[command(flatten)]
    pub passwords: PasswordArgs,
    /// What to tell of pogo's own steps.
    #[command(flatten)]
    pub log: LogArgs,
    /// Where the run is kept.
    #[command(flatten)]
    pub store: StoreArgs,
    /// What is laid over the spec's `job`.
    #[command(flatten)]
    pub job: JobArgs,
    /// Which findings count.
    #[command(flatten)]
    pub levels: LevelArgs,
    /// What changes what a spec means.
    #[command(flatten)]
    pub options: SpecArgs,
}

/// What to tell of a run, and to whom.
#[derive(Args, Debug, Default)]
#[command(next_help_heading = "Report")]
pub struct RunReportArgs {
    /// Write every event as a line of JSON, as it happens; `-` for standard output
    ///
    /// See `pogo schema events`. The file is replaced when the run begins.
    #[arg(long, value_name = "FILE")]
    pub events: Option<PathBuf>,
    /// Write the output of each host to HOST.stdout and HOST.stderr in this folder, which must be empty or absent
    ///
    /// Of a host that is tried again, these are of its last attempt; those of the first are HOST~1.stdout and so on.
    #[arg(long, value_name = "FOLDER")]
    pub output_dir: Option<PathBuf>,
    /// Write a JUnit report at the end: a test case for each host
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// What to write on standard output
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub format: RunFormat,
    /// Leave out the lines about single hosts: only the summary, and what goes wrong
    #[arg(short, long)]
    pub quiet: bool,
}

/// The forms of what a run writes on standard output.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum RunFormat {
    /// A line for each event and a summary, for people
    #[default]
    Human,
    /// One JSON object at the end, `pogo.summary/1`; the lines for people go to standard error
    Json,
}

/// What to tell of pogo's own steps.
#[derive(Args, Debug, Default)]
#[command(next_help_heading = "Log")]
pub struct LogArgs {
    /// Log pogo's own steps to standard error; twice for more of them
    ///
    /// Without it the variable POGO_LOG counts, a filter such as `debug` or `pogo_actors=trace,warn`; without both,
    /// warnings are logged.
    #[arg(short, long, action = ArgAction::Count)]
    pub verbose: u8,
    /// How to write the log
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub log_format: LogFormat,
}

/// The forms of the log.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum LogFormat {
    /// A line for each step
    #[default]
    Text,
    /// A JSON object for each step
    Json,
}

/// A flag for every key of `job`. The values are those of the spec, and so are the findings about them.
#[derive(Args, Debug, Default)]
#[command(next_help_heading = "Job, in place of the spec's settings (these hold over --set)")]
pub struct JobArgs {
    /// A local file to run, in place of a command
    #[arg(long, value_name = "FILE")]
    pub script: Option<String>,
    /// An argument for the script; may be repeated
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub arg: Vec<String>,
    /// What runs the command and the hooks, such as `bash -eu`
    #[arg(long, value_name = "COMMAND")]
    pub shell: Option<String>,
    /// A variable for the command; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = name_value)]
    pub env: Vec<(String, String)>,
    /// A secret variable for the command: NAME=env:VARIABLE, NAME=file:PATH or NAME=prompt; may be repeated
    #[arg(long, value_name = "NAME=SOURCE", value_parser = name_value)]
    pub secret: Vec<(String, String)>,
    /// The user to run as
    #[arg(long, value_name = "USER")]
    pub run_as: Option<String>,
    /// Time for one attempt, such as `10m`
    #[arg(long, value_name = "DURATION")]
    pub timeout: Option<String>,
    /// Time to reach a host
    #[arg(long, value_name = "DURATION")]
    pub connect_timeout: Option<String>,
    /// Time for the whole job; then it halts, and what runs is ended
    #[arg(long, value_name = "DURATION")]
    pub job_timeout: Option<String>,
    /// Further attempts: a number, or a mapping such as `{attempts: 2, backoff: 5s, retry_on: [exit]}`
    #[arg(long, value_name = "N|MAPPING")]
    pub retry: Option<String>,
    /// Most hosts at once: a number or a share of the targets
    #[arg(long, value_name = "N|N%")]
    pub concurrent: Option<String>,
    /// Hosts in flight step by step, such as `1,5,20%`
    #[arg(long, value_name = "STEPS")]
    pub ramp: Option<String>,
    /// Least time between two starts
    #[arg(long, value_name = "DURATION")]
    pub stagger: Option<String>,
    /// What to do when the connection breaks after the start: `unknown`, or `verify` for commands that restart the host
    #[arg(long, value_name = "WHAT")]
    pub on_disconnect: Option<String>,
    /// What a bad host holds up: `hold`, `continue` or `halt`
    #[arg(long, value_name = "WHAT")]
    pub on_failure: Option<String>,
    /// More bad hosts than this halt the job: a number or a share of the targets
    #[arg(long, value_name = "N|N%")]
    pub max_failures: Option<String>,
    /// Bytes kept of each stream of a host, such as `1MiB`
    #[arg(long, value_name = "SIZE")]
    pub max_output: Option<String>,
    /// Let a success put a host back in service that another job took out
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    pub recover: Option<String>,
    /// Over what to reach the hosts: `ssh`, or `local` to run everything on this machine
    #[arg(long, value_name = "TRANSPORT")]
    pub transport: Option<String>,
    /// What to run before the command
    #[arg(long, value_name = "COMMAND", allow_hyphen_values = true)]
    pub prehook: Option<String>,
    /// What to run after the command and its check have succeeded
    #[arg(long, value_name = "COMMAND", allow_hyphen_values = true)]
    pub posthook: Option<String>,
    /// What to run last, whatever happened
    #[arg(long, value_name = "COMMAND", allow_hyphen_values = true)]
    pub finally: Option<String>,
    /// The check that decides whether a host is known good
    #[arg(long, value_name = "COMMAND", allow_hyphen_values = true)]
    pub verify: Option<String>,
    /// Time between two tries of the check
    #[arg(long, value_name = "DURATION")]
    pub verify_interval: Option<String>,
    /// Time for all tries of the check
    #[arg(long, value_name = "DURATION")]
    pub verify_timeout: Option<String>,
    /// How many tries of the check must succeed one after the other
    #[arg(long, value_name = "N")]
    pub verify_successes: Option<String>,
    /// How the hosts are reached.
    #[command(flatten)]
    pub ssh: SshArgs,
}

/// `pogo replay`
#[derive(Args, Debug)]
pub struct ReplayArgs {
    /// An event stream, as `pogo apply --events` writes it; `-` for standard input
    #[arg(value_name = "EVENTS")]
    pub events: PathBuf,
    /// The plan that was run; without it the run is shown and nothing is checked
    #[arg(long, value_name = "PLAN")]
    pub plan: Option<PathBuf>,
    /// Leave out the lines about single hosts
    #[arg(short, long)]
    pub quiet: bool,
}

pub(super) fn duration(text: &str) -> Result<u64, String> {
    pogo_grammar::parse_duration(text).map_err(|_| "write a duration with its unit, such as `12h`".to_owned())
}

pub(super) fn name_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        // A dot would be read as the way to a key below this one.
        Some((name, value)) if !name.is_empty() && !name.contains('.') => {
            Ok((name.to_owned(), value.to_owned()))
        }
        _ => Err("write NAME=VALUE".to_owned()),
    }
}
