//! Forms that stay as they are, for what goes on record.
//!
//! The types of machines and plans may change from one version to the next; what is on record may not. So records are
//! made of types of their own. They are compact, and they are written alike by formats that describe themselves (JSON) and
//! by those that do not (postcard): nothing is tagged from inside, flattened or left out. The order of variants and
//! fields is part of the form: new kinds go at the end, and tests hold the bytes of each.

use pogo_plan::HostIdx;
use pogo_plan::event::{JobId, Setting, Verdict};
use pogo_plan::job::OnFailure;
use pogo_plan::outcome::{Exit, HostState, JobState, Outcome, Phase};
use serde::{Deserialize, Serialize};

/// Something that this version cannot put on record, or cannot make of a record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// A kind that has no form on record.
    #[error("this version of pogo has no record for {what}")]
    Unknown {
        /// The kind.
        what: String,
    },
    /// The plan of a job is not to be had.
    #[error("the plan of job {job} is missing")]
    NoPlan {
        /// The job.
        job: JobId,
    },
    /// A number that stands for no host.
    #[error("{number} is no host's number")]
    NoHost {
        /// The number.
        number: u32,
    },
}

/// A host's number in the plan of its job.
pub(crate) fn number_of(host: HostIdx) -> u32 {
    u32::try_from(host.index()).unwrap_or(u32::MAX)
}

/// The host with a number.
pub(crate) fn host_of(number: u32) -> Result<HostIdx, RecordError> {
    let host = HostIdx::from_index(number as usize).filter(|_| number != u32::MAX);
    host.ok_or(RecordError::NoHost { number })
}

/// Makes a plain copy of an enum of plans and outcomes that stays as it is, with conversions that miss nothing.
macro_rules! stable {
    ($(#[$about:meta])* $name:ident of $of:ident { $($kind:ident $({ $($field:ident: $type:ty as $back:ty),+ })?),+ $(,)? }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[expect(missing_docs, reason = "as in the type that this is a copy of")]
        pub enum $name {
            $($kind $({ $($field: $type),+ })?),+
        }

        impl From<$of> for $name {
            fn from(of: $of) -> Self {
                match of {
                    $($of::$kind $({ $($field),+ })? => Self::$kind $({ $($field: $field.into()),+ })?),+
                }
            }
        }

        impl From<$name> for $of {
            fn from(of: $name) -> Self {
                match of {
                    $($name::$kind $({ $($field),+ })? => Self::$kind $({ $($field: <$back>::from($field)),+ })?),+
                }
            }
        }
    };
}

stable! {
    /// [`Phase`] on record.
    PhaseForm of Phase { Prehook, Command, Verify, Posthook, Finally }
}

stable! {
    /// [`Outcome`] on record.
    OutcomeForm of Outcome {
        Succeeded,
        Failed { exit: ExitForm as Exit, phase: PhaseForm as Phase },
        Unreachable,
        TimedOut,
        Stopped,
        Unknown,
    }
}

stable! {
    /// [`HostState`] on record.
    HostStateForm of HostState {
        Waiting, Running, Retrying, Succeeded, Failed, Unreachable, TimedOut, Stopped, Unknown, Skipped, Cancelled,
    }
}

stable! {
    /// [`JobState`] on record.
    JobStateForm of JobState { Running, Succeeded, Failed, Blocked, Halting, Halted }
}

stable! {
    /// [`Verdict`] on record.
    VerdictForm of Verdict { Succeeded, Failed }
}

stable! {
    /// [`OnFailure`] on record.
    OnFailureForm of OnFailure { Hold, Continue, Halt }
}

/// [`Exit`] on record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExitForm {
    /// With this exit status.
    Status(u8),
    /// By this signal.
    Signal(u8),
}

impl From<Exit> for ExitForm {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Status(status) => Self::Status(status),
            Exit::Signal(signal) => Self::Signal(signal),
        }
    }
}

impl From<ExitForm> for Exit {
    fn from(exit: ExitForm) -> Self {
        match exit {
            ExitForm::Status(status) => Self::Status(status),
            ExitForm::Signal(signal) => Self::Signal(signal),
        }
    }
}

/// [`Setting`] on record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SettingForm {
    /// `concurrent`.
    Concurrent(Option<u32>),
    /// `stagger`, in milliseconds.
    StaggerMs(u64),
    /// `max_failures` of the job.
    MaxFailures(Option<u32>),
    /// `on_failure`.
    OnFailure(OnFailureForm),
    /// `retry.attempts`.
    RetryAttempts(u32),
    /// `timeout`, in milliseconds.
    TimeoutMs(u64),
}

impl TryFrom<Setting> for SettingForm {
    type Error = RecordError;

    fn try_from(setting: Setting) -> Result<Self, RecordError> {
        Ok(match setting {
            Setting::Concurrent(concurrent) => Self::Concurrent(concurrent),
            Setting::StaggerMs(stagger_ms) => Self::StaggerMs(stagger_ms),
            Setting::MaxFailures(most) => Self::MaxFailures(most),
            Setting::OnFailure(on_failure) => Self::OnFailure(on_failure.into()),
            Setting::RetryAttempts(attempts) => Self::RetryAttempts(attempts),
            Setting::TimeoutMs(timeout_ms) => Self::TimeoutMs(timeout_ms),
            unknown => return Err(RecordError::Unknown { what: format!("{unknown:?}") }),
        })
    }
}

impl From<SettingForm> for Setting {
    fn from(setting: SettingForm) -> Self {
        match setting {
            SettingForm::Concurrent(concurrent) => Self::Concurrent(concurrent),
            SettingForm::StaggerMs(stagger_ms) => Self::StaggerMs(stagger_ms),
            SettingForm::MaxFailures(most) => Self::MaxFailures(most),
            SettingForm::OnFailure(on_failure) => Self::OnFailure(on_failure.into()),
            SettingForm::RetryAttempts(attempts) => Self::RetryAttempts(attempts),
            SettingForm::TimeoutMs(timeout_ms) => Self::TimeoutMs(timeout_ms),
        }
    }
}

/// Jobs by their forty bits.
pub(crate) mod job_bits {
    use pogo_plan::event::JobId;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
    pub(crate) fn serialize<S: Serializer>(job: &JobId, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(job.bits())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<JobId, D::Error> {
        let bits = u64::deserialize(deserializer)?;
        let job = JobId::from_bits(bits);
        if job.bits() == bits { Ok(job) } else { Err(D::Error::custom("a job id has forty bits")) }
    }
}
