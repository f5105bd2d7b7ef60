//! What scheduling costs: the ledger alone, and a whole job with all its machines, without what the simulator adds to them
//! and with the allocator that the program brings.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a benchmark is a test")]

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use pogo_plan::event::JobId;
use pogo_plan::job::{Job, Transport};
use pogo_plan::outcome::{Attempt, Outcome};
use pogo_plan::{HostIdx, HostTable, Limit, Origin, Plan, Slot, Thread};
use pogo_schedule::drive::{Drive, Input, Output};
use pogo_schedule::fault::Faults;
use pogo_schedule::ledger::{Effect, Ledger, Op};
use pogo_schedule::time::Monotonic;
use pogo_schedule::{host_task, job};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A job with every default.
fn plain_job() -> Job {
    Job { command: Some("true".to_owned()), transport: Transport::Local, ..Job::default() }
}

/// One slot of so many hosts. Each host is in two of the limits, so that there are about `sets` different pairs; a tenth of
/// each group may be out at once.
fn plan(n_hosts: usize, sets: usize) -> Arc<Plan> {
    let mut hosts = HostTable::new();
    let targets: Vec<HostIdx> = (0..n_hosts)
        .map(|number| hosts.intern(&format!("host{number:07}.example.org")).unwrap().host)
        .collect();
    let side = (sets as f64).sqrt().ceil() as usize;
    let mut groups = vec![Vec::new(); 2 * side];
    for (number, &host) in targets.iter().enumerate() {
        let set = number % sets;
        groups[set % side].push(host);
        groups[side + set / side].push(host);
    }
    let limits =
        groups.into_iter().enumerate().filter(|(_, members)| !members.is_empty()).map(|(number, members)| {
            let group_size = members.len() as u32;
            let max_parallel = group_size.div_ceil(10);
            Limit {
                id: format!("$l.{number}"),
                max_parallel,
                declared: "10%".to_owned(),
                group_size,
                members,
                at: None,
            }
        });
    let limits = limits.collect();
    let slot = |hosts: Vec<HostIdx>| Slot {
        id: "all".to_owned(),
        hosts,
        pause_after_ms: None,
        max_failures: None,
        at: None,
    };
    let threads = vec![Thread { id: "t".to_owned(), slots: vec![slot(targets.clone())] }];
    let (namespace, origin) = ("default".to_owned(), Origin::default());
    Arc::new(Plan { namespace, hosts, targets, threads, limits, job: plain_job(), origin })
}

fn registered(plan: &Arc<Plan>) -> Ledger {
    let mut ledger = Ledger::new(Faults::default());
    ledger.apply(
        Monotonic(0),
        Op::Register { job: JobId::from_bits(1), plan: Arc::clone(plan) },
        &mut Vec::new(),
    );
    ledger
}

/// Claims every host and ends each in the order of its grant.
fn claim_and_end_all(ledger: &mut Ledger, plan: &Plan) -> usize {
    let job = JobId::from_bits(1);
    let hosts = plan.targets.iter().map(|&host| (host, Attempt(1))).collect();
    let mut effects = Vec::new();
    ledger.apply(Monotonic(0), Op::Claim { job, hosts }, &mut effects);
    let mut at = 0;
    let mut ended = 0;
    while let Some(effect) = effects.get(at) {
        at += 1;
        if let Effect::Granted { host, attempt, .. } = *effect {
            ended += 1;
            let end = Op::End { job, host, attempt, outcome: Outcome::Succeeded };
            ledger.apply(Monotonic(ended as u64), end, &mut effects);
        }
    }
    assert_eq!(ended, plan.targets.len());
    ended
}

fn run_job(plan: &Arc<Plan>) -> Drive {
    let mut drive = Drive::new(JobId::from_bits(1), plan, 1);
    let mut out = Vec::new();
    drive.step(Monotonic(0), Input::Job(job::Event::Start), &mut out);
    let mut started: std::collections::VecDeque<_> = std::collections::VecDeque::new();
    loop {
        for output in &out {
            if let Output::Start(host, attempt) = *output {
                started.push_back((host, attempt));
            }
        }
        out.clear();
        let Some((host, attempt)) = started.pop_front() else { break };
        for event in [
            host_task::Event::Started { attempt },
            host_task::Event::Ended { attempt, outcome: Outcome::Succeeded },
        ] {
            drive.step(Monotonic(1), Input::Task(host, event), &mut out);
        }
    }
    assert_eq!(drive.job().counts().succeeded as usize, plan.targets.len());
    drive
}

fn ledger(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("ledger: claim and end every host, two limits each");
    group.sample_size(10);
    for (n_hosts, sets) in [(10_000, 4), (100_000, 4), (100_000, 10_000), (1_000_000, 4), (1_000_000, 10_000)]
    {
        let plan = plan(n_hosts, sets);
        let ready = registered(&plan);
        group.throughput(Throughput::Elements(n_hosts as u64));
        group.bench_function(
            BenchmarkId::from_parameter(format!("{n_hosts} hosts, {sets} sets")),
            |bencher| {
                bencher.iter_batched_ref(
                    || ready.clone(),
                    |ledger| black_box(claim_and_end_all(ledger, &plan)),
                    BatchSize::PerIteration,
                );
            },
        );
    }
    group.finish();
}

fn whole_job(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("job: every machine, from start to end");
    group.sample_size(10);
    for (n_hosts, sets) in [(10_000, 4), (100_000, 4), (100_000, 10_000), (1_000_000, 4), (1_000_000, 10_000)]
    {
        let plan = plan(n_hosts, sets);
        group.throughput(Throughput::Elements(n_hosts as u64));
        group.bench_function(
            BenchmarkId::from_parameter(format!("{n_hosts} hosts, {sets} sets")),
            |bencher| {
                bencher.iter(|| black_box(run_job(&plan)));
            },
        );
    }
    group.finish();
}

criterion_group!(benches, ledger, whole_job);
criterion_main!(benches);
