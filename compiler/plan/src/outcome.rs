//! How an attempt, a host and a job stand: the words every other part uses for it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The number of a try on one host in one job: the first is 1, and they count on through retries and resumes.
///
/// It stands in every message about an attempt, so that late news of an earlier one can be told apart and dropped.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Attempt(pub u32);

impl Attempt {
    /// The attempt after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The part of an attempt that was running.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Before the command.
    Prehook,
    /// The command or script itself.
    Command,
    /// The check that decides whether the host is known good.
    Verify,
    /// After `verify`.
    Posthook,
    /// Last, whatever happened.
    Finally,
}

/// How a process on the host ended.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    /// With this exit status.
    Status(u8),
    /// By this signal.
    Signal(u8),
}

/// How one attempt ended. Each attempt has exactly one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// The whole of its work (hooks, command, `verify`) was seen to succeed.
    Succeeded,
    /// A part of it ended otherwise than with exit status 0.
    Failed {
        /// How that part ended.
        exit: Exit,
        /// Which part.
        phase: Phase,
    },
    /// The command provably never started.
    Unreachable,
    /// Ended by us at its deadline, and known to be gone.
    TimedOut,
    /// Ended by an operator, and known to be gone.
    Stopped,
    /// It may still run, or nobody saw its end.
    Unknown,
}

impl Outcome {
    /// The state of a host whose last attempt ended so.
    #[must_use]
    pub const fn host_state(self) -> HostState {
        match self {
            Self::Succeeded => HostState::Succeeded,
            Self::Failed { .. } => HostState::Failed,
            Self::Unreachable => HostState::Unreachable,
            Self::TimedOut => HostState::TimedOut,
            Self::Stopped => HostState::Stopped,
            Self::Unknown => HostState::Unknown,
        }
    }
}

/// The state of a host in a job.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum HostState {
    /// Has not started: its slots are not open, or what it needs is not free.
    Waiting,
    /// An attempt is under way.
    Running,
    /// Between two attempts: not yet bad, still out of service.
    Retrying,
    /// Known good.
    Succeeded,
    /// Bad: exit status or signal.
    Failed,
    /// Bad: the command provably never started.
    Unreachable,
    /// Bad: ended by us at its deadline.
    TimedOut,
    /// Bad: ended by an operator.
    Stopped,
    /// Bad: it may still run, or nobody saw its end.
    Unknown,
    /// Counts as done for sequences without an attempt.
    Skipped,
    /// Not started because the job halted.
    Cancelled,
}

impl HostState {
    /// Whether the host's last attempt ended otherwise than well.
    #[must_use]
    pub const fn is_bad(self) -> bool {
        matches!(self, Self::Failed | Self::Unreachable | Self::TimedOut | Self::Stopped | Self::Unknown)
    }

    /// Whether an attempt is under way or decided on.
    #[must_use]
    pub const fn is_active(self) -> bool {
        matches!(self, Self::Running | Self::Retrying)
    }
}

/// The state of a job.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// Something runs, or waits for something that will come by itself.
    Running,
    /// Ended: no host is bad.
    Succeeded,
    /// Ended: everything ran, some hosts are bad.
    Failed,
    /// Ended: nothing runs, and what waits, waits for bad hosts of this job or of jobs that cannot go on.
    Blocked,
    /// No new start; what runs goes on to its end.
    Halting,
    /// Ended by an operator, a threshold or a time limit.
    Halted,
}

impl JobState {
    /// Whether nothing happens in the job until an operator resumes it.
    #[must_use]
    pub const fn has_ended(self) -> bool {
        !matches!(self, Self::Running | Self::Halting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outcome_is_flat_json() {
        let failed = Outcome::Failed { exit: Exit::Status(3), phase: Phase::Command };
        let text = r#"{"outcome":"failed","exit":{"status":3},"phase":"command"}"#;
        assert_eq!(serde_json::to_string(&failed).unwrap(), text);
        assert_eq!(serde_json::from_str::<Outcome>(text).unwrap(), failed);
        assert_eq!(serde_json::to_string(&Outcome::TimedOut).unwrap(), r#"{"outcome":"timed_out"}"#);
    }

    #[test]
    fn only_a_success_is_not_bad() {
        let bad = [Outcome::Unreachable, Outcome::TimedOut, Outcome::Stopped, Outcome::Unknown];
        assert!(bad.iter().all(|outcome| outcome.host_state().is_bad()));
        assert!(!Outcome::Succeeded.host_state().is_bad());
    }
}
