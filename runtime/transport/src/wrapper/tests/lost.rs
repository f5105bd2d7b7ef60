//! Attempts whose owner goes away, and what a probe learns of them.

use pogo_plan::outcome::{Exit, Outcome, Phase};

use super::drive::*;
use crate::wrapper::{ACKNOWLEDGE, Event, Probe, Probed, Request, Traces};

fn probe(host: &Host, traces: Option<Traces>) -> Probed {
    probe_for(host, invocation(job("x")).id(), traces)
}

fn probe_for(host: &Host, id: &str, traces: Option<Traces>) -> Probed {
    let probe = Probe { id: id.to_owned(), traces };
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
        session.leave();
        // What cannot be opened again is let go of. A pipe of the session's is the command's own output: the server closes
        // its end when the client does.
        if host.has_sockets {
            assert_eq!(session.until(|event, _| matches!(event, Event::Ended(_))), None, "{:?}", host.shell);
        }
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
fn a_probe_that_saw_it_run_does_not_take_its_end_away() {
    for host in Host::all() {
        let go = host.file("go");
        nix::unistd::mkfifo(&go, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let text = format!("echo up; read x <{}; exit 4", go.display());
        let mut session = host.start(Request::run(&invocation(job(&text)), None).unwrap());
        session.until_out("up\n");
        let traces = session.heard.traces.clone();
        drop(session.stdin.take());
        session.leave();
        eventually("the record is there", || host.report().exists());
        // One that has heard that it runs, and says so only when it has ended.
        let ask = Probe { id: invocation(job("x")).id().to_owned(), traces: traces.clone() };
        let mut asking = host.start(Request::probe(&ask, None).unwrap());
        let heard = asking.until(|event, _| matches!(event, Event::Probed(_)));
        assert_eq!(heard, Some(Event::Probed(Probed::Running)), "{:?}", host.shell);
        std::fs::write(&go, "x\n").unwrap();
        eventually("the record of the end", || read(&host.report()).contains("failed"));
        eventually("nobody holds its files", || users_of(&host.tmp()).is_empty());
        asking.write(ACKNOWLEDGE);
        asking.leave();
        let failed = Outcome::Failed { exit: Exit::Status(4), phase: Phase::Command };
        assert_eq!(probe(&host, traces), Probed::Ended(failed), "{:?}", host.shell);
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
fn an_owner_lost_with_its_last_word_leaves_nothing_but_a_record() {
    for host in Host::all() {
        for _ in 0..6 {
            let mut session = host.start(Request::run(&invocation(job("exit 1")), None).unwrap());
            // Before the keeper can have said anything.
            drop(session.stdin.take());
            session.leave();
            drop(session);
            let what = format!("nobody holds its files: {:?} {}", host.shell, host.has_sockets);
            eventually(&what, || users_of(&host.tmp()).is_empty());
            let left = || std::fs::read_dir(host.tmp()).unwrap().flatten().map(|entry| entry.file_name());
            let what = format!("its files are gone: {:?} {:?}", host.shell, left().collect::<Vec<_>>());
            eventually(&what, || left().next().is_none());
        }
        eventually("the record", || read(&host.report()).contains("unreachable"));
    }
}

#[test]
fn an_end_without_acknowledgement_is_kept() {
    let keep = |host: &Host, closes: bool| {
        let mut session = host.start(Request::run(&invocation(job("exit 6")), None).unwrap());
        session.until(|event, _| matches!(event, Event::Ended(_))).unwrap();
        if closes {
            drop(session.stdin.take());
        }
        session.leave();
        let failed = Outcome::Failed { exit: Exit::Status(6), phase: Phase::Command };
        eventually("the record", || read(&host.report()).contains("failed"));
        assert_eq!(probe(host, None), Probed::Ended(failed), "{:?}", host.shell);
        eventually("nobody holds its files", || users_of(&host.tmp()).is_empty());
        host.assert_clean();
    };
    // Silence is waited out, so all of them at once.
    std::thread::scope(|scope| {
        for host in Host::all() {
            scope.spawn(move || {
                keep(&host, true);
                keep(&host, false);
            });
        }
    });
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

#[test]
fn a_run_prunes_old_records_too() {
    for host in Host::all() {
        let folder = host.home().join(".cache/pogo");
        std::fs::create_dir_all(&folder).unwrap();
        let (old, young) = (folder.join("00000001-a-1"), folder.join("00000001-b-1"));
        std::fs::write(&old, "pogo 1 succeeded 0 -\n").unwrap();
        std::fs::write(&young, "pogo 1 succeeded 0 -\n").unwrap();
        let touched =
            std::process::Command::new("touch").args(["-d", "8 days ago"]).arg(&old).status().unwrap();
        assert!(touched.success());
        assert_eq!(host.run(job("true")).0.outcome, Outcome::Succeeded, "{:?}", host.shell);
        assert!(!old.exists() && young.exists(), "{:?}", host.shell);
    }
}

/// Runs an attempt to its end without its owner, and asks for its record.
fn record_of_a_lost_one(number: u32, host: &Host) -> Probed {
    let number = number * 10_000_000 + std::process::id();
    let invocation = invocation_of(number, job("echo up; exit 6"), &std::collections::BTreeMap::new());
    let mut session = host.start(Request::run(&invocation, None).unwrap());
    session.until_out("up\n");
    drop(session.stdin.take());
    session.leave();
    let mut probed = Probed::Gone;
    eventually(&format!("the record of the end, {:?} {:?}", host.shell, host.env), || {
        probed = probe_for(host, invocation.id(), None);
        matches!(probed, Probed::Ended(_))
    });
    probed
}

#[test]
fn a_home_that_takes_no_record_has_stand_ins() {
    let failed = Probed::Ended(Outcome::Failed { exit: Exit::Status(6), phase: Phase::Command });
    let full = Mount::new("size=16k,nr_inodes=1");
    for mut host in Host::all() {
        // Later ones override: first only /tmp is left, then the folder of the session too.
        for home in
            [Some(std::path::PathBuf::from("/proc")), full.as_ref().map(|full| full.at.path().to_owned())]
        {
            let Some(home) = home else { continue };
            host.env = vec![("HOME", home.clone())];
            assert_eq!(record_of_a_lost_one(1, &host), failed, "{:?} {home:?}", host.shell);
            let runtime = host.file("runtime");
            std::fs::create_dir_all(&runtime).unwrap();
            host.env.push(("XDG_RUNTIME_DIR", runtime.clone()));
            assert_eq!(record_of_a_lost_one(1, &host), failed, "{:?} {home:?}", host.shell);
            assert!(runtime.join("pogo").exists(), "{:?}", host.shell);
        }
    }
}

#[test]
fn a_folder_of_somebody_else_takes_no_record() {
    if !nix::unistd::Uid::effective().is_root() {
        eprintln!("SKIPPED: the right to give files away is needed");
        return;
    }
    let host = Host::new(SHELLS[0]);
    let theirs = host.home().join(".cache/pogo");
    std::fs::create_dir_all(&theirs).unwrap();
    std::os::unix::fs::chown(&theirs, Some(65_534), None).unwrap();
    let failed = Probed::Ended(Outcome::Failed { exit: Exit::Status(6), phase: Phase::Command });
    assert_eq!(record_of_a_lost_one(2, &host), failed);
    assert_eq!(std::fs::read_dir(&theirs).unwrap().count(), 0);
}
