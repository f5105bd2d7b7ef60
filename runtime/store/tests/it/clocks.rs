//! Clocks that jump, machines that were suspended or started again.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use pogo_plan::outcome::{JobState, Outcome};
use pogo_store::{Clock, Reader, Store};

use crate::rig::{End, Rig, names, plan};

/// A clock that is set by hand. It runs on by a microsecond whenever it is read.
#[derive(Debug, Default)]
struct Hand {
    boot: AtomicU64,
    since_boot: AtomicU64,
    wall: AtomicI64,
}

impl Clock for Hand {
    fn boot(&self) -> String {
        self.boot.load(Ordering::Relaxed).to_string()
    }

    fn since_boot(&self) -> u64 {
        self.since_boot.fetch_add(1_000, Ordering::Relaxed)
    }

    fn wall(&self) -> i64 {
        self.wall.load(Ordering::Relaxed)
    }
}

const DAY: i64 = 86_400_000_000;

#[test]
fn neither_a_wall_clock_that_jumps_nor_a_new_boot_changes_what_happens() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(Hand { since_boot: AtomicU64::new(5_000_000_000), ..Hand::default() });
    clock.wall.store(20_000 * DAY, Ordering::Relaxed);
    let store = Store::with_clock(folder.path(), Arc::clone(&clock) as Arc<dyn Clock>).unwrap();
    let limits = [("$web", 0..9, 2)];
    let mut first =
        Rig::begin(&store, 1, plan(&names(9), 0..1, &limits), None).failing(|_| Outcome::Unreachable);
    assert!(matches!(first.run(), End::State(JobState::Failed)));
    drop(first);
    // A day back, an hour suspended, and then another boot that has not run as long as the first.
    let jumps: [(i64, u64, u64); 3] =
        [(-DAY, 0, 6_000_000_000), (DAY, 0, 3_600_000_000_000), (0, 1, 1_000_000)];
    for (number, (wall, boot, since_boot)) in (2..).zip(jumps) {
        clock.wall.fetch_add(wall, Ordering::Relaxed);
        clock.boot.store(boot, Ordering::Relaxed);
        clock.since_boot.store(since_boot, Ordering::Relaxed);
        let mut rig = Rig::begin(&store, number, plan(&names(9), 1..9, &limits), None);
        assert!(matches!(rig.run(), End::State(JobState::Succeeded)), "job {number}");
        assert_eq!(rig.started, 8);
    }
    let mut reader = Reader::open(&store).unwrap();
    let out = reader.out("default").unwrap();
    assert_eq!(out.len(), 1, "the failed host has not come back by itself");
    assert_eq!(out[0].since / DAY, 20_000, "people see the day on which it went out");
}
