//! Namespaces whose ledger follows other rules than this pogo's.

use pogo_plan::outcome::{JobState, Outcome};
use pogo_store::{Reader, Session, Store, StoreError};
use sqlx::Connection;

use crate::rig::{End, Rig, names, plan};

/// As another pogo would have left it.
fn follow_rules(store: &Store, version: i64) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(store.path().join("pogo.db"));
        let mut db = sqlx::sqlite::SqliteConnection::connect_with(&options).await.unwrap();
        sqlx::query("UPDATE namespaces SET rules = ?").bind(version).execute(&mut db).await.unwrap();
        db.close().await.unwrap();
    });
}

fn open(store: &Store) -> Result<Session, StoreError> {
    Session::open(store, "default", Box::new(|_| {}))
}

/// Leaves one host bad, and is over.
fn store_with_a_bad_host(folder: &std::path::Path) -> Store {
    let store = Store::open(folder).unwrap();
    let fails = |host: &str| if host == "host1" { Outcome::Unreachable } else { Outcome::Succeeded };
    let mut rig = Rig::begin(&store, 1, plan(&names(3), 0..3, &[]), None).failing(fails);
    assert!(matches!(rig.run(), End::State(_)));
    store
}

#[test]
fn an_idle_namespace_of_an_older_pogo_is_gone_on_with_and_its_hosts_stay_out() {
    let folder = tempfile::tempdir().unwrap();
    let store = store_with_a_bad_host(folder.path());
    follow_rules(&store, 0);
    assert_eq!(Reader::open(&store).unwrap().out("default").unwrap().len(), 1, "it can be looked at");
    // A limit that the host takes the only place of.
    let limits = [("$web", 0..3, 1)];
    let mut rig = Rig::begin(&store, 2, plan(&names(3), 1..3, &limits), None);
    assert!(matches!(rig.run(), End::State(JobState::Blocked)));
    drop(rig);
    let session = open(&store).unwrap();
    session.release("host1", "mended").unwrap();
    drop(session);
    let mut rig = Rig::resume(&store, 2, None).unwrap();
    assert!(matches!(rig.go_on(), End::State(JobState::Succeeded)));
}

#[test]
fn unfinished_jobs_of_an_older_pogo_are_left_to_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let mut rig = Rig::begin(&store, 1, plan(&names(3), 0..3, &[]), None);
    rig.cut_after = Some(1);
    assert!(matches!(rig.run(), End::Cut));
    drop(rig);
    follow_rules(&store, 0);
    let error = open(&store).unwrap_err();
    assert!(matches!(&error, StoreError::Rules { found: 0, known: 1, .. }), "{error}");
    assert!(error.to_string().contains("unfinished jobs of an older pogo"), "{error}");
    let error = Reader::open(&store).unwrap().out("default").unwrap_err();
    assert!(matches!(error, StoreError::Rules { .. }), "{error}");
    // Nothing has changed for the pogo that it belongs to.
    follow_rules(&store, 1);
    assert!(open(&store).is_ok());
}

#[test]
fn a_namespace_of_a_newer_pogo_is_refused_also_while_it_is_used() {
    let folder = tempfile::tempdir().unwrap();
    let store = store_with_a_bad_host(folder.path());
    let session = open(&store).unwrap();
    follow_rules(&store, 2);
    let error = session.release("host1", "mended").unwrap_err();
    assert!(matches!(&error, StoreError::Rules { found: 2, .. }), "{error}");
    let error = open(&store).unwrap_err();
    assert!(error.to_string().contains("is kept by a newer pogo"), "{error}");
}
