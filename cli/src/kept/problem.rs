//! What a store or a run says when it refuses or fails, and how the program ends by it.

use pogo_actors::RunError;
use pogo_schedule::job::Refusal;
use pogo_store::StoreError;

use crate::failure::Failure;

/// Why a store cannot be used, or does not do what was asked.
#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` hands over")]
pub(crate) fn of_store(error: StoreError) -> Failure {
    let text = match &error {
        StoreError::Refused { job, why } => return refused(*job, None, *why),
        StoreError::SessionOver => return Failure::Internal(error.to_string()),
        error => chain(error),
    };
    // What is wrong, and behind it what to do: one sentence each.
    let (message, help) = match text.split_once(". ") {
        Some((message, help)) => (message.to_owned(), Some(help.to_owned())),
        None => (text, None),
    };
    match error {
        StoreError::Newer { .. }
        | StoreError::Owned { .. }
        | StoreError::TakenOver { .. }
        | StoreError::NotReleased { .. }
        | StoreError::NotOut { .. }
        | StoreError::Running { .. } => Failure::Refused { message, help },
        StoreError::NoJob { .. } => Failure::with_help(message, "`pogo jobs` lists those that are kept"),
        StoreError::Ambiguous { .. } => Failure::with_help(message, "write more of the id"),
        _ => Failure::Usage { message, help },
    }
}

/// Why a run did not begin, or broke off.
pub(crate) fn of_run(error: RunError) -> Failure {
    match error {
        RunError::Refused(_) | RunError::Context(_) | RunError::Ssh(_) => Failure::usage(chain(&error)),
        RunError::Keeping(error) => of_store(*error),
        RunError::Order { job, host, why } => refused(job, host.as_deref(), why),
        RunError::Store { .. } => Failure::Halted(chain(&error)),
        error => Failure::Internal(chain(&error)),
    }
}

/// What was said to a job makes no sense now.
pub(crate) fn refused(job: pogo_plan::event::JobId, host: Option<&str>, why: Refusal) -> Failure {
    use pogo_plan::outcome::{HostState, JobState};
    let about = host.map(|host| format!(" for `{host}`")).unwrap_or_default();
    let help = match why {
        Refusal::HostIs(HostState::Unknown) => host.map(|host| {
            format!("ask it with `pogo probe {job} {host}`, or say what you know with `pogo decide {job} {host} --as ...`")
        }),
        Refusal::JobIs(JobState::Succeeded) => Some("every host has succeeded: nothing is left to do".to_owned()),
        Refusal::JobIs(_) | Refusal::HostIs(_) => Some(format!("`pogo status {job}` says how it stands")),
        Refusal::NotATarget | Refusal::NotNow => None,
    };
    Failure::Refused { message: format!("job {job} refuses that{about}: {why}"), help }
}

/// An error with what caused it.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let more = error.to_string();
        if !text.ends_with(&more) {
            text.push_str(&format!(": {more}"));
        }
        source = error.source();
    }
    text
}
