//! `pogo out`: the hosts that are out of service.

use std::io::{self, Write};

use pogo_plan::outcome::HostState;
use pogo_store::{OutHost, rfc3339};
use serde::Serialize;

use crate::App;
use crate::args::{AnswerFormat, OutArgs};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::kept::table::{self, Cell};
use crate::kept::{self, Kept, problem, words};
use crate::output::Output;
use crate::run::summary::age;
use crate::run::words::host_state;
use crate::terminal::Style;

/// Runs the verb.
pub(crate) fn run(args: &OutArgs, app: &App) -> Result<ExitCode, Failure> {
    let mut found = Vec::new();
    if let Some(kept) = Kept::find(app)? {
        let mut reader = kept.reader()?;
        let namespaces = match &args.namespace {
            Some(name) => vec![name.clone()],
            None => kept::namespaces(&mut reader)?,
        };
        for namespace in namespaces {
            let out = reader.out(&namespace).map_err(problem::of_store)?;
            found.extend(out.into_iter().map(|host| (namespace.clone(), host)));
        }
    }
    let mut to = Output::stdout();
    match args.format {
        AnswerFormat::Human => show(&found, app.terminal.stdout, &mut to)?,
        AnswerFormat::Json => {
            let list = List { format: "pogo.out/1", hosts: found.iter().map(HostOut::of).collect() };
            serde_json::to_writer(&mut to, &list).map_err(io::Error::from)?;
            writeln!(to)?;
        }
    }
    to.commit()?;
    Ok(ExitCode::Success)
}

fn show(found: &[(String, OutHost)], style: Style, to: &mut dyn Write) -> io::Result<()> {
    if found.is_empty() {
        return writeln!(to, "every host is in service");
    }
    let rows: Vec<_> = found
        .iter()
        .map(|(namespace, out)| {
            let states =
                out.running.iter().map(|_| "running").chain(out.bad.iter().map(|bad| host_state(bad.state)));
            let jobs = out.running.iter().map(|(job, _)| *job).chain(out.bad.iter().map(|bad| bad.job));
            let mut jobs: Vec<String> = jobs.map(|job| job.to_string()).collect();
            jobs.dedup();
            let state = states.collect::<Vec<_>>().join(", ");
            let limits = if out.limits.is_empty() { "-".to_owned() } else { out.limits.join(", ") };
            let is_bad = !out.bad.is_empty();
            [
                Cell::painted(&out.host, Style::bold),
                Cell::painted(state, if is_bad { Style::red } else { Style::yellow }),
                Cell::plain(format!("{} ago", age(words::since(out.since)))),
                Cell::plain(jobs.join(", ")),
                Cell::plain(namespace),
                Cell::plain(limits),
            ]
        })
        .collect();
    table::write(["HOST", "STATE", "SINCE", "JOB", "NAMESPACE", "COUNTS IN"], &rows, style, to)
}

#[derive(Serialize)]
struct List<'a> {
    format: &'static str,
    hosts: Vec<HostOut<'a>>,
}

#[derive(Serialize)]
struct HostOut<'a> {
    host: &'a str,
    namespace: &'a str,
    since: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    running: Option<AttemptOut>,
    bad: Vec<AttemptOut>,
    limits: &'a [String],
}

#[derive(Serialize)]
struct AttemptOut {
    job: String,
    attempt: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<HostState>,
}

impl<'a> HostOut<'a> {
    fn of((namespace, out): &'a (String, OutHost)) -> Self {
        let of = |job: pogo_plan::event::JobId, attempt: pogo_plan::outcome::Attempt, state| AttemptOut {
            job: job.to_string(),
            attempt: attempt.0,
            state,
        };
        Self {
            host: &out.host,
            namespace,
            since: rfc3339(out.since),
            running: out.running.map(|(job, attempt)| of(job, attempt, None)),
            bad: out.bad.iter().map(|bad| of(bad.job, bad.attempt, Some(bad.state))).collect(),
            limits: &out.limits,
        }
    }
}
