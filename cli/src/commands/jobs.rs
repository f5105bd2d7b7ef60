//! `pogo jobs`: the jobs that are kept.

use std::io::{self, Write};

use pogo_plan::event::JobId;
use pogo_store::{Filter, JobRow, Reader, rfc3339};
use schemars::JsonSchema;
use serde::Serialize;

use crate::App;
use crate::answer;
use crate::args::{AnswerFormat, JobsArgs, ShownState};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::kept::table::{self, Cell};
use crate::kept::{self, Kept, problem, words};
use crate::output::Output;
use crate::report::plural;
use crate::run::summary::age;
use crate::terminal::Style;

/// Runs the verb.
pub(crate) fn run(args: &JobsArgs, app: &App) -> Result<ExitCode, Failure> {
    let mut jobs = match Kept::find(app)? {
        None => Vec::new(),
        Some(kept) => find(&mut kept.reader()?, args)?,
    };
    let n = jobs.len();
    jobs.truncate(args.limit.get());
    let mut to = Output::stdout();
    match args.format {
        AnswerFormat::Human => show(&jobs, n, app.terminal.stdout, &mut to)?,
        AnswerFormat::Json => {
            let list = List { format: "pogo.jobs/1", jobs: jobs.iter().map(JobOut::of).collect() };
            answer::write(&list, &mut to)?;
        }
    }
    to.commit()?;
    Ok(ExitCode::Success)
}

fn find(reader: &mut Reader, args: &JobsArgs) -> Result<Vec<JobRow>, Failure> {
    // One more than are shown tells whether there are more. States of people are not the store's: they are looked at here.
    let most = u32::try_from(args.limit.get()).unwrap_or(u32::MAX).saturating_add(1);
    let most = args.state.is_empty().then_some(most);
    let filter = Filter { namespace: args.namespace.clone(), most, ..Filter::default() };
    let mut jobs = reader.jobs(&filter).map_err(problem::of_store)?;
    jobs.retain(|job| args.state.is_empty() || args.state.contains(&kept::state(job)));
    Ok(jobs)
}

fn show(jobs: &[JobRow], n: usize, style: Style, to: &mut dyn Write) -> io::Result<()> {
    if jobs.is_empty() {
        return writeln!(to, "no jobs");
    }
    let rows: Vec<_> = jobs
        .iter()
        .map(|job| {
            let (state, paint) = words::state(kept::state(job));
            let bad =
                if job.bad > 0 { Cell::painted(job.bad.to_string(), Style::red) } else { Cell::plain("0") };
            [
                Cell::painted(job.id.to_string(), Style::bold),
                Cell::painted(state, paint),
                Cell::plain(format!("{} ago", age(words::since(job.created)))),
                Cell::plain(&job.user),
                Cell::plain(&job.namespace),
                Cell::plain(job.targets.to_string()),
                Cell::plain(job.succeeded.to_string()),
                bad,
                Cell::plain(&job.summary),
            ]
        })
        .collect();
    table::write(
        ["JOB", "STATE", "BEGUN", "BY", "NAMESPACE", "HOSTS", "GOOD", "BAD", "WHAT"],
        &rows,
        style,
        to,
    )?;
    if n > jobs.len() {
        writeln!(
            to,
            "{}",
            style.dim(&format!("only the newest {}: see --limit", plural(jobs.len(), "job")))
        )?;
    }
    Ok(())
}

/// Jobs that are kept, the newest first.
#[derive(Serialize, JsonSchema)]
pub(super) struct List<'a> {
    /// The name and the version of this format.
    #[schemars(extend("const" = "pogo.jobs/1"))]
    format: &'static str,
    /// The jobs, the newest first.
    jobs: Vec<JobOut<'a>>,
}

/// A job in answers for programs.
#[derive(Serialize, JsonSchema)]
pub(super) struct JobOut<'a> {
    /// The job.
    pub(super) job: JobId,
    /// The scope in which its limits count hosts.
    pub(super) namespace: &'a str,
    /// The digest of its plan.
    #[schemars(extend("pattern" = "^sha256:[0-9a-f]{64}$"))]
    pub(super) plan: &'a str,
    /// How it stands.
    pub(super) state: ShownState,
    /// When it was begun: RFC 3339, UTC.
    #[schemars(extend("format" = "date-time"))]
    pub(super) begun: String,
    /// When something was put on record last: RFC 3339, UTC.
    #[schemars(extend("format" = "date-time"))]
    pub(super) changed: String,
    /// Who began it.
    pub(super) user: &'a str,
    /// On which machine.
    pub(super) host: &'a str,
    /// The command line in short.
    pub(super) what: &'a str,
    /// The process that runs it; absent if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) owner: Option<&'a str>,
    /// The number of its hosts.
    pub(super) targets: u64,
    /// How many of them stand how.
    pub(super) counts: CountsOut,
}

/// How many hosts of a job stand how.
#[derive(Serialize, JsonSchema)]
pub(super) struct CountsOut {
    /// Have not started.
    pub(super) waiting: u64,
    /// Run, or are about to be tried again.
    pub(super) active: u64,
    /// Known good.
    pub(super) succeeded: u64,
    /// Failed, unreachable, timed out, stopped or unknown.
    pub(super) bad: u64,
    /// Passed over by an operator without an attempt.
    pub(super) skipped: u64,
    /// Not started because the job halted.
    pub(super) cancelled: u64,
}

impl<'a> JobOut<'a> {
    pub(super) fn of(job: &'a JobRow) -> Self {
        let JobRow { active, succeeded, bad, skipped, cancelled, .. } = *job;
        let gone = active + succeeded + bad + skipped + cancelled;
        Self {
            job: job.id,
            namespace: &job.namespace,
            plan: &job.plan,
            state: kept::state(job),
            begun: rfc3339(job.created),
            changed: rfc3339(job.changed),
            user: &job.user,
            host: &job.host,
            what: &job.summary,
            owner: job.owner.as_deref(),
            targets: job.targets,
            counts: CountsOut {
                waiting: job.targets.saturating_sub(gone),
                active,
                succeeded,
                bad,
                skipped,
                cancelled,
            },
        }
    }
}
