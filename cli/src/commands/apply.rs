//! `pogo apply`: runs a spec or a plan and tells what becomes of it.

mod descriptors;
mod dry_run;
pub(super) mod input;
pub(super) mod launch;
mod others;
pub(super) mod overrides;
pub(super) mod secrets;
mod signals;

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use pogo_actors::{Stored, Subscriber, SubscriberError};
use pogo_plan::Plan;
use pogo_plan::event::{Blocker, Event, Header, JobId};
use pogo_plan::job::Transport;
use pogo_plan::outcome::{HostState, JobState};

use self::launch::{Begin, Launch, Over};
use self::others::Others;
use super::ssh::keys::{self, Again};
use super::status;
use crate::App;
use crate::args::{ApplyArgs, RunFormat, RunReportArgs, ShownState};
use crate::exit_code::ExitCode;
use crate::failure::{Failure, plain_words};
use crate::kept::next::{self, Stand};
pub(super) use crate::kept::problem::chain;
use crate::kept::{Kept, problem};
use crate::logging;
use crate::output::Output;
use crate::report::plural;
use crate::run::{self, EventsFile, Fanout, Lines, Lost, OutputDir, Reporter, Tally};
use crate::terminal::{Style, visible};

/// Characters of a command line in short.
const MAX_SUMMARY: usize = 200;

/// Runs the verb.
pub(crate) fn run(args: ApplyArgs, app: &App) -> Result<ExitCode, Failure> {
    let streams = Streams::new(&args.report, app)?;
    logging::start(&args.log, app.terminal.stderr)?;
    let ApplyArgs {
        input,
        dry_run,
        fanout,
        max_connecting,
        max_age,
        message_format,
        report,
        passwords,
        job,
        options,
        ..
    } = args;
    let again = Again::new(&input, &options, &job.ssh);
    let wanted = input::Wanted { path: &input, options, job, message_format, max_age };
    // What is wrong with the spec has been reported: nothing was started.
    let Some(plan) = input::load(wanted, app)? else { return Ok(ExitCode::Usage) };
    launch::has_work(&plan)?;
    if dry_run {
        return dry_run::show(&plan, app);
    }
    let kept = Kept::open(app)?;
    let launch = Launch::new(
        &plan,
        &launch::Wanted {
            fanout,
            max_connecting,
            passwords: &passwords,
            is_stdin_taken: input == Path::new("-"),
            has_output_dir: report.output_dir.is_some(),
            job: None,
        },
    )?;
    let begin = Begin::New(Stored { store: kept.store.clone(), summary: summary("apply", &input, &plan) });
    Run { plan: &plan, kept: &kept, report: &report, streams, again }.carry_out(launch, begin, app)
}

/// The command line in short, for `pogo jobs`: nothing that is typed for hosts is in it.
pub(super) fn summary(verb: &str, input: &Path, plan: &Plan) -> String {
    let line = |text: &str| text.lines().find(|line| !line.trim().is_empty()).unwrap_or("").trim().to_owned();
    let what = plan.job.command.as_deref().map(line).unwrap_or_default();
    let text = if what.is_empty() {
        format!("{verb} {}", input.display())
    } else {
        format!("{verb} {}: {what}", input.display())
    };
    text.chars().take(MAX_SUMMARY).collect()
}

/// A run that tells everything that it is asked to tell.
pub(super) struct Run<'a> {
    pub(super) plan: &'a Plan,
    pub(super) kept: &'a Kept,
    pub(super) report: &'a RunReportArgs,
    pub(super) streams: Streams,
    pub(super) again: Again,
}

impl Run<'_> {
    /// Runs the job, with all reports.
    ///
    /// # Errors
    /// If it cannot be begun, or breaks off.
    pub(super) fn carry_out(self, launch: Launch, begin: Begin, app: &App) -> Result<ExitCode, Failure> {
        let Self { plan, kept, report, streams, again } = self;
        let header = launch.header.clone();
        let is_new = matches!(begin, Begin::New(_));
        let title = if report.quiet { String::new() } else { title(plan, &launch, is_new, streams.style) };
        let reports = Reports::open(report, &header, Told { streams, plan, kept, is_new, title }, app)?;
        if !report.quiet {
            tell_place(&launch, kept, streams)?;
        }
        let tally = Arc::new(Mutex::new(Tally::of(plan)));
        let listener = Listener { fanout: reports.fanout, tally: Arc::clone(&tally) };
        let Over { ended, signal, key_problems } =
            launch.run(begin, plan, Box::new(listener), app.terminal.stderr)?;

        let tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
        let lost = || reports.lost.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (code, fault) = match ended {
            Ok(ended) => (exit_code(ended.state, signal), None),
            Err(error) => match problem::of_run(error) {
                failure @ (Failure::Internal(_) | Failure::Halted(_)) => {
                    (ExitCode::from(&failure), Some(failure))
                }
                // Nothing was begun, and there is nothing to tell.
                failure => return Err(failure),
            },
        };
        if let Some(mut junit) = reports.junit {
            let written = run::write_junit(header.job, &tally, &mut junit).map_err(Failure::from);
            if let Err(failure) = written.and_then(|()| junit.commit()) {
                let lost = Lost { report: "--junit".to_owned(), problem: words(&failure) };
                complain(&lost, app.terminal.stderr);
                reports.lost.lock().unwrap_or_else(PoisonError::into_inner).push(lost);
            }
        }
        let written = match report.format {
            RunFormat::Human => {
                let mut to = streams.human();
                run::summary::write(header.job, &tally, Some(plan), streams.style, &mut to)
                    .and_then(|()| tell_next(header.job, &tally, plan, kept, streams.style, &mut to))
                    .and_then(|()| to.flush())
            }
            RunFormat::Json => {
                let mut to = BufWriter::new(io::stdout().lock());
                run::write_summary_json(&header, &plan.namespace, &tally, &lost(), code.number(), &mut to)
                    .and_then(|()| to.flush())
            }
        };
        if let Err(error) = written {
            // The job is what counts: its end is the program's end, whoever still listens.
            complain(
                &Lost { report: "the summary".to_owned(), problem: plain_words(&error) },
                app.terminal.stderr,
            );
        }
        keys::tell(&key_problems, &again, app.terminal.stderr);
        fault.map_or(Ok(code), Err)
    }
}

/// What can be done about a job that did not succeed.
fn tell_next(
    job: JobId,
    tally: &Tally,
    plan: &Plan,
    kept: &Kept,
    style: Style,
    to: &mut dyn Write,
) -> io::Result<()> {
    let state = match tally.state {
        Some(JobState::Failed) => ShownState::Failed,
        Some(JobState::Blocked) => ShownState::Blocked,
        Some(JobState::Halted) => ShownState::Halted,
        Some(JobState::Succeeded) => return Ok(()),
        // It broke off.
        Some(JobState::Running | JobState::Halting) | None => ShownState::Interrupted,
    };
    let others: Vec<Blocker> =
        tally.blocked_by.iter().filter(|blocker| blocker.job != job).cloned().collect();
    let is_left = |state| matches!(state, HostState::Waiting | HostState::Cancelled);
    let is_left = tally.hosts().any(|(_, host)| is_left(host.state));
    // Skipping a bad host is no event: it stays as bad as it was. Where the store does not say it either, it is suggested once
    // too often.
    let passed_over = match state {
        ShownState::Blocked if is_left => passed_over(kept, job).unwrap_or_default(),
        _ => HashSet::new(),
    };
    let stand = Stand {
        job,
        state,
        bad: tally
            .hosts()
            .filter(|(_, host)| host.state.is_bad())
            .map(|(name, host)| (name, host.state))
            .collect(),
        others: &others,
        passed_over: &passed_over,
        is_left,
        can_probe: plan.job.transport == Transport::Ssh,
        option: &kept.option,
    };
    next::write(&stand, style, to)
}

/// The hosts of a job that somebody has skipped, by its record.
fn passed_over(kept: &Kept, job: JobId) -> Result<HashSet<String>, Failure> {
    let mut reader = kept.reader()?;
    let plan = reader.plan(job).map_err(problem::of_store)?;
    status::passed_over(&mut reader, job, &plan)
}

/// How the program ends: a signal that ended what ran outweighs the halt that it brought about.
pub(super) const fn exit_code(state: JobState, signal: Option<u8>) -> ExitCode {
    match (state, signal) {
        (JobState::Halted | JobState::Halting, Some(signal)) => ExitCode::Signal(signal),
        (JobState::Halted | JobState::Halting, None) => ExitCode::Halted,
        (JobState::Succeeded, _) => ExitCode::Success,
        (JobState::Failed | JobState::Blocked, _) => ExitCode::Findings,
        // A run that is over does not run.
        (JobState::Running, _) => ExitCode::Internal,
    }
}

fn words(failure: &Failure) -> String {
    match failure {
        Failure::Usage { message, .. }
        | Failure::Refused { message, .. }
        | Failure::Halted(message)
        | Failure::Internal(message) => message.clone(),
        Failure::Output(error) => plain_words(error),
    }
}

/// Which stream is for whom.
#[derive(Clone, Copy)]
pub(super) struct Streams {
    /// Whether standard output belongs to a program: what is for people then goes to standard error.
    is_data: bool,
    style: Style,
}

impl Streams {
    pub(super) fn new(report: &RunReportArgs, app: &App) -> Result<Self, Failure> {
        let events_on_stdout = report.events.as_deref() == Some(Path::new("-"));
        if events_on_stdout && report.format == RunFormat::Json {
            return Err(Failure::with_help(
                "`--events -` and `--format json` would both write to standard output",
                "give `--events` a file",
            ));
        }
        if report.junit.as_deref() == Some(Path::new("-")) {
            return Err(Failure::usage(
                "`--junit` needs a file: the end of the run is told on standard output",
            ));
        }
        let is_data = events_on_stdout || report.format == RunFormat::Json;
        let style = if is_data { app.terminal.stderr } else { app.terminal.stdout };
        Ok(Self { is_data, style })
    }

    /// Where people read.
    fn human(self) -> BufWriter<Box<dyn Write + Send>> {
        BufWriter::new(if self.is_data { Box::new(io::stderr()) } else { Box::new(io::stdout()) })
    }
}

/// Everything that is told of the run, open before anything starts.
struct Reports {
    fanout: Fanout,
    lost: Arc<Mutex<Vec<Lost>>>,
    junit: Option<Output>,
}

/// What is told, and to whom.
struct Told<'a> {
    streams: Streams,
    plan: &'a Plan,
    kept: &'a Kept,
    /// Whether nothing of the job has happened before.
    is_new: bool,
    /// What stands before the log, once the job is on record.
    title: String,
}

impl Reports {
    fn open(args: &RunReportArgs, header: &Header, told: Told<'_>, app: &App) -> Result<Self, Failure> {
        let Told { streams, plan, kept, is_new, title } = told;
        let mut reporters: Vec<(String, Box<dyn Reporter>)> = Vec::new();
        if let Some(path) = &args.events {
            let name = format!("--events {}", path.display());
            let failed = |error: &io::Error| Failure::file("write", path.display(), error);
            let to: Box<dyn Write + Send> = if path == Path::new("-") {
                Box::new(io::stdout())
            } else {
                // Output of commands is nobody else's business.
                let file = File::options().create(true).write(true).truncate(true).mode(0o600).open(path);
                Box::new(file.map_err(|error| failed(&error))?)
            };
            let file = EventsFile::new(to, header).map_err(|error| failed(&error))?;
            reporters.push((name, Box::new(file)));
        }
        if let Some(folder) = &args.output_dir {
            let name = format!("--output-dir {}", folder.display());
            reporters.push((name, Box::new(OutputDir::new(folder)?)));
        }
        let mut others = Others::new(kept.store.clone(), plan.namespace.clone(), header.job);
        let lines = Lines::new(streams.human(), streams.style, args.quiet, Some(plan))
            .beginning(title)
            .explaining(Box::new(move |waits| others.words(waits)));
        let lines = if is_new { lines } else { lines.only_news() };
        reporters.push(("the log".to_owned(), Box::new(lines)));
        let junit = args.junit.as_deref().map(|path| Output::open(Some(path))).transpose()?;
        let style = app.terminal.stderr;
        let fanout = Fanout::new(reporters, move |lost| complain(lost, style));
        Ok(Self { lost: fanout.lost(), fanout, junit })
    }
}

fn complain(lost: &Lost, style: Style) {
    let text = format!("{}: {}: this report is not complete; the job goes on", lost.report, lost.problem);
    // Nothing can be done about a standard error that is gone.
    let _ = writeln!(io::stderr().lock(), "{} {}", style.red("error:"), visible(&text));
}

/// What the actors call.
struct Listener {
    fanout: Fanout,
    tally: Arc<Mutex<Tally>>,
}

impl Subscriber for Listener {
    fn event(&mut self, event: &Event) -> Result<(), SubscriberError> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner).event(event);
        self.fanout.event(event);
        Ok(())
    }
}

/// Where the job will be kept. It is told before anything starts: without anybody who listens nothing does.
fn tell_place(launch: &Launch, kept: &Kept, streams: Streams) -> Result<(), Failure> {
    let mut to = streams.human();
    writeln!(to, "kept in {}", visible(&kept.place()))?;
    if let Some(wanted) = launch.lowered {
        let fanout = launch.fanout;
        writeln!(to, "not {wanted} at once: the number of open files (`ulimit -n`) allows {fanout}")?;
    }
    to.flush()?;
    Ok(())
}

/// What has begun, and what the promise covers.
fn title(plan: &Plan, launch: &Launch, is_new: bool, style: Style) -> String {
    let threads = plan.threads.iter().filter(|thread| thread.slots.iter().any(|slot| !slot.hosts.is_empty()));
    let text = format!(
        "job {} in namespace {}{}: {} in {}, {}, at most {} at once {}",
        launch.header.job,
        visible(&plan.namespace),
        if is_new { "" } else { ", taken up again" },
        plural(plan.targets.len(), "target"),
        plural(threads.count(), "thread"),
        plural(plan.limits.len(), "limit"),
        launch.fanout,
        match plan.job.transport {
            Transport::Local => "on this machine",
            Transport::Ssh => "over ssh",
        },
    );
    format!("{}\n", style.bold(&text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_end_has_its_code() {
        let codes = [
            (JobState::Succeeded, None, 0),
            (JobState::Succeeded, Some(2), 0),
            (JobState::Failed, None, 1),
            (JobState::Blocked, None, 1),
            (JobState::Halted, None, 4),
            (JobState::Halted, Some(2), 130),
            (JobState::Halted, Some(15), 143),
            (JobState::Running, None, 3),
        ];
        for (state, signal, code) in codes {
            assert_eq!(exit_code(state, signal).number(), code, "{state:?} {signal:?}");
        }
    }
}
