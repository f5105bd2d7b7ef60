//! What a reader is told.

use std::time::Duration;

use pogo_plan::event::{Fact, JobId, WaitsFor};
use pogo_plan::outcome::{HostState, JobState, Outcome};
use pogo_store::{Filter, InLimit, Reader, Store, StoreError};

use crate::rig::{End, Rig, names, plan};

#[test]
fn jobs_are_found_by_id_by_beginning_and_as_the_last() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    for id in [0x12_3456_789a, 0x12_3456_789b, 0x42] {
        assert!(matches!(Rig::begin(&store, id, plan(&names(2), 0..2, &[]), None).run(), End::State(_)));
    }
    let mut reader = Reader::open(&store).unwrap();
    assert_eq!(reader.jobs(&Filter::default()).unwrap().len(), 3);
    assert!(reader.jobs(&Filter { unfinished: true, ..Filter::default() }).unwrap().is_empty());
    let full = JobId::from_bits(0x12_3456_789a);
    assert_eq!(reader.job(&full.to_string()).unwrap().id, full);
    assert_eq!(reader.job("000000").unwrap().id, JobId::from_bits(0x42));
    assert_eq!(reader.job("last").unwrap().id, JobId::from_bits(0x42));
    assert!(
        matches!(reader.job(&full.to_string()[..7]), Err(StoreError::Ambiguous { jobs, .. }) if jobs.len() == 2)
    );
    for text in ["zzz", "", "iiii", "000000000000"] {
        let found = reader.job(text);
        assert!(
            matches!(found, Err(StoreError::NoJob { .. } | StoreError::Ambiguous { .. })),
            "{text}: {found:?}"
        );
    }
    let row = reader.job("last").unwrap();
    assert_eq!((row.state, row.succeeded, row.targets, row.owner), (JobState::Succeeded, 2, 2, None));
}

#[test]
fn a_journal_reads_back_in_order_and_can_be_followed() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    Rig::begin(&store, 1, plan(&names(3), 0..3, &[]), None).run();
    let mut reader = Reader::open(&store).unwrap();
    let job = JobId::from_bits(1);
    let entries: Vec<_> = reader.facts(job).map(Result::unwrap).collect();
    let facts: Vec<_> = entries.iter().flat_map(|entry| &entry.facts).collect();
    assert_eq!(facts.last(), Some(&&Fact::JobState { state: JobState::Succeeded }));
    assert_eq!(facts.iter().filter(|fact| matches!(fact, Fact::Granted { .. })).count(), 3);
    let last = entries.last().unwrap().last;
    assert_eq!(last, facts.len() as u64);
    assert!(reader.follow(job, last, Duration::ZERO).unwrap().is_empty());
    assert_eq!(reader.follow(job, 0, Duration::ZERO).unwrap(), entries);
}

#[test]
fn a_job_that_waits_for_another_says_for_which_host_of_which_job() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let limits = [("$web", 0..3, 1)];
    let mut bad =
        Rig::begin(&store, 1, plan(&names(3), 0..1, &limits), None).failing(|_| Outcome::Unreachable);
    assert!(matches!(bad.run(), End::State(JobState::Failed)));
    drop(bad);
    let mut reader = Reader::open(&store).unwrap();
    let alone = reader.out("default").unwrap();
    assert_eq!((alone.len(), alone[0].limits.as_slice()), (1, [].as_slice()), "no job limits it now");
    let mut waits = Rig::begin(&store, 2, plan(&names(3), 1..3, &limits), None);
    waits.cut_on_wait = true;
    assert!(matches!(waits.run(), End::Cut));
    let status = reader.status(&JobId::from_bits(2).to_string()).unwrap();
    let limit = WaitsFor::Limit { limit: "$web".into() };
    let wait = status.waits.iter().find(|wait| wait.on == limit);
    let wait = wait.unwrap_or_else(|| panic!("{status:?}"));
    assert_eq!(wait.hosts, ["host2", "host3"]);
    assert_eq!((wait.holders[0].host.as_str(), wait.holders[0].job), ("host1", JobId::from_bits(1)));
    let out = reader.out("default").unwrap();
    assert_eq!(out.len(), 1);
    // The job that left it bad has ended; the limit is of the one that has not, of which it is no target.
    let in_web = InLimit { limit: "$web".to_owned(), job: JobId::from_bits(2), in_use: 1, max_parallel: 1 };
    assert_eq!((out[0].host.as_str(), out[0].limits.as_slice()), ("host1", [in_web].as_slice()));
    assert_eq!(out[0].bad[0].state, HostState::Unreachable);
    let age = age_of(out[0].since);
    assert!(age < Duration::from_secs(600), "{age:?}");
    assert!(reader.out("elsewhere").unwrap().is_empty());
}

fn age_of(wall: i64) -> Duration {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    now.abs_diff(Duration::from_micros(wall.unsigned_abs()))
}
