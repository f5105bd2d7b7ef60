//! What a spec costs stage by stage: the bare YAML events, `check`, `compile`; hosts as lists and as patterns.
//!
//! Up to 100,000 hosts; up to as many as `POGO_BENCH_HOSTS` says, a million for instance.

mod generate;

use std::hint::black_box;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use granit_parser::Parser;
use pogo_compiler::world::{File, GroupAnswer, World, WorldError};
use pogo_compiler::{Input, Options, check, compile};

use generate::Shape;

/// A world in which there is nothing.
struct Nothing;

impl Nothing {
    fn file() -> Result<File, WorldError> {
        Err(WorldError { message: "no such file".to_owned(), help: None })
    }
}

impl World for Nothing {
    fn include(&self, _: &str, _: &str) -> Result<File, WorldError> {
        Self::file()
    }

    fn host_file(&self, _: Option<&str>, _: &str) -> Result<File, WorldError> {
        Self::file()
    }

    fn script(&self, _: Option<&str>, _: &str, _: usize) -> Result<File, WorldError> {
        Self::file()
    }

    fn external_group(&self, _: &str, _: &[String]) -> GroupAnswer {
        GroupAnswer::NotAsked
    }
}

fn input(spec: &str) -> Input {
    Input { path: "bench.cfg".to_owned(), identity: "bench.cfg".to_owned(), bytes: spec.as_bytes().to_vec() }
}

fn yaml_events(text: &str) -> usize {
    let mut parser = Parser::new_from_str(text);
    std::iter::from_fn(|| parser.next_event()).filter(Result::is_ok).count()
}

#[expect(clippy::disallowed_methods, reason = "no part of the compiler")]
fn sizes() -> impl Iterator<Item = usize> {
    let most = std::env::var("POGO_BENCH_HOSTS").ok().and_then(|text| text.parse().ok()).unwrap_or(100_000);
    [1_000, 10_000, 100_000, 1_000_000].into_iter().filter(move |&n_hosts| n_hosts <= most)
}

fn stages(c: &mut Criterion) {
    let options = Options::default();
    for (name, shape) in [("list", Shape::List), ("pattern", Shape::Pattern)] {
        let mut group = c.benchmark_group(name);
        for n_hosts in sizes() {
            let spec = generate::spec(n_hosts, shape);
            let compiled = compile(input(&spec), &Nothing, &options);
            assert!(
                compiled.diagnostics.is_empty()
                    && compiled.plan.is_some_and(|plan| plan.targets.len() == n_hosts)
            );
            group.throughput(Throughput::Elements(n_hosts as u64));
            group.sample_size(if n_hosts > 10_000 { 10 } else { 50 });
            group.bench_function(BenchmarkId::new("yaml", n_hosts), |b| {
                b.iter(|| yaml_events(black_box(&spec)));
            });
            group.bench_function(BenchmarkId::new("check", n_hosts), |b| {
                b.iter_batched(
                    || input(&spec),
                    |input| check(input, &Nothing, &options),
                    BatchSize::PerIteration,
                );
            });
            group.bench_function(BenchmarkId::new("compile", n_hosts), |b| {
                b.iter_batched(
                    || input(&spec),
                    |input| compile(input, &Nothing, &options),
                    BatchSize::PerIteration,
                );
            });
        }
        group.finish();
    }
}

criterion_group!(benches, stages);
criterion_main!(benches);
