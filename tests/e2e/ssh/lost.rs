//! Connections that break: before the command has started, while it runs, and between its end and the word that it has
//! been heard.

use super::{Server, Site, until};

/// What the wrapper's marks look like to a server that sees them pass by.
pub(super) const STARTED: &str = r"[0-9a-f]+ phase command";
const ENDED: &str = r"[0-9a-f]+ end succeeded";

#[test]
fn before_the_start_nothing_has_run() {
    let site = Site::new();
    let Some(server) = Server::start(&site, &["--drop-before", STARTED]) else { return };
    site.spec("odd1", "true", "  connect_timeout: 5s");
    let ran = site.apply(&["--output-dir", "out"]);
    assert_eq!(ran.state("odd1"), "unreachable", "{ran:?}");
    server.has_misbehaved("drop-before");
    assert_eq!(site.ssh_processes(), Vec::<String>::new());
    assert_eq!(site.sockets(), Vec::<std::path::PathBuf>::new());
    // It was up and never heard that it may start. It says so to whoever asks, as soon as it has noticed.
    until("what was sent there to give up", || {
        site.reports().iter().all(|report| site.report(report).contains(" unreachable "))
    });
    assert_eq!(site.log(), Vec::<String>::new());
}

#[test]
fn after_the_start_it_is_unknown_and_the_command_goes_on() {
    for how in ["--drop-after", "--freeze-after"] {
        let site = Site::new();
        let Some(server) = Server::start(&site, &[how, "I am up"]) else { return };
        // What is half open is noticed by ssh, which asks for a sign of life.
        site.farm.configure(&format!(
            "Host odd*\n  HostName 127.0.0.1\n  Port {}\n  ServerAliveInterval 1\n  ServerAliveCountMax 2\n",
            server.port()
        ));
        let gate = site.gate("gate");
        site.spec("odd1", &format!("echo I am up; read go < {gate}; echo more"), "");
        let ran = site.apply(&["--output-dir", "out"]);
        server.has_misbehaved(how.trim_start_matches("--"));
        assert_eq!((ran.state("odd1"), ran.code), ("unknown", 1), "{ran:?}");
        assert_eq!(site.log(), ["start odd1 1"], "it waits at its gate");
        assert_eq!(site.ssh_processes(), Vec::<String>::new());
        site.open_gate("gate");
        until("the command to run to its end", || site.has_logged("end odd1 1"));
        if how == "--drop-after" {
            until("its end to be kept on the host", || site.reports().len() == 1);
            until("it to be complete", || {
                site.reports().iter().any(|report| site.report(report).contains("succeeded"))
            });
        }
    }
}

#[test]
fn in_the_middle_of_the_output() {
    let site = Site::new();
    let Some(server) = Server::start(&site, &["--drop-after", "line 3000\n", "--times", "1"]) else { return };
    let gate = site.gate("gate");
    site.spec("odd1", &format!("seq -f 'line %.0f' 100000; read go < {gate}"), "");
    let ran = site.apply(&["--output-dir", "out"]);
    server.has_misbehaved("drop-after");
    assert_eq!(ran.state("odd1"), "unknown", "{ran:?}");
    assert!(site.read("out/odd1.stdout").contains("line 1\nline 2\n"), "what came is kept");
    let said = site.read("out/odd1.stderr");
    assert!(said.contains("pogo: the connection was lost; the attempt still runs"), "{said}");
    site.open_gate("gate");
    until("the command to run to its end", || site.has_logged("end odd1 1"));
    until("its end to be kept on the host", || site.reports().len() == 1);
}

#[test]
fn what_the_host_knows_of_the_end_counts() {
    let site = Site::new();
    let Some(server) = Server::start(&site, &["--drop-after", "line 3000\n", "--times", "1"]) else { return };
    site.spec("odd1", "seq -f 'line %.0f' 100000; exit 3", "");
    let ran = site.apply(&["--output-dir", "out"]);
    server.has_misbehaved("drop-after");
    // The command ends about when the host is asked again: by then it is over, or it still runs.
    let said = site.read("out/odd1.stderr");
    match ran.state("odd1") {
        "failed" => {
            assert_eq!(ran.host("odd1")["exit"], serde_json::json!({"status": 3}));
            assert!(said.contains("the host knows how the attempt ended"), "{said}");
            site.is_clean();
        }
        "unknown" => assert!(said.contains("still runs"), "{said}"),
        state => panic!("{state}: {ran:?}"),
    }
}

#[test]
fn an_end_that_was_heard_counts_though_its_acknowledgement_is_lost() {
    let site = Site::new();
    let Some(server) = Server::start(&site, &["--drop-after", ENDED]) else { return };
    site.spec("odd1", "true", "");
    let ran = site.apply(&["--output-dir", "out"]);
    server.has_misbehaved("drop-after");
    ran.all("succeeded", 1);
    assert_eq!(site.log(), ["start odd1 1", "end odd1 1"]);
    assert_eq!(site.ssh_processes(), Vec::<String>::new());
    // Nobody has told the host that its word was heard: it keeps the end.
    until("the end to be kept on the host", || site.reports().len() == 1);
}

#[test]
fn an_end_that_was_not_heard_is_unknown_or_asked_for() {
    let site = Site::new();
    let Some(server) = Server::start(&site, &["--drop-before", ENDED, "--times", "1"]) else { return };
    site.spec("odd1", "true", "");
    let ran = site.apply(&["--output-dir", "out"]);
    server.has_misbehaved("drop-before");
    assert!(["unknown", "succeeded"].contains(&ran.state("odd1")), "{ran:?}");
    assert_eq!(site.log(), ["start odd1 1", "end odd1 1"], "it ran once");
}

/// Ends the server process that this command hangs on, and then waits at a gate.
pub(super) fn loses_its_sshd(gate: &str) -> String {
    format!("{KILLS_ITS_SSHD}; read go < {gate}")
}

/// Ends the server process that this command hangs on.
pub(super) const KILLS_ITS_SSHD: &str = "p=$$; while [ $p -gt 1 ]; do read -r s < /proc/$p/stat; c=${s#*\\(}; c=${c%)*}; \
     if [ \"$c\" = sshd ]; then kill -9 $p; break; fi; s=${s##*) }; set -- $s; p=$2; done";

#[test]
fn a_server_that_is_killed_in_the_middle() {
    let site = Site::new();
    let gate = site.gate("gate");
    site.spec("pogo-[1-3]", &format!("case $POGO_HOST in *2) {};; esac", loses_its_sshd(&gate)), "");
    let ran = site.apply(&[]);
    let states = [1, 2, 3].map(|n| ran.state(&format!("pogo-{n}")).to_owned());
    assert_eq!(states, ["succeeded", "unknown", "succeeded"], "{ran:?}");
    site.open_gate("gate");
    until("the command to run to its end", || site.has_logged("end pogo-2 1"));
    assert_eq!(site.ssh_processes(), Vec::<String>::new());
    assert_eq!(site.sockets(), Vec::<std::path::PathBuf>::new());
}

#[test]
fn what_is_unknown_is_not_tried_again() {
    let site = Site::new();
    let gate = site.gate("gate");
    site.spec(
        "pogo-1",
        &loses_its_sshd(&gate),
        "  retry: {attempts: 3, backoff: 1ms, retry_on: [unreachable, timeout, exit]}",
    );
    let ran = site.apply(&[]);
    assert_eq!((ran.state("pogo-1"), &ran.host("pogo-1")["attempts"]), ("unknown", &1.into()), "{ran:?}");
    site.open_gate("gate");
    until("the command to run to its end", || site.has_logged("end pogo-1 1"));
    assert_eq!(site.log(), ["start pogo-1 1", "end pogo-1 1"]);
}

#[test]
fn what_restarts_its_host_is_verified_afterwards() {
    let site = Site::new();
    let job = "  on_disconnect: verify\n  verify: {command: 'echo \"verified $POGO_HOST $POGO_ATTEMPT\" >> $LOG', interval: 100ms, timeout: 30s}";
    site.spec("pogo-1", KILLS_ITS_SSHD, job);
    let ran = site.apply(&["--output-dir", "out"]);
    ran.all("succeeded", 1);
    assert_eq!(site.log(), ["start pogo-1 1", "end pogo-1 1", "verified pogo-1 1"]);
    site.is_clean();
}
