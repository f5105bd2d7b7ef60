//! Events in words: the same in the log, the summary and the reports.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pogo_plan::event::{EventKind, HaltReason, WaitsFor};
use pogo_plan::outcome::{Exit, HostState, JobState, Outcome, Phase};

/// The bytes of an `output` event; none of any other.
pub(crate) fn bytes_of(kind: &EventKind) -> Cow<'_, [u8]> {
    let EventKind::Output { text, base64, .. } = kind else { return Cow::Borrowed(&[]) };
    match (text, base64) {
        (Some(text), _) => Cow::Borrowed(text.as_bytes()),
        (None, Some(base64)) => Cow::Owned(STANDARD.decode(base64).unwrap_or_default()),
        (None, None) => Cow::Borrowed(&[]),
    }
}

/// A host's state: `timed out`.
pub(crate) const fn host_state(state: HostState) -> &'static str {
    match state {
        HostState::Waiting => "waiting",
        HostState::Running => "running",
        HostState::Retrying => "retrying",
        HostState::Succeeded => "succeeded",
        HostState::Failed => "failed",
        HostState::Unreachable => "unreachable",
        HostState::TimedOut => "timed out",
        HostState::Stopped => "stopped",
        HostState::Unknown => "unknown",
        HostState::Skipped => "skipped",
        HostState::Cancelled => "cancelled",
    }
}

/// A host's state as it stands in formats: `timed_out`.
pub(crate) const fn host_state_id(state: HostState) -> &'static str {
    match state {
        HostState::TimedOut => "timed_out",
        other => host_state(other),
    }
}

/// A job's state.
pub(crate) const fn job_state(state: JobState) -> &'static str {
    match state {
        JobState::Running => "running",
        JobState::Succeeded => "succeeded",
        JobState::Failed => "failed",
        JobState::Blocked => "blocked",
        JobState::Halting => "halting",
        JobState::Halted => "halted",
    }
}

/// Why a job halts.
pub(crate) fn halt_reason(reason: &HaltReason) -> String {
    match reason {
        HaltReason::Operator => "an operator said so".to_owned(),
        HaltReason::OnFailure => "a host is bad, and `on_failure` is `halt`".to_owned(),
        HaltReason::MaxFailures => "more bad hosts than the job's `max_failures`".to_owned(),
        HaltReason::SlotMaxFailures { slot } => format!("more bad hosts than `max_failures` of {slot}"),
        HaltReason::JobTimeout => "its time was over (`job_timeout`)".to_owned(),
        _ => "for a reason that this pogo does not know".to_owned(),
    }
}

const fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Prehook => "prehook",
        Phase::Command => "command",
        Phase::Verify => "verify",
        Phase::Posthook => "posthook",
        Phase::Finally => "finally",
    }
}

/// What an outcome adds to the state that it leads to: `exit status 3`, `signal 9 in verify`.
pub(crate) fn outcome(outcome: Outcome) -> Option<String> {
    let text = match outcome {
        Outcome::Succeeded => return None,
        Outcome::Failed { exit, phase: part } => {
            let exit = match exit {
                Exit::Status(status) => format!("exit status {status}"),
                Exit::Signal(signal) => format!("ended by signal {signal}"),
            };
            if part == Phase::Command { exit } else { format!("{exit} in {}", phase(part)) }
        }
        Outcome::Unreachable => "the command never started".to_owned(),
        Outcome::TimedOut => "ended at its deadline, nothing of it is left".to_owned(),
        Outcome::Stopped => "ended by an operator, nothing of it is left".to_owned(),
        Outcome::Unknown => "it may still run: nobody saw its end".to_owned(),
    };
    Some(text)
}

/// What a host waits for; `limit` says how many of a group are out of service, and how many may be.
pub(crate) fn waits_for(waits: &WaitsFor, limit: impl Fn(&str) -> Option<(u32, u32)>) -> String {
    let place = |id: &str| match limit(id) {
        Some((in_use, max)) => format!("{id} ({in_use} of {max} out of service)"),
        None => id.to_owned(),
    };
    match waits {
        WaitsFor::Slots { slots } => format!("the opening of {}", slots.join(", ")),
        WaitsFor::Limit { limit } => format!("a place in {}", place(limit)),
        WaitsFor::Turn { limit } => format!("its turn in {}", place(limit)),
        WaitsFor::InFlight => "a place among the job's hosts in flight (`concurrent`, `ramp`)".to_owned(),
        WaitsFor::Stagger => "the time between two starts (`stagger`)".to_owned(),
        WaitsFor::OtherJob { job } => format!("job {job}, which runs on this host"),
        WaitsFor::Decision { job } => format!("a decision about the attempt of job {job}"),
        WaitsFor::Job => "the job, which does not run".to_owned(),
        _ => "something that this pogo does not know".to_owned(),
    }
}

/// A time for people: `0.4s`, `12.0s`, `3m20s`, `2h5m`.
pub(crate) fn elapsed(ms: u64) -> String {
    let seconds = ms / 1000;
    match seconds {
        0..60 => format!("{seconds}.{}s", ms % 1000 / 100),
        60..3600 => format!("{}m{}s", seconds / 60, seconds % 60),
        _ => format!("{}h{}m", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_have_their_names_of_the_format() {
        use HostState::*;
        for state in [
            Waiting,
            Running,
            Retrying,
            Succeeded,
            Failed,
            Unreachable,
            TimedOut,
            Stopped,
            Unknown,
            Skipped,
            Cancelled,
        ] {
            assert_eq!(serde_json::to_value(state).unwrap(), host_state_id(state));
        }
        use JobState as Job;
        for state in [Job::Running, Job::Succeeded, Job::Failed, Job::Blocked, Job::Halting, Job::Halted] {
            assert_eq!(serde_json::to_value(state).unwrap(), job_state(state));
        }
    }

    #[test]
    fn times_are_short() {
        let shown = [0, 449, 59_999, 60_000, 3_599_000, 7_500_000].map(elapsed);
        assert_eq!(shown, ["0.0s", "0.4s", "59.9s", "1m0s", "59m59s", "2h5m"]);
    }
}
