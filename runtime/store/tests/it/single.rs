//! One process.

use pogo_plan::outcome::{JobState, Outcome};
use pogo_store::Store;

use crate::rig::{End, Rig, names, plan};

#[test]
fn a_job_runs_to_its_end_and_its_journal_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let mut rig = Rig::begin(&store, 1, plan(&names(10), 0..10, &[("$web", 0..10, 3)]), None);
    assert!(matches!(rig.run(), End::State(JobState::Succeeded)));
    assert_eq!(rig.started, 10);
}

#[test]
fn a_failed_host_keeps_its_place_for_the_next_process() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let limited = || plan(&names(4), 0..4, &[("$web", 0..4, 1)]);
    let mut first = Rig::begin(&store, 1, limited(), None).failing(|_| Outcome::Unreachable);
    assert!(matches!(first.run(), End::State(JobState::Blocked)));
    drop(first);
    let mut second = Rig::begin(&store, 2, plan(&names(4), 1..4, &[("$web", 0..4, 1)]), None);
    assert!(matches!(second.run(), End::State(JobState::Blocked)));
    assert_eq!(second.started, 0);
}
