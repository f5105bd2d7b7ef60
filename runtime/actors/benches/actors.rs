//! Host tasks through all actors, with a transport that does nothing.

#![expect(clippy::panic, reason = "a benchmark of a run that fails measures nothing")]

mod support;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn host_tasks(c: &mut Criterion) {
    let mut group = c.benchmark_group("host_tasks");
    group.sample_size(10);
    for n_hosts in [10_000, 100_000] {
        group.throughput(Throughput::Elements(u64::from(n_hosts)));
        for fanout in [64, 1024] {
            let id = BenchmarkId::new(format!("fanout_{fanout}"), n_hosts);
            group.bench_with_input(id, &n_hosts, |b, &n_hosts| {
                let plan = || support::plan(n_hosts);
                b.iter_batched(plan, |plan| support::run(plan, fanout, Vec::new()), BatchSize::PerIteration);
            });
        }
    }
    group.finish();
}

/// With everything on disk before anything follows from it.
fn stored_host_tasks(c: &mut Criterion) {
    let mut group = c.benchmark_group("stored_host_tasks");
    group.sample_size(10);
    let n_hosts = 10_000;
    group.throughput(Throughput::Elements(u64::from(n_hosts)));
    for fanout in [64, 1024] {
        group.bench_with_input(
            BenchmarkId::new(format!("fanout_{fanout}"), n_hosts),
            &n_hosts,
            |b, &n_hosts| {
                let fresh = || (support::plan(n_hosts), tempfile::tempdir());
                b.iter_batched(
                    fresh,
                    |(plan, folder)| match &folder {
                        Ok(folder) => support::run_stored(plan, fanout, folder.path(), Vec::new()),
                        Err(error) => panic!("no folder for the store: {error}"),
                    },
                    BatchSize::PerIteration,
                );
            },
        );
    }
    group.finish();
}

criterion_group!(benches, host_tasks, stored_host_tasks);
criterion_main!(benches);
