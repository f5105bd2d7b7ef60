//! Attempts whose owner goes away, and what a probe learns of them.

use pogo_plan::outcome::{Exit, Outcome, Phase};

use super::drive::*;
use crate::wrapper::{ACKNOWLEDGE, Event, Probe, Probed, Request, Traces};

fn probe(host: &Host, traces: Option<Traces>) -> Probed {
    let probe = Probe { id: invocation(job("x")).id().to_owned(), traces };
    let mut session = host.start(Request::probe(&probe, None).unwrap());
    let Some(Event::Probed(probed)) = session.until(|event, _| matches!(event, Event::Probed(_))) else {
        panic!("no answer: {}", session.decoder.noise());
    };
    session.write(ACKNOWLEDGE);
    session.leave();
    probed
}

#[test]
fn a_lost_owner_leaves_a_command_that_ends_and_a_record_of_it() {
    for host in Host::all() {
        let (go, done) = (host.file("go"), host.file("done"));
        nix::unistd::mkfifo(&go, nix::sys::stat::Mode::S_IRWXU).unwrap();
        // More than any pipe holds, written when nobody listens.
        let text = format!(
            "echo up; read x <{}; head -c 300000 /dev/zero; head -c 300000 /dev/zero >&2; echo >{}; exit 4",
            go.display(),
            done.display()
        );
        let mut session = host.start(Request::run(&invocation(job(&text)), None).unwrap());
        session.until_out("up\n");
        let traces = session.heard.traces.clone();
        drop(session.stdin.take());
        // The server's process leaves and lets go of every pipe.
        session.leave();
        assert_eq!(session.until(|event, _| matches!(event, Event::Ended(_))), None, "{:?}", host.shell);
        assert_eq!(probe(&host, traces.clone()), Probed::Running, "{:?}", host.shell);
        eventually("the record is there", || host.report().exists());
        assert_eq!(probe(&host, None), Probed::Running);
        std::fs::write(&go, "x\n").unwrap();
        eventually("the record of the end", || read(&host.report()).contains("failed"));
        assert!(done.exists());
        let mode =
            std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(host.report()).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
        let failed = Outcome::Failed { exit: Exit::Status(4), phase: Phase::Command };
        assert_eq!(probe(&host, traces.clone()), Probed::Ended(failed), "{:?}", host.shell);
        // Read once, it is removed.
        eventually("nobody of it is left", || probe(&host, traces.clone()) == Probed::Gone);
        eventually("the folder is removed", || users_of(&host.tmp()).is_empty());
        host.assert_clean();
    }
}

#[test]
fn a_lost_owner_does_not_lift_a_deadline() {
    for host in Host::all() {
        let (pid, last) = (host.file("pid"), host.file("last"));
        let text = format!("echo $$ >{}; echo up; sleep 1000", pid.display());
        let finally = Some(format!("echo >{}", last.display()));
        let text = pogo_plan::Job { timeout_ms: 1_500, finally, ..job(&text) };
        let mut session = host.start(Request::run(&invocation(text), None).unwrap());
        session.until_out("up\n");
        // As a SIGKILL of the client does: every pipe at once.
        let traces = session.heard.traces.clone().unwrap();
        drop(session.stdin.take());
        drop(session);
        eventually("the record of the end", || read(&host.report()).contains("timed_out"));
        assert!(last.exists());
        assert!(members(traces.group.pid).is_empty() || host.path.is_some());
        assert_eq!(probe(&host, Some(traces)), Probed::Ended(Outcome::TimedOut), "{:?}", host.shell);
    }
}

#[test]
fn an_owner_lost_before_the_go_means_no_start() {
    for host in Host::all() {
        let mark = host.file("ran");
        let text = job(&format!("echo >{}", mark.display()));
        let mut session = host.start(Request::run(&invocation(text), None).unwrap());
        session.goes = false;
        session.until(|event, _| matches!(event, Event::Started(_))).unwrap();
        let traces = session.heard.traces.clone();
        drop(session.stdin.take());
        session.leave();
        eventually("the record", || read(&host.report()).contains("unreachable"));
        assert_eq!(probe(&host, traces), Probed::Ended(Outcome::Unreachable), "{:?}", host.shell);
        assert!(!mark.exists());
    }
}

#[test]
fn an_end_without_acknowledgement_is_kept() {
    for host in Host::all() {
        for closes in [true, false] {
            let mut session = host.start(Request::run(&invocation(job("exit 6")), None).unwrap());
            session.until(|event, _| matches!(event, Event::Ended(_))).unwrap();
            if closes {
                drop(session.stdin.take());
            }
            session.leave();
            let failed = Outcome::Failed { exit: Exit::Status(6), phase: Phase::Command };
            eventually("the record", || read(&host.report()).contains("failed"));
            assert_eq!(probe(&host, None), Probed::Ended(failed), "{:?}", host.shell);
        }
    }
}

#[test]
fn old_records_are_pruned_and_another_boot_is_told() {
    let host = Host::new(SHELLS[0]);
    let folder = host.home().join(".cache/pogo");
    std::fs::create_dir_all(&folder).unwrap();
    let old = folder.join("00000001-a-1");
    std::fs::write(&old, "pogo 1 succeeded 0 -\n").unwrap();
    let touched = std::process::Command::new("touch").args(["-d", "9 days ago"]).arg(&old).status().unwrap();
    assert!(touched.success());
    let traces: Traces = "00000000-0000 4711 1 4712 1".parse().unwrap();
    assert_eq!(probe(&host, Some(traces)), Probed::Rebooted);
    assert!(!old.exists());
}
