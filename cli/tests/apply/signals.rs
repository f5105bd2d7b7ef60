//! Signals, with commands that wait until they are let go.

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;

use rustix::process::{Pid, Signal};

use crate::Home;

const TWO: &str = "tag: {all: ['web[1-2]']}\nconstraint: {$all: {max_parallel: 1}}";

/// The command leaves a child of its own behind it, which must not outlive a stop.
const WAITS: &str = "sh -c 'echo $$ > pid; read go < gate' &\nwait $!";

fn waiting(job: &str) -> Home {
    let home = Home::new();
    home.gate("gate");
    home.spec(TWO, WAITS, job);
    home
}

fn is_alive(home: &Home) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", home.read("pid").trim())).unwrap_or_default();
    // A process that has ended may still be on the list until its new parent looks.
    stat.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with('Z'))
}

#[test]
fn an_interrupt_halts_and_lets_what_runs_come_to_its_end() {
    let home = waiting("");
    let mut run = home.start(&[]);
    run.wait_for("attempt_started", &[("host", "web1")]);
    run.signal(Signal::INT);
    run.wait_for_words("Ctrl-C again");
    run.wait_for("job_state", &[("state", "halting")]);
    home.open_gate("gate");
    run.wait_for("host_state", &[("host", "web1"), ("state", "succeeded")]);
    run.wait_for("job_state", &[("state", "halted")]);
    let ran = run.end();
    assert_eq!(ran.code, 4, "{ran:?}");
    assert!(ran.stderr.contains("halted"), "{ran:?}");
    assert!(ran.stderr.contains("1 succeeded, 1 cancelled of 2 hosts"), "{ran:?}");
    assert_eq!(home.log(), ["start web1 1", "end web1 1"]);
}

#[test]
fn a_second_interrupt_ends_what_runs_with_all_its_processes() {
    let home = waiting("");
    let mut run = home.start(&[]);
    run.wait_for("attempt_started", &[("host", "web1")]);
    home_has_pid(&home);
    run.signal(Signal::INT);
    run.wait_for("job_state", &[("state", "halting")]);
    assert!(is_alive(&home), "the first one ends nothing");
    run.signal(Signal::INT);
    run.wait_for("host_state", &[("host", "web1"), ("state", "stopped")]);
    let ran = run.end();
    assert_eq!(ran.code, 130, "{ran:?}");
    assert!(!is_alive(&home), "a grandchild was left");
    assert_eq!(home.log(), ["start web1 1"]);
}

#[test]
fn a_termination_ends_what_runs_at_once() {
    for (signal, code) in [(Signal::TERM, 143), (Signal::HUP, 129)] {
        let home = waiting("");
        let mut run = home.start(&[]);
        run.wait_for("attempt_started", &[("host", "web1")]);
        home_has_pid(&home);
        run.signal(signal);
        run.wait_for("host_state", &[("host", "web1"), ("state", "stopped")]);
        run.wait_for("job_state", &[("state", "halted")]);
        assert_eq!(run.end().code, code);
        assert!(!is_alive(&home), "a grandchild was left");
    }
}

#[test]
fn a_third_interrupt_leaves_what_does_not_want_to_end() {
    let home = Home::new();
    home.gate("gate");
    home.gate("ready");
    // Nothing but the end of the gate ends it before it is killed.
    home.spec(TWO, "trap '' TERM\necho $$ > pid\necho x > ready\nread go < gate", "");
    let mut run = home.start(&[]);
    assert_eq!(std::fs::read_to_string(home.file("ready")).unwrap(), "x\n");
    run.wait_for("attempt_started", &[("host", "web1")]);
    run.signal(Signal::INT);
    run.wait_for_words("Ctrl-C again");
    run.signal(Signal::INT);
    run.wait_for_words("Once more leaves at once");
    run.signal(Signal::INT);
    assert_eq!(run.end().code, 130);
    let pid: i32 = home.read("pid").trim().parse().unwrap();
    // It may have been killed a moment before the program left; if not, it is left to the test.
    let _gone = rustix::process::kill_process_group(Pid::from_raw(pid).unwrap(), Signal::KILL);
}

#[test]
fn a_signal_ends_the_program_of_an_external_group_at_once() {
    for (signal, number) in [(Signal::INT, 2), (Signal::TERM, 15)] {
        let home = Home::new();
        home.gate("gate");
        home.write("a.cfg", "tag: {all: [$t x]}\njob: {transport: local, command: 'true'}\n");
        let folder = home.path().display();
        // It has a child of its own, and nobody opens the gate.
        home.write("pogo-tag-t", &format!("#!/bin/sh\ncd '{folder}'\n{WAITS}\n"));
        let program = home.file("pogo-tag-t");
        std::fs::set_permissions(program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let run = home.start(&["--resolver-path", "."]);
        home_has_pid(&home);
        run.signal(signal);
        let status = run.status();
        assert_eq!(status.signal(), Some(number), "{status:?}");
        // It was sent KILL; its end may be on its way.
        assert!((0..10_000_000).any(|_| !is_alive(&home)), "its child was left");
    }
}

/// Waits until the command's child has said who it is: it then waits at the gate, and has before that written `pid`.
fn home_has_pid(home: &Home) {
    // The file is written by a process that nobody tells about; it is there after a bounded number of looks.
    for _ in 0..10_000_000 {
        if home.read("pid").ends_with('\n') {
            return;
        }
        std::thread::yield_now();
    }
    panic!("the command did not come to its gate");
}
