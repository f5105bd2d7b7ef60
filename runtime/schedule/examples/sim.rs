//! Tries a range of seeds: `sim --seeds 0..1000000`. With `--shared` several processes share the ledger as a log; with
//! `--crowd` hosts stand in each other's way for long. With `--faults` it says for each fault that can be planted which of
//! the seeds notices it first, and how.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "this is a program, and not the core"
)]

use std::process::ExitCode;

use pogo_schedule::sim::{Fault, Report, Scenario, Size, run, shrink};

fn main() -> ExitCode {
    let Some(seeds) = seeds() else {
        eprintln!("usage: sim --seeds FROM..TO [--faults] [--shared|--crowd]");
        return ExitCode::from(2);
    };
    let has = |flag: &str| std::env::args().any(|arg| arg == flag);
    let is_shared = has("--shared");
    let size = if is_shared {
        Size::shared()
    } else if has("--crowd") {
        Size::crowd()
    } else {
        Size::default()
    };
    if has("--faults") {
        for &fault in Fault::ALL {
            let size = Size::for_fault(fault);
            let found = seeds.clone().find_map(|seed| {
                let failure = run(&Scenario::new(seed, size), Some(fault), false).err()?;
                Some(format!("seed {seed}: {}", failure.what))
            });
            println!("{fault:?}: {}", found.unwrap_or_else(|| "not noticed".to_owned()));
        }
        return ExitCode::SUCCESS;
    }
    let mut sum = Report::default();
    for seed in seeds.clone() {
        match run(&Scenario::new(seed, size), None, false) {
            Ok(report) => {
                sum.steps += report.steps;
                sum.attempts += report.attempts;
                sum.blocked += report.blocked;
                sum.crashes += report.crashes;
                sum.commits += report.commits;
                sum.lost_races += report.lost_races;
                sum.never_begun += report.never_begun;
            }
            Err(failure) => {
                eprintln!("seed {seed}: {}", failure.what);
                if let Some((seed, size, short)) = shrink(seed, size, None) {
                    eprintln!("{}\nshortest: seed {seed}, {size:?}: {}", short.log.join("\n"), short.what);
                }
                return ExitCode::FAILURE;
            }
        }
    }
    if is_shared {
        println!(
            "{} commits, {} races for a job lost, {} hosts granted to the dead and given back",
            sum.commits, sum.lost_races, sum.never_begun
        );
    }
    println!(
        "{} seeds, {} steps, {} attempts, {} jobs blocked, {} crashes: every promise kept",
        seeds.end - seeds.start,
        sum.steps,
        sum.attempts,
        sum.blocked,
        sum.crashes
    );
    ExitCode::SUCCESS
}

fn seeds() -> Option<std::ops::Range<u64>> {
    let mut args = std::env::args().skip(1);
    if args.next()? != "--seeds" {
        return None;
    }
    let range = args.next()?;
    let (from, to) = range.split_once("..")?;
    Some(from.parse().ok()?..to.parse().ok()?)
}
