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
    let out = home.run(&["out"]).stdout;
    assert!(out.lines().nth(1).unwrap().ends_with("default    $all (1 of 1)"), "{out}");
    let limits = home.json(&["out"])["hosts"][0]["limits"].clone();
    let of: Vec<_> = limits.as_array().unwrap().iter().map(|limit| limit["limit"].clone()).collect();
    assert_eq!(of, ["$all", "$all"], "one for each unfinished job: {limits}");
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

/// Keeps every namespace's turn in a store, as a stopped process would, until it is dropped.
struct Turn(std::fs::File);

impl Turn {
    fn keep(home: &Home) -> Self {
        let file = home.file(".local/state/pogo/store/locks/namespace-1");
        let file = std::fs::File::options().read(true).write(true).open(file).unwrap();
        let turn = Self(file);
        turn.lock(nix::libc::F_WRLCK);
        turn
    }

    /// Everybody in line stands behind the first ticket.
    fn lock(&self, kind: nix::libc::c_int) {
        let range = nix::libc::flock {
            l_type: i16::try_from(kind).unwrap(),
            l_whence: 0,
            l_start: 64,
            l_len: 0,
            l_pid: 0,
        };
        nix::fcntl::fcntl(&self.0, nix::fcntl::FcntlArg::F_SETLK(&range)).unwrap();
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.lock(nix::libc::F_UNLCK);
    }
}

#[test]
fn a_turn_that_does_not_come_is_told() {
    let home = Home::blocked();
    let turn = Turn::keep(&home);
    let path = std::env::var_os("PATH").unwrap();
    let start = |args: &[&str]| {
        let mut command = home.command(args);
        command.env("PATH", &path).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let mut waiting = [
        start(&["release", "h3", "--reason", "x"]),
        start(&["apply", "a.cfg", "--targets", "h1", "--quiet"]),
    ];
    for child in &mut waiting {
        let mut line = String::new();
        BufReader::new(child.stderr.as_mut().unwrap()).read_line(&mut line).unwrap();
        assert!(line.starts_with("warning: for ") && line.contains("the namespace default"), "{line}");
        assert!(line.contains("had the turn last"), "{line}");
    }
    drop(turn);
    for child in waiting {
        let ran = Ran::from(child.wait_with_output().unwrap());
        assert_eq!(ran.code, 0, "{ran:?}");
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
    let out = home.run(&["out"]).stdout;
    assert!(out.contains("  no limit now\nno limit now: no unfinished job limits it;"), "{out}");
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
