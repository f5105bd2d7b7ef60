//! What operators do, and who is told.

use std::time::Duration;

use pogo_plan::event::{Command, JobId, Verdict};
use pogo_plan::outcome::{JobState, Outcome};
use pogo_store::{Answer, Given, Reader, Store, StoreError};

use crate::rig::{End, Rig, names, open, plan};

#[test]
fn a_host_is_released_with_a_reason_and_only_if_its_end_is_known() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let ends = |host: &str| if host == "host1" { Outcome::Unknown } else { Outcome::Unreachable };
    let mut rig = Rig::begin(&store, 1, plan(&names(2), 0..2, &[]), None).failing(ends);
    rig.run();
    drop(rig);
    let (session, _told) = open(&store);
    let job = JobId::from_bits(1);
    session.release("host2", "rebooted it").unwrap();
    assert!(matches!(session.release("host2", "again"), Err(StoreError::NotOut { .. })));
    assert!(
        matches!(session.release("host1", "hope"), Err(StoreError::NotReleased { job: by, .. }) if by == job)
    );
    let decided = session.decide(job, "host1", Verdict::Failed, "it did nothing").unwrap();
    assert_eq!(decided, Given::Done);
    assert!(matches!(
        session.decide(job, "host1", Verdict::Failed, "again"),
        Err(StoreError::Refused { .. })
    ));
    session.release("host1", "mended").unwrap();
    assert!(Reader::open(&store).unwrap().out("default").unwrap().is_empty());
}

#[test]
fn a_command_reaches_the_owner_and_its_answer_the_operator() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let limits = [("$web", 0..2, 1)];
    let mut bad =
        Rig::begin(&store, 1, plan(&names(2), 0..1, &limits), None).failing(|_| Outcome::Unreachable);
    bad.run();
    // Waits for the first, which lives on: it is not blocked.
    let job = JobId::from_bits(2);
    let mut rig = Rig::begin(&store, 2, plan(&names(2), 1..2, &limits), None);
    let (session, _told) = open(&store);
    let given = session.command(job, Command::Halt { stop_running: false }, Some("enough")).unwrap();
    let Given::ToOwner(id) = given else { panic!("{given:?}") };
    let end = rig.run();
    let mut reader = Reader::open(&store).unwrap();
    let answer = reader.wait_answer(id, Duration::from_secs(10)).unwrap();
    let rows = reader.commands(job).unwrap();
    assert_eq!(rows[0].author.reason.as_deref(), Some("enough"));
    assert_eq!(rows[0].answer, answer);
    match end {
        End::State(JobState::Halted) => assert_eq!(answer, Some(Answer::Done)),
        // The job may have come to its end, or not have begun, when the command came.
        End::State(_) => assert!(matches!(answer, Some(Answer::Refused { .. }) | None)),
        other => panic!("{other:?}"),
    }
    drop(rig);
    let given = session.command(job, Command::Resume, None).unwrap();
    assert!(matches!(given, Given::Waits(_)), "{given:?}");
    assert!(matches!(
        session.command(JobId::from_bits(99), Command::Resume, None),
        Err(StoreError::NoJob { .. })
    ));
}

#[test]
fn a_crashed_job_is_pruned_if_it_holds_nothing_out_and_its_limits_go_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let limits = [("$web", 0..4, 1)];
    // Takes the only place, and is over.
    Rig::begin(&store, 1, plan(&names(4), 0..1, &limits), None).failing(|_| Outcome::Unreachable).run();
    let (waits, runs) = (JobId::from_bits(2), JobId::from_bits(3));
    // Crash: one while it waits for the place, one with commands under way.
    let mut rig = Rig::begin(&store, 2, plan(&names(4), 1..3, &limits), None);
    rig.cut_on_wait = true;
    assert!(matches!(rig.run(), End::Cut | End::State(JobState::Blocked)));
    drop(rig);
    let (session, _told) = open(&store);
    session.release("host1", "mended").unwrap();
    let mut rig = Rig::begin(&store, 3, plan(&names(4), 1..3, &[]), None);
    rig.cut_after_starts = Some(1);
    assert!(matches!(rig.run(), End::Cut));
    drop(rig);
    let alive = Rig::begin(&store, 4, plan(&names(4), 3..4, &[]), None);
    let pruned = session.prune(i64::MAX).unwrap();
    assert_eq!((pruned.jobs, pruned.kept), (vec![JobId::from_bits(1), waits], vec![runs]));
    let mut reader = Reader::open(&store).unwrap();
    assert!(matches!(reader.job(&waits.to_string()), Err(StoreError::NoJob { .. })));
    let out = reader.out("default").unwrap();
    assert!(
        !out.is_empty() && out.iter().all(|out| out.running.is_some() && out.limits.is_empty()),
        "{out:?}"
    );
    drop(alive);
    // It holds nothing any more once somebody has said what became of its hosts.
    for host in out {
        session.decide(runs, &host.host, Verdict::Succeeded, "looked at it").unwrap();
    }
    assert_eq!(session.prune(i64::MAX).unwrap().jobs, [runs, JobId::from_bits(4)]);
    let audit = reader.audit("default").unwrap();
    let first = &audit[0];
    assert_eq!(
        (first.what.as_str(), first.target.as_str(), first.reason.as_str()),
        ("release", "host1", "mended")
    );
    assert!(
        audit[1..].iter().all(|row| row.what == "decide succeeded" && row.job == Some(runs)),
        "{audit:?}"
    );
}

#[test]
fn only_jobs_that_hold_nothing_out_are_pruned() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    Rig::begin(&store, 1, plan(&names(2), 0..2, &[]), None).run();
    Rig::begin(&store, 2, plan(&names(2), 0..2, &[]), None).failing(|_| Outcome::Unreachable).run();
    let (session, _told) = open(&store);
    let (good, bad) = (JobId::from_bits(1), JobId::from_bits(2));
    assert!(session.prune(0).unwrap().jobs.is_empty(), "nothing is that old");
    let pruned = session.prune(i64::MAX).unwrap();
    assert_eq!((pruned.jobs, pruned.kept), (vec![good], vec![bad]));
    let mut reader = Reader::open(&store).unwrap();
    assert!(matches!(reader.job(&good.to_string()), Err(StoreError::NoJob { .. })));
    // The same plan is still used by the other.
    assert_eq!(reader.plan(bad).unwrap().targets.len(), 2);
    for host in ["host1", "host2"] {
        session.release(host, "mended").unwrap();
    }
    assert_eq!(session.prune(i64::MAX).unwrap().jobs, [bad]);
    assert!(matches!(session.own(bad), Err(StoreError::NoJob { .. })));
}
