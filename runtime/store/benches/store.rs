//! What the store costs: `cargo bench -p pogo-store`, or one part of it: `-- jobs`. Figures are wall time where a disk is waited for, and CPU time (user and
//! system, of the whole process) where it says so; all of one run on one disk, so that their ratios mean something. With the path of a
//! `pogo` in `POGO_BENCH_PROGRAM`, what it takes as a whole process to answer about the same stores is measured too.

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
use std::sync::Arc;
use std::time::{Duration, Instant};

use pogo_plan::event::{Fact, JobId};
use pogo_plan::outcome::{Attempt, JobState, Outcome};
use pogo_schedule::ledger::{Ledger, Op, Snapshot};
use pogo_schedule::time::Monotonic;
use pogo_store::{Batch, Filter, NewJob, Reader, Store, Told};
use sqlx::{Connection, Row};

use rig::{End, Rig, names, open, plan};

/// One part of the benchmark, in a folder.
type Part = fn(&Path);

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let only = std::env::args().skip(1).find(|word| !word.starts_with('-'));
    let parts: [(&str, Part); 7] = [
        ("commits", commits),
        ("durable", durable),
        ("snapshots", snapshots),
        ("tasks", tasks),
        ("opening", opening),
        ("journal", long_journal),
        ("jobs", many_jobs),
    ];
    for (name, part) in parts {
        if only.as_deref().is_none_or(|only| only == name) {
            part(folder.path());
        }
    }
}

/// User and system time of this process.
fn cpu() -> Duration {
    let time = nix::time::clock_gettime(nix::time::ClockId::CLOCK_PROCESS_CPUTIME_ID).unwrap();
    Duration::new(time.tv_sec() as u64, time.tv_nsec() as u32)
}

/// User and system time, in milliseconds, that a program takes with these arguments.
const MEASURED: &str = "import resource,subprocess,sys\nsubprocess.run(sys.argv[1:],stdout=subprocess.DEVNULL,check=True)\n\
    u=resource.getrusage(resource.RUSAGE_CHILDREN)\nprint((u.ru_utime+u.ru_stime)*1e3)";

/// What the program takes to answer about a store: the least of ten times, for whatever else runs only adds to it.
fn whole(store: &Store, args: &[&str]) {
    let Some(program) = std::env::var_os("POGO_BENCH_PROGRAM") else { return };
    let run = || {
        let mut command = Command::new("python3");
        command.args(["-c", MEASURED]).arg(&program).args(args).arg("--store").arg(store.path());
        let output = command.output().unwrap();
        assert!(output.status.success(), "{args:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap().trim().parse::<f64>().unwrap()
    };
    let least = (0..10).map(|_| run()).fold(f64::INFINITY, f64::min);
    println!("  `pogo {}` as a whole process: CPU {least:.1} ms", args.join(" "));
}

/// What a commit costs that has next to nothing in it: one batch at a time, each after the one before is on disk and, in the second
/// row, after a while in which nothing happens, as between the steps of commands on hosts.
fn commits(folder: &Path) {
    const HOSTS: usize = 500;
    for pause in [Duration::ZERO, Duration::from_millis(2)] {
        let store = Store::open(&folder.join(format!("commits-{}", pause.as_millis()))).unwrap();
        let (session, told) = open(&store);
        let job = JobId::from_bits(1);
        let plan = plan(&names(HOSTS), 0..HOSTS, &[("$web", 0..HOSTS, 50)]);
        let plan = session.begin(NewJob { id: job, plan, summary: String::new() }).unwrap().plan;
        let mut ticket = 0;
        let mut commit = |facts, ops| {
            ticket += 1;
            session.submit(Batch { ticket, job: Some(job), facts, ops, ..Batch::default() });
            while !matches!(told.recv().unwrap(), Told::Committed { .. }) {}
            std::thread::sleep(pause);
        };
        commit(Vec::new(), vec![Op::Register { job, plan: Arc::clone(&plan) }]);
        let (attempt, outcome) = (Attempt(1), Outcome::Succeeded);
        let mut measure = |what: &str, step: &dyn Fn(pogo_plan::HostIdx) -> (Vec<Fact<_>>, Vec<Op>)| {
            let from = cpu();
            for &host in &plan.targets {
                let (facts, ops) = step(host);
                commit(facts, ops);
            }
            let each = (cpu() - from).as_secs_f64() * 1e6 / HOSTS as f64;
            println!("a commit of {what}, every {} ms: CPU {each:.0} us", pause.as_millis());
        };
        measure("a fact", &|host| (vec![Fact::Started { host, attempt }], Vec::new()));
        measure("a grant, then of an end", &|host| {
            let fact = Fact::Ended { host, attempt, outcome, again: false };
            (
                vec![fact],
                vec![
                    Op::Claim { job, hosts: vec![(host, attempt)] },
                    Op::End { job, host, attempt, outcome },
                ],
            )
        });
    }
}

/// Facts through a session, as many in a commit as come while the one before is synced. Its rivals are tables of rows of the
/// same size, in transactions of as many rows as our commits had and in large ones, with the same durability: one prepared
/// statement, bound and run for each row; and one that makes all rows of a transaction inside SQLite, which nothing that goes
/// through SQLite can beat.
fn durable(folder: &Path) {
    const FACTS: u64 = 200_000;
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
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (commits, bytes) = runtime.block_on(async {
        let mut db = connect(&store.path().join("pogo.db")).await;
        let question = "SELECT count(*), sum(length(facts)) FROM journal";
        let row = sqlx::query(question).fetch_one(&mut db).await.unwrap();
        (row.get::<i64, _>(0) as u64, row.get::<i64, _>(1) as u64)
    });
    let (rows, size) = ((FACTS / commits).max(1), (bytes / FACTS).max(1) as i64);
    println!("durable facts: {ours:.0}/s, {rows} in a commit, {size} bytes each");
    for rows in [rows, 10_000] {
        for inside in [false, true] {
            let path = folder.join(format!("plain-{rows}-{inside}.db"));
            let plain = runtime.block_on(plain(&path, FACTS, rows, size, inside));
            let how = if inside { "made inside SQLite" } else { "bound and run for each row" };
            println!("  rows {how}, {rows} in a transaction: {plain:.0}/s, ratio {:.2}", ours / plain);
        }
    }
}

async fn connect(path: &Path) -> sqlx::sqlite::SqliteConnection {
    let options = sqlx::sqlite::SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(sqlx::sqlite::SqliteJournalMode::Wal)
        .pragma("synchronous", "FULL");
    sqlx::sqlite::SqliteConnection::connect_with(&options).await.unwrap()
}

/// Rows a second.
async fn plain(path: &Path, all: u64, rows: u64, size: i64, inside: bool) -> f64 {
    let mut db = connect(path).await;
    let table = "CREATE TABLE facts (job INTEGER, number INTEGER, fact BLOB, PRIMARY KEY (job, number)) STRICT, WITHOUT ROWID";
    sqlx::query(table).execute(&mut db).await.unwrap();
    let fact = vec![7; size as usize];
    let start = Instant::now();
    for part in 0..all / rows {
        let from = (part * rows) as i64;
        sqlx::query("BEGIN IMMEDIATE").execute(&mut db).await.unwrap();
        if inside {
            let insert = "WITH RECURSIVE n(at) AS (SELECT ?1 UNION ALL SELECT at + 1 FROM n LIMIT ?2) \
                 INSERT INTO facts SELECT 1, at, ?3 FROM n";
            let insert = sqlx::query(insert).bind(from).bind(rows as i64);
            insert.bind(&fact).execute(&mut db).await.unwrap();
        } else {
            for at in from..from + rows as i64 {
                let row = sqlx::query("INSERT INTO facts VALUES (1, ?, ?)").bind(at).bind(&fact);
                row.execute(&mut db).await.unwrap();
            }
        }
        sqlx::query("COMMIT").execute(&mut db).await.unwrap();
    }
    (all / rows * rows) as f64 / start.elapsed().as_secs_f64()
}

/// What opening costs for each operation in the log, and what a snapshot costs for each of its bytes to write and to read.
fn snapshots(folder: &Path) {
    let path = folder.join("log");
    let store = Store::open(&path).unwrap();
    // Unfinished, so that the log is read by whoever opens the store.
    let hosts = 1_900;
    let mut rig = Rig::begin(&store, 1, plan(&names(hosts), 0..hosts, &[("$web", 0..hosts, 50)]), None);
    let least = |store: &Store| {
        let once = || {
            let from = cpu();
            drop(open(store));
            cpu() - from
        };
        (0..15).map(|_| once()).min().unwrap()
    };
    let before = least(&store);
    rig.cut_after_starts = Some(1_500);
    assert!(matches!(rig.run(), End::Cut));
    let after = least(&store);
    let ops = rig.started as f64;
    println!(
        "opening: {:.2} ms with an empty log; {:.1} us for each operation in it",
        before.as_secs_f64() * 1e3,
        after.saturating_sub(before).as_secs_f64() * 1e6 / ops
    );
    for hosts in [100, 10_000, 100_000] {
        let plan = plan(&names(hosts), 0..hosts, &[("$web", 0..hosts, 50)]);
        let mut ledger = Ledger::default();
        let mut effects = Vec::new();
        let job = JobId::from_bits(1);
        ledger.apply(Monotonic(1), Op::Register { job, plan: Arc::clone(&plan) }, &mut effects);
        let claims = plan.targets.iter().map(|&host| (host, Attempt(1))).collect();
        ledger.apply(Monotonic(2), Op::Claim { job, hosts: claims }, &mut effects);
        let from = cpu();
        let bytes = postcard::to_allocvec(&ledger.snapshot()).unwrap();
        let written = cpu() - from;
        let from = cpu();
        let snapshot: Snapshot = postcard::from_bytes(&bytes).unwrap();
        Ledger::restore(snapshot, |_| Some(Arc::clone(&plan))).unwrap();
        let read = cpu() - from;
        println!(
            "a snapshot with {hosts} hosts waiting: {} bytes, {:.2} ms to make, {:.2} ms to read",
            bytes.len(),
            written.as_secs_f64() * 1e3,
            read.as_secs_f64() * 1e3
        );
    }
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
        whole(&store, &["status"]);
        whole(&store, &["status", "--format", "json"]);
    }
}

fn many_jobs(folder: &Path) {
    let store = Store::open(&folder.join("jobs")).unwrap();
    Rig::begin(&store, 1, plan(&names(1), 0..1, &[]), None).run();
    // Ten thousand copies of an ended job, one for each minute.
    let copies = "import sqlite3,sys\ndb=sqlite3.connect(sys.argv[1])\n\
        cols=[r[1] for r in db.execute('PRAGMA table_info(jobs)')][1:]\nc=','.join(cols)\n\
        for i in range(2,10001): db.execute(f'INSERT INTO jobs (id,{c}) SELECT ?,{c} FROM jobs WHERE id=1',(i*1000003,))\n\
        db.execute('UPDATE jobs SET created=created-id/1000003*60000000')\n\
        db.commit()";
    let done = Command::new("python3").args(["-c", copies]).arg(store.path().join("pogo.db")).status();
    assert!(done.is_ok_and(|status| status.success()));
    let from = cpu();
    let mut reader = Reader::open(&store).unwrap();
    let found = reader.jobs(&Filter::default()).unwrap().len();
    println!("listing {found} jobs, with opening: CPU {:.0} ms", (cpu() - from).as_secs_f64() * 1e3);
    whole(&store, &["jobs"]);
    whole(&store, &["jobs", "--limit", "10000"]);
    whole(&store, &["jobs", "--limit", "10000", "--format", "json"]);
    whole(&store, &["status"]);
    whole(&store, &["out"]);
}
