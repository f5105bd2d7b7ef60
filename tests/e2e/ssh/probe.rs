//! What hosts say of a job whose pogo was killed, and of a restart.

use std::fs;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use pogo_test_sshd::{kill, processes_with};

use super::lost::KILLS_ITS_SSHD;
use super::site::is_alive;
use super::surroundings::in_a_world_with;
use super::{Site, until};

/// What stands for the number that a host has from its start to its end.
const BOOTS: [&str; 2] = ["11111111-1111-4111-8111-111111111111\n", "22222222-2222-4222-8222-222222222222\n"];

/// Lets the hosts have a number of the test's own, which the file `boot` holds.
fn that_can_restart(site: &Site) -> bool {
    let boot = site.file("boot").display().to_string();
    site.farm.write("boot", BOOTS[0]);
    in_a_world_with(site, &format!("mount --bind {boot} /proc/sys/kernel/random/boot_id"))
}

#[test]
fn every_answer_is_told_after_pogo_was_killed() {
    let site = Site::new();
    let gate = site.gates(&["pogo-runs", "pogo-ends", "pogo-goes"]);
    let work = format!("echo $$ >> $LOG.$POGO_HOST; echo up; read go < {gate}; exit 3");
    site.spec("pogo-{runs,ends,goes}", &work, "");
    let mut run = site.start(&[]);
    for _ in 0..3 {
        run.wait_for("output", &[]);
    }
    run.signal(Signal::SIGKILL);
    let _killed = run.end();
    until("the hosts to notice", || site.reports().iter().filter(|name| !name.starts_with('.')).count() == 3);
    let all = site.probe(&["last"]);
    assert!(all.len() == 3 && all.values().all(|host| host["state"] == "running"), "{all:?}");

    site.open_gate("gate-pogo-ends");
    // One whose host killed everybody of it, the keeper of its end too.
    let group = site.read("log.pogo-goes").trim().parse().unwrap();
    let record = site.report(&report_of(&site, "pogo-goes"));
    let keeper = record.split_whitespace().nth(8).unwrap().parse().unwrap();
    assert!(is_alive(keeper), "{record}");
    kill(keeper);
    let _gone = killpg(Pid::from_raw(group), Signal::SIGKILL);
    until("the one to have ended", || site.report(&report_of(&site, "pogo-ends")).contains(" failed "));
    until("the other to be gone", || !is_alive(keeper));
    let all = site.probe(&["last"]);
    assert_eq!(all["pogo-runs"]["state"], "running", "{all:?}");
    assert_eq!(
        (&all["pogo-ends"]["state"], &all["pogo-ends"]["exit"]["status"]),
        (&"ended".into(), &3.into())
    );
    assert_eq!(all["pogo-goes"]["state"], "gone", "{all:?}");
    site.open_gate("gate-pogo-runs");
    until("the last one to end", || site.report(&report_of(&site, "pogo-runs")).contains(" failed "));
}

/// The name of the report of a host's first attempt.
fn report_of(site: &Site, host: &str) -> String {
    let end = format!("-{host}-1");
    site.reports().into_iter().find(|name| !name.starts_with('.') && name.ends_with(&end)).unwrap_or_default()
}

#[test]
fn a_host_that_restarts_is_told_from_one_that_lost_its_record() {
    let site = Site::new();
    if !that_can_restart(&site) {
        return;
    }
    let gate = site.gate("gate");
    site.spec("pogo-1", &format!("echo up; read go < {gate}"), "");
    let mut run = site.start(&[]);
    run.wait_for("output", &[("host", "pogo-1")]);
    run.signal(Signal::SIGKILL);
    let _killed = run.end();
    until("the host to notice", || site.report(&report_of(&site, "pogo-1")).contains(" running "));
    site.farm.write("boot", BOOTS[1]);
    let all = site.probe(&["last"]);
    assert_eq!(all["pogo-1"]["state"], "rebooted", "{all:?}");
    // What an earlier start has left is nobody's now; here it still waits.
    site.open_gate("gate");
    until("the command to end", || processes_with(&gate).is_empty());
}

#[test]
fn a_command_that_restarts_its_host_is_judged_by_what_is_verified_then() {
    for (verify, state) in [("exit 0", "succeeded"), ("exit 5", "failed")] {
        let site = Site::new();
        if !that_can_restart(&site) {
            return;
        }
        let boot = site.file("boot").display().to_string();
        let next = BOOTS[1].trim_end();
        // As a restart does: another number, no connection, and nobody of the attempt is left.
        let dies = format!("{KILLS_ITS_SSHD}; echo {next} > {boot}; kill -9 $PPID $$");
        let job = format!(
            "  on_disconnect: verify\n  verify: {{command: 'echo \"verified $POGO_HOST $POGO_ATTEMPT\" >> $LOG; {verify}', interval: 50ms, timeout: 300ms}}"
        );
        site.spec("pogo-1", &dies, &job);
        let ran = site.apply(&["--output-dir", "out"]);
        assert_eq!(ran.state("pogo-1"), state, "{ran:?}");
        let log = site.log();
        assert_eq!(log[..2], ["start pogo-1 1", "verified pogo-1 1"], "{log:?}");
        assert!(!log.iter().any(|line| line.starts_with("end")), "{log:?}");
        let left = fs::read_dir(site.farm.home().join(".cache/pogo")).into_iter().flatten().count();
        assert_eq!(left, 0);
    }
}
