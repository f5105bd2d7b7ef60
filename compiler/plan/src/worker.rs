//! What a dispatcher and a worker say to each other about attempts.
//!
//! Both directions are streams of numbered messages. The receiver acknowledges the highest number up to which it has
//! everything; the sender keeps what is not acknowledged and sends it again after a break. Every message about an attempt
//! names job, host and attempt, and receiving it twice is the same as receiving it once. No address of an actor is in
//! any of them, so that the same worker serves in one process and over the wire.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::event::{JobId, Stream};
use crate::job::Job;
use crate::outcome::{Attempt, Outcome, Phase};

/// A message with its place in the stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Numbered<T> {
    /// Counts from 1 without gaps in each direction.
    pub seq: u64,
    /// The highest number up to which the sender of this message has received everything; 0 for nothing yet.
    pub acknowledged: u64,
    /// The message.
    pub message: T,
}

/// One attempt on one host.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AttemptKey {
    /// The job.
    pub job: JobId,
    /// The host's name, which every message about the attempt shares.
    pub host: Arc<str>,
    /// The attempt.
    pub attempt: Attempt,
}

/// What a worker is asked to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "snake_case")]
#[non_exhaustive]
pub enum WorkerRequest {
    /// What the attempts of a job run; sent before the first of them.
    Job {
        /// The job.
        job: JobId,
        /// What to run and how.
        run: Box<Job>,
    },
    /// Nothing more will be asked for this job.
    Forget {
        /// The job.
        job: JobId,
    },
    /// Make this attempt. An attempt that is under way or has ended is not made again: its report is repeated.
    Start {
        /// The attempt.
        attempt: AttemptKey,
        /// The ids of the host's slots, for `POGO_SLOT`. Hosts of the same slots share them.
        slots: Arc<[String]>,
    },
    /// End this attempt, make sure that it is gone, and report. For one that never started here: report `unreachable`
    /// and refuse a later `start` of it.
    Stop {
        /// The attempt.
        attempt: AttemptKey,
    },
    /// The end of this attempt is on record; sent when its report said that the host waits for it. The acknowledgement of
    /// that report says only that it has arrived.
    Recorded {
        /// The attempt.
        attempt: AttemptKey,
    },
    /// Nothing is asked; carries an acknowledgement.
    Acknowledge,
}

/// What a worker tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "report", rename_all = "snake_case")]
#[non_exhaustive]
pub enum WorkerReport {
    /// The host said that the attempt has started.
    Started {
        /// The attempt.
        attempt: AttemptKey,
    },
    /// A part of the attempt begins.
    Phase {
        /// The attempt.
        attempt: AttemptKey,
        /// The part.
        phase: Phase,
    },
    /// Output of the attempt. May be dropped under pressure, in whole messages; `dropped_bytes` says how much.
    Output {
        /// The attempt.
        attempt: AttemptKey,
        /// Which stream.
        stream: Stream,
        /// The bytes.
        bytes: Vec<u8>,
        /// Bytes that were dropped before these.
        dropped_bytes: u64,
    },
    /// The attempt has ended: exactly one for each, whatever became of it.
    Ended {
        /// The attempt.
        attempt: AttemptKey,
        /// How.
        #[serde(flatten)]
        outcome: Outcome,
        /// Whether the host waits to hear that this is on record: then `recorded` is wanted.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        is_waiting: bool,
    },
    /// Nothing to tell; carries an acknowledgement.
    Acknowledge,
}

impl WorkerRequest {
    /// The attempt that the request is about.
    #[must_use]
    pub const fn attempt(&self) -> Option<&AttemptKey> {
        match self {
            Self::Start { attempt, .. } | Self::Stop { attempt } | Self::Recorded { attempt } => {
                Some(attempt)
            }
            Self::Job { .. } | Self::Forget { .. } | Self::Acknowledge => None,
        }
    }
}

impl WorkerReport {
    /// The attempt that the report is about.
    #[must_use]
    pub const fn attempt(&self) -> Option<&AttemptKey> {
        match self {
            Self::Started { attempt }
            | Self::Phase { attempt, .. }
            | Self::Output { attempt, .. }
            | Self::Ended { attempt, .. } => Some(attempt),
            Self::Acknowledge => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_reads_back() {
        let report = Numbered {
            seq: 3,
            acknowledged: 2,
            message: WorkerReport::Ended {
                attempt: AttemptKey { job: JobId::from_bits(5), host: "web1".into(), attempt: Attempt(1) },
                outcome: Outcome::Unknown,
                is_waiting: true,
            },
        };
        let text = serde_json::to_string(&report).unwrap();
        assert_eq!(serde_json::from_str::<Numbered<WorkerReport>>(&text).unwrap(), report);
    }
}
