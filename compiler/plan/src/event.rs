//! What a job tells the world: `pogo.events/1`, and the facts that its journal keeps.
//!
//! An [`Event`] is for readers (terminal, files, API, replay) and names everything. A [`Fact`] is for recovery: it is
//! recorded before it takes effect, and whoever resumes a job folds its facts and decides only what is not on record.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::job::OnFailure;
use crate::outcome::{Attempt, HostState, JobState, Outcome};

/// The value of `format` in the first line of every event stream of this version.
pub const FORMAT: &str = "pogo.events/1";

/// A job: eight characters of lower-case base32.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(u64);

/// Base32 without the letters that look like digits or like each other.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

impl JobId {
    /// The id of forty random bits; the upper bits of `bits` are ignored.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits & 0xff_ffff_ffff)
    }

    /// The forty bits.
    #[must_use]
    pub const fn bits(self) -> u64 {
        self.0
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for digit in (0..8).rev() {
            let value = (self.0 >> (5 * digit)) & 31;
            let letter = usize::try_from(value).ok().and_then(|value| ALPHABET.get(value)).copied();
            write!(f, "{}", char::from(letter.unwrap_or(b'0')))?;
        }
        Ok(())
    }
}

impl fmt::Debug for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JobId({self})")
    }
}

/// Text that is no job id.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a job id is eight characters of 0-9 and a-z without i, l, o, u")]
pub struct JobIdError;

impl FromStr for JobId {
    type Err = JobIdError;

    fn from_str(text: &str) -> Result<Self, JobIdError> {
        if text.len() != 8 {
            return Err(JobIdError);
        }
        text.bytes()
            .try_fold(0u64, |bits, letter| {
                let value = ALPHABET.iter().position(|&known| known == letter).ok_or(JobIdError)?;
                Ok(bits << 5 | value as u64)
            })
            .map(Self)
    }
}

impl Serialize for JobId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for JobId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for JobId {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "JobId".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "A job: eight characters of base32.",
            "type": "string",
            "pattern": "^[0-9abcdefghjkmnpqrstvwxyz]{8}$",
        })
    }
}

/// The first line of an event stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// [`FORMAT`].
    pub format: String,
    /// The job.
    pub job: JobId,
    /// The digest of its plan.
    pub plan: String,
}

/// One line of an event stream after the first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Counts from 1 without gaps, in the order in which things happened in the job.
    pub seq: u64,
    /// RFC 3339, UTC, microseconds. For people: nothing is decided by it.
    pub time: String,
    /// What happened.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum EventKind {
    /// The job changed its state.
    JobState {
        /// The new state.
        state: JobState,
        /// Why it halts; only with `halting` and `halted`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<HaltReason>,
        /// What must be mended for it to go on; only with `blocked`.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        blocked_by: Vec<Blocker>,
    },
    /// The hosts of a slot may start as far as this slot is concerned.
    SlotOpened {
        /// The slot.
        slot: String,
    },
    /// Every host of a slot is done.
    SlotDone {
        /// The slot.
        slot: String,
    },
    /// A host whose slots are open may not start yet.
    HostWaiting {
        /// The host.
        host: String,
        /// What it waits for.
        waits_for: WaitsFor,
    },
    /// The command of an attempt has started on the host.
    AttemptStarted {
        /// The host.
        host: String,
        /// The attempt.
        attempt: Attempt,
    },
    /// Output of an attempt.
    Output {
        /// The host.
        host: String,
        /// The attempt.
        attempt: Attempt,
        /// Which stream.
        stream: Stream,
        /// The bytes, if they are UTF-8.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<String>,
        /// The bytes in base64 (RFC 4648, with padding) otherwise.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        base64: Option<String>,
        /// Bytes beyond the job's `max_output` that were counted and dropped behind these.
        #[serde(default, skip_serializing_if = "is_zero")]
        dropped_bytes: u64,
    },
    /// An attempt has ended.
    AttemptEnded {
        /// The host.
        host: String,
        /// The attempt.
        attempt: Attempt,
        /// How.
        #[serde(flatten)]
        outcome: Outcome,
        /// From the grant to the end, in milliseconds.
        duration_ms: u64,
    },
    /// A host changed its state in the job.
    HostState {
        /// The host.
        host: String,
        /// The new state.
        state: HostState,
    },
    /// The number of hosts out of service in a group changed; changes close to each other may be merged.
    LimitChanged {
        /// The group's selector.
        limit: String,
        /// Hosts of the group that are out of service.
        in_use: u32,
        /// How many may be.
        max_parallel: u32,
    },
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// A stream of a command's output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// Why a job halts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "cause", rename_all = "snake_case")]
#[non_exhaustive]
pub enum HaltReason {
    /// An operator said so.
    Operator,
    /// A host is bad and `on_failure` is `halt`.
    OnFailure,
    /// More bad hosts than the job's `max_failures`.
    MaxFailures,
    /// More bad hosts than the `max_failures` of a slot.
    SlotMaxFailures {
        /// The slot.
        slot: String,
    },
    /// The job's time was over.
    JobTimeout,
}

/// What a waiting host waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "what", rename_all = "snake_case")]
#[non_exhaustive]
pub enum WaitsFor {
    /// Slots of its threads that are not open yet.
    Slots {
        /// The slots that are not open.
        slots: Vec<String>,
    },
    /// A group with as many hosts out of service as it may have.
    Limit {
        /// The group's selector.
        limit: String,
    },
    /// A host that came earlier, has been passed over for too long and now goes first in this group.
    Turn {
        /// The group's selector.
        limit: String,
    },
    /// Hosts of the job in flight: `concurrent`, or the step of its `ramp`.
    InFlight,
    /// The time between two starts: `stagger`.
    Stagger,
    /// An attempt of another job on the same host.
    OtherJob {
        /// That job.
        job: JobId,
    },
    /// Evidence or a decision about an attempt of which nobody saw the end.
    Decision {
        /// The job that made the attempt.
        job: JobId,
    },
    /// The job itself: it does not run.
    Job,
}

/// A bad host that keeps others from starting.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Blocker {
    /// The bad host.
    pub host: String,
    /// The job in which it is bad.
    pub job: JobId,
    /// How it is bad.
    pub state: HostState,
    /// The group in which it takes a place; absent if it holds up a sequence, or is itself waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<String>,
}

/// Something a job's journal must know to go on after a crash. `H` names a host: a string on record, a number in a
/// running process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "fact", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Fact<H = String> {
    /// The ledger took the host out of service for this attempt. Recorded in one transaction with the ledger's own.
    Granted {
        /// The host.
        host: H,
        /// The attempt.
        attempt: Attempt,
    },
    /// The grant was given back: nothing was sent to the host.
    Returned {
        /// The host.
        host: H,
        /// The attempt.
        attempt: Attempt,
    },
    /// The host said that the command has started.
    Started {
        /// The host.
        host: H,
        /// The attempt.
        attempt: Attempt,
    },
    /// The attempt has ended.
    Ended {
        /// The host.
        host: H,
        /// The attempt.
        attempt: Attempt,
        /// How.
        #[serde(flatten)]
        outcome: Outcome,
        /// Whether another attempt follows by itself.
        again: bool,
    },
    /// The attempt that was to follow by itself does not: the host is as its last attempt left it.
    GaveUp {
        /// The host.
        host: H,
    },
    /// A slot opened.
    SlotOpened {
        /// Its number, counted over all threads of the plan in order.
        slot: u32,
    },
    /// These hosts were out of service when the job started, and run first.
    Recovering {
        /// The hosts.
        hosts: Vec<H>,
    },
    /// The job changed its state.
    JobState {
        /// The new state.
        state: JobState,
    },
    /// An operator's command that was accepted.
    Commanded {
        /// The command.
        command: Command<H>,
        /// Who said so and why.
        by: Box<Author>,
    },
}

/// Who gave a command, and why.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Author {
    /// A user's name.
    pub name: String,
    /// In the user's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// An operator's command to a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "command", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Command<H = String> {
    /// No new start.
    Halt {
        /// Whether running attempts are ended too.
        stop_running: bool,
    },
    /// End the running attempt of a host; it is not retried.
    Stop {
        /// The host.
        host: H,
    },
    /// Count a waiting or bad host as done for sequences.
    Skip {
        /// The host.
        host: H,
    },
    /// Run a bad host again.
    Retry {
        /// The host.
        host: H,
    },
    /// Go on with a job that has ended.
    Resume,
    /// What became of a host whose last attempt nobody saw end.
    Decide {
        /// The host.
        host: H,
        /// The verdict.
        verdict: Verdict,
    },
    /// Change a setting of the job.
    Alter(Setting),
}

/// What became of an attempt that nobody saw end: by evidence, or by an operator's decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It did its work.
    Succeeded,
    /// It did not, and does not run any more.
    Failed,
}

/// A setting that may change while the job runs. Limits may not: they are other people's promise too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "setting", content = "value", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Setting {
    /// `concurrent`.
    Concurrent(Option<u32>),
    /// `stagger`, in milliseconds.
    StaggerMs(u64),
    /// `max_failures` of the job.
    MaxFailures(Option<u32>),
    /// `on_failure`.
    OnFailure(OnFailure),
    /// `retry.attempts`, for hosts that start from now on.
    RetryAttempts(u32),
    /// `timeout` of an attempt, in milliseconds, for hosts that start from now on.
    TimeoutMs(u64),
}

impl<H> Fact<H> {
    /// The same fact with its hosts named in another way; `None` if one of them has no such name.
    pub fn try_map_host<T>(self, mut name: impl FnMut(H) -> Option<T>) -> Option<Fact<T>> {
        Some(match self {
            Self::Granted { host, attempt } => Fact::Granted { host: name(host)?, attempt },
            Self::Returned { host, attempt } => Fact::Returned { host: name(host)?, attempt },
            Self::Started { host, attempt } => Fact::Started { host: name(host)?, attempt },
            Self::Ended { host, attempt, outcome, again } => {
                Fact::Ended { host: name(host)?, attempt, outcome, again }
            }
            Self::GaveUp { host } => Fact::GaveUp { host: name(host)? },
            Self::SlotOpened { slot } => Fact::SlotOpened { slot },
            Self::Recovering { hosts } => {
                Fact::Recovering { hosts: hosts.into_iter().map(name).collect::<Option<_>>()? }
            }
            Self::JobState { state } => Fact::JobState { state },
            Self::Commanded { command, by } => Fact::Commanded { command: command.try_map_host(name)?, by },
        })
    }
}

impl<H> Command<H> {
    /// The same command with its host named in another way; `None` if it has no such name.
    pub fn try_map_host<T>(self, mut name: impl FnMut(H) -> Option<T>) -> Option<Command<T>> {
        Some(match self {
            Self::Halt { stop_running } => Command::Halt { stop_running },
            Self::Stop { host } => Command::Stop { host: name(host)? },
            Self::Skip { host } => Command::Skip { host: name(host)? },
            Self::Retry { host } => Command::Retry { host: name(host)? },
            Self::Resume => Command::Resume,
            Self::Decide { host, verdict } => Command::Decide { host: name(host)?, verdict },
            Self::Alter(setting) => Command::Alter(setting),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::{Exit, Phase};

    #[test]
    fn a_job_id_reads_back() {
        let id = JobId::from_bits(0x12_3456_789a);
        assert_eq!(id.to_string().len(), 8);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!("iiiiiiii".parse::<JobId>(), Err(JobIdError));
        assert_eq!("k7m2q9x".parse::<JobId>(), Err(JobIdError));
    }

    #[test]
    fn an_event_is_one_flat_object() {
        let event = Event {
            seq: 7,
            time: "2026-11-22T10:00:00.000000Z".to_owned(),
            kind: EventKind::AttemptEnded {
                host: "web1".to_owned(),
                attempt: Attempt(2),
                outcome: Outcome::Failed { exit: Exit::Signal(9), phase: Phase::Verify },
                duration_ms: 12,
            },
        };
        let text = serde_json::to_string(&event).unwrap();
        assert_eq!(
            text,
            r#"{"seq":7,"time":"2026-11-22T10:00:00.000000Z","type":"attempt_ended","host":"web1","attempt":2,"outcome":"failed","exit":{"signal":9},"phase":"verify","duration_ms":12}"#
        );
        assert_eq!(serde_json::from_str::<Event>(&text).unwrap(), event);
    }

    #[test]
    fn a_fact_reads_back_and_an_unknown_kind_is_refused() {
        let fact = Fact::Commanded {
            command: Command::Decide { host: "db1".to_owned(), verdict: Verdict::Failed },
            by: Box::new(Author { name: "ann".to_owned(), reason: Some("looked at it".to_owned()) }),
        };
        let text = serde_json::to_string(&fact).unwrap();
        assert_eq!(serde_json::from_str::<Fact>(&text).unwrap(), fact);
        assert!(serde_json::from_str::<Fact>(r#"{"fact":"dreamt","host":"db1"}"#).is_err());
        assert_eq!(fact.clone().try_map_host(Some), Some(fact));
    }

    #[test]
    fn altered_settings_read_back() {
        for setting in [
            Setting::Concurrent(None),
            Setting::Concurrent(Some(3)),
            Setting::StaggerMs(10),
            Setting::TimeoutMs(1_200_000),
            Setting::OnFailure(OnFailure::Continue),
        ] {
            let command: Command = Command::Alter(setting);
            let text = serde_json::to_string(&command).unwrap();
            assert_eq!(serde_json::from_str::<Command>(&text).unwrap(), command, "{text}");
        }
    }
}
