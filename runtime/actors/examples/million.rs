//! Runs a job of so many hosts with a transport that does nothing, and says what it took:
//! `million HOSTS [FANOUT [events] [FOLDER]]`. With `events`, somebody reads all events; with a folder, the run is kept in a
//! store there, with every record on disk before anything follows from it.

#![expect(clippy::print_stdout, clippy::panic, reason = "this is a program that measures")]

#[path = "../benches/support/mod.rs"]
mod support;

use std::path::Path;
use std::time::Instant;

use pogo_actors::{Subscriber, SubscriberError};
use pogo_plan::event::Event;

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

struct Count(u64);

impl Subscriber for Count {
    fn event(&mut self, _: &Event) -> Result<(), SubscriberError> {
        self.0 += 1;
        Ok(())
    }
}

fn main() {
    let mut args = std::env::args().skip(1);
    let n_hosts: u32 = args.next().and_then(|arg| arg.parse().ok()).unwrap_or(1_000_000);
    let fanout = args.next().and_then(|arg| arg.parse().ok()).unwrap_or(64);
    let mut args = args.peekable();
    let reads = args.next_if(|arg| arg == "events").is_some();
    let subscribers: Vec<Box<dyn Subscriber>> = reads.then(|| Box::new(Count(0)) as _).into_iter().collect();
    let plan = support::plan(n_hosts);
    println!("plan: {}", peak());
    let began = Instant::now();
    let ended = match args.next() {
        Some(folder) => support::run_stored(plan, fanout, Path::new(&folder), subscribers),
        None => support::run(plan, fanout, subscribers),
    };
    let took = began.elapsed();
    println!(
        "{} hosts, fanout {fanout}: {:.2} s, {:.2} us a host, {:.0} hosts a second; {}",
        ended.hosts.len(),
        took.as_secs_f64(),
        took.as_secs_f64() * 1e6 / f64::from(n_hosts),
        f64::from(n_hosts) / took.as_secs_f64(),
        peak()
    );
}

/// The most memory that was resident so far, as Linux has it.
fn peak() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or("peak memory unknown").to_owned()
}
