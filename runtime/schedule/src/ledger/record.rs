//! Operations on record: the append-only log that several processes share.

use std::sync::Arc;

use pogo_plan::Plan;
use pogo_plan::event::JobId;
use pogo_plan::outcome::Attempt;
use serde::{Deserialize, Serialize};

use super::Op;
use crate::stable::{OutcomeForm, RecordError, VerdictForm, host_of, job_bits, number_of};

/// The version of [`Record`]. A log of another one is refused by whoever reads it.
pub const VERSION: u8 = 1;

/// An [`Op`] on record. Hosts are numbers in the plan of the job, as there; the plan itself is kept elsewhere, under the
/// job's id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Record {
    /// [`Op::Register`] without its plan.
    Register {
        /// The job.
        #[serde(with = "job_bits")]
        job: JobId,
    },
    /// [`Op::Claim`].
    Claim {
        /// The job.
        #[serde(with = "job_bits")]
        job: JobId,
        /// Numbers of hosts and their attempts.
        hosts: Vec<(u32, u32)>,
    },
    /// [`Op::Withdraw`].
    Withdraw {
        /// The job.
        #[serde(with = "job_bits")]
        job: JobId,
        /// Numbers of hosts.
        hosts: Option<Vec<u32>>,
    },
    /// [`Op::Return`].
    Return {
        /// The job.
        #[serde(with = "job_bits")]
        job: JobId,
        /// The host's number.
        host: u32,
        /// The attempt.
        attempt: u32,
    },
    /// [`Op::End`].
    End {
        /// The job.
        #[serde(with = "job_bits")]
        job: JobId,
        /// The host's number.
        host: u32,
        /// The attempt.
        attempt: u32,
        /// How it ended.
        outcome: OutcomeForm,
    },
    /// [`Op::Release`].
    Release {
        /// The host's name.
        host: String,
    },
    /// [`Op::Decide`].
    Decide {
        /// The job.
        #[serde(with = "job_bits")]
        job: JobId,
        /// The host's name.
        host: String,
        /// The verdict.
        verdict: VerdictForm,
        /// Whether a success puts hosts back that another job took out.
        restores: bool,
    },
    /// [`Op::SetPace`].
    SetPace {
        /// The job.
        #[serde(with = "job_bits")]
        job: JobId,
        /// At most this many hosts in flight.
        concurrent: Option<u32>,
        /// Least time between two starts, in milliseconds.
        stagger_ms: u64,
    },
    /// [`Op::Idle`].
    Idle {
        /// The job.
        #[serde(with = "job_bits")]
        job: JobId,
        /// Comes back with the answer.
        number: u32,
    },
    /// [`Op::OwnerLost`].
    OwnerLost {
        /// The job.
        #[serde(with = "job_bits")]
        job: JobId,
    },
    /// [`Op::Finish`].
    Finish {
        /// The job.
        #[serde(with = "job_bits")]
        job: JobId,
    },
    /// [`Op::Tick`].
    Tick,
}

impl Record {
    /// An operation as it goes on record.
    #[must_use]
    pub fn of(op: &Op) -> Self {
        match op {
            Op::Register { job, .. } => Self::Register { job: *job },
            Op::Claim { job, hosts } => {
                let hosts = hosts.iter().map(|&(host, attempt)| (number_of(host), attempt.0)).collect();
                Self::Claim { job: *job, hosts }
            }
            Op::Withdraw { job, hosts } => {
                let numbers = |hosts: &[_]| hosts.iter().copied().map(number_of).collect();
                Self::Withdraw { job: *job, hosts: hosts.as_deref().map(numbers) }
            }
            Op::Return { job, host, attempt } => {
                Self::Return { job: *job, host: number_of(*host), attempt: attempt.0 }
            }
            Op::End { job, host, attempt, outcome } => Self::End {
                job: *job,
                host: number_of(*host),
                attempt: attempt.0,
                outcome: (*outcome).into(),
            },
            Op::Release { host } => Self::Release { host: host.clone() },
            Op::Decide { job, host, verdict, restores } => Self::Decide {
                job: *job,
                host: host.as_ref().to_owned(),
                verdict: (*verdict).into(),
                restores: *restores,
            },
            Op::SetPace { job, concurrent, stagger_ms } => {
                Self::SetPace { job: *job, concurrent: *concurrent, stagger_ms: *stagger_ms }
            }
            Op::Idle { job, number } => Self::Idle { job: *job, number: *number },
            Op::OwnerLost { job } => Self::OwnerLost { job: *job },
            Op::Finish { job } => Self::Finish { job: *job },
            Op::Tick => Self::Tick,
        }
    }

    /// The operation that is on record. `plan` is asked for the plan of a job that registers.
    ///
    /// # Errors
    ///
    /// [`RecordError::NoPlan`] if there is none, [`RecordError::NoHost`] for a number that can be no host's.
    pub fn into_op(self, plan: impl FnOnce(JobId) -> Option<Arc<Plan>>) -> Result<Op, RecordError> {
        Ok(match self {
            Self::Register { job } => {
                Op::Register { job, plan: plan(job).ok_or(RecordError::NoPlan { job })? }
            }
            Self::Claim { job, hosts } => {
                let claim = |(host, attempt)| Ok((host_of(host)?, Attempt(attempt)));
                Op::Claim { job, hosts: hosts.into_iter().map(claim).collect::<Result<_, RecordError>>()? }
            }
            Self::Withdraw { job, hosts: None } => Op::Withdraw { job, hosts: None },
            Self::Withdraw { job, hosts: Some(hosts) } => {
                let hosts = hosts.into_iter().map(host_of).collect::<Result<_, RecordError>>()?;
                Op::Withdraw { job, hosts: Some(hosts) }
            }
            Self::Return { job, host, attempt } => {
                Op::Return { job, host: host_of(host)?, attempt: Attempt(attempt) }
            }
            Self::End { job, host, attempt, outcome } => {
                Op::End { job, host: host_of(host)?, attempt: Attempt(attempt), outcome: outcome.into() }
            }
            Self::Release { host } => Op::Release { host },
            Self::Decide { job, host, verdict, restores } => {
                Op::Decide { job, host: host.into(), verdict: verdict.into(), restores }
            }
            Self::SetPace { job, concurrent, stagger_ms } => Op::SetPace { job, concurrent, stagger_ms },
            Self::Idle { job, number } => Op::Idle { job, number },
            Self::OwnerLost { job } => Op::OwnerLost { job },
            Self::Finish { job } => Op::Finish { job },
            Self::Tick => Op::Tick,
        })
    }
}

#[cfg(test)]
mod tests {
    use pogo_plan::HostIdx;
    use pogo_plan::event::Verdict;
    use pogo_plan::outcome::{Exit, Outcome, Phase};

    use super::*;

    fn one_of_each() -> Vec<Op> {
        let job = JobId::from_bits(300);
        let host = HostIdx::from_index(200).unwrap();
        let failed = Outcome::Failed { exit: Exit::Signal(9), phase: Phase::Verify };
        vec![
            Op::Register { job, plan: crate::ledger::tests::empty_plan() },
            Op::Claim { job, hosts: vec![(host, Attempt(1)), (host, Attempt(2))] },
            Op::Withdraw { job, hosts: None },
            Op::Withdraw { job, hosts: Some(Box::new([host])) },
            Op::Return { job, host, attempt: Attempt(3) },
            Op::End { job, host, attempt: Attempt(3), outcome: failed },
            Op::End { job, host, attempt: Attempt(3), outcome: Outcome::Unknown },
            Op::Release { host: "web1".to_owned() },
            Op::Decide { job, host: "web1".into(), verdict: Verdict::Failed, restores: true },
            Op::SetPace { job, concurrent: Some(2), stagger_ms: 1_000 },
            Op::SetPace { job, concurrent: None, stagger_ms: 0 },
            Op::Idle { job, number: 5 },
            Op::OwnerLost { job },
            Op::Finish { job },
            Op::Tick,
        ]
    }

    #[test]
    fn every_kind_reads_back_from_both_formats() {
        for op in one_of_each() {
            let record = Record::of(&op);
            let bytes = postcard::to_stdvec(&record).unwrap();
            assert_eq!(postcard::from_bytes::<Record>(&bytes).unwrap(), record);
            let text = serde_json::to_string(&record).unwrap();
            assert_eq!(serde_json::from_str::<Record>(&text).unwrap(), record, "{text}");
            let back = record.clone().into_op(|_| Some(crate::ledger::tests::empty_plan())).unwrap();
            assert_eq!(Record::of(&back), record);
            assert_eq!(format!("{back:?}"), format!("{op:?}"));
        }
    }

    /// Logs of this version are read forever, so a change of these bytes is a change of [`VERSION`].
    #[test]
    fn the_bytes_of_every_kind_stay_as_they_are() {
        let hex = |op: &Op| -> String {
            let bytes = postcard::to_stdvec(&Record::of(op)).unwrap();
            bytes.iter().map(|byte| format!("{byte:02x}")).collect()
        };
        let all: Vec<String> = one_of_each().iter().map(hex).collect();
        assert_eq!(
            all,
            [
                "00ac02",
                "01ac0202c80101c80102",
                "02ac0200",
                "02ac020101c801",
                "03ac02c80103",
                "04ac02c8010301010902",
                "04ac02c8010305",
                "050477656231",
                "06ac0204776562310101",
                "07ac020102e807",
                "07ac020000",
                "08ac0205",
                "09ac02",
                "0aac02",
                "0b",
            ]
        );
    }

    #[test]
    fn what_this_version_does_not_know_is_refused() {
        assert!(postcard::from_bytes::<Record>(&[12]).is_err());
        assert!(serde_json::from_str::<Record>(r#"{"dream":{"job":1}}"#).is_err());
        assert!(serde_json::from_str::<Record>(r#"{"finish":{"job":1,"why":2}}"#).is_err());
        let register = Record::Register { job: JobId::from_bits(7) };
        let missing = RecordError::NoPlan { job: JobId::from_bits(7) };
        assert_eq!(register.into_op(|_| None).unwrap_err(), missing);
    }
}
