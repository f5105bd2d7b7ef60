//! What of a job's settings decides when something may start or must end.

use pogo_plan::job::{OnFailure, Retry, RetryOn};
use pogo_plan::outcome::{Attempt, Outcome};
use pogo_plan::{HostIdx, Job};

use crate::fault::{Fault, Faults};

/// How long a host's own deadline is given to be reported before the attempt is ended from here, in milliseconds. The
/// host enforces the deadline itself (TERM, a grace time, KILL); this is for one that does not.
pub const DEADLINE_SLACK_MS: u64 = 30_000;

/// How long a worker is given to end an attempt and to report it before the attempt counts as unknown, in milliseconds.
pub const STOP_GRACE_MS: u64 = 120_000;

/// The settings of a job that matter to the machines. Times are in milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Which attempts are made again, and when.
    pub retry: Retry,
    /// Time to reach a host.
    pub connect_timeout_ms: u64,
    /// Of one attempt, without connecting and `verify`.
    pub timeout_ms: u64,
    /// Of `verify`.
    pub verify_timeout_ms: u64,
    /// Of the whole job.
    pub job_timeout_ms: Option<u64>,
    /// What a bad host holds up.
    pub on_failure: OnFailure,
    /// More bad hosts than this halt the job.
    pub max_failures: Option<u32>,
    /// At most this many hosts in flight.
    pub concurrent: Option<u32>,
    /// Hosts in flight, step by step.
    pub ramp: Vec<u32>,
    /// Least time between two starts.
    pub stagger_ms: u64,
    /// Whether targets that are already out of service run first.
    pub recover: bool,
    /// Whether a success puts a host back in service that another job took out.
    pub restores: bool,
}

impl Policy {
    /// The settings of a plan's job.
    #[must_use]
    pub fn of(job: &Job) -> Self {
        Self {
            retry: job.retry.clone(),
            connect_timeout_ms: job.connect_timeout_ms,
            timeout_ms: job.timeout_ms,
            verify_timeout_ms: job.verify.as_ref().map_or(0, |verify| verify.timeout_ms),
            job_timeout_ms: job.job_timeout_ms,
            on_failure: job.on_failure,
            max_failures: job.max_failures,
            concurrent: job.concurrent,
            ramp: job.ramp.clone(),
            stagger_ms: job.stagger_ms,
            recover: job.recover,
            restores: job.recover || job.verify.is_some(),
        }
    }

    /// Whether an attempt that ended so may be made again by itself. An unknown one never is.
    #[must_use]
    pub fn may_retry(&self, outcome: Outcome, faults: Faults) -> bool {
        let on = |kind| self.retry.retry_on.contains(&kind);
        match outcome {
            Outcome::Failed { .. } => on(RetryOn::Exit),
            Outcome::Unreachable => on(RetryOn::Unreachable),
            // The outcome says that its processes are gone; a kill that could not be verified is `Unknown`.
            Outcome::TimedOut => on(RetryOn::Timeout),
            Outcome::Unknown => faults.has(Fault::RetryUnknown),
            Outcome::Succeeded | Outcome::Stopped => false,
        }
    }

    /// The time before a further attempt, in milliseconds: `backoff`, doubled for each further attempt up to
    /// `max_backoff`, and then between half of that and all of it. The share comes from the job's seed, the host and the
    /// attempt alone, so that another host more or less changes nobody's times.
    #[must_use]
    pub fn backoff_ms(&self, retries_made: u32, seed: u64, host: HostIdx, attempt: Attempt) -> u64 {
        let factor = 1u64.checked_shl(retries_made).unwrap_or(u64::MAX);
        let full = self.retry.backoff_ms.saturating_mul(factor).min(self.retry.max_backoff_ms);
        let half = full / 2;
        let stream = mix(seed ^ mix((host.index() as u64) << 32 | u64::from(attempt.0)));
        full - stream.checked_rem(half.saturating_add(1)).unwrap_or(0)
    }
}

/// One step of SplitMix64: a seed to a number that looks like chance.
#[must_use]
pub const fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
