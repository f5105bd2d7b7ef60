//! `pogo.schedule/1`: the schedule as one JSON object.
//!
//! `threads` in the order of the plan, each with its `slots`: `position` from 1, `hosts` in the order in which they start,
//! `folded` the same as patterns, `pause_after_ms` and `max_failures` (null where not set), `least_rounds` the least number
//! of rounds that limits force, `forced_by` the limit that does (null if one round is enough). `limits` with `max_parallel`
//! as a number and as `declared`, the size of the group, and how many `targets` are in it.

use std::io::{self, Write};

use pogo_plan::{HostIdx, Plan, Rounds};
use serde::Serialize;
use serde::ser::{SerializeSeq as _, Serializer};

use super::{cause, folded, targets_of_limits};

#[derive(Serialize)]
struct Schedule<'a> {
    format: &'static str,
    plan_digest: String,
    namespace: &'a str,
    n_targets: usize,
    threads: Vec<ThreadOut<'a>>,
    limits: Vec<LimitOut<'a>>,
}

#[derive(Serialize)]
struct ThreadOut<'a> {
    id: &'a str,
    slots: Vec<SlotOut<'a>>,
}

#[derive(Serialize)]
struct SlotOut<'a> {
    id: &'a str,
    position: usize,
    hosts: Names<'a>,
    folded: Vec<String>,
    pause_after_ms: Option<u64>,
    max_failures: Option<u32>,
    least_rounds: u32,
    forced_by: Option<&'a str>,
}

#[derive(Serialize)]
struct LimitOut<'a> {
    id: &'a str,
    max_parallel: u32,
    declared: &'a str,
    group_size: u32,
    targets: usize,
}

struct Names<'a>(&'a Plan, &'a [HostIdx]);

impl Serialize for Names<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.1.len()))?;
        for &host in self.1 {
            list.serialize_element(self.0.hosts.name(host))?;
        }
        list.end()
    }
}

/// Writes the schedule.
pub(crate) fn write(plan: &Plan, to: &mut dyn Write) -> io::Result<()> {
    let rounds = Rounds::new(plan);
    let threads = plan.threads.iter().zip(rounds.threads()).map(|(thread, rounds)| ThreadOut {
        id: &thread.id,
        slots: (1..)
            .zip(thread.slots.iter().zip(rounds))
            .map(|(position, (slot, least))| SlotOut {
                id: &slot.id,
                position,
                hosts: Names(plan, &slot.hosts),
                folded: folded(plan, &slot.hosts),
                pause_after_ms: slot.pause_after_ms,
                max_failures: slot.max_failures,
                least_rounds: least.rounds,
                forced_by: cause(plan, least.cause),
            })
            .collect(),
    });
    let limits = plan.limits.iter().zip(targets_of_limits(plan)).map(|(limit, targets)| LimitOut {
        id: &limit.id,
        max_parallel: limit.max_parallel,
        declared: &limit.declared,
        group_size: limit.group_size,
        targets,
    });
    let schedule = Schedule {
        format: "pogo.schedule/1",
        plan_digest: plan.digest(),
        namespace: &plan.namespace,
        n_targets: plan.targets.len(),
        threads: threads.collect(),
        limits: limits.collect(),
    };
    serde_json::to_writer_pretty(&mut *to, &schedule)?;
    to.write_all(b"\n")
}

#[cfg(test)]
mod tests {
    #[test]
    fn all_is_in_it() {
        let mut out = Vec::new();
        super::write(&super::super::testing::plan(), &mut out).unwrap();
        let value: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(value["format"], "pogo.schedule/1");
        let slot = &value["threads"][0]["slots"][0];
        assert_eq!(slot["hosts"], serde_json::json!(["host1", "host2", "host3"]));
        assert_eq!(slot["least_rounds"], 3);
        assert_eq!(slot["forced_by"], "$colo.one");
        assert_eq!(slot["pause_after_ms"], 5_400_000);
        assert_eq!(value["threads"][2]["id"], "unconstrained");
        assert_eq!(value["limits"][1]["targets"], 3);
    }
}
