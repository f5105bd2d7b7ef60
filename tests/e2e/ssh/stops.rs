//! Ends that pogo brings about: deadlines and operators. "Ended" is said only when nobody of the attempt is left.

use nix::sys::signal::Signal;

use super::site::is_alive;
use super::{Site, until};

/// Commands that do not want to end, each with the processes that it writes down.
const STUBBORN: &[(&str, &str)] = &[
    ("plain", "echo $$ >> $PIDS; read go < $GATE"),
    ("ignores", "trap '' TERM INT HUP; echo $$ >> $PIDS; while :; do read go < $GATE; done"),
    ("forks", "for i in 1 2 3; do (echo $(exec sh -c 'echo $PPID') >> $PIDS; read go < $GATE) & done; wait"),
    (
        "ignores-forks",
        "trap '' TERM; (echo $(exec sh -c 'echo $PPID') >> $PIDS; read go < $GATE) & read go < $GATE",
    ),
    (
        "leaves",
        "(trap '' TERM; echo $(exec sh -c 'echo $PPID') >> $PIDS; while :; do read go < $GATE; done) & read go < $GATE",
    ),
];

/// A site with a host for each, all of which wait at a gate that nobody opens.
fn stubborn(job: &str) -> Site {
    let site = Site::new();
    let gate = site.gate("gate");
    let mut work = format!("GATE={gate} PIDS=$LOG.pids\ncase $POGO_HOST in\n");
    for (name, command) in STUBBORN {
        work.push_str(&format!("pogo-{name}) {command};;\n"));
    }
    work.push_str("esac");
    site.spec("pogo-{plain,ignores,forks,ignores-forks,leaves}", &work, job);
    site
}

/// How many processes all of them together write down.
const N_PIDS: usize = 7;

fn all_wait(site: &Site) {
    until("all commands to wait", || site.read("log.pids").ends_with('\n') && site.pids().len() == N_PIDS);
}

#[test]
fn at_the_deadline_nobody_is_left() {
    let site = stubborn("  timeout: 8s");
    let ran = site.apply(&[]);
    ran.all("timed_out", 5);
    let pids = site.pids();
    assert_eq!(pids.len(), N_PIDS, "{pids:?}");
    let alive: Vec<u32> = pids.into_iter().filter(|&pid| is_alive(pid)).collect();
    assert!(alive.is_empty(), "{alive:?} {ran:?}");
    assert_eq!(site.log().len(), 5, "no end: {:?}", site.log());
    site.is_clean();
}

#[test]
fn a_second_interrupt_ends_what_runs() {
    let site = stubborn("");
    let mut run = site.start(&[]);
    all_wait(&site);
    run.signal(Signal::SIGINT);
    run.wait_for("job_state", &[("state", "halting")]);
    assert!(site.pids().into_iter().all(is_alive), "the first one ends nothing");
    run.signal(Signal::SIGINT);
    let (code, rest, stderr) = run.end();
    assert_eq!(code, Some(130), "{stderr}");
    assert_eq!(rest.matches(r#""state":"stopped""#).count(), 5, "{rest}");
    let alive: Vec<u32> = site.pids().into_iter().filter(|&pid| is_alive(pid)).collect();
    assert!(alive.is_empty(), "{alive:?}");
    site.is_clean();
}

#[test]
fn finally_runs_after_a_deadline() {
    let site = Site::new();
    let gate = site.gate("gate");
    site.spec(
        "pogo-1",
        &format!("read go < {gate}"),
        "  timeout: 1s\n  finally: 'echo \"finally $POGO_HOST 1\" >> $LOG'",
    );
    let ran = site.apply(&[]);
    ran.all("timed_out", 1);
    assert_eq!(site.log(), ["start pogo-1 1", "finally pogo-1 1"]);
    site.is_clean();
}

#[test]
fn a_timed_out_attempt_that_is_gone_may_be_tried_again_over_the_same_connection() {
    let site = Site::new();
    let gate = site.gate("gate");
    let work = format!("[ $POGO_ATTEMPT = 2 ] || read go < {gate}");
    site.spec("pogo-1", &work, "  timeout: 1s\n  retry: {attempts: 1, backoff: 1ms, retry_on: [timeout]}");
    let ran = site.apply(&[]);
    ran.all("succeeded", 1);
    assert_eq!(ran.host("pogo-1")["attempts"], 2);
    let log = site.log();
    assert_eq!(log, ["start pogo-1 1", "start pogo-1 2", "end pogo-1 2"]);
    site.is_clean();
}

#[test]
fn an_attempt_that_is_still_connecting_is_stopped() {
    let site = Site::new();
    let Some(server) = super::Server::start(&site, &["--silent"]) else { return };
    site.spec("odd1", "true", "  connect_timeout: 2m");
    let run = site.start(&[]);
    server.has_misbehaved("silent");
    run.signal(Signal::SIGTERM);
    let (code, events, stderr) = run.end();
    assert_eq!(code, Some(143), "{stderr} {events}");
    assert_eq!(site.log(), Vec::<String>::new());
    site.is_clean();
}

#[test]
fn a_host_that_does_not_answer_a_stop_is_unknown() {
    let site = Site::new();
    let Some(server) = super::Server::start(&site, &["--freeze-after", "I am up"]) else { return };
    let gate = site.gate("gate");
    site.spec("odd1", &format!("echo $$ >> $LOG.pids; echo I am up; read go < {gate}"), "");
    let run = site.start(&["--timeout", "1m"]);
    server.has_misbehaved("freeze-after");
    run.signal(Signal::SIGTERM);
    let (_, events, stderr) = run.end();
    let stopped = events.contains(r#""state":"stopped""#);
    let unknown = events.contains(r#""state":"unknown""#);
    // A fresh connection may still have ended it: then it is gone.
    let is_waiting = site.pids().into_iter().any(is_alive);
    assert!(stopped != unknown, "{events} {stderr}");
    assert!(unknown || !is_waiting, "{events} {stderr}");
    assert_eq!(site.ssh_processes(), Vec::<String>::new());
    if is_waiting {
        site.open_gate("gate");
    }
}
