//! What the store costs: `cargo bench -p pogo-store`. Figures are wall time where a disk is waited for, and CPU time (user and
//! system, of the whole process) where it says so; all of one run on one disk, so that their ratios mean something.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::print_stdout,
    dead_code,
    reason = "a benchmark is a test"
)]

#[path = "../tests/it/engine.rs"]
mod engine;
#[path = "../tests/it/rig.rs"]
mod rig;

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use pogo_plan::event::{Fact, JobId};
use pogo_plan::outcome::{Attempt, JobState, Outcome};
use pogo_store::{Batch, Filter, NewJob, Reader, Store, Told};
use sqlx::Connection;

use rig::{End, Rig, names, open, plan};

fn main() {
    let folder = tempfile::tempdir().unwrap();
    durable(folder.path());
    tasks(folder.path());
    opening(folder.path());
    long_journal(folder.path());
    many_jobs(folder.path());
}

/// User and system time of this process.
fn cpu() -> Duration {
    let time = nix::time::clock_gettime(nix::time::ClockId::CLOCK_PROCESS_CPUTIME_ID).unwrap();
    Duration::new(time.tv_sec() as u64, time.tv_nsec() as u32)
}

/// Facts through a session, as many in a commit as come while the one before is synced; and the same number of rows
/// inserted by plain statements, a hundred in a transaction.
fn durable(folder: &Path) {
    const FACTS: u64 = 100_000;
    const PART: u64 = 100;
    let store = Store::open(&folder.join("durable")).unwrap();
    let (session, told) = open(&store);
    let job = JobId::from_bits(1);
    let owned =
        session.begin(NewJob { id: job, plan: plan(&names(1_000), 0..1_000, &[]), summary: String::new() });
    let hosts = owned.unwrap().plan.targets.clone();
    let start = Instant::now();
    for ticket in 0..FACTS / PART {
        let fact = |at: u64| Fact::Started { host: hosts[(at % 1_000) as usize], attempt: Attempt(1) };
        let facts = (ticket * PART..(ticket + 1) * PART).map(fact).collect();
        session.submit(Batch { ticket, job: Some(job), facts, ..Batch::default() });
        // No more than a few are under way, as when starts wait for their grants.
        if ticket >= 4 {
            while !matches!(told.recv().unwrap(), Told::Committed { .. }) {}
        }
    }
    drop(session);
    let ours = FACTS as f64 / start.elapsed().as_secs_f64();
    let path = folder.join("plain.db");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let plain = runtime.block_on(async {
        let options = sqlx::sqlite::SqliteConnectOptions::new()
            .filename(&path)
            .create_if_missing(true)
            .journal_mode(sqlx::sqlite::SqliteJournalMode::Wal)
            .pragma("synchronous", "FULL");
        let mut db = sqlx::sqlite::SqliteConnection::connect_with(&options).await.unwrap();
        let table = "CREATE TABLE facts (id INTEGER PRIMARY KEY, job INTEGER, kind INTEGER, host INTEGER, attempt INTEGER)";
        sqlx::query(table).execute(&mut db).await.unwrap();
        let start = Instant::now();
        for part in 0..FACTS / PART {
            sqlx::query("BEGIN IMMEDIATE").execute(&mut db).await.unwrap();
            for at in 0..PART {
                sqlx::query("INSERT INTO facts (job, kind, host, attempt) VALUES (?, ?, ?, 1)")
                    .bind(1)
                    .bind(2)
                    .bind((part * PART + at) as i64 % 1_000)
                    .execute(&mut db)
                    .await
                    .unwrap();
            }
            sqlx::query("COMMIT").execute(&mut db).await.unwrap();
        }
        FACTS as f64 / start.elapsed().as_secs_f64()
    });
    println!(
        "durable facts: {ours:.0}/s, plain inserts of as many rows: {plain:.0}/s, ratio {:.2}",
        ours / plain
    );
}

fn tasks(folder: &Path) {
    for limits in [vec![], vec![("$web", 0..20_000, 500)]] {
        let store = Store::open(&folder.join(format!("tasks-{}", limits.len()))).unwrap();
        let plan = plan(&names(20_000), 0..20_000, &limits);
        let mut rig = Rig::begin(&store, 1, plan, None);
        let (start, from) = (Instant::now(), cpu());
        assert!(matches!(rig.run(), End::State(JobState::Succeeded)));
        let rate = 20_000.0 / start.elapsed().as_secs_f64();
        println!(
            "host tasks with {} limits: {rate:.0}/s, CPU {:.0} us each",
            limits.len(),
            (cpu() - from).as_micros() as f64 / 20_000.0
        );
    }
}

/// A run of ten hosts; what the store costs is what remains over the machines alone.
fn opening(folder: &Path) {
    let path = folder.join("open");
    Rig::begin(&Store::open(&path).unwrap(), 1, plan(&names(10), 0..10, &[]), None).run();
    let from = cpu();
    for number in 2..102 {
        let store = Store::open(&path).unwrap();
        let mut rig = Rig::begin(&store, number, plan(&names(10), 0..10, &[]), None);
        assert!(matches!(rig.run(), End::State(JobState::Succeeded)));
    }
    println!(
        "a run of ten hosts, with opening and closing the store: CPU {:.2} ms",
        (cpu() - from).as_secs_f64() * 10.0
    );
    let from = cpu();
    for _ in 0..100 {
        drop(open(&Store::open(&path).unwrap()));
    }
    println!("opening and closing alone: CPU {:.2} ms", (cpu() - from).as_secs_f64() * 10.0);
}

fn long_journal(folder: &Path) {
    for hosts in [10_000, 100_000] {
        let store = Store::open(&folder.join(format!("long-{hosts}"))).unwrap();
        let (session, _told) = open(&store);
        let job = JobId::from_bits(1);
        let owned = session.begin(NewJob {
            id: job,
            plan: plan(&names(hosts), 0..hosts, &[]),
            summary: String::new(),
        });
        let targets = owned.unwrap().plan.targets.clone();
        for (number, round) in (1..=1_000_000 / 4 / hosts as u32).enumerate() {
            for part in targets.chunks(500) {
                let attempt = Attempt(round);
                let outcome = Outcome::Succeeded;
                let facts = part.iter().flat_map(|&host| {
                    [
                        Fact::Granted { host, attempt },
                        Fact::Started { host, attempt },
                        Fact::Ended { host, attempt, outcome: Outcome::Unreachable, again: true },
                        Fact::Ended { host, attempt, outcome, again: false },
                    ]
                });
                session.submit(Batch {
                    ticket: number as u64,
                    job: Some(job),
                    facts: facts.collect(),
                    ..Batch::default()
                });
            }
        }
        drop(session);
        let mut reader = Reader::open(&store).unwrap();
        let from = cpu();
        let status = reader.status("last").unwrap();
        println!(
            "status of {} facts over {hosts} hosts: CPU {:.0} ms",
            status.job.facts,
            (cpu() - from).as_secs_f64() * 1e3
        );
        let from = cpu();
        reader.plan(job).unwrap();
        println!("  of that, reading the plan: CPU {:.0} ms", (cpu() - from).as_secs_f64() * 1e3);
    }
}

fn many_jobs(folder: &Path) {
    let store = Store::open(&folder.join("jobs")).unwrap();
    Rig::begin(&store, 1, plan(&names(1), 0..1, &[]), None).run();
    // Ten thousand copies of an ended job.
    let copies = "import sqlite3,sys\ndb=sqlite3.connect(sys.argv[1])\n\
        cols=[r[1] for r in db.execute('PRAGMA table_info(jobs)')][1:]\nc=','.join(cols)\n\
        for i in range(2,10001): db.execute(f'INSERT INTO jobs (id,{c}) SELECT ?,{c} FROM jobs WHERE id=1',(i*1000003,))\n\
        db.commit()";
    let done = Command::new("python3").args(["-c", copies]).arg(store.path().join("pogo.db")).status();
    assert!(done.is_ok_and(|status| status.success()));
    let from = cpu();
    let mut reader = Reader::open(&store).unwrap();
    let found = reader.jobs(&Filter::default()).unwrap().len();
    println!("listing {found} jobs, with opening: CPU {:.0} ms", (cpu() - from).as_secs_f64() * 1e3);
}
