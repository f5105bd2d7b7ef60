//! A job from its plan to its end, whoever listens: `apply`, `one`, `resume` and `retry`.

use std::num::NonZeroUsize;
use std::sync::Arc;

use pogo_actors::{Ended, Keeping, RunError, RunOptions, Stored, Subscriber, TakeUp};
use pogo_plan::Plan;
use pogo_plan::event::{self, Header, JobId};
use pogo_plan::job::Transport as Kind;
use pogo_transport::ssh::{HostKeyProblem, Ssh};
use pogo_transport::{Local, Transport};

use super::super::ssh;
use super::{descriptors, secrets, signals};
use crate::args::PasswordArgs;
use crate::failure::Failure;
use crate::terminal::Style;

/// Says if there is nothing to run.
///
/// # Errors
/// That.
pub(in crate::commands) fn has_work(plan: &Plan) -> Result<(), Failure> {
    if plan.job.command.is_none() && plan.job.script.is_none() {
        return Err(Failure::with_help(
            "there is nothing to run: the plan has neither `command` nor `script`",
            "write `command` into the spec's `job`, or give `--run-command` with the spec",
        ));
    }
    Ok(())
}

/// What the command line says about how to run a plan.
pub(in crate::commands) struct Wanted<'a> {
    pub(in crate::commands) fanout: NonZeroUsize,
    pub(in crate::commands) max_connecting: NonZeroUsize,
    pub(in crate::commands) passwords: &'a PasswordArgs,
    pub(in crate::commands) is_stdin_taken: bool,
    pub(in crate::commands) has_output_dir: bool,
    /// The job that is gone on with; a new one without.
    pub(in crate::commands) job: Option<JobId>,
}

/// What is begun.
pub(in crate::commands) enum Begin {
    /// A new job.
    New(Stored),
    /// What is left of one that is kept.
    Resume(TakeUp),
    /// Its bad hosts, or these of them, and then what is left.
    Retry(TakeUp, Vec<String>),
}

/// A job that is ready to begin: its passwords and secrets are read, its transport is there.
pub(in crate::commands) struct Launch {
    pub(in crate::commands) header: Header,
    pub(in crate::commands) fanout: usize,
    /// The fan-out that was wanted, if the open files do not allow it.
    pub(in crate::commands) lowered: Option<usize>,
    options: RunOptions,
    ssh: Option<Ssh>,
    transport: Arc<dyn Transport>,
}

/// How a run ended.
pub(in crate::commands) struct Over {
    pub(in crate::commands) ended: Result<Ended, RunError>,
    /// The signal that ended what ran.
    pub(in crate::commands) signal: Option<u8>,
    /// The hosts whose keys ssh did not accept.
    pub(in crate::commands) key_problems: Vec<HostKeyProblem>,
}

impl Launch {
    /// Checks that the plan can be run, and reads what is to be read for it.
    ///
    /// # Errors
    /// If it cannot be run, or something is missing.
    pub(in crate::commands) fn new(plan: &Plan, wanted: &Wanted<'_>) -> Result<Self, Failure> {
        has_work(plan)?;
        let passwords = ssh::passwords::read(wanted.passwords, &plan.job, wanted.is_stdin_taken)?;
        let (ssh, transport): (_, Arc<dyn Transport>) = match plan.job.transport {
            Kind::Local => (None, Arc::new(Local::new())),
            Kind::Ssh => {
                let ssh = ssh::open(&plan.job, passwords)?;
                (Some(ssh.clone()), Arc::new(ssh))
            }
        };
        transport.check(&plan.job).map_err(|refused| Failure::usage(refused.to_string()))?;
        let secrets = secrets::read(&plan.job.secrets)?;
        let (fanout, lowered) =
            descriptors::fanout(wanted.fanout.get(), plan.job.transport, wanted.has_output_dir)?;
        let random =
            || getrandom::u64().map_err(|error| Failure::Internal(format!("no random numbers: {error}")));
        let job = match wanted.job {
            Some(job) => job,
            None => JobId::from_bits(random()?),
        };
        let header = Header { format: event::FORMAT.to_owned(), job, plan: plan.digest() };
        let max_connecting = wanted.max_connecting.get();
        let options = RunOptions { job, seed: random()?, fanout, max_connecting, secrets };
        Ok(Self { header, fanout, lowered, options, ssh, transport })
    }

    /// Runs it to its end.
    ///
    /// # Errors
    /// If signals cannot be listened to.
    pub(in crate::commands) fn run(
        self,
        begin: Begin,
        plan: &Plan,
        listener: Box<dyn Subscriber>,
        style: Style,
    ) -> Result<Over, Failure> {
        let Self { options, ssh, transport, .. } = self;
        let (sender, receiver) = pogo_actors::control();
        let signals = signals::listen(sender, style)
            .map_err(|error| Failure::Internal(format!("cannot listen to signals: {error}")))?;
        let listeners = vec![listener];
        let ended = match begin {
            Begin::New(stored) => {
                let keeping = Keeping::Stored(stored);
                pogo_actors::run_with(plan.clone(), options, transport, keeping, receiver, listeners)
            }
            Begin::Resume(at) => pogo_actors::resume(&at, options, transport, receiver, listeners),
            Begin::Retry(at, hosts) => {
                pogo_actors::retry(&at, &hosts, options, transport, receiver, listeners)
            }
        };
        let key_problems = ssh.map(|ssh| ssh.host_key_problems()).unwrap_or_default();
        Ok(Over { ended, signal: signals.close(), key_problems })
    }
}
