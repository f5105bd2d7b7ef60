//! `pogo resume` and `pogo retry`: going on with a job that is kept.

use std::path::Path;

use pogo_actors::TakeUp;
use pogo_plan::event::JobId;

use super::apply::launch::{self, Begin, Launch};
use super::apply::{Run, Streams};
use super::ssh::keys::Again;
use crate::App;
use crate::args::{AgainArgs, ResumeArgs, RetryArgs, ShownState, SpecArgs, SshArgs};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::kept::{self, Kept, problem};
use crate::logging;

/// Runs `resume`.
pub(crate) fn resume(args: ResumeArgs, app: &App) -> Result<ExitCode, Failure> {
    again(&args.job, None, args.again, app)
}

/// Runs `retry`.
pub(crate) fn retry(args: RetryArgs, app: &App) -> Result<ExitCode, Failure> {
    again(&args.job, Some(&args.hosts), args.again, app)
}

fn again(job: &str, retry: Option<&[String]>, args: AgainArgs, app: &App) -> Result<ExitCode, Failure> {
    let AgainArgs { fanout, max_connecting, reason, report, passwords, log, store: _ } = args;
    let streams = Streams::new(&report, app)?;
    logging::start(&log, app.terminal.stderr)?;
    let (kept, mut reader) = Kept::of_jobs(app)?;
    let row = kept::job(&mut reader, job)?;
    if let Some(owner) = &row.owner {
        return Err(owned(row.id, owner, retry.is_some()));
    }
    if kept::state(&row) == ShownState::Succeeded {
        return Err(Failure::Refused {
            message: format!("job {} has succeeded: nothing is left to do", row.id),
            help: None,
        });
    }
    let plan = reader.plan(row.id).map_err(problem::of_store)?;
    let hosts = match retry {
        None | Some([]) => Vec::new(),
        Some(patterns) => {
            let Some(hosts) = kept::targets(&plan, row.id, patterns, app)? else {
                return Ok(ExitCode::Usage);
            };
            hosts.into_iter().map(|(_, name)| name).collect()
        }
    };
    drop(reader);
    let launch = Launch::new(
        &plan,
        &launch::Wanted {
            fanout,
            max_connecting,
            passwords: &passwords,
            is_stdin_taken: false,
            has_output_dir: report.output_dir.is_some(),
            job: Some(row.id),
        },
    )?;
    let at =
        TakeUp { store: kept.store.clone(), namespace: row.namespace, by: kept::author(reason.as_deref()) };
    let begin = if retry.is_some() { Begin::Retry(at, hosts) } else { Begin::Resume(at) };
    let again = Again::new(Path::new("-"), &SpecArgs::default(), &SshArgs::default());
    Run { plan: &plan, kept: &kept, report: &report, streams, again }.carry_out(launch, begin, app)
}

fn owned(job: JobId, owner: &str, is_retry: bool) -> Failure {
    Failure::Refused {
        message: format!("job {job} is run by {owner}"),
        help: Some(if is_retry {
            format!("wait for its end, or `pogo halt {job}`; then its bad hosts can be run again")
        } else {
            format!("it goes on by itself: `pogo status {job}`, `pogo log {job} --follow`")
        }),
    }
}
