//! `pogo status`: how a job stands, and what to do about it.

use std::collections::HashSet;
use std::io::{self, Write};

use pogo_plan::Plan;
use pogo_plan::event::{Blocker, Command, Fact, JobId, WaitsFor};
use pogo_plan::job::Transport;
use pogo_plan::outcome::HostState;
use pogo_store::{JobRow, OutHost, Reader, Status};
use schemars::JsonSchema;
use serde::Serialize;

use super::jobs::JobOut;
use crate::App;
use crate::answer;
use crate::args::{AnswerFormat, ShownState, StatusArgs};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::kept::next::{self, Stand};
use crate::kept::{self, Kept, problem, words};
use crate::output::Output;
use crate::report::plural;
use crate::run::summary::age;
use crate::run::words::host_state;
use crate::terminal::{Style, visible};

/// Runs the verb.
pub(crate) fn run(args: &StatusArgs, app: &App) -> Result<ExitCode, Failure> {
    let (kept, mut reader) = Kept::of_jobs(app)?;
    let status = reader.status(&args.job).map_err(problem::of_store)?;
    let plan = reader.plan(status.job.id).map_err(problem::of_store)?;
    let blockers = blockers(&mut reader, &status, &plan)?;
    let mut to = Output::stdout();
    match args.format {
        AnswerFormat::Human => {
            // Who was skipped matters only for what is left, and is found by reading the whole journal once more.
            let counts = status.counts;
            let passed_over = if counts.bad > 0 && counts.waiting + counts.cancelled > 0 {
                passed_over(&mut reader, status.job.id, &plan)?
            } else {
                HashSet::new()
            };
            show(&status, &blockers, &passed_over, &plan, &kept.option, app.terminal.stdout, &mut to)?;
        }
        AnswerFormat::Json => {
            answer::write(&StatusOut::of(&status, &blockers), &mut to)?;
        }
    }
    to.commit()?;
    Ok(ExitCode::Success)
}

/// Bad hosts of other jobs that keep a job from going on that has ended with hosts that wait.
fn blockers(reader: &mut Reader, status: &Status, plan: &Plan) -> Result<Vec<Blocker>, Failure> {
    if kept::state(&status.job) != ShownState::Blocked {
        return Ok(Vec::new());
    }
    let out = reader.out(&status.job.namespace).map_err(problem::of_store)?;
    let mut blockers = Vec::new();
    for OutHost { host, bad, .. } in &out {
        let Some(index) = plan.hosts.get(host) else { continue };
        let limit = plan.limits.iter().find(|limit| limit.members.contains(&index));
        if limit.is_none() && !plan.targets.contains(&index) {
            continue;
        }
        let others = bad.iter().filter(|bad| bad.job != status.job.id);
        blockers.extend(others.map(|bad| Blocker {
            host: host.clone(),
            job: bad.job,
            state: bad.state,
            limit: limit.map(|limit| limit.id.clone()),
        }));
    }
    Ok(blockers)
}

fn show(
    status: &Status,
    blockers: &[Blocker],
    passed_over: &HashSet<String>,
    plan: &Plan,
    option: &str,
    style: Style,
    to: &mut dyn Write,
) -> io::Result<()> {
    let job = &status.job;
    head(job, style, to)?;
    writeln!(to, "{}", counts(status))?;
    let mut groups: Vec<(HostState, Vec<&str>)> = Vec::new();
    for row in &status.hosts {
        match groups.iter_mut().find(|(state, _)| *state == row.state) {
            Some((_, hosts)) => hosts.push(&row.host),
            None => groups.push((row.state, vec![&row.host])),
        }
    }
    groups.sort_by_key(|(state, _)| (!state.is_bad(), *state));
    if !groups.is_empty() || !status.waits.is_empty() || !blockers.is_empty() {
        writeln!(to)?;
    }
    for (state, hosts) in &groups {
        let text = host_state(*state);
        let text = if state.is_bad() { style.red(text) } else { style.yellow(text) };
        let more = match state {
            HostState::Running | HostState::Retrying if job.owner.is_none() => {
                ", as far as is on record: nobody sees its end"
            }
            HostState::Unknown => ": it may still run, nobody saw its end",
            _ => "",
        };
        writeln!(to, "{} {text}{more}", style.bold(&visible(&words::some_hosts(hosts))))?;
    }
    for wait in &status.waits {
        let hosts: Vec<&str> = wait.hosts.iter().map(String::as_str).collect();
        let verb = if hosts.len() == 1 { "waits" } else { "wait" };
        let hosts = words::some_hosts(&hosts);
        writeln!(to, "{} {verb} for {}", style.bold(&visible(&hosts)), visible(&words::wait(wait)))?;
    }
    for blocker in blockers {
        let what = match &blocker.limit {
            Some(limit) => format!("takes a place in {limit}"),
            None => "is out of service".to_owned(),
        };
        let text = format!("({} in job {}) {what}", host_state(blocker.state), blocker.job);
        writeln!(to, "{} {}", style.bold(&visible(&blocker.host)), visible(&text))?;
    }
    write_next(status, blockers, passed_over, plan, option, style, to)
}

/// Writes what can be done about a job.
pub(super) fn write_next(
    status: &Status,
    blockers: &[Blocker],
    passed_over: &HashSet<String>,
    plan: &Plan,
    option: &str,
    style: Style,
    to: &mut dyn Write,
) -> io::Result<()> {
    let job = &status.job;
    let stand = Stand {
        job: job.id,
        state: kept::state(job),
        bad: bad(status),
        passed_over,
        others: blockers,
        is_left: status.counts.waiting + status.counts.cancelled > 0,
        can_probe: plan.job.transport == Transport::Ssh,
        option,
    };
    if !next::steps(&stand).is_empty() {
        writeln!(to)?;
        next::write(&stand, style, to)?;
    }
    Ok(())
}

/// The hosts of a job that somebody has skipped, and that have not been run again since.
pub(super) fn passed_over(reader: &mut Reader, job: JobId, plan: &Plan) -> Result<HashSet<String>, Failure> {
    let mut passed_over = HashSet::new();
    for entry in reader.facts(job) {
        for fact in entry.map_err(problem::of_store)?.facts {
            match fact {
                Fact::Commanded { command: Command::Skip { host }, .. } => {
                    passed_over.insert(host);
                }
                Fact::Commanded { command: Command::Retry { host }, .. } => {
                    passed_over.remove(&host);
                }
                _ => {}
            }
        }
    }
    Ok(passed_over.into_iter().map(|host| plan.hosts.name(host).to_owned()).collect())
}

fn bad(status: &Status) -> Vec<(&str, HostState)> {
    let bad = status.hosts.iter().filter(|row| row.state.is_bad());
    bad.map(|row| (row.host.as_str(), row.state)).collect()
}

fn head(job: &JobRow, style: Style, to: &mut dyn Write) -> io::Result<()> {
    let (state, paint) = words::state(kept::state(job));
    let title = format!("job {} ", job.id);
    writeln!(to, "{}{}: {}", style.bold(&title), paint(style, state), visible(&job.summary))?;
    let text = format!(
        "in namespace {}, begun {} ({} ago) by {} on {}",
        job.namespace,
        words::moment(job.created),
        age(words::since(job.created)),
        job.user,
        job.host,
    );
    writeln!(to, "{}", visible(&text))?;
    let last = format!("last change {} ({} ago)", words::moment(job.changed), age(words::since(job.changed)));
    match (&job.owner, kept::state(job)) {
        (Some(owner), _) => writeln!(to, "run by {}; {last}", visible(owner)),
        (None, ShownState::Interrupted) => writeln!(to, "nobody runs it: its process is gone; {last}"),
        (None, _) => writeln!(to, "{last}"),
    }
}

fn counts(status: &Status) -> String {
    let counts = &status.counts;
    let named = [
        (counts.succeeded, "succeeded"),
        (counts.bad, "bad"),
        (counts.active, "running"),
        (counts.waiting, "waiting"),
        (counts.skipped, "skipped"),
        (counts.cancelled, "cancelled"),
    ];
    let named: Vec<String> =
        named.into_iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
    let hosts = usize::try_from(status.job.targets).unwrap_or(usize::MAX);
    format!("{} of {}", named.join(", "), plural(hosts, "host"))
}

/// How a job stands.
#[derive(Serialize, JsonSchema)]
pub(super) struct StatusOut<'a> {
    /// The name and the version of this format.
    #[schemars(extend("const" = "pogo.status/1"))]
    format: &'static str,
    #[serde(flatten)]
    job: JobOut<'a>,
    /// Those that are bad or under way.
    hosts: Vec<HostOut<'a>>,
    /// What hosts of an unfinished job wait for, those with the same reason together.
    waits: Vec<WaitOut<'a>>,
    /// Of a blocked job: bad hosts of other jobs that it waits for.
    blocked_by: &'a [Blocker],
}

/// A host that is bad or under way.
#[derive(Serialize, JsonSchema)]
struct HostOut<'a> {
    /// Its name.
    host: &'a str,
    /// Its state in the job.
    state: HostState,
    /// The number of its attempts.
    attempts: u32,
}

/// Hosts that wait for the same.
#[derive(Serialize, JsonSchema)]
struct WaitOut<'a> {
    /// The hosts, in the order of the plan.
    hosts: &'a [String],
    /// What they wait for.
    waits_for: &'a WaitsFor,
    /// Who takes the places of a full limit.
    held_by: Vec<HolderOut<'a>>,
}

/// A host that takes a place in a limit.
#[derive(Serialize, JsonSchema)]
struct HolderOut<'a> {
    /// The host.
    host: &'a str,
    /// The job that runs on it or left it bad.
    job: JobId,
    /// Whether the job runs on it now.
    is_running: bool,
}

impl<'a> StatusOut<'a> {
    fn of(status: &'a Status, blocked_by: &'a [Blocker]) -> Self {
        let mut job = JobOut::of(&status.job);
        let counts = &status.counts;
        job.counts.waiting = counts.waiting.into();
        job.counts.active = counts.active.into();
        job.counts.succeeded = counts.succeeded.into();
        job.counts.bad = counts.bad.into();
        job.counts.skipped = counts.skipped.into();
        job.counts.cancelled = counts.cancelled.into();
        let hosts = status.hosts.iter();
        let waits = status.waits.iter().map(|wait| WaitOut {
            hosts: &wait.hosts,
            waits_for: &wait.on,
            held_by: wait
                .holders
                .iter()
                .map(|holder| HolderOut {
                    host: &holder.host,
                    job: holder.job,
                    is_running: holder.is_running,
                })
                .collect(),
        });
        Self {
            format: "pogo.status/1",
            job,
            hosts: hosts
                .map(|row| HostOut { host: &row.host, state: row.state, attempts: row.attempt.0 })
                .collect(),
            waits: waits.collect(),
            blocked_by,
        }
    }
}
