//! What is asked of the wrapper's scripts, for an attempt and about one.

use std::sync::Arc;

use pogo_plan::Job;
use pogo_plan::worker::AttemptKey;

use super::reach::Shared;
use crate::wrapper::{Invocation, InvocationError, Kill, Probe, Request, RequestError, Sudo, Times, Traces};
use crate::{Attempt, JobContext};

/// Nothing can be asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum AskError {
    #[error("the attempt cannot be sent")]
    Invocation(#[from] InvocationError),
    #[error("a session cannot be made")]
    Request(#[from] RequestError),
}

pub(super) fn attempt(attempt: &Attempt, shared: &Shared) -> Result<Request, AskError> {
    let invocation = Invocation::new(attempt.clone(), Times::default())?;
    Ok(Request::run(&invocation, sudo(attempt.job.run(), shared).as_ref())?)
}

/// The parts of an attempt that come after its command; nothing if the first of them, `verify`, is not there.
pub(super) fn after_restart(of: &Attempt, shared: &Shared) -> Option<Result<Request, AskError>> {
    let job = JobContext::after_restart(&of.job)?;
    Some(attempt(&Attempt { job: Arc::new(job), ..of.clone() }, shared))
}

pub(super) fn kill(attempt: &Attempt, shared: &Shared, traces: Traces) -> Result<Request, AskError> {
    Ok(Request::kill(&Kill { traces }, sudo(attempt.job.run(), shared).as_ref())?)
}

pub(super) fn probe(
    key: &AttemptKey,
    job: &Job,
    shared: &Shared,
    traces: Option<Traces>,
) -> Result<Request, AskError> {
    let id = format!("{}-{}-{}", key.job, key.host, key.attempt);
    Ok(Request::probe(&Probe { id, traces }, sudo(job, shared).as_ref())?)
}

/// Through sudo to whom the job is to run as, unless that is whom it logs in as.
fn sudo(job: &Job, shared: &Shared) -> Option<Sudo> {
    let user = job.run_as.as_ref().filter(|user| job.user.as_ref() != Some(*user))?;
    Some(Sudo { user: user.clone(), password: shared.options.sudo_password.clone() })
}
