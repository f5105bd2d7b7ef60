//! What a plan costs: writing it, its digest, reading it, checking it, and the table of its hosts.
#![expect(clippy::unwrap_used, reason = "a measurement may end with a panic")]

use std::{hint::black_box, io, time::Duration};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use pogo_plan::{HostTable, Job, Limit, Origin, Plan, Rounds, Slot, Thread};

fn names(n_hosts: u32) -> Vec<String> {
    (0..n_hosts).map(|number| format!("web{number:07}.east.example.com")).collect()
}

/// A plan that names each host three times: as a target, in one of 100 slots, and in one of 100 limits, across the
/// slots.
fn plan(n_hosts: u32) -> Plan {
    let mut hosts = HostTable::new();
    let targets: Vec<_> = names(n_hosts).iter().map(|name| hosts.intern(name).unwrap().host).collect();
    let part = targets.len() / 100;
    let slot = |id: String, hosts| Slot { id, hosts, pause_after_ms: None, max_failures: None, at: None };
    let slots =
        targets.chunks(part).enumerate().map(|(number, hosts)| slot(format!("s{number}"), hosts.to_vec()));
    let limits = (0..100).map(|number| {
        let members: Vec<_> = targets.iter().skip(number).step_by(100).copied().collect();
        let group_size = u32::try_from(members.len()).unwrap();
        Limit {
            id: format!("$l{number}"),
            max_parallel: 7,
            declared: "7".to_owned(),
            group_size,
            members,
            at: None,
        }
    });
    let unconstrained = vec![slot("unconstrained".to_owned(), Vec::new())];
    Plan {
        namespace: "default".to_owned(),
        threads: vec![
            Thread { id: "rollout".to_owned(), slots: slots.collect() },
            Thread { id: "unconstrained".to_owned(), slots: unconstrained },
        ],
        limits: limits.collect(),
        targets,
        hosts,
        job: job(),
        origin: Origin::default(),
    }
}

fn job() -> Job {
    Job { command: Some("date".to_owned()), ..Job::default() }
}

fn plans(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("plan");
    group.sample_size(10).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(3));
    for n_hosts in [10_000, 1_000_000] {
        let plan = plan(n_hosts);
        let mut json = Vec::new();
        plan.write_json(&mut json).unwrap();
        assert!(plan.check().is_empty());
        group.throughput(Throughput::Elements(u64::from(n_hosts)));
        let id = |name| BenchmarkId::new(name, n_hosts);
        group.bench_function(id("digest"), |bench| bench.iter(|| plan.digest()));
        group.bench_function(id("write, with digest"), |bench| {
            bench.iter(|| plan.write_json(io::BufWriter::with_capacity(1 << 16, io::sink())).unwrap());
        });
        group.bench_function(id("read, with digest and check"), |bench| {
            bench.iter(|| Plan::read_json(black_box(&json)).unwrap());
        });
        group.bench_function(id("check"), |bench| bench.iter(|| plan.check()));
        group.bench_function(id("rounds"), |bench| bench.iter(|| Rounds::new(&plan)));
    }
    group.finish();
}

fn tables(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("hosts");
    group.sample_size(10).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(3));
    for n_hosts in [10_000, 1_000_000] {
        let names = names(n_hosts);
        group.throughput(Throughput::Elements(u64::from(n_hosts)));
        group.bench_function(BenchmarkId::new("intern new names", n_hosts), |bench| {
            bench.iter(|| {
                let mut table = HostTable::new();
                for name in &names {
                    table.intern(name).unwrap();
                }
                table
            });
        });
        let mut table = HostTable::new();
        for name in &names {
            table.intern(name).unwrap();
        }
        group.bench_function(BenchmarkId::new("get", n_hosts), |bench| {
            bench.iter(|| names.iter().filter(|name| table.get(name).is_some()).count());
        });
    }
    group.finish();
}

criterion_group!(benches, plans, tables);
criterion_main!(benches);
