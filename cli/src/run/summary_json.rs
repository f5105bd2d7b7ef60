//! `pogo.summary/1`: the end of a run as one JSON object.
//!
//! `job`, `plan` (the digest) and `namespace`; `state` of the job with `reason` (only if it halted) and `blocked_by` (only
//! if it is blocked), as in the events; `exit_code` of the program; `started` and `ended`, the times of the first and of
//! the last event, with `duration_ms` between them; `counts`, the number of hosts in each state, states without hosts
//! left out; `hosts` in the order of the plan's targets, each with its `state`, the number of `attempts`, and of the last of
//! these `outcome`, `exit` and `phase` as in the events and `duration_ms`; `waits_for` of a host that waits, as in the
//! events. `reports_lost` names the reports that could not be written to their end, and why.

use std::collections::BTreeMap;
use std::io::{self, Write};

use pogo_plan::event::{Blocker, HaltReason, Header, WaitsFor};
use pogo_plan::outcome::{HostState, JobState, Outcome};
use serde::Serialize;
use serde::ser::{SerializeSeq as _, Serializer};

use super::fanout::Lost;
use super::tally::Tally;
use super::words;

#[derive(Serialize)]
struct Summary<'a> {
    format: &'static str,
    job: String,
    plan: &'a str,
    namespace: &'a str,
    state: Option<JobState>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a HaltReason>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    blocked_by: &'a [Blocker],
    exit_code: u8,
    started: Option<String>,
    ended: Option<String>,
    duration_ms: u64,
    counts: BTreeMap<&'static str, usize>,
    reports_lost: Vec<LostOut<'a>>,
    hosts: Hosts<'a>,
}

#[derive(Serialize)]
struct LostOut<'a> {
    report: &'a str,
    problem: &'a str,
}

#[derive(Serialize)]
struct HostOut<'a> {
    host: &'a str,
    state: HostState,
    attempts: u32,
    #[serde(flatten)]
    outcome: Option<Outcome>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    waits_for: Option<&'a WaitsFor>,
}

struct Hosts<'a>(&'a Tally);

impl Serialize for Hosts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.0.hosts().len()))?;
        for (name, host) in self.0.hosts() {
            list.serialize_element(&HostOut {
                host: name,
                state: host.state,
                attempts: host.attempts,
                outcome: host.outcome,
                duration_ms: host.outcome.map(|_| host.duration_ms),
                waits_for: host.waits_for.as_ref(),
            })?;
        }
        list.end()
    }
}

/// Writes the object and a line break.
///
/// # Errors
/// If `to` cannot be written to.
pub(crate) fn write(
    header: &Header,
    namespace: &str,
    tally: &Tally,
    lost: &[Lost],
    exit_code: u8,
    to: &mut dyn Write,
) -> io::Result<()> {
    let summary = Summary {
        format: "pogo.summary/1",
        job: header.job.to_string(),
        plan: &header.plan,
        namespace,
        state: tally.state,
        reason: tally.reason.as_ref(),
        blocked_by: &tally.blocked_by,
        exit_code,
        started: tally.times().map(|(first, _)| format!("{first:.6}")),
        ended: tally.times().map(|(_, last)| format!("{last:.6}")),
        duration_ms: tally.elapsed_ms(),
        counts: tally.counts().into_iter().map(|(state, n)| (words::host_state_id(state), n)).collect(),
        reports_lost: lost
            .iter()
            .map(|lost| LostOut { report: &lost.report, problem: &lost.problem })
            .collect(),
        hosts: Hosts(tally),
    };
    serde_json::to_writer(&mut *to, &summary)?;
    writeln!(to)
}

#[cfg(test)]
mod tests {
    use pogo_plan::event::{FORMAT, JobId};
    use pogo_plan::outcome::{Exit, Phase};
    use serde_json::json;

    use super::super::testing::Run;
    use super::*;

    #[test]
    fn everything_a_program_asks_for() {
        let mut run = Run::new();
        run.job(JobState::Running).ran("web1", Outcome::Succeeded);
        run.ran("web2", Outcome::Failed { exit: Exit::Status(3), phase: Phase::Verify });
        run.state("web3", HostState::Waiting).job(JobState::Failed);
        let header =
            Header { format: FORMAT.to_owned(), job: JobId::from_bits(7), plan: "sha256:00".to_owned() };
        let lost = [Lost { report: "--events x".to_owned(), problem: "no space left on device".to_owned() }];
        let mut out = Vec::new();
        write(&header, "default", &run.tally(), &lost, 1, &mut out).unwrap();
        assert_eq!(
            serde_json::from_slice::<serde_json::Value>(&out).unwrap(),
            json!({
                "format": "pogo.summary/1", "job": "00000007", "plan": "sha256:00", "namespace": "default",
                "state": "failed", "exit_code": 1, "duration_ms": 10_000,
                "started": "2026-11-22T10:00:01.250000Z", "ended": "2026-11-22T10:00:11.250000Z",
                "counts": {"succeeded": 1, "failed": 1, "waiting": 1},
                "reports_lost": [{"report": "--events x", "problem": "no space left on device"}],
                "hosts": [
                    {"host": "web1", "state": "succeeded", "attempts": 1, "outcome": "succeeded", "duration_ms": 1200},
                    {"host": "web2", "state": "failed", "attempts": 1, "outcome": "failed", "exit": {"status": 3},
                     "phase": "verify", "duration_ms": 1200},
                    {"host": "web3", "state": "waiting", "attempts": 0},
                ],
            })
        );
    }
}
