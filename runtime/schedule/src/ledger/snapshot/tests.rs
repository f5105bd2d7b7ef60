use std::collections::BTreeMap;

use pogo_plan::event::Verdict;
use pogo_plan::outcome::{Exit, Outcome, Phase};

use super::*;
use crate::ledger::{Effect, Op};
use crate::sim::{Chance, Scenario, Size};

const FAILED: Outcome = Outcome::Failed { exit: Exit::Status(1), phase: Phase::Command };

/// Random operations on a few jobs over the same hosts.
struct Ops {
    chance: Chance,
    plans: BTreeMap<JobId, Arc<Plan>>,
    now: u64,
}

impl Ops {
    fn new(seed: u64) -> Self {
        let size = Size { hosts: 12, limits: 4, ..Size::default() };
        let mut plans = BTreeMap::new();
        for number in 0..4 {
            let scenario = Scenario::new(seed * 4 + number, size);
            plans.insert(JobId::from_bits(number + 1), Arc::clone(&scenario.jobs[0].0));
        }
        Self { chance: Chance::new(seed), plans, now: 0 }
    }

    /// Something that makes sense more often than not.
    fn next(&mut self, ledger: &Ledger) -> (Monotonic, Op) {
        let chance = &mut self.chance;
        let step = [0, 0, 1_000, 20_000, 90_000];
        self.now += chance.pick(&step).unwrap_or(0) * 1_000_000;
        let job = JobId::from_bits(1 + chance.below(self.plans.len() as u64));
        let plan = Arc::clone(&self.plans[&job]);
        let host = chance.pick(&plan.targets).unwrap();
        let name = plan.hosts.name(host).to_owned();
        let running: Vec<_> = ledger.running_of(job).collect();
        let op = match chance.below(20) {
            0 if chance.percent(40) => Op::Register { job, plan },
            0..=6 => {
                let mut hosts = Vec::new();
                for &host in &plan.targets {
                    if chance.percent(40) {
                        let running = running.iter().find(|(other, _)| *other == host);
                        hosts.push((host, running.map_or(Attempt(1), |(_, attempt)| attempt.next())));
                    }
                }
                Op::Claim { job, hosts }
            }
            7 if chance.percent(30) => {
                Op::Withdraw { job, hosts: chance.percent(80).then(|| Box::from([host])) }
            }
            7..=14 => {
                let outcome = chance.pick(&[
                    Outcome::Succeeded,
                    Outcome::Succeeded,
                    Outcome::Succeeded,
                    FAILED,
                    Outcome::Unknown,
                ]);
                let (host, attempt) = chance.pick(&running).unwrap_or((host, Attempt(1)));
                if chance.percent(10) {
                    Op::Return { job, host, attempt }
                } else {
                    Op::End { job, host, attempt, outcome: outcome.unwrap() }
                }
            }
            15 => Op::Release { host: name },
            16 => {
                let verdict = if chance.percent(50) { Verdict::Succeeded } else { Verdict::Failed };
                Op::Decide { job, host: name.into(), verdict, restores: chance.percent(50) }
            }
            17 => Op::SetPace {
                job,
                concurrent: chance.percent(50).then(|| 1 + chance.below(4) as u32),
                stagger_ms: chance.below(2) * 5_000,
            },
            18 => Op::Idle { job, number: chance.below(100) as u32 },
            _ => match chance.below(8) {
                0 => Op::OwnerLost { job },
                1 => Op::Finish { job },
                _ => Op::Tick,
            },
        };
        (Monotonic(self.now), op)
    }
}

fn apply(ledger: &mut Ledger, now: Monotonic, op: Op) -> Vec<Effect> {
    let mut out = Vec::new();
    ledger.apply(now, op, &mut out);
    out
}

/// Through both formats, as a store would have it.
fn through_record(snapshot: &Snapshot) -> Snapshot {
    let text = serde_json::to_string(snapshot).unwrap();
    assert_eq!(serde_json::from_str::<Snapshot>(&text).unwrap(), *snapshot);
    postcard::from_bytes(&postcard::to_stdvec(snapshot).unwrap()).unwrap()
}

/// At every point of a random history a replica is restored; all replicas answer alike from then on.
#[test]
fn a_restored_ledger_answers_as_the_original_does() {
    let (mut granted, mut passed_over, mut kept) = (0, 0, 0);
    for seed in 0..60 {
        let mut ops = Ops::new(seed);
        let mut ledger = Ledger::default();
        let mut replicas: Vec<(usize, Ledger)> = Vec::new();
        for at in 0..150 {
            let snapshot = ledger.snapshot();
            passed_over += snapshot.lines.iter().filter(|line| line.passed_since.is_some()).count();
            kept += snapshot.lines.iter().filter(|line| line.keeps).count();
            let plans = &ops.plans;
            let restored =
                Ledger::restore(through_record(&snapshot), |job| plans.get(&job).cloned()).unwrap();
            assert_eq!(restored.snapshot(), snapshot, "seed {seed}, before {at}");
            assert_eq!(restored.wake_at(), ledger.wake_at());
            if replicas.len() >= 12 {
                let gone = ops.chance.below(12) as usize;
                replicas.remove(gone);
            }
            replicas.push((at, restored));
            let (now, op) = ops.next(&ledger);
            let effects = apply(&mut ledger, now, op.clone());
            granted += effects.iter().filter(|effect| matches!(effect, Effect::Granted { .. })).count();
            for (since, replica) in &mut replicas {
                let same = apply(replica, now, op.clone());
                assert_eq!(same, effects, "seed {seed}, restored before {since}, at {at}: {op:?}");
            }
        }
        for (since, replica) in &replicas {
            assert_eq!(replica.snapshot(), ledger.snapshot(), "seed {seed}, restored before {since}");
        }
    }
    assert!(granted > 500 && passed_over > 50 && kept > 10, "{granted} {passed_over} {kept}");
}

#[test]
fn a_snapshot_that_does_not_fit_is_refused() {
    let mut ops = Ops::new(3);
    let job = JobId::from_bits(1);
    let mut ledger = Ledger::default();
    apply(&mut ledger, Monotonic(0), Op::Register { job, plan: Arc::clone(&ops.plans[&job]) });
    let snapshot = ledger.snapshot();
    let missing = RestoreError::Record(RecordError::NoPlan { job });
    assert_eq!(Ledger::restore(snapshot.clone(), |_| None).unwrap_err(), missing);
    let mut broken = snapshot;
    broken.aside.push((7, WaiterForm { ticket: 1, host: 0, attempt: 1 }));
    let error = Ledger::restore(broken, |job| ops.plans.remove(&job)).unwrap_err();
    assert_eq!(error, RestoreError::Missing { what: "job", number: 7 });
}
