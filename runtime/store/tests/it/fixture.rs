//! Stores of earlier versions stay readable forever.

use std::path::Path;

use pogo_plan::event::JobId;
use pogo_plan::outcome::{JobState, Outcome};
use pogo_store::{Reader, Store};

use crate::rig::{End, Rig, names, plan};

/// Writes the fixture anew when asked to; a later version that cannot read the old one is wrong, not the fixture.
#[test]
fn a_store_of_version_1_is_read_and_gone_on_with() {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/store-1.db");
    let folder = tempfile::tempdir().unwrap();
    if std::env::var_os("POGO_WRITE_FIXTURE").is_some() {
        let store = Store::open(folder.path()).unwrap();
        let limits = [("$web", 0..4, 2)];
        let ends = |host: &str| match host {
            "host1" => Outcome::Unknown,
            "host2" => Outcome::Unreachable,
            _ => Outcome::Succeeded,
        };
        let mut rig = Rig::begin(&store, 1, plan(&names(4), 0..4, &limits), None).failing(ends);
        assert!(matches!(rig.run(), End::State(JobState::Blocked)));
        drop(rig);
        let mut rig = Rig::begin(&store, 2, plan(&names(4), 2..4, &limits), None);
        rig.cut_after = Some(1);
        rig.run();
        drop(rig);
        std::fs::copy(folder.path().join("pogo.db"), &fixture).unwrap();
        return;
    }
    std::fs::copy(&fixture, folder.path().join("pogo.db")).unwrap();
    let store = Store::open(folder.path()).unwrap();
    let mut reader = Reader::open(&store).unwrap();
    assert_eq!(reader.job(&JobId::from_bits(1).to_string()).unwrap().state, JobState::Blocked);
    assert_eq!(
        reader.out("default").unwrap().iter().map(|out| out.host.as_str()).collect::<Vec<_>>(),
        ["host1", "host2"]
    );
    drop(reader);
    let (session, _told) = crate::rig::open(&store);
    session.release("host2", "mended").unwrap();
    drop(session);
    let mut rig = Rig::resume(&store, 2, None).unwrap();
    assert!(matches!(rig.go_on(), End::State(JobState::Succeeded)));
    let mut rig = Rig::resume(&store, 1, None).unwrap();
    assert!(matches!(rig.go_on(), End::State(_)));
}
