//! What becomes of everything when pogo itself is killed.

use std::fs;
use std::os::unix::fs::FileTypeExt as _;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::site::is_alive;
use super::{Site, until};

/// Waits longer than the usual bound: what is promised is a minute.
fn within_a_minute(what: &str, is_so: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(75);
    while !is_so() {
        assert!(Instant::now() < end, "a minute later still not: {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn a_killed_pogo_leaves_nothing_a_minute_after_its_commands_have_ended() {
    let site = Site::new();
    let gate = site.gates(&["pogo-1", "pogo-2", "pogo-3"]);
    site.spec("pogo-[1-3]", &format!("echo up; read go < {gate}; [ $POGO_HOST != pogo-2 ] || exit 7"), "");
    let mut run = site.start(&[]);
    for _ in 0..3 {
        run.wait_for("output", &[]);
    }
    run.signal(Signal::SIGKILL);
    let _killed = run.end();
    assert!(site.log().iter().all(|line| line.starts_with("start")), "{:?}", site.log());
    for n in 1..=3 {
        site.open_gate(&format!("gate-pogo-{n}"));
    }
    until("the commands to run to their end", || {
        site.has_logged("end pogo-1 1") && site.has_logged("end pogo-3 1")
    });
    until("their ends to be kept on the host", || site.reports().len() == 3);
    within_a_minute("an ssh process is left", || site.ssh_processes().is_empty());
    within_a_minute("a socket is left", || {
        !site
            .sockets()
            .iter()
            .any(|path| fs::symlink_metadata(path).is_ok_and(|it| it.file_type().is_socket()))
    });
    assert!(!site.has_logged("end pogo-2 1"));
}

#[test]
fn a_pogo_killed_while_it_connects_leaves_nothing() {
    let site = Site::new();
    let Some(server) = super::Server::start(&site, &["--silent"]) else { return };
    site.spec("odd1", "true", "  connect_timeout: 5s");
    let run = site.start(&[]);
    server.has_misbehaved("silent");
    run.signal(Signal::SIGKILL);
    let _killed = run.end();
    within_a_minute("an ssh process is left", || site.ssh_processes().is_empty());
    assert_eq!(site.log(), Vec::<String>::new());
}

#[test]
fn a_deadline_holds_without_its_owner() {
    let site = Site::new();
    let gate = site.gate("gate");
    site.spec("pogo-1", &format!("echo $$ >> $LOG.pids; echo up; read go < {gate}"), "  timeout: 3s");
    let mut run = site.start(&[]);
    run.wait_for("output", &[("host", "pogo-1")]);
    run.signal(Signal::SIGKILL);
    let _killed = run.end();
    let pids = site.pids();
    assert!(pids.len() == 1 && is_alive(pids[0]), "it does not end with its owner");
    until("the command to be ended", || !is_alive(pids[0]));
    until("its end to be kept on the host", || site.reports().len() == 1);
    within_a_minute("an ssh process is left", || site.ssh_processes().is_empty());
    assert_eq!(site.log(), ["start pogo-1 1"]);
}
