//! Replicas that start from a snapshot taken while jobs run.

use pogo_plan::outcome::JobState;
use pogo_store::{Reader, Store};
use sqlx::{Connection, Row};

use crate::judge::judge;
use crate::many::Process;

/// What is on record of the ledger: the last operation, the last that is not in the log any more, and that of the snapshot.
fn record(store: &Store) -> (i64, i64, i64) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let options =
            sqlx::sqlite::SqliteConnectOptions::new().filename(store.path().join("pogo.db")).read_only(true);
        let mut db = sqlx::sqlite::SqliteConnection::connect_with(&options).await.unwrap();
        let question = "SELECT n.last, n.trimmed, coalesce(s.last, 0) FROM namespaces n \
             LEFT JOIN snapshots s ON s.namespace = n.id";
        let row = sqlx::query(question).fetch_one(&mut db).await.unwrap();
        let found = (row.get(0), row.get(1), row.get(2));
        db.close().await.unwrap();
        found
    })
}

#[test]
fn a_process_that_starts_from_a_snapshot_in_the_middle_of_a_run_decides_as_the_others_do() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("commands");
    let mut processes: Vec<Process> =
        (1..=3).map(|job| Process::start("begin-large", folder.path(), job)).collect();
    // The last is killed once there is a snapshot, which somebody took while all of them go on.
    let mut killed = processes.pop().unwrap();
    let store = Store::open(&folder.path().join("store")).unwrap();
    let (last, trimmed, snapped) = loop {
        let line = killed.until(&["begin", "state"]).unwrap();
        assert!(line.starts_with("begin"), "the job has ended before there was a snapshot: {line}");
        let found = record(&store);
        if found.2 > 0 {
            break found;
        }
    };
    killed.kill();
    assert!(snapped <= last && trimmed <= snapped);
    let mut reader = Reader::open(&store).unwrap();
    assert_eq!(reader.job("00000003").unwrap().state, JobState::Running);
    let (session, _told) = crate::rig::open(&store);
    crate::many::decide_unseen(&mut reader, &session, folder.path(), 3);
    processes.push(Process::start("resume", folder.path(), 3));
    for process in processes {
        let end = process.end();
        assert_eq!(end, format!("state {:?}", JobState::Succeeded));
    }
    assert_eq!(judge(&log, &crate::many::LARGE), 3 * crate::many::LARGE_TARGETS);
    assert!(reader.out("default").unwrap().is_empty());
}
