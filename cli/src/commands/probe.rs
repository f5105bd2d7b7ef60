//! `pogo probe`: asks hosts what became of an attempt.

pub(super) mod answer;
mod kept;

use std::io::{self, Write as _};
use std::path::Path;

use pogo_plan::Job;
use pogo_plan::event::JobId;
use pogo_plan::job::Transport;
use pogo_plan::outcome::Attempt;
use pogo_plan::worker::AttemptKey;
use pogo_store::{JobRow, Reader, StoreError};

use self::answer::{Answer, Fate, Report};
use super::apply::overrides;
use super::ssh::{self, many, passwords, targets};
use crate::App;
use crate::args::{AnswerFormat, JobArgs, MessageFormat, ProbeArgs, SpecArgs, SshArgs};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::kept::{Kept, problem};
use crate::logging;
use crate::output::Output;

/// Runs the verb.
pub(crate) fn run(args: &ProbeArgs, app: &App) -> Result<ExitCode, Failure> {
    logging::start(&args.log, app.terminal.stderr)?;
    let Some(kept) = Kept::find(app)? else { return unkept(args, app) };
    let mut reader = kept.reader()?;
    match reader.job(&args.job) {
        Ok(row) => kept::run(args, &row, &kept, reader, app),
        Err(StoreError::NoJob { .. }) => unkept(args, app),
        Err(error) => Err(problem::of_store(error)),
    }
}

/// Asks about a job that is not in the store: an end is shown, and the host forgets it.
fn unkept(args: &ProbeArgs, app: &App) -> Result<ExitCode, Failure> {
    let Ok(id) = args.job.parse::<JobId>() else {
        return Err(Failure::with_help(
            format!("there is no job `{}` in the store", args.job),
            "`pogo jobs` lists those that are kept; of another one write the whole id",
        ));
    };
    if args.hosts.is_empty() {
        return Err(Failure::with_help(
            format!("job {id} is not in the store: nothing says which hosts to ask"),
            "name them: `pogo probe JOB HOST…`; or name the job's store with `--store`",
        ));
    }
    let Some(hosts) = targets::expand(&args.hosts.join(","), app)? else { return Ok(ExitCode::Usage) };
    let Some(job) = given(args, app)? else { return Ok(ExitCode::Usage) };
    let transport = open(&job, args)?;
    let attempt = Attempt(args.attempt.map_or(1, std::num::NonZeroU32::get));
    let answers = many::ask(hosts, args.max_connecting, |host| {
        let (ssh, job) = (transport.clone(), job.clone());
        async move {
            let key = AttemptKey { job: id, host: host.as_str().into(), attempt };
            let said = ssh.probe(&key, &job, None).await.map_err(|failure| failure.to_string());
            Answer { host, attempt, said, fate: Fate::Forgotten }
        }
    })?;
    tell(&Report { job: id, owner: None, answers: &answers }, args.format, app, |_| Ok(()))
}

/// How hosts are reached, by the arguments alone; `None` if they are wrong, which has been reported.
fn given(args: &ProbeArgs, app: &App) -> Result<Option<Job>, Failure> {
    let flags = JobArgs {
        ssh: args.ssh.clone(),
        connect_timeout: args.connect_timeout.clone(),
        run_as: args.run_as.clone(),
        ..JobArgs::default()
    };
    let overrides = overrides::of(flags)?;
    match &args.config {
        Some(path) => {
            let read = targets::read(path, SpecArgs::default(), overrides, MessageFormat::Human, app)?;
            Ok(read.map(|targets| targets.job))
        }
        None => targets::usual(overrides, app),
    }
}

/// How the hosts of a job are reached that is kept: as its plan says, with the flags in place of what it says there, or with
/// `--config` in place of all of it.
fn over(mut job: Job, args: &ProbeArgs, app: &App) -> Result<Option<Job>, Failure> {
    let Some(given) = given(args, app)? else { return Ok(None) };
    if args.config.is_some() {
        return Ok(Some(given));
    }
    let SshArgs { user, ssh_config, ssh_port, ssh_identity, ssh_jump, ssh_option, known_hosts } = &args.ssh;
    if user.is_some() {
        job.user = given.user;
    }
    if args.run_as.is_some() {
        job.run_as = given.run_as;
    }
    if args.connect_timeout.is_some() {
        job.connect_timeout_ms = given.connect_timeout_ms;
    }
    if ssh_config.is_some() {
        job.ssh.config = given.ssh.config;
    }
    if ssh_port.is_some() {
        job.ssh.port = given.ssh.port;
    }
    if ssh_identity.is_some() {
        job.ssh.identity = given.ssh.identity;
    }
    if !ssh_jump.is_empty() {
        job.ssh.jump = given.ssh.jump;
    }
    if !ssh_option.is_empty() {
        job.ssh.options.extend(given.ssh.options);
    }
    if known_hosts.is_some() {
        job.ssh.known_hosts = given.ssh.known_hosts;
    }
    Ok(Some(job))
}

fn open(job: &Job, args: &ProbeArgs) -> Result<pogo_transport::ssh::Ssh, Failure> {
    if job.transport != Transport::Ssh {
        return Err(Failure::usage(
            "the job has `transport: local`: what its hosts run ends with pogo, and nobody keeps a record of it",
        ));
    }
    let is_stdin_taken = args.config.as_deref() == Some(Path::new("-"));
    ssh::open(job, passwords::read(&args.passwords, job, is_stdin_taken)?)
}

/// Shows what was answered, and for people what `more` adds.
fn tell(
    report: &Report<'_>,
    format: AnswerFormat,
    app: &App,
    more: impl FnOnce(&mut Output) -> io::Result<()>,
) -> Result<ExitCode, Failure> {
    let mut to = Output::stdout();
    match format {
        AnswerFormat::Human => {
            report.show(app.terminal.stdout, &mut to)?;
            more(&mut to)?;
        }
        AnswerFormat::Json => {
            crate::answer::write(&report.out(), &mut to)?;
        }
    }
    to.commit()?;
    Ok(if report.is_good() { ExitCode::Success } else { ExitCode::Findings })
}
