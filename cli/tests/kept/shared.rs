//! Several runs at the same time on one store.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use crate::{Home, Ran};

#[test]
fn two_runs_share_their_limits_and_say_so() {
    let home = Home::new();
    home.gate("gate");
    home.spec(
        "tag: {all: ['h[1-4]']}\nconstraint: {$all: {max_parallel: 1}}",
        "[ $POGO_HOST != h1 ] || read go < gate",
        "",
    );
    let mut first = home.start(&["--targets", "h1,h2"]);
    first.wait_for("attempt_started", &[("host", "h1")]);
    let job = home.last_job();
    let path = std::env::var_os("PATH").unwrap();
    let mut second = home
        .command(&["apply", "a.cfg", "--targets", "h3,h4"])
        .env("PATH", path)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut shown = BufReader::new(second.stdout.as_mut().unwrap());
    let words = format!("waits for a place in $all: h1 runs in job {job}; goes on by itself");
    let mut line = String::new();
    while !line.contains(&words) {
        line.clear();
        assert_ne!(shown.read_line(&mut line).unwrap(), 0, "it ended without {words:?}");
    }
    let status = home.run(&["status"]).stdout;
    assert!(status.contains(&format!("wait for a place in $all: h1 (job {job} runs on it)")), "{status}");
    home.open_gate("gate");
    let second = Ran::from(second.wait_with_output().unwrap());
    let first = first.end();
    assert_eq!((first.code, second.code), (0, 0), "{first:?} {second:?}");
    let log = home.log();
    assert_eq!(log.len(), 8, "{log:?}");
    // Never two at once, whichever run they belong to.
    for pair in log.chunks(2) {
        let [start, end] = pair else { panic!("{log:?}") };
        assert_eq!(start.replace("start", "end"), *end, "{log:?}");
    }
}

#[test]
fn a_host_that_an_ended_run_left_bad_still_counts() {
    let home = Home::new();
    let spec = |work: &str, namespace: &str| {
        let head = "tag: {all: ['h[1-2]']}\nconstraint: {$all: {max_parallel: 1}}";
        home.spec(&format!("namespace: {namespace}\n{head}"), work, "");
    };
    spec("exit 3", "default");
    assert_eq!(home.apply(&["a.cfg", "--targets", "h1", "--quiet"]).code, 1);
    let job = home.last_job();
    spec("true", "default");
    let held_up = home.apply(&["a.cfg", "--targets", "h2"]);
    assert_eq!(held_up.code, 1, "{held_up:?}");
    for words in [
        format!("h1 (failed in job {job}) takes a place in $all"),
        format!("  pogo retry {job} h1"),
        "  pogo release h1 --reason".to_owned(),
    ] {
        assert!(held_up.stdout.contains(&words), "{words}: {held_up:?}");
    }
    let status = home.run(&["status"]).stdout;
    assert!(status.contains(&format!("h1 (failed in job {job}) takes a place in $all")), "{status}");
    assert_eq!(home.run(&["release", "h1", "--reason", "looked at it"]).code, 0);
    assert_eq!(home.pogo(&["resume", "last", "--quiet"]).code, 0);
    // Another namespace has other hosts.
    spec("exit 3", "default");
    assert_eq!(home.apply(&["a.cfg", "--targets", "h1", "--quiet"]).code, 1);
    spec("true", "lab");
    assert_eq!(home.apply(&["a.cfg", "--targets", "h2", "--quiet"]).code, 0);
}
