//! The journal cut after every commit.

use std::io::Write;

use pogo_plan::event::{JobId, Verdict};
use pogo_plan::outcome::JobState;
use pogo_store::{Reader, Store};

use crate::judge::judge;
use crate::rig::{End, Log, Rig, names, plan};

#[test]
fn a_job_cut_after_any_commit_goes_on_and_runs_no_host_twice() {
    let limits = [("$web", 0..12, 3), ("$even", 4..8, 1)];
    let mut cut = 0;
    loop {
        cut += 1;
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("commands");
        let store = Store::open(&folder.path().join("store")).unwrap();
        let mut rig = Rig::begin(&store, 1, plan(&names(12), 0..12, &limits), Some(Log::open(&log)));
        rig.cut_after = Some(cut);
        let end = rig.run();
        drop(rig);
        if matches!(end, End::State(_)) {
            assert!(cut > 6, "only {cut} commits");
            break;
        }
        let mut rounds = 0;
        loop {
            rounds += 1;
            assert!(rounds < 10, "cut after {cut}: no end");
            let mut rig = Rig::resume(&store, 1, Some(Log::open(&log))).unwrap();
            match rig.go_on() {
                End::State(JobState::Succeeded) => break,
                End::State(_) => {
                    let unknown = rig.unknown();
                    assert!(!unknown.is_empty(), "cut after {cut}: it stands still without unknown hosts");
                    drop(rig);
                    let (session, _told) = crate::rig::open(&store);
                    for host in unknown {
                        let line = format!("decided {host} {}\n", JobId::from_bits(1));
                        std::fs::OpenOptions::new()
                            .append(true)
                            .open(&log)
                            .unwrap()
                            .write_all(line.as_bytes())
                            .unwrap();
                        session
                            .decide(JobId::from_bits(1), &host, Verdict::Succeeded, "looked at it")
                            .unwrap();
                    }
                }
                other => panic!("cut after {cut}: {other:?}"),
            }
        }
        assert_eq!(judge(&log, &limits), 12, "cut after {cut}: a host was forgotten");
        assert!(Reader::open(&store).unwrap().out("default").unwrap().is_empty(), "cut after {cut}");
    }
}
