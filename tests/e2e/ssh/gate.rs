//! Between the grant and the start: the host waits at its gate for the word that it may begin, and pogo has not heard yet that
//! it is there. Whatever ends pogo then, nothing of the command runs.

use nix::sys::signal::Signal;

use super::lost::STARTED;
use super::site::Running;
use super::{Server, Site, until};

/// A run whose host waits at its gate, and pogo for the host.
fn at_the_gate(site: &Site) -> Option<(Server, Running)> {
    let server = Server::start(site, &["--hold-before", STARTED, "--times", "1"])?;
    // A master of ssh whose client is killed may sleep until its next sign of life.
    site.configure(&format!(
        "Host odd*\n  HostName 127.0.0.1\n  Port {}\n  ServerAliveInterval 1\n",
        server.port()
    ));
    site.spec("odd1", "true", "");
    let run = site.start(&[]);
    server.has_misbehaved("hold-before");
    Some((server, run))
}

/// Waits until the host has noticed that nobody will tell it to begin.
fn gives_up(site: &Site) {
    until("the host to give up", || {
        site.reports().iter().any(|report| site.report(report).contains(" unreachable "))
    });
    assert_eq!(site.log(), Vec::<String>::new());
}

#[test]
fn a_second_interrupt_before_the_start_starts_nothing() {
    let site = Site::new();
    let Some((_server, mut run)) = at_the_gate(&site) else { return };
    run.signal(Signal::SIGINT);
    run.wait_for("job_state", &[("state", "halting")]);
    run.signal(Signal::SIGINT);
    let (code, events, stderr) = run.end();
    assert_eq!(code, Some(130), "{events} {stderr}");
    assert!(events.contains(r#""host":"odd1","state":"unreachable""#), "{events}");
    assert_eq!(site.ssh_processes(), Vec::<String>::new());
    assert_eq!(site.sockets(), Vec::<std::path::PathBuf>::new());
    gives_up(&site);
}

#[test]
fn a_pogo_killed_before_the_start_starts_nothing_and_the_job_goes_on() {
    let site = Site::new();
    let Some((_server, run)) = at_the_gate(&site) else { return };
    run.signal(Signal::SIGKILL);
    let _killed = run.end();
    gives_up(&site);
    let said = site.probe(&["last"]);
    let odd1 = &said["odd1"];
    assert_eq!((&odd1["state"], &odd1["outcome"]), (&"ended".into(), &"unreachable".into()), "{odd1}");
    assert_eq!(odd1["is_recorded"], true, "{odd1}");
    let output = site.command(&["retry", "last", "--quiet"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(site.log(), ["start odd1 2", "end odd1 2"]);
}
