//! How attempts end otherwise: deadlines, stops, signals, and who is left after them.

use pogo_plan::outcome::{Exit, Outcome, Phase};

use super::drive::*;
use crate::wrapper::{Ended, Event, Request};

const STUBBORN: &str = "trap '' TERM; sh -c 'trap \"\" TERM; echo child; while :; do sleep 0.1; done' & \
                        echo parent; while :; do sleep 0.1; done";

fn assert_gone(host: &Host, heard: &Heard) {
    let group = heard.traces.as_ref().unwrap().group.pid;
    if host.path.is_some() {
        // Without setsid the group is the session's: the wrapper itself is in it, for a moment longer.
        return eventually("nobody is left", || members(group).is_empty());
    }
    let left = members(group);
    assert!(left.is_empty(), "{:?}: {left:?}", host.shell);
}

#[test]
fn a_deadline_ends_everybody_also_who_ignores_term() {
    for host in Host::all() {
        let text = STUBBORN.to_owned();
        let (ended, heard) =
            host.run(pogo_plan::Job { timeout_ms: 700, finally: Some("echo last".to_owned()), ..job(&text) });
        assert_eq!(ended.outcome, Outcome::TimedOut, "{:?} {heard:?}", host.shell);
        assert!(heard.out().contains("child\n") && heard.out().ends_with("last\n"), "{heard:?}");
        assert_gone(&host, &heard);
        host.assert_clean();
    }
}

#[test]
fn a_stop_ends_everybody_and_term_comes_first() {
    for host in Host::all() {
        let text = "trap 'echo bye; exit' TERM; sleep 1000 & echo up; wait";
        let mut session = host.start(Request::run(&invocation(job(text)), None).unwrap());
        session.until_out("up\n");
        session.stop();
        let (ended, heard) = session.end();
        assert_eq!(ended.outcome, Outcome::Stopped, "{:?}", host.shell);
        assert_eq!(heard.out(), "up\nbye\n");
        assert_gone(&host, &heard);
        host.assert_clean();
    }
}

#[test]
fn a_stop_is_heard_whenever_it_comes() {
    for host in Host::all() {
        for nth in 0..12 {
            let text = pogo_plan::Job { prehook: Some("true".to_owned()), ..job("sleep 1000") };
            let mut session = host.start(Request::run(&invocation(text), None).unwrap());
            // In the same breath as the go, and at the beginning of each part.
            let phases = nth % 3;
            session.until(|event, heard| match phases {
                0 => matches!(event, Event::Started(_)),
                phases => heard.phases.len() == phases,
            });
            session.stop();
            let (ended, heard) = session.end();
            assert_eq!(ended.outcome, Outcome::Stopped, "{:?} {nth} {heard:?}", host.shell);
        }
        eventually("nobody holds its files", || users_of(&host.tmp()).is_empty());
        host.assert_clean();
    }
}

#[test]
fn a_stop_reaches_what_earlier_parts_left_behind() {
    for host in Host::all() {
        let left = host.file("pid");
        let prehook = Some(format!("sleep 1000 & echo $! >{}", left.display()));
        let posthook = Some("true".to_owned());
        let text = pogo_plan::Job { prehook, posthook, ..job("echo up; sleep 1000") };
        let mut session = host.start(Request::run(&invocation(text), None).unwrap());
        session.until_out("up\n");
        let pid: u32 = read(&left).trim().parse().unwrap();
        assert!(processes().iter().any(|process| process.0 == pid));
        session.stop();
        let (ended, _) = session.end();
        assert_eq!(ended.outcome, Outcome::Stopped, "{:?}", host.shell);
        assert!(processes().iter().all(|process| process.0 != pid), "{:?}", host.shell);
    }
}

#[test]
fn a_stop_ends_the_rest_between_two_checks() {
    for host in Host::all() {
        let verify = pogo_plan::job::Verify {
            command: "echo tried".to_owned(),
            interval_ms: 500_000,
            timeout_ms: 1_000_000,
            successes: 2,
        };
        let text = pogo_plan::Job { verify: Some(verify), ..job("true") };
        let mut session = host.start(Request::run(&invocation(text), None).unwrap());
        session.until_out("tried\n");
        session.stop();
        assert_eq!(session.end().0.outcome, Outcome::Stopped, "{:?}", host.shell);
        host.assert_clean();
    }
}

#[test]
fn statuses_and_signals_are_told() {
    for host in Host::all() {
        for (text, exit) in [
            ("exit 1", Exit::Status(1)),
            ("exit 127", Exit::Status(127)),
            ("exit 255", Exit::Status(255)),
            ("kill -KILL $$", Exit::Signal(9)),
            ("kill -SEGV $$", Exit::Signal(11)),
            ("no-such-command", Exit::Status(127)),
            ("kill -TERM $$", Exit::Signal(15)),
        ] {
            let (ended, _) = host.run(job(text));
            assert_eq!(
                ended.outcome,
                Outcome::Failed { exit, phase: Phase::Command },
                "{:?} {text}",
                host.shell
            );
        }
        host.assert_clean();
    }
}

#[test]
fn a_command_may_end_its_whole_group() {
    for shell in SHELLS {
        let host = Host::new(shell);
        let (ended, _) = host.run(job("sleep 1000 & kill -KILL 0"));
        assert_eq!(ended.outcome, Outcome::Failed { exit: Exit::Signal(9), phase: Phase::Command });
        host.assert_clean();
    }
}

#[test]
fn the_end_is_not_the_end_of_the_output() {
    for host in Host::all() {
        let left = host.file("pid");
        let text = format!("sleep 1000 & echo $! >{}; echo done", left.display());
        let (ended, heard) = host.run(job(&text));
        assert_eq!((ended.outcome, heard.out().as_str()), (Outcome::Succeeded, "done\n"), "{:?}", host.shell);
        // It goes on, as it would have after a login.
        let pid: i32 = read(&left).trim().parse().unwrap();
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL).unwrap();
        let (ended, _) = host.run(job("exec >&- 2>&-; sleep 0.2; exit 3"));
        assert_eq!(ended.outcome, Outcome::Failed { exit: Exit::Status(3), phase: Phase::Command });
        eventually("nobody holds its files", || users_of(&host.tmp()).is_empty());
    }
}

#[test]
fn damaged_input_starts_nothing() {
    use secrecy::ExposeSecret;
    // Every cut under one shell; the others read in the same way and get some.
    for (shell, step) in SHELLS.into_iter().zip([1, 23, 23]) {
        let host = Host::new(shell);
        let mark = host.file("ran");
        let text = format!("echo x >{}", mark.display());
        let job = || pogo_plan::Job {
            prehook: Some(text.clone()),
            finally: Some(text.clone()),
            ..script("s", text.as_bytes(), &[])
        };
        let whole = Request::run(&invocation(job()), None).unwrap().opening().expose_secret().len();
        let mut running = Vec::new();
        for cut in (0..whole).step_by(step) {
            let mut session = host.start_silent(Request::run(&invocation(job()), None).unwrap());
            let bytes = session.request.opening().expose_secret()[..cut].to_vec();
            session.write(&bytes);
            drop(session.stdin.take());
            running.push((cut, session));
            if running.len() == 8 {
                running.drain(..).for_each(|(cut, session)| assert_not_started(cut, session));
            }
        }
        running.drain(..).for_each(|(cut, session)| assert_not_started(cut, session));
        assert!(!mark.exists());
        host.assert_clean();
    }
}

fn assert_not_started(cut: usize, mut session: Session) {
    let end = session.until(|event, _| matches!(event, Event::Ended(_)));
    assert!(session.heard.phases.is_empty(), "cut at {cut}: {:?}", session.heard);
    assert!(
        matches!(end, None | Some(Event::Ended(Ended { outcome: Outcome::Unreachable, .. }))),
        "cut at {cut}: {end:?}"
    );
    session.leave();
}
