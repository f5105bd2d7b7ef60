//! `pogo log`: what is on record of a job.

use std::collections::HashSet;
use std::io::{self, Write};
use std::time::Duration;

use pogo_plan::event::{Author, Command, Fact, JobId};
use pogo_plan::{HostIdx, Plan};
use pogo_store::{Answer, AuditRow, CommandRow, Entry, JobRow, Reader, rfc3339};
use schemars::JsonSchema;
use serde::Serialize;

use crate::App;
use crate::answer;
use crate::args::{AnswerFormat, JournalArgs};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::kept::{self, Kept, problem, words};
use crate::output::Output;
use crate::terminal::{Style, visible};

/// How long is waited at once for more to come.
const LOOK: Duration = Duration::from_millis(500);

/// Runs the verb.
pub(crate) fn run(args: &JournalArgs, app: &App) -> Result<ExitCode, Failure> {
    let (_kept, mut reader) = Kept::of_jobs(app)?;
    let job = kept::job(&mut reader, &args.job)?;
    let plan = reader.plan(job.id).map_err(problem::of_store)?;
    let only = match args.hosts.as_slice() {
        [] => None,
        patterns => {
            let Some(hosts) = kept::targets(&plan, job.id, patterns, app)? else {
                return Ok(ExitCode::Usage);
            };
            Some(hosts.into_iter().map(|(host, _)| host).collect())
        }
    };
    let mut log = Log {
        plan: &plan,
        only,
        said: said(&mut reader, &job, &plan)?,
        epoch: 1,
        seq: 0,
        style: app.terminal.stdout,
        format: args.format,
        to: Output::stdout(),
    };
    log.begin(&job)?;
    let mut last = 0;
    let mut has_ended = false;
    for entry in reader.facts(job.id) {
        let entry = entry.map_err(problem::of_store)?;
        last = entry.last;
        has_ended = ended(&entry).unwrap_or(has_ended);
        log.entry(&entry)?;
    }
    if args.follow {
        follow(&mut reader, job.id, last, has_ended, &mut log)?;
    }
    log.rest()?;
    log.to.commit()?;
    Ok(ExitCode::Success)
}

fn follow(
    reader: &mut Reader,
    job: JobId,
    mut last: u64,
    mut has_ended: bool,
    log: &mut Log<'_>,
) -> Result<(), Failure> {
    while !has_ended {
        log.to.flush()?;
        // Whether somebody runs it is asked first: what that process has written is read after it.
        let is_owned = kept::job(reader, &job.to_string())?.owner.is_some();
        let entries = reader.follow(job, last, LOOK).map_err(problem::of_store)?;
        if entries.is_empty() && !is_owned {
            if log.format == AnswerFormat::Human {
                writeln!(log.to, "nobody runs job {job}: `pogo resume {job}` goes on with it")?;
            }
            return Ok(());
        }
        for entry in &entries {
            last = entry.last;
            has_ended = ended(entry).unwrap_or(has_ended);
            log.entry(entry)?;
        }
    }
    Ok(())
}

/// Whether a job has ended with an entry, if that speaks of it.
fn ended(entry: &Entry) -> Option<bool> {
    let state = |fact: &Fact<HostIdx>| match fact {
        Fact::JobState { state } => Some(state.has_ended()),
        _ => None,
    };
    entry.facts.iter().rev().find_map(state)
}

/// Something beside the facts: when, what host, who, what.
struct Said {
    wall: i64,
    host: Option<String>,
    text: String,
    what: What,
}

/// Operators' words that no fact tells of: refused ones, those that wait, and releases of the job's hosts.
fn said(reader: &mut Reader, job: &JobRow, plan: &Plan) -> Result<Vec<Said>, Failure> {
    let commands = reader.commands(job.id).map_err(problem::of_store)?;
    let releases = reader.audit(&job.namespace).map_err(problem::of_store)?;
    let commands = commands.into_iter().filter_map(|row| {
        let CommandRow { wall, author, command, answer, .. } = row;
        let what = match &answer {
            Some(Answer::Done) => return None,
            Some(Answer::Refused { why }) => format!("refused, {why}"),
            None => "waits for the process that runs the job".to_owned(),
        };
        let (host, text) = words::command(&command, Clone::clone);
        let reason = author.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
        let text = format!("{} said: {text}{reason}: {what}", author.name);
        let state = if answer.is_some() { Heard::Refused } else { Heard::Waits };
        Some(Said { wall, host, text, what: What::Command { command, by: author, state } })
    });
    let is_ours = |row: &AuditRow| {
        row.what == "release" && row.wall >= job.created && plan.hosts.get(&row.target).is_some()
    };
    let releases = releases.into_iter().filter(is_ours).map(|row| Said {
        wall: row.wall,
        text: format!("{} released it: {}", row.author, row.reason),
        what: What::Release {
            release: row.target.clone(),
            by: Author { name: row.author, reason: Some(row.reason) },
        },
        host: Some(row.target),
    });
    let mut said: Vec<Said> = commands.chain(releases).collect();
    // The last comes first, and is taken last.
    said.sort_by_key(|said| std::cmp::Reverse(said.wall));
    Ok(said)
}

struct Log<'a> {
    plan: &'a Plan,
    only: Option<HashSet<HostIdx>>,
    said: Vec<Said>,
    epoch: u64,
    seq: u64,
    style: Style,
    format: AnswerFormat,
    to: Output,
}

/// A line of the log.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum Line<'a> {
    /// The first line.
    Header(HeaderLine<'a>),
    /// Something that is on record of the job.
    Fact(FactLine<'a>),
    /// Something that was said, and that no fact tells of.
    Said(SaidLine<'a>),
}

/// The first line: the format and its version, and which job it is.
#[derive(Serialize, JsonSchema)]
pub(super) struct HeaderLine<'a> {
    /// The name and the version of this format.
    #[schemars(extend("const" = "pogo.log/1"))]
    format: &'static str,
    /// The job.
    job: JobId,
    /// The digest of its plan.
    #[schemars(extend("pattern" = "^sha256:[0-9a-f]{64}$"))]
    plan: &'a str,
    /// The scope in which its limits count hosts.
    namespace: &'a str,
}

/// Something that is on record of the job.
#[derive(Serialize, JsonSchema)]
pub(super) struct FactLine<'a> {
    /// Counts from 1 without gaps, over all facts of the job.
    seq: u64,
    /// When it was put on record: RFC 3339, UTC.
    #[schemars(extend("format" = "date-time"))]
    time: String,
    /// How often the job had had a process.
    epoch: u64,
    #[serde(flatten)]
    fact: &'a Fact,
}

/// Something that was said, and that no fact tells of.
#[derive(Serialize, JsonSchema)]
pub(super) struct SaidLine<'a> {
    /// When: RFC 3339, UTC.
    #[schemars(extend("format" = "date-time"))]
    time: String,
    #[serde(flatten)]
    said: &'a What,
}

/// What was said.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
enum What {
    /// A command to the job that was refused or that waits for its process.
    Command {
        /// The command.
        command: Command,
        /// Who said it, and why.
        by: Author,
        /// What became of it.
        state: Heard,
    },
    /// A host of the job was put back in service.
    Release {
        /// The host.
        release: String,
        /// Who said it, and why.
        by: Author,
    },
}

/// What became of a command that no fact tells of.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Heard {
    /// It made no sense.
    Refused,
    /// The process that runs the job, or the next one that does, has not taken it up yet.
    Waits,
}

impl Log<'_> {
    fn begin(&mut self, job: &JobRow) -> io::Result<()> {
        if self.format == AnswerFormat::Json {
            let header =
                HeaderLine { format: "pogo.log/1", job: job.id, plan: &job.plan, namespace: &job.namespace };
            return answer::write(&Line::Header(header), &mut self.to);
        }
        let text = format!("{} on {} began job {}: {}", job.user, job.host, job.id, job.summary);
        self.line(job.created, None, &text)
    }

    fn line(&mut self, wall: i64, host: Option<&str>, text: &str) -> io::Result<()> {
        let time = words::moment(wall);
        let time = self.style.dim(&time);
        let host = host.map(|host| format!("{} ", visible(host))).unwrap_or_default();
        writeln!(self.to, "{time} {host}{}", visible(text))
    }

    fn entry(&mut self, entry: &Entry) -> io::Result<()> {
        self.said_until(entry.wall)?;
        if entry.epoch > self.epoch {
            self.epoch = entry.epoch;
            if self.format == AnswerFormat::Human && self.only.is_none() {
                self.line(entry.wall, None, "the job is taken up by another process")?;
            }
        }
        let mut seq = entry.last.saturating_sub(entry.facts.len() as u64);
        for fact in &entry.facts {
            seq += 1;
            self.seq = seq;
            if let Some(only) = &self.only
                && !words::hosts_of(fact).iter().any(|host| only.contains(host))
            {
                continue;
            }
            match self.format {
                AnswerFormat::Human if words::is_empty_slot(fact, self.plan) => {}
                AnswerFormat::Human => {
                    let (host, text) = words::fact(fact, self.plan);
                    self.line(entry.wall, host.as_deref(), &text)?;
                }
                AnswerFormat::Json => {
                    let named = fact.clone().try_map_host(|host| Some(self.plan.hosts.name(host).to_owned()));
                    let Some(fact) = &named else { continue };
                    let line = FactLine { seq, time: rfc3339(entry.wall), epoch: entry.epoch, fact };
                    answer::write(&Line::Fact(line), &mut self.to)?;
                }
            }
        }
        Ok(())
    }

    /// What was said before this moment.
    fn said_until(&mut self, wall: i64) -> io::Result<()> {
        while let Some(said) = self.said.pop_if(|said| said.wall <= wall) {
            let host = said.host.as_deref();
            if let Some(only) = &self.only
                && !host.and_then(|host| self.plan.hosts.get(host)).is_some_and(|host| only.contains(&host))
            {
                continue;
            }
            match self.format {
                AnswerFormat::Human => self.line(said.wall, host, &said.text)?,
                AnswerFormat::Json => {
                    let line = SaidLine { time: rfc3339(said.wall), said: &said.what };
                    answer::write(&Line::Said(line), &mut self.to)?;
                }
            }
        }
        Ok(())
    }

    fn rest(&mut self) -> io::Result<()> {
        self.said_until(i64::MAX)
    }
}
