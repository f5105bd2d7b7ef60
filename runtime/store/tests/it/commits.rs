//! What is in one commit, and what is in none.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use pogo_plan::event::{Fact, JobId};
use pogo_plan::outcome::Attempt;
use pogo_plan::{HostIdx, Plan};
use pogo_schedule::job::Counts;
use pogo_schedule::ledger::Op;
use pogo_store::{Batch, NewJob, Owned, Reader, Session, Store, StoreError, Told};
use sqlx::{Connection, Row};

use crate::rig::{names, open, plan};

const JOB: JobId = JobId::from_bits(1);

fn begun(store: &Store) -> (Session, Receiver<Told>, Owned) {
    let (session, told) = open(store);
    let plan = plan(&names(3), 0..3, &[("$web", 0..3, 2)]);
    let owned = session.begin(NewJob { id: JOB, plan, summary: String::new() }).unwrap();
    let register = vec![Op::Register { job: JOB, plan: Arc::clone(&owned.plan) }];
    session.submit(Batch { ticket: 0, job: Some(JOB), ops: register, ..Batch::default() });
    assert_eq!(committed(&told), 0);
    (session, told, owned)
}

fn started(plan: &Plan, number: u32) -> Fact<HostIdx> {
    Fact::Started { host: plan.targets[0], attempt: Attempt(number) }
}

/// A batch that nobody waits for.
fn idle(plan: &Plan, number: u32) -> Batch {
    let facts = vec![started(plan, number)];
    Batch { ticket: number.into(), job: Some(JOB), facts, can_wait: true, ..Batch::default() }
}

/// The facts on record, a list for each commit.
fn journal(store: &Store) -> Vec<Vec<Fact<HostIdx>>> {
    Reader::open(store).unwrap().facts(JOB).map(|entry| entry.unwrap().facts).collect()
}

/// The next batch of which it is told that it is on record.
fn committed(told: &Receiver<Told>) -> u64 {
    loop {
        match told.recv().unwrap() {
            Told::Committed { ticket } => return ticket,
            Told::Failed(error) => panic!("{error}"),
            _ => {}
        }
    }
}

#[test]
fn a_batch_that_can_wait_is_put_on_record_though_no_other_comes() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let (session, told, Owned { plan, .. }) = begun(&store);
    for number in 1..=2 {
        session.submit(idle(&plan, number));
        assert_eq!(committed(&told), u64::from(number));
    }
    assert_eq!(journal(&store), [[started(&plan, 1)], [started(&plan, 2)]]);
}

#[test]
fn a_batch_that_can_wait_stands_before_what_is_asked_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let (session, told, Owned { plan, .. }) = begun(&store);
    // Whoever is not told now never is: the session is asked in order.
    let is_told = || told.try_iter().any(|word| matches!(word, Told::Committed { .. }));
    session.submit(idle(&plan, 1));
    let new = NewJob { id: JobId::from_bits(2), plan: Arc::clone(&plan), summary: String::new() };
    session.begin(new).unwrap();
    assert!(is_told(), "another job had begun before");
    session.submit(idle(&plan, 2));
    assert!(session.own(JobId::from_bits(3)).is_err());
    assert!(is_told(), "another job was asked for before");
    session.submit(idle(&plan, 3));
    session.leave(JOB);
    assert!(is_told(), "the job was left before");
    assert_eq!(journal(&store).concat(), (1..=3).map(|number| started(&plan, number)).collect::<Vec<_>>());
}

#[test]
fn a_session_that_is_closed_leaves_nothing_behind_that_could_wait() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let (session, told, Owned { plan, .. }) = begun(&store);
    session.submit(idle(&plan, 1));
    session.submit(idle(&plan, 2));
    drop(session);
    let tickets: Vec<u64> = told
        .iter()
        .filter_map(|word| if let Told::Committed { ticket } = word { Some(ticket) } else { None })
        .collect();
    assert_eq!(tickets, [1, 2]);
    assert_eq!(journal(&store).concat(), [started(&plan, 1), started(&plan, 2)]);
}

/// Does something to the database, and says how many rows the journal and the log have.
fn database(folder: &Path, change: &'static str) -> (i64, i64) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(folder.join("pogo.db"));
        let mut db = sqlx::sqlite::SqliteConnection::connect_with(&options).await.unwrap();
        sqlx::query(change).execute(&mut db).await.unwrap();
        let question = "SELECT (SELECT count(*) FROM journal), (SELECT count(*) FROM log)";
        let row = sqlx::query(question).fetch_one(&mut db).await.unwrap();
        (row.get(0), row.get(1))
    })
}

/// Batches with facts, operations and numbers, in all combinations in which a job is spoken of.
fn batches(plan: &Plan) -> Vec<Batch> {
    // Of which nothing comes that would be a fact.
    let pace = Op::SetPace { job: JOB, concurrent: Some(2), stagger_ms: 0 };
    let mut batches = Vec::new();
    for has_facts in [false, true] {
        for has_ops in [false, true] {
            let facts = if has_facts { vec![started(plan, 1)] } else { Vec::new() };
            let ops = if has_ops { vec![pace.clone()] } else { Vec::new() };
            let counts = Some(Counts::default());
            batches.push(Batch { ticket: 9, job: Some(JOB), facts, ops, counts, ..Batch::default() });
        }
    }
    batches
}

#[test]
fn of_a_job_that_was_taken_over_nothing_more_is_put_on_record() {
    for number in 0..4 {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let (session, told, Owned { plan, .. }) = begun(&store);
        // Its owner still runs, but nobody can see that any more.
        fs::remove_file(folder.path().join("locks").join(format!("{JOB}.lock"))).unwrap();
        let (other, _told) = open(&store);
        other.own(JOB).unwrap();
        let before = database(folder.path(), "SELECT 1");
        session.submit(batches(&plan).swap_remove(number));
        let last = told.iter().find(|word| !matches!(word, Told::Limits(_) | Told::Effects(_)));
        assert!(matches!(last, Some(Told::Failed(StoreError::TakenOver { job: JOB, .. }))), "{last:?}");
        assert_eq!(database(folder.path(), "SELECT 1"), before, "rows of the journal and of the log");
    }
}

#[test]
fn of_a_job_that_is_gone_nothing_more_is_put_on_record() {
    for number in 0..4 {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let (session, told, Owned { plan, .. }) = begun(&store);
        let before = database(folder.path(), "DELETE FROM jobs");
        session.submit(batches(&plan).swap_remove(number));
        let last = told.iter().find(|word| !matches!(word, Told::Limits(_) | Told::Effects(_)));
        assert!(matches!(last, Some(Told::Failed(StoreError::NoJob { .. }))), "{last:?}");
        assert_eq!(database(folder.path(), "SELECT 1"), before, "rows of the journal and of the log");
    }
}

#[test]
fn facts_operations_and_numbers_are_on_record_in_all_combinations() {
    for number in 0..4 {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let (session, told, Owned { plan, .. }) = begun(&store);
        let batch = batches(&plan).swap_remove(number);
        let rows = (i64::from(!batch.facts.is_empty()), i64::from(!batch.ops.is_empty()));
        let before = database(folder.path(), "SELECT 1");
        session.submit(batch);
        assert_eq!(committed(&told), 9);
        let after = database(folder.path(), "SELECT 1");
        assert_eq!((after.0 - before.0, after.1 - before.1), rows);
    }
}
