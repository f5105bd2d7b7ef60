//! The command line as clap reads it: types and help texts, no behavior.

mod apply;
mod ssh;
mod store;

use std::path::PathBuf;

pub use apply::{ApplyArgs, JobArgs, LogArgs, LogFormat, ReplayArgs, RunFormat, RunReportArgs};
use clap::{Args, Parser, Subcommand, ValueEnum};
pub use ssh::{OneArgs, PasswordArgs, ProbeArgs, SshArgs, TargetArgs, TrustArgs};
pub use store::{
    AgainArgs, AlterArgs, DecideArgs, HaltArgs, JobsArgs, JournalArgs, OrderArgs, OutArgs, OutputArgs,
    PruneArgs, ReleaseArgs, ResumeArgs, RetryArgs, ShownState, ShownStream, ShownVerdict, SkipArgs,
    StatusArgs, StopArgs, StoreArgs,
};

use crate::exit_code;

/// Run commands on thousands of hosts in a controlled manner.
///
/// A spec says which hosts there are, what must be finished before what, and how many hosts of a group may be out of
/// service at once. `check` finds what is wrong with it, `compile` turns it into a plan, `schedule` shows that plan, `apply` runs it.
#[derive(Parser, Debug)]
#[command(name = "pogo", version, after_help = exit_code::HELP, max_term_width = 100, subcommand_required = true)]
#[command(arg_required_else_help = true, disable_help_subcommand = true)]
#[command(after_long_help = format!("\
Examples:
  pogo check specs/                       all findings of every spec in a folder
  pogo schedule site.cfg                  who waits for whom
  pogo compile site.cfg -o site.json      a plan to keep, review and apply
  pogo apply site.json                    run it
  pogo status                             how your last job stands, and what to do next

{}", exit_code::HELP))]
pub struct Cli {
    /// What all verbs take.
    #[command(flatten)]
    pub global: Global,
    /// The verb.
    #[command(subcommand)]
    pub command: Command,
}

/// What all verbs take.
#[derive(Args, Debug)]
pub struct Global {
    /// When to color what is written for people [default: auto]
    #[arg(long, global = true, value_enum, value_name = "WHEN", help_heading = "Appearance")]
    pub color: Option<Color>,
    /// Columns to write for people in [default: the terminal's, or 100]
    #[arg(long, global = true, value_name = "COLUMNS", help_heading = "Appearance")]
    #[arg(value_parser = clap::value_parser!(u16).range(40..=1000))]
    pub width: Option<u16>,
    /// Draw with ASCII characters only
    #[arg(long, global = true, help_heading = "Appearance")]
    pub ascii: bool,
}

/// When to color.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// The verbs.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Find everything that is wrong with specs
    #[command(after_long_help = help("\
  pogo check site.cfg                     report on one spec
  pogo check specs/ --deny warnings       fail on warnings too, in every spec of a folder
  pogo check specs/ --format sarif -o pogo.sarif
  generate-spec | pogo check -            read standard input"))]
    Check(CheckArgs),
    /// Turn a spec into a plan
    #[command(after_long_help = help("\
  pogo compile site.cfg -o site.json
  pogo compile site.cfg --targets '$colo.east & $frontend' --run-command 'uptime'
  pogo compile site.cfg --set job.timeout=5m --set 'job.retry={attempts: 2}' --format yaml"))]
    Compile(CompileArgs),
    /// Show who runs when: threads, slots, limits
    #[command(after_long_help = help("\
  pogo schedule site.cfg                  a table for people
  pogo schedule site.json --format json   of a compiled plan, for programs
  pogo schedule site.cfg --format dot | dot -Tsvg > site.svg"))]
    Schedule(ScheduleArgs),
    /// Run a spec or a plan
    ///
    /// Runs the job's command on every target, in the order of the sequences and never with more hosts of a group out of
    /// service than its limit allows. Hosts are reached over ssh, with everything that the user's own ssh is configured to
    /// do; with `transport: local` each host is a process on this machine.
    ///
    /// Ctrl-C lets what runs come to its end and starts nothing more; a second one ends what runs, and makes sure that it
    /// is gone; a third one leaves at once. Reports that cannot be written are given up with an error; they never change
    /// what becomes of the job.
    #[command(after_long_help = help("\
  pogo apply specs/quickstart.cfg
  pogo apply site.json --events run.jsonl --output-dir out/
  pogo apply site.cfg --targets '$colo.east' --run-command uptime --concurrent 10%
  pogo apply site.cfg --dry-run"))]
    Apply(Box<ApplyArgs>),
    /// Run one command on some hosts, with two lines for each
    ///
    /// What the original Pogo's `pogo-one` does: order and parallelism come from the spec, and each host says when it runs
    /// and whether that was a success. Reasons, and the last lines of hosts that failed, are on standard error. `apply` does
    /// the same with full reports.
    #[command(after_long_help = help("\
  pogo one --config farm.cfg --targets host1,host2 --run-command date
  pogo one --config farm.cfg --targets host1,host2 --run-command date --password"))]
    One(Box<OneArgs>),
    /// Put the keys of hosts on record, after a look at their fingerprints
    ///
    /// Asks every target for its host key, through jump hosts too and without logging in. Keys that are not on record are
    /// shown, and recorded after one question where ssh itself would record them. A key that contradicts the record is shown
    /// and never recorded without --replace. Exit code 0: the keys of all targets are on record.
    #[command(after_long_help = help("\
  pogo trust farm.cfg
  pogo trust farm.cfg --targets 'web[1-8]' --yes
  pogo trust farm.cfg --targets db1 --replace    db1 was installed anew"))]
    Trust(Box<TrustArgs>),
    /// Ask hosts what became of an attempt
    ///
    /// For attempts of which nobody saw the end: the connection broke, or pogo was killed. The host says that it still runs,
    /// how it ended, or that there is no trace of it. An end is put on record, as `pogo decide` does, and an interrupted job
    /// is halted by that; a job that a process runs is only asked about. Of a job that is not in the store, what ended is
    /// told once: the host then forgets it. Exit code 0: it ended well on all these hosts; 1: it runs, ended otherwise, left
    /// no trace, or a host cannot be asked.
    #[command(after_long_help = help("\
  pogo probe last
  pogo probe k7m2q9xd web1
  pogo probe k7m2q9xd 'web[1-8]' --config farm.cfg --format json"))]
    Probe(Box<ProbeArgs>),
    /// List the jobs that are kept, the newest first
    #[command(after_long_help = help("\
  pogo jobs
  pogo jobs --state running --state interrupted
  pogo jobs --namespace shop --limit 5 --format json"))]
    Jobs(JobsArgs),
    /// Say how a job stands: its hosts, what waits for what, what to do next
    #[command(after_long_help = help("\
  pogo status                             your last job
  pogo status k7m                         the job whose id begins so
  pogo status k7m2q9xd --format json"))]
    Status(StatusArgs),
    /// Show what is on record of a job: starts, ends, and what operators said
    #[command(after_long_help = help("\
  pogo log k7m2q9xd
  pogo log last --follow
  pogo log k7m2q9xd 'web[1-4]' --format json"))]
    Log(JournalArgs),
    /// Print what a host's command wrote
    ///
    /// Standard output on standard output, standard error on standard error; also while the command runs.
    #[command(after_long_help = help("\
  pogo output last web3
  pogo output k7m2q9xd web3 --attempt 1 --stream stderr"))]
    Output(OutputArgs),
    /// Go on with a job that was halted, blocked or interrupted: only what is left runs
    ///
    /// The job keeps its id. Attempts of which nobody saw the end are `unknown`, and are not run again before it is known
    /// what became of them (`pogo probe`, `pogo decide`). Ends as `apply` does.
    #[command(after_long_help = help("\
  pogo resume last
  pogo resume k7m2q9xd --events run.jsonl --output-dir out/"))]
    Resume(Box<ResumeArgs>),
    /// Run the bad hosts of a job again, and go on with it
    ///
    /// The job keeps its id, and attempts count on. Ends as `apply` does.
    #[command(after_long_help = help("\
  pogo retry last                         all bad hosts
  pogo retry k7m2q9xd web3 'db[1-2]'"))]
    Retry(Box<RetryArgs>),
    /// Count hosts of a job as done, so that what comes after them can start
    ///
    /// A host that is out of service stays out, and keeps its places in limits: see `pogo release`. A job that was interrupted
    /// takes it up when it is resumed.
    #[command(after_long_help = help("  pogo skip k7m2q9xd web3 --reason 'disk is being replaced'"))]
    Skip(SkipArgs),
    /// Let a job start nothing more; what runs may come to its end
    #[command(after_long_help = help("  pogo halt last --reason 'the site is slow'"))]
    Halt(HaltArgs),
    /// End what runs: of some hosts, or of all, and then the job halts
    #[command(after_long_help = help("\
  pogo stop k7m2q9xd
  pogo stop k7m2q9xd web3 --reason 'it hangs'"))]
    Stop(StopArgs),
    /// Change settings of a job, also while it runs
    #[command(after_long_help = help("\
  pogo alter k7m2q9xd --set concurrent=5
  pogo alter last --set on_failure=continue --set max_failures=none"))]
    Alter(AlterArgs),
    /// List the hosts that are out of service: since when, by which job, in which limits they count
    #[command(after_long_help = help("\
  pogo out
  pogo out --namespace shop --format json"))]
    Out(OutArgs),
    /// Say that hosts are back in service, whatever left them out
    ///
    /// A host on which an attempt runs, or may run, is not released: see `pogo probe` and `pogo decide`.
    #[command(after_long_help = help("  pogo release web3 'db[1-2]' --reason 'restarted by hand, answers again'"))]
    Release(ReleaseArgs),
    /// Say what became of a host's attempt that nobody saw end
    #[command(after_long_help = help("\
  pogo decide k7m2q9xd web3 --as succeeded --reason 'it serves the new version'"))]
    Decide(DecideArgs),
    /// Delete jobs that ended long ago
    ///
    /// What still holds a host out of service is kept, and so is what has not ended.
    #[command(after_long_help = help("\
  pogo prune --older-than 30d --dry-run
  pogo prune --older-than 30d"))]
    Prune(PruneArgs),
    /// Show a run again from its events, and check the promises of its plan
    ///
    /// With --plan every promise is checked against what happened: that no more hosts of a group were out of service than
    /// its limit allows, that slots opened in order, that no host ran twice. What depends on the clock (pauses, staggers,
    /// time limits) is not: the times of events are for people.
    #[command(after_long_help = help("\
  pogo compile site.cfg -o site.json
  pogo apply site.json --events run.jsonl
  pogo replay run.jsonl --plan site.json"))]
    Replay(ReplayArgs),
    /// Explain a diagnostic code
    #[command(after_long_help = help("\
  pogo explain pogo::resolve::unknown_tag
  pogo explain unknown_tag                the last part is enough where it is unique
  pogo explain --list"))]
    Explain(ExplainArgs),
    /// Say what concerns one host: tags, threads, limits, what it waits for
    #[command(after_long_help = help("\
  pogo why site.cfg web07
  pogo why site.cfg web07 --format json"))]
    Why(WhyArgs),
    /// List the hosts that a set expression selects
    #[command(after_long_help = help("\
  pogo hosts 'web[01-20,!7]'              one host a line
  pogo hosts '$colo.east & $frontend' -c site.cfg --fold
  pogo hosts @maintenance.txt --count"))]
    Hosts(HostsArgs),
    /// Print the JSON schema of a format
    #[command(after_long_help = help("  pogo schema spec > pogo.schema.json     for an editor's YAML support"))]
    Schema(SchemaArgs),
    /// Print the effective settings and where each comes from
    #[command(after_long_help = help("\
  pogo settings
  POGO_WIDTH=80 pogo settings"))]
    Settings,
    /// Print a completion script for a shell
    #[command(after_long_help = help("  pogo completions bash > ~/.local/share/bash-completion/completions/pogo"))]
    Completions(CompletionsArgs),
    /// Print or write the manual pages
    #[command(after_long_help = help("\
  pogo man | man -l -
  pogo man -o /usr/local/share/man/man1"))]
    Man(ManArgs),
}

fn help(examples: &str) -> String {
    format!("Examples:\n{examples}\n\n{}", exit_code::HELP)
}

/// What changes what a spec means.
#[derive(Args, Debug, Default)]
#[command(next_help_heading = "Spec")]
pub struct SpecArgs {
    /// The targets, in place of those of the spec
    ///
    /// A set expression: host patterns, selectors and @files, joined by `&` (and), `!` (without), `^` (either, not both)
    /// and `,` (or). It takes the place of `job.targets`.
    #[arg(long, value_name = "EXPR", allow_hyphen_values = true)]
    pub targets: Option<String>,
    /// Set a key of the spec, such as `job.timeout=5m`; may be repeated
    ///
    /// The value is YAML, so `--set 'job.retry={attempts: 2, backoff: 5s}'` works too. Of several settings of one key,
    /// also by --run-command, the last one on the command line holds.
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    pub set: Vec<(String, String)>,
    /// The command to run, in place of `job.command`
    #[arg(long, value_name = "COMMAND", allow_hyphen_values = true)]
    pub run_command: Vec<String>,
    /// Accept targets that the spec does not name
    #[arg(long)]
    pub allow_unknown_hosts: bool,
    /// Most hosts that one pattern may stand for [default: 10000000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub max_pattern_hosts: Option<u64>,
    /// Folder with programs of external groups; may be repeated
    ///
    /// `$NAME ARGUMENT` in a spec runs the program `pogo-tag-NAME`. It is looked for here, then in
    /// `$XDG_CONFIG_HOME/pogo/resolvers`, `/etc/pogo/resolvers` and `/usr/lib/pogo/resolvers`, never on PATH.
    #[arg(long, value_name = "FOLDER")]
    pub resolver_path: Vec<PathBuf>,
}

/// Which findings count.
#[derive(Args, Debug, Default)]
#[command(next_help_heading = "Findings")]
pub struct LevelArgs {
    /// Treat findings as errors: `warnings`, `notes` (and warnings) or a code; may be repeated
    ///
    /// CODE is a whole code (`pogo::check::empty_slot`), its last part (`empty_slot`) or a group (`pogo::check`). Where
    /// --deny and --allow name the same finding, the later one on the command line holds.
    #[arg(long, value_name = "CODE")]
    pub deny: Vec<String>,
    /// Leave findings out: `warnings`, `notes` or a code; may be repeated. Errors cannot be left out
    #[arg(long, value_name = "CODE")]
    pub allow: Vec<String>,
}

/// `pogo check`
#[derive(Args, Debug)]
pub struct CheckArgs {
    /// Specs, folders that are searched for *.cfg, *.yaml and *.yml, or `-` for standard input
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// How to report
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub format: ReportFormat,
    /// Write the report to a file
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Run the programs of external groups; else these groups stay open
    #[arg(long)]
    pub resolve: bool,
    /// Leave out the closing line
    #[arg(short, long)]
    pub quiet: bool,
    /// Which findings count.
    #[command(flatten)]
    pub levels: LevelArgs,
    /// What changes what a spec means.
    #[command(flatten)]
    pub spec: SpecArgs,
}

/// The forms of a report.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ReportFormat {
    /// Marks in the text, for people
    #[default]
    Human,
    /// One line a finding: `path:line:col: severity[code]: message`
    Short,
    /// One JSON object a line; see `pogo schema diagnostics`
    Json,
    /// Annotations of GitHub Actions
    Github,
    /// SARIF 2.1.0
    Sarif,
    /// JUnit XML
    Junit,
}

/// The forms of diagnostics beside other output.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum MessageFormat {
    /// Marks in the text, for people
    #[default]
    Human,
    /// One line a finding
    Short,
    /// One JSON object a line
    Json,
}

/// `pogo compile`
#[derive(Args, Debug)]
pub struct CompileArgs {
    /// The spec, or `-` for standard input
    #[arg(value_name = "SPEC")]
    pub spec: PathBuf,
    /// Write the plan to a file, all or nothing
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// How to write the plan
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub format: PlanFormat,
    /// How to report findings, on standard error
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub message_format: MessageFormat,
    /// Which findings count.
    #[command(flatten)]
    pub levels: LevelArgs,
    /// What changes what a spec means.
    #[command(flatten)]
    pub options: SpecArgs,
}

/// The forms of a plan.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum PlanFormat {
    /// JSON
    #[default]
    Json,
    /// The same as YAML
    Yaml,
}

/// `pogo schedule`
#[derive(Args, Debug)]
pub struct ScheduleArgs {
    /// A spec, a plan made by `pogo compile`, or `-` for one of them on standard input
    #[arg(value_name = "SPEC|PLAN")]
    pub input: PathBuf,
    /// How to show it
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub format: ScheduleFormat,
    /// How to report findings, on standard error
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub message_format: MessageFormat,
    /// Which findings count.
    #[command(flatten)]
    pub levels: LevelArgs,
    /// What changes what a spec means.
    #[command(flatten)]
    pub options: SpecArgs,
}

/// The forms of a schedule.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ScheduleFormat {
    /// Tables for people
    #[default]
    Table,
    /// One JSON object, `pogo.schedule/1`
    Json,
    /// A graph for graphviz
    Dot,
}

/// `pogo explain`
#[derive(Args, Debug)]
pub struct ExplainArgs {
    /// The code, or its last part
    #[arg(required_unless_present = "list", value_name = "CODE")]
    pub code: Option<String>,
    /// List all codes
    #[arg(long, conflicts_with = "code")]
    pub list: bool,
    /// How to print the page
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT", conflicts_with = "list")]
    pub format: PageFormat,
}

/// The forms of a page.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum PageFormat {
    /// For people
    #[default]
    Human,
    /// As it is kept
    Markdown,
}

/// `pogo why`
#[derive(Args, Debug)]
pub struct WhyArgs {
    /// The spec, or `-` for standard input
    #[arg(value_name = "SPEC")]
    pub spec: PathBuf,
    /// The host
    #[arg(value_name = "HOST")]
    pub host: String,
    /// How to answer
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub format: AnswerFormat,
    /// What changes what a spec means.
    #[command(flatten)]
    pub options: SpecArgs,
}

/// The forms of an answer.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum AnswerFormat {
    /// For people
    #[default]
    Human,
    /// One JSON object
    Json,
}

/// `pogo hosts`
#[derive(Args, Debug)]
pub struct HostsArgs {
    /// A set expression; selectors need --config
    #[arg(value_name = "EXPR", allow_hyphen_values = true)]
    pub expr: String,
    /// The spec that defines the tags, or `-` for standard input
    #[arg(short, long, value_name = "SPEC")]
    pub config: Option<PathBuf>,
    /// Sort by name, numbers by value, and fold into patterns
    #[arg(long)]
    pub fold: bool,
    /// Print only how many there are
    #[arg(long, conflicts_with_all = ["fold", "separator"])]
    pub count: bool,
    /// What to print between two hosts [default: a line break]
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub separator: Option<String>,
    /// Most hosts that one pattern may stand for [default: 10000000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub max_pattern_hosts: Option<u64>,
    /// Folder with programs of external groups; may be repeated
    #[arg(long, value_name = "FOLDER")]
    pub resolver_path: Vec<PathBuf>,
}

/// `pogo schema`
#[derive(Args, Debug)]
pub struct SchemaArgs {
    /// Of what
    #[arg(value_enum, value_name = "FORMAT")]
    pub of: Schema,
}

/// The formats that have a schema.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Schema {
    /// What `pogo compile` writes
    Plan,
    /// What `pogo check --format json` writes, one line
    Diagnostics,
    /// What `pogo check` reads
    Spec,
    /// What `pogo apply --events` writes, one line
    Events,
    /// What `pogo apply --format json` writes
    Summary,
    /// What `pogo jobs --format json` writes
    Jobs,
    /// What `pogo status --format json` writes
    Status,
    /// What `pogo log --format json` writes, one line
    Log,
    /// What `pogo output --format json` writes
    Output,
    /// What `pogo out --format json` writes
    Out,
    /// What `pogo trust --format json` writes
    Trust,
    /// What `pogo probe --format json` writes
    Probe,
    /// What `--format json` writes of the verbs that change something: halt, stop, skip, alter, decide, release, prune
    Done,
}

/// `pogo completions`
#[derive(Args, Debug)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum, value_name = "SHELL")]
    pub shell: clap_complete::Shell,
}

/// `pogo man`
#[derive(Args, Debug)]
pub struct ManArgs {
    /// Write all pages into this folder
    #[arg(short, long, value_name = "FOLDER")]
    pub output: Option<PathBuf>,
}

pub(crate) fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => Ok((key.trim().to_owned(), value.to_owned())),
        _ => Err("write KEY=VALUE, such as `job.timeout=5m`".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_definition_is_sound() {
        super::Cli::command().debug_assert();
    }
}
