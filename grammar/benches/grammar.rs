//! What a large inventory costs: reading hosts and selectors, expanding and folding a million names.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use pogo_grammar::host::{check_host, is_plain_host};
use pogo_grammar::{Expr, Pattern, fold};

fn small(c: &mut Criterion) {
    let host = "web0123.colo-east.example.com";
    c.bench_function("is_plain_host", |b| b.iter(|| is_plain_host(black_box("web0123.example"))));
    c.bench_function("check_host", |b| b.iter(|| check_host(black_box(host))));
    c.bench_function("parse plain host", |b| b.iter(|| Expr::parse(black_box(host))));
    c.bench_function("parse selector", |b| b.iter(|| Expr::parse(black_box("$frontend.$colo.east"))));
    c.bench_function("parse pattern", |b| b.iter(|| Expr::parse(black_box("web[01-08].example.com"))));
}

fn million(c: &mut Criterion) {
    let mut group = c.benchmark_group("million");
    group.sample_size(10);
    let pattern = Pattern::parse("web[0000001-1000000].example.com").ok();
    let mut hosts = Vec::new();
    if let Some(pattern) = &pattern {
        pattern.for_each(&mut |host| hosts.push(host.to_owned()));
        group.bench_function("expand", |b| {
            b.iter(|| {
                let mut n_bytes = 0;
                pattern.for_each(&mut |host| n_bytes += host.len());
                n_bytes
            });
        });
    }
    assert_eq!(hosts.len(), 1_000_000);
    group.bench_function("fold", |b| b.iter(|| fold::fold(hosts.iter().map(String::as_str))));
    let mut sparse = hosts;
    sparse.sort_by_key(|host| host.bytes().rev().map(u64::from).sum::<u64>());
    group.bench_function("fold scattered", |b| b.iter(|| fold::fold(sparse.iter().map(String::as_str))));
    group.finish();
}

criterion_group!(benches, small, million);
criterion_main!(benches);
