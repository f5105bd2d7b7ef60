//! A dozen processes at a time, killed at random and taken up again, until enough have been killed.
//!
//! `POGO_TEST_KILLS` says how many that are: 12 without it, more by hand.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use pogo_plan::event::JobId;
use pogo_plan::outcome::JobState;
use pogo_store::{Reader, Session, Store};

use crate::judge::{judge, judge_order};
use crate::many::{LIMITS, Process, TARGETS, decide_unseen};

const AT_ONCE: u64 = 12;

/// A job may be taken up so often for each kill of the test: its hosts may wait for those of others that were killed.
const TAKES: i64 = 40;

struct Arena {
    folder: tempfile::TempDir,
    kills_left: AtomicI64,
    jobs: AtomicU64,
    killed: AtomicU64,
    worst_us: AtomicU64,
    kills: i64,
}

#[test]
fn a_dozen_processes_killed_at_random_keep_limits_and_order_and_forget_nobody() {
    let kills = std::env::var("POGO_TEST_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(12);
    let arena = Arena {
        folder: tempfile::tempdir().unwrap(),
        kills_left: AtomicI64::new(kills),
        jobs: AtomicU64::new(0),
        killed: AtomicU64::new(0),
        worst_us: AtomicU64::new(0),
        kills,
    };
    std::thread::scope(|scope| {
        for place in 0..AT_ONCE {
            let arena = &arena;
            scope.spawn(move || arena.work(place));
        }
    });
    let log = arena.folder.path().join("commands");
    let jobs = arena.jobs.into_inner();
    assert_eq!(judge(&log, &LIMITS), jobs as usize * TARGETS, "each job runs each of its hosts once");
    judge_order(&log);
    let store = Store::open(&arena.folder.path().join("store")).unwrap();
    assert!(Reader::open(&store).unwrap().out("default").unwrap().is_empty());
    assert_eq!(arena.killed.into_inner(), kills.unsigned_abs());
    let worst = Duration::from_micros(arena.worst_us.into_inner());
    println!("{jobs} jobs, {kills} kills; the longest from a submission to its commit: {worst:?}");
}

impl Arena {
    /// Runs jobs one after the other, until enough processes have been killed. One is always run.
    fn work(&self, place: u64) {
        let mut chance = 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(place + 1) | 1;
        let store = Store::open(&self.folder.path().join("store")).unwrap();
        let (session, _told) = crate::rig::open(&store);
        let mut reader = Reader::open(&store).unwrap();
        loop {
            self.run(self.jobs.fetch_add(1, Ordering::SeqCst) + 1, &mut chance, &session, &mut reader);
            if self.kills_left.load(Ordering::SeqCst) <= 0 {
                return;
            }
        }
    }

    /// Runs one job to its end, whoever is killed on the way.
    fn run(&self, job: u64, chance: &mut u64, session: &Session, reader: &mut Reader) {
        let mut what = "begin";
        for _ in 0..TAKES * self.kills.max(10) {
            let process = Process::start(what, self.folder.path(), job);
            if self.kills_left.fetch_sub(1, Ordering::SeqCst) > 0 {
                self.kill_after(draw(chance) % 8, process);
                self.killed.fetch_add(1, Ordering::SeqCst);
            } else {
                let end = self.end(process);
                assert!(end.starts_with("state "), "job {job}: {end}");
            }
            let id = JobId::from_bits(job).to_string();
            // It may have been killed before it was on record.
            let Ok(row) = reader.job(&id) else { continue };
            if row.state == JobState::Succeeded {
                return;
            }
            what = "resume";
            decide_unseen(reader, session, self.folder.path(), job);
        }
        panic!("job {job} has no end");
    }

    /// Reads some of what it says, and kills it in the middle of whatever it does then.
    fn kill_after(&self, lines: u64, mut process: Process) {
        for _ in 0..lines {
            match process.until(&["owner", "begin", "wait", "state"]) {
                Some(line) => self.note(&line),
                None => break,
            }
        }
        process.kill();
    }

    fn end(&self, mut process: Process) -> String {
        loop {
            let line = process.until(&["wait", "state", "other", "error", "owned"]);
            match line {
                Some(line) if line.starts_with("wait") => self.note(&line),
                line => {
                    process.reap();
                    return line.unwrap_or_else(|| "nothing".to_owned());
                }
            }
        }
    }

    fn note(&self, line: &str) {
        if let Some(us) = line.strip_prefix("wait ").and_then(|us| us.parse().ok()) {
            self.worst_us.fetch_max(us, Ordering::SeqCst);
        }
    }
}

fn draw(chance: &mut u64) -> u64 {
    *chance ^= *chance << 13;
    *chance ^= *chance >> 7;
    *chance ^= *chance << 17;
    *chance >> 11
}
