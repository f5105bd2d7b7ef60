//! Jobs that run while they are spoken to, and jobs whose process dies.

use rustix::process::Signal;

use super::refused;
use crate::Home;

const THREE: &str = "tag: {all: ['h[1-3]']}\nconstraint: {$all: {max_parallel: 1}}";
const WAITS: &str = "[ $POGO_HOST != h1 ] || read go < gate";

fn waiting() -> Home {
    let home = Home::new();
    home.gate("gate");
    home.spec(THREE, WAITS, "");
    home
}

#[test]
fn a_running_job_is_spoken_to_from_elsewhere() {
    let home = waiting();
    let mut run = home.start(&[]);
    run.wait_for("attempt_started", &[("host", "h1")]);
    let job = home.last_job();
    assert_eq!(home.json(&["jobs", "--state", "running"])["jobs"][0]["job"], job);
    let status = home.run(&["status", &job]).stdout;
    assert!(status.contains("run by ") && status.contains("h1 running"), "{status}");
    assert!(status.contains("h[2-3] wait for a place in $all: h1 (job "), "{status}");
    refused(&home.run(&["resume", &job]), "is run by");
    refused(&home.run(&["retry", &job]), "is run by");

    let altered = home.run(&["alter", &job, "--set", "concurrent=1", "--reason", "slowly"]);
    assert_eq!((altered.code, altered.stdout), (0, format!("job {job}: alter concurrent=1: done\n")));
    let skipped = home.run(&["skip", &job, "h3", "--reason", "later"]);
    assert_eq!((skipped.code, skipped.stdout), (0, format!("job {job}: h3: skip it: done\n")));
    run.wait_for("host_state", &[("host", "h3"), ("state", "skipped")]);
    refused(&home.run(&["stop", &job, "h2"]), "refused: the host is waiting");
    let halted = home.run(&["halt", &job, "--reason", "the site is slow"]);
    assert_eq!(halted.code, 0, "{halted:?}");
    run.wait_for("job_state", &[("state", "halting")]);
    refused(&home.run(&["halt", &job]), "refused: the job is halting");
    home.open_gate("gate");
    let ran = run.end();
    assert_eq!(ran.code, 4, "{ran:?}");
    assert!(ran.stderr.contains(&format!("pogo resume {job}")), "{ran:?}");

    let log = home.run(&["log", &job]).stdout;
    for words in ["alter concurrent=1: slowly", "halt: the site is slow", "halt: refused, the job is halting"]
    {
        assert!(log.contains(words), "{words}: {log}");
    }
    assert_eq!(home.pogo(&["resume", &job, "--quiet"]).code, 0);
    assert_eq!(home.log(), ["start h1 1", "end h1 1", "start h2 1", "end h2 1"]);
}

#[test]
fn hosts_are_stopped_from_elsewhere() {
    let home = waiting();
    let mut run = home.start(&[]);
    run.wait_for("attempt_started", &[("host", "h1")]);
    let stopped = home.run(&["stop", "last", "h1", "--reason", "it hangs"]);
    assert_eq!(stopped.code, 0, "{stopped:?}");
    run.wait_for("host_state", &[("host", "h1"), ("state", "stopped")]);
    let ran = run.end();
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!(home.state(), "blocked");
}

#[test]
fn after_a_kill_nothing_runs_twice() {
    let home = waiting();
    let mut run = home.start(&[]);
    run.wait_for("attempt_started", &[("host", "h1")]);
    let job = home.last_job();
    run.signal(Signal::KILL);
    assert!(!run.status().success());
    // What ran runs on, without anybody who sees its end.
    home.open_gate("gate");
    assert_eq!(home.state(), "interrupted");
    let status = home.run(&["status"]).stdout;
    assert!(status.contains("nobody runs it") && status.contains(&format!("pogo resume {job}")), "{status}");
    let followed = home.run(&["log", "--follow"]);
    assert!(followed.stdout.ends_with(&format!("`pogo resume {job}` goes on with it\n")), "{followed:?}");
    let altered = home.run(&["alter", &job, "--set", "stagger=1ms"]);
    assert!(altered.code == 0 && altered.stdout.contains("taken up with `pogo resume"), "{altered:?}");

    let resumed = home.pogo(&["resume", &job]);
    assert_eq!(resumed.code, 1, "{resumed:?}");
    assert!(resumed.stdout.contains("h1 unknown"), "{resumed:?}");
    assert!(home.run(&["log"]).stdout.contains("said: alter stagger=1ms"));
    refused(&home.run(&["release", "h1", "--reason", "x"]), "`pogo decide");
    refused(&home.pogo(&["retry", &job, "h1"]), "decide first");
    let decided = home.run(&["decide", &job, "h1", "--as", "succeeded", "--reason", "the log says so"]);
    assert_eq!(decided.code, 0, "{decided:?}");
    assert_eq!(home.pogo(&["resume", &job, "--quiet"]).code, 0);
    assert_eq!(home.log().iter().filter(|line| line.starts_with("start")).count(), 3);
    assert_eq!(home.json(&["jobs"])["jobs"].as_array().unwrap().len(), 1, "it is one job all the time");
}

#[test]
fn an_interrupted_job_can_be_halted_for_good() {
    let home = waiting();
    let mut run = home.start(&[]);
    run.wait_for("attempt_started", &[("host", "h1")]);
    run.signal(Signal::KILL);
    assert!(!run.status().success());
    home.open_gate("gate");
    let halted = home.run(&["halt", "last"]);
    assert!(halted.code == 0 && halted.stdout.contains("the job is halted"), "{halted:?}");
    assert_eq!(home.state(), "halted");
    assert_eq!(home.json(&["out"])["hosts"][0]["bad"][0]["state"], "unknown");
}
