//! `pogo prune`: deletes jobs that ended long ago.

use std::collections::HashSet;
use std::io::Write as _;

use pogo_plan::event::JobId;
use pogo_store::{Filter, Pruned, Reader, Session};

use super::done::{Done, DoneOut};
use crate::App;
use crate::answer;
use crate::args::{AnswerFormat, PruneArgs};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::kept::{Kept, problem};
use crate::output::Output;
use crate::report::plural;

/// Runs the verb.
pub(crate) fn run(args: &PruneArgs, app: &App) -> Result<ExitCode, Failure> {
    let mut all = Pruned::default();
    if let Some(kept) = Kept::find(app)? {
        let mut reader = kept.reader()?;
        let age = i64::try_from(args.older_than.saturating_mul(1000)).unwrap_or(i64::MAX);
        let before = jiff::Timestamp::now().as_microsecond().saturating_sub(age);
        let namespaces = match &args.namespace {
            Some(name) => vec![name.clone()],
            None => reader.namespaces().map_err(problem::of_store)?,
        };
        for namespace in namespaces {
            let Pruned { jobs, kept: holding } = if args.dry_run {
                look(&mut reader, &namespace, before)?
            } else {
                let session = Session::open(&kept.store, &namespace, Box::new(|_| {}));
                session.and_then(|session| session.prune(before)).map_err(problem::of_store)?
            };
            all.jobs.extend(jobs);
            all.kept.extend(holding);
        }
    }
    let mut to = Output::stdout();
    if args.format == AnswerFormat::Json {
        let done = Done::Prune { is_dry_run: args.dry_run, jobs: &all.jobs, kept: &all.kept };
        answer::write(&DoneOut::new(done), &mut to)?;
        to.commit()?;
        return Ok(ExitCode::Success);
    }
    if args.dry_run {
        for job in &all.jobs {
            writeln!(to, "{job}")?;
        }
    }
    let verb = if args.dry_run { "would be deleted" } else { "deleted" };
    writeln!(to, "{} {verb}", plural(all.jobs.len(), "job"))?;
    if !all.kept.is_empty() {
        let jobs: Vec<String> = all.kept.iter().map(ToString::to_string).collect();
        writeln!(to, "kept, for the hosts that they left out of service: {}", jobs.join(", "))?;
    }
    to.commit()?;
    Ok(ExitCode::Success)
}

/// What would be deleted, and what not.
fn look(reader: &mut Reader, namespace: &str, before: i64) -> Result<Pruned, Failure> {
    let filter = Filter { namespace: Some(namespace.to_owned()), ..Filter::default() };
    let jobs = reader.jobs(&filter).map_err(problem::of_store)?;
    let mut holds: HashSet<JobId> = HashSet::new();
    for out in reader.out(namespace).map_err(problem::of_store)? {
        holds.extend(out.running.map(|(job, _)| job));
        holds.extend(out.bad.iter().map(|bad| bad.job));
    }
    // One whose process is gone is given up.
    let old = jobs.into_iter().filter(|job| job.owner.is_none() && job.changed < before);
    let (kept, jobs) = old.map(|job| job.id).partition(|job| holds.contains(job));
    Ok(Pruned { jobs, kept })
}
