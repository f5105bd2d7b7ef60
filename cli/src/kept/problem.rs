//! What a store or a run says when it refuses or fails, and how the program ends by it.

use pogo_actors::RunError;
use pogo_schedule::job::Refusal;
use pogo_store::{Cause, StoreError};

use crate::failure::Failure;

/// Why a store cannot be used, or does not do what was asked.
#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` hands over")]
pub(crate) fn of_store(error: StoreError) -> Failure {
    if let StoreError::Refused { job, why } = error {
        return refused(job, None, why);
    }
    let text = chain(&error);
    // What is wrong, and behind it what to do: one sentence each.
    let (message, help) = match text.split_once(". ") {
        Some((message, help)) => (message.to_owned(), Some(help.to_owned())),
        None => (text, None),
    };
    match error.cause() {
        Cause::Store => Failure::Usage { message, help },
        Cause::Refused => Failure::Refused { message, help },
        Cause::Fault => Failure::Internal(message),
        Cause::Name => Failure::with_help(
            message,
            match error {
                StoreError::Ambiguous { .. } => "write more of the id",
                _ => "`pogo jobs` lists those that are kept",
            },
        ),
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

#[cfg(test)]
mod tests {
    use std::io;
    use std::path::PathBuf;

    use pogo_plan::PlanError;
    use pogo_plan::event::JobId;
    use pogo_plan::outcome::{HostState, JobState};

    use super::*;
    use crate::exit_code::ExitCode;

    fn store_errors() -> Vec<(StoreError, u8)> {
        let path = || PathBuf::from("/store");
        let text = || "x".to_owned();
        let job = JobId::from_bits(7);
        let why = Refusal::HostIs(HostState::Succeeded);
        let rules = |found| StoreError::Rules { path: path(), namespace: text(), found, known: 2 };
        let plan: PlanError = pogo_plan::Plan::read_json(b"x").unwrap_err();
        vec![
            (StoreError::NetworkFileSystem { path: path(), kind: "nfs" }, 2),
            (StoreError::Newer { path: path(), what: text() }, 5),
            (rules(3), 5),
            (rules(1), 5),
            (StoreError::Corrupt { path: path(), detail: text() }, 2),
            (StoreError::ReadOnly { path: path(), detail: text() }, 2),
            (StoreError::Full { path: path(), detail: text() }, 2),
            (StoreError::Locked { path: path(), waited_ms: 1, pid: None }, 2),
            (StoreError::Gone { path: path() }, 2),
            (StoreError::Owned { job, owner: text() }, 5),
            (StoreError::TakenOver { job, owner: text() }, 5),
            (StoreError::NoJob { path: path(), text: text() }, 2),
            (StoreError::Ambiguous { text: text(), jobs: vec![job] }, 2),
            (StoreError::Refused { job, why }, 5),
            (StoreError::NotReleased { host: text(), job }, 5),
            (StoreError::NotOut { host: text(), namespace: text() }, 5),
            (StoreError::Running { host: text(), job }, 5),
            (StoreError::Plan { job, source: Box::new(plan) }, 2),
            (StoreError::Io { what: "cannot read", path: path(), source: io::ErrorKind::NotFound.into() }, 2),
            (StoreError::Database { path: path(), detail: text() }, 2),
            (StoreError::SessionOver, 3),
        ]
    }

    #[test]
    fn each_problem_of_a_store_has_the_documented_exit_code() {
        for (error, code) in store_errors() {
            let text = format!("{error:?}");
            assert_eq!(ExitCode::from(&of_store(error)).number(), code, "{text}");
        }
        // Before anything has begun it is the store's own code; a run that has begun is halted by it.
        for (error, code) in store_errors() {
            let text = format!("{error:?}");
            assert_eq!(ExitCode::from(&of_run(RunError::Keeping(Box::new(error)))).number(), code, "{text}");
        }
        for (error, _) in store_errors() {
            let text = format!("{error:?}");
            let halted = RunError::Store { source: Box::new(error), left_running: 1 };
            assert_eq!(ExitCode::from(&of_run(halted)).number(), 4, "{text}");
        }
    }

    #[test]
    fn other_problems_of_a_run_have_theirs() {
        let job = JobId::from_bits(7);
        let errors = [
            (RunError::Order { job, host: None, why: Refusal::JobIs(JobState::Succeeded) }, 5),
            (
                RunError::Order {
                    job,
                    host: Some("h1".to_owned()),
                    why: Refusal::HostIs(HostState::Unknown),
                },
                5,
            ),
            (RunError::Order { job, host: None, why: Refusal::NotNow }, 5),
            (RunError::Thread(io::ErrorKind::OutOfMemory.into()), 3),
            (RunError::Lost("session"), 3),
        ];
        for (error, code) in errors {
            let text = format!("{error:?}");
            assert_eq!(ExitCode::from(&of_run(error)).number(), code, "{text}");
        }
    }

    #[test]
    fn what_to_do_stands_apart_from_what_is_wrong() {
        for (error, _) in store_errors() {
            let (Failure::Usage { message, .. } | Failure::Refused { message, .. }) = of_store(error) else {
                continue;
            };
            assert!(!message.is_empty() && !message.contains(". "), "{message}");
        }
        let full = of_store(StoreError::Full { path: PathBuf::from("/store"), detail: "x".to_owned() });
        assert!(matches!(full, Failure::Usage { help: Some(help), .. } if help.contains("`pogo resume`")));
    }
}
