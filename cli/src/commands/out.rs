//! `pogo out`: the hosts that are out of service.

use std::io::{self, Write};

use pogo_plan::event::JobId;
use pogo_plan::outcome::{Attempt, HostState};
use pogo_store::{BadIn, InLimit, OutHost, rfc3339};
use schemars::JsonSchema;
use serde::Serialize;

use crate::App;
use crate::answer;
use crate::args::{AnswerFormat, OutArgs};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::kept::table::{self, Cell};
use crate::kept::{Kept, problem, words};
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
            None => reader.namespaces().map_err(problem::of_store)?,
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
            answer::write(&list, &mut to)?;
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
            let is_bad = !out.bad.is_empty();
            [
                Cell::painted(&out.host, Style::bold),
                Cell::painted(state, if is_bad { Style::red } else { Style::yellow }),
                Cell::plain(format!("{} ago", age(words::since(out.since)))),
                Cell::plain(jobs.join(", ")),
                Cell::plain(namespace),
                Cell::plain(counts_in(&out.limits)),
            ]
        })
        .collect();
    table::write(["HOST", "STATE", "SINCE", "JOB", "NAMESPACE", "COUNTS IN"], &rows, style, to)?;
    if found.iter().any(|(_, out)| out.limits.is_empty()) {
        let text =
            format!("{NO_LIMIT}: no unfinished job limits it; it takes a place in the next one that does");
        writeln!(to, "{}", style.dim(&text))?;
    }
    Ok(())
}

/// What stands in place of limits that there are none of.
const NO_LIMIT: &str = "no limit now";

/// The limits and how full they are; what several jobs say alike is said once.
fn counts_in(limits: &[InLimit]) -> String {
    let mut texts: Vec<String> = limits
        .iter()
        .map(|InLimit { limit, in_use, max_parallel, .. }| format!("{limit} ({in_use} of {max_parallel})"))
        .collect();
    texts.dedup();
    if texts.is_empty() { NO_LIMIT.to_owned() } else { texts.join(", ") }
}

/// Hosts that are out of service, by name.
#[derive(Serialize, JsonSchema)]
pub(super) struct List<'a> {
    /// The name and the version of this format.
    #[schemars(extend("const" = "pogo.out/1"))]
    format: &'static str,
    /// The hosts, by name.
    hosts: Vec<HostOut<'a>>,
}

/// A host out of service.
#[derive(Serialize, JsonSchema)]
struct HostOut<'a> {
    /// Its name.
    host: &'a str,
    /// Where it counts.
    namespace: &'a str,
    /// When it went out of service: RFC 3339, UTC.
    #[schemars(extend("format" = "date-time"))]
    since: String,
    /// The attempt that runs on it; absent if none does.
    #[serde(skip_serializing_if = "Option::is_none")]
    running: Option<AttemptOut>,
    /// The attempts that left it bad, each the last one of its job.
    bad: Vec<BadOut>,
    /// The limits in which it takes a place now, whatever job put it out: those of unfinished jobs.
    limits: Vec<LimitOut<'a>>,
}

/// An attempt that runs.
#[derive(Serialize, JsonSchema)]
struct AttemptOut {
    /// The job.
    job: JobId,
    /// Its attempt.
    attempt: Attempt,
}

/// An attempt that left a host bad.
#[derive(Serialize, JsonSchema)]
struct BadOut {
    /// The job; it may have ended long ago.
    job: JobId,
    /// Its attempt.
    attempt: Attempt,
    /// How the host is bad.
    state: HostState,
}

/// A limit in which a host takes a place.
#[derive(Serialize, JsonSchema)]
struct LimitOut<'a> {
    /// The group's selector.
    limit: &'a str,
    /// The unfinished job that declares it.
    job: JobId,
    /// Hosts of the group that are out of service.
    in_use: u32,
    /// How many may be.
    max_parallel: u32,
}

impl<'a> HostOut<'a> {
    fn of((namespace, out): &'a (String, OutHost)) -> Self {
        Self {
            host: &out.host,
            namespace,
            since: rfc3339(out.since),
            running: out.running.map(|(job, attempt)| AttemptOut { job, attempt }),
            bad: out
                .bad
                .iter()
                .map(|&BadIn { job, attempt, state }| BadOut { job, attempt, state })
                .collect(),
            limits: out
                .limits
                .iter()
                .map(|of| LimitOut {
                    limit: &of.limit,
                    job: of.job,
                    in_use: of.in_use,
                    max_parallel: of.max_parallel,
                })
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use snapbox::{IntoData as _, str};

    use super::*;

    #[test]
    fn a_host_counts_in_limits_of_unfinished_jobs_or_in_none() {
        let since = jiff::Timestamp::now().as_microsecond();
        let host = |name: &str, limits| {
            let bad = BadIn { job: JobId::from_bits(7), attempt: Attempt(1), state: HostState::Failed };
            let out = OutHost { host: name.to_owned(), since, running: None, bad: vec![bad], limits };
            ("default".to_owned(), out)
        };
        let limit = |limit: &str, job, max_parallel| InLimit {
            limit: limit.to_owned(),
            job: JobId::from_bits(job),
            in_use: 2,
            max_parallel,
        };
        // Two jobs say the same of `$all`, and a third one allows more.
        let found = [host("h1", vec![limit("$all", 8, 2), limit("$all", 9, 2), limit("$all", 10, 3)])];
        let shown = |found: &[(String, OutHost)]| {
            let mut out = Vec::new();
            show(found, Style::PLAIN, &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        let text = shown(&found);
        assert!(text.trim_end().ends_with("default    $all (2 of 2), $all (2 of 3)"), "{text}");
        let text = shown(&[host("h1", vec![])]);
        let end = text.split_once("default    ").unwrap().1.to_owned();
        snapbox::assert_data_eq!(
            end,
            str![[r#"
no limit now
no limit now: no unfinished job limits it; it takes a place in the next one that does

"#]]
            .raw()
        );
        let value = serde_json::to_value(HostOut::of(&host("h1", vec![limit("$all", 8, 2)]))).unwrap();
        assert_eq!(
            value["limits"],
            serde_json::json!([{"limit": "$all", "job": "00000008", "in_use": 2, "max_parallel": 2}])
        );
    }
}
