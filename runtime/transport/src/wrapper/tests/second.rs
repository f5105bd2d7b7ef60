//! A second session that ends what is left.

use super::drive::*;
use crate::wrapper::{Event, Kill, Killed, Request, Traces};

fn kill(host: &Host, traces: Traces) -> Killed {
    let mut session = host.start(Request::kill(&Kill { traces }, None).unwrap());
    let Some(Event::Killed(killed)) = session.until(|event, _| matches!(event, Event::Killed(_))) else {
        panic!("no answer: {}", session.decoder.noise());
    };
    session.leave();
    killed
}

#[test]
fn a_kill_ends_the_keeper_and_everybody_in_the_group() {
    for host in Host::all() {
        let last = host.file("last");
        let text = pogo_plan::Job {
            finally: Some(format!("echo >{}", last.display())),
            ..job(
                "trap '' TERM; (trap '' TERM; while :; do sleep 0.1; done) & echo up; while :; do sleep 0.1; done",
            )
        };
        let mut session = host.start(Request::run(&invocation(text), None).unwrap());
        session.until_out("up\n");
        let traces = session.heard.traces.clone().unwrap();
        assert_eq!(kill(&host, traces.clone()), Killed::Gone, "{:?}", host.shell);
        assert!(members(traces.group.pid).is_empty());
        assert!(!last.exists());
        assert_eq!(kill(&host, traces), Killed::Gone);
        session.end_by_closing();
        // Nor is its timer, which would ring for whoever has its number then.
        eventually("nobody holds its files", || users_of(&host.tmp()).is_empty());
    }
}

#[test]
fn strangers_are_left_alone() {
    for shell in SHELLS {
        let host = Host::new(shell);
        let mut session = host.start(Request::run(&invocation(job("echo up; sleep 1000")), None).unwrap());
        session.until_out("up\n");
        let traces = session.heard.traces.clone().unwrap();
        let mut reused = traces.clone();
        reused.group.start = "1".to_owned();
        reused.keeper.start = "1".to_owned();
        assert_eq!(kill(&host, reused), Killed::Gone);
        let mut rebooted = traces.clone();
        rebooted.boot_id = "0000".to_owned();
        assert_eq!(kill(&host, rebooted), Killed::Rebooted);
        assert!(!members(traces.group.pid).is_empty());
        session.stop();
        session.end();
    }
}
