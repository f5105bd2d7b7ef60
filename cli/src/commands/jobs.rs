//! `pogo jobs`: the jobs that are kept.

use std::io::{self, Write};

use pogo_store::{Filter, JobRow, Reader, rfc3339};
use serde::Serialize;

use crate::App;
use crate::args::{AnswerFormat, JobsArgs};
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
            serde_json::to_writer(&mut to, &list).map_err(io::Error::from)?;
            writeln!(to)?;
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

#[derive(Serialize)]
struct List<'a> {
    format: &'static str,
    jobs: Vec<JobOut<'a>>,
}

/// A job in answers for programs.
#[derive(Serialize)]
pub(super) struct JobOut<'a> {
    pub(super) job: String,
    pub(super) namespace: &'a str,
    pub(super) plan: &'a str,
    pub(super) state: &'static str,
    pub(super) begun: String,
    pub(super) changed: String,
    pub(super) user: &'a str,
    pub(super) host: &'a str,
    pub(super) what: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) owner: Option<&'a str>,
    pub(super) targets: u64,
    pub(super) counts: CountsOut,
}

#[derive(Serialize)]
pub(super) struct CountsOut {
    pub(super) waiting: u64,
    pub(super) active: u64,
    pub(super) succeeded: u64,
    pub(super) bad: u64,
    pub(super) skipped: u64,
    pub(super) cancelled: u64,
}

impl<'a> JobOut<'a> {
    pub(super) fn of(job: &'a JobRow) -> Self {
        let JobRow { active, succeeded, bad, skipped, cancelled, .. } = *job;
        let gone = active + succeeded + bad + skipped + cancelled;
        Self {
            job: job.id.to_string(),
            namespace: &job.namespace,
            plan: &job.plan,
            state: words::state(kept::state(job)).0,
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
