//! What is refused, before anything starts.

use std::fs::File;
use std::io::Write as _;
use std::process::Stdio;
use std::time::{Duration, SystemTime};

use crate::{Home, Ran};

fn one() -> Home {
    let home = Home::new();
    home.spec("tag: {all: [h1]}", "true", "");
    assert_eq!(home.run(&["compile", "a.cfg", "-o", "plan.json"]).code, 0);
    home
}

#[track_caller]
fn refused(home: &Home, code: i32, args: &[&str], words: &str) {
    let ran = home.apply(args);
    assert_eq!((ran.code, ran.stdout.as_str()), (code, ""), "{args:?} {ran:?}");
    assert!(ran.stderr.contains(words), "{args:?}: {}", ran.stderr);
    assert_eq!(home.log(), [""; 0], "{args:?}");
}

#[test]
fn a_plan_is_run_as_it_is() {
    let home = one();
    let flags: [&[&str]; 9] = [
        &["--timeout", "1m"],
        &["--targets", "h1"],
        &["--set", "timeout=1m"],
        &["--run-command", "date"],
        &["--recover"],
        &["--env", "A=b"],
        &["--deny", "warnings"],
        &["--verify", "true"],
        &["--transport", "local"],
    ];
    for flag in flags {
        let args: Vec<&str> = std::iter::once("plan.json").chain(flag.iter().copied()).collect();
        refused(&home, 2, &args, "a plan is run as it is");
    }
    assert_eq!(home.apply(&["plan.json", "--fanout", "1", "--max-connecting", "1"]).code, 0);
    assert_eq!(home.log().len(), 2);
}

#[test]
fn an_old_plan_is_refused_with_a_code_of_its_own() {
    let home = one();
    let file = File::options().append(true).open(home.file("plan.json")).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_secs(7200)).unwrap();
    refused(&home, 5, &["plan.json", "--max-age", "1h"], "2h0m old, and `--max-age` allows 1h0m");
    refused(&home, 2, &["plan.json", "--max-age", "60"], "write a duration with its unit");
    refused(&home, 2, &["a.cfg", "--max-age", "1h"], "this is a spec");
    let path = std::env::var_os("PATH").unwrap();
    let mut child = home
        .command(&["apply", "-", "--max-age", "1h"])
        .env("PATH", path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(home.read("plan.json").as_bytes()).unwrap();
    let ran = Ran::from(child.wait_with_output().unwrap());
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("has no age"), "{ran:?}");
    assert_eq!(home.apply(&["plan.json", "--max-age", "3h"]).code, 0);
}

#[test]
fn what_this_machine_cannot_do_is_said() {
    let home = one();
    home.write("none.cfg", "tag: {all: [h1]}\njob: {transport: local}\n");
    refused(&home, 2, &["none.cfg"], "neither `command` nor `script`");
    refused(&home, 2, &["a.cfg", "--run-as", "nobody-here"], "`run_as: nobody-here` cannot be had");
    refused(&home, 2, &["a.cfg", "--events", "-", "--format", "json"], "would both write to standard output");
    refused(&home, 2, &["a.cfg", "--junit", "-"], "`--junit` needs a file");
}

#[test]
fn secrets_are_read_before_anything_starts_and_named_when_missing() {
    let home = one();
    let secrets = ["--secret", "A=env:NOT_SET_HERE", "--secret", "B=file:none"];
    let args: Vec<&str> = std::iter::once("a.cfg").chain(secrets).collect();
    refused(&home, 2, &args, "`A`: the variable NOT_SET_HERE is not set; `B`: none: no such file");
    refused(&home, 2, &["a.cfg", "--secret", "A=hunter2"], "does not say where the secret comes from");
    let silent = home.apply(&["a.cfg", "--secret", "A=hunter2"]);
    assert!(!silent.stderr.contains("hunter2"), "{silent:?}");
    home.write("token", "s3cret\n");
    home.write("b.cfg", "tag: {all: [h1]}\njob: {transport: local, command: '[ \"$T\" = s3cret ]'}\n");
    let ran = home.apply(&["b.cfg", "--secret", "T=file:token", "--events", "events", "-vv"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let told = home.read("events") + &ran.stdout + &ran.stderr;
    assert!(!told.contains("s3cret"), "{told}");
}

#[test]
fn flags_are_read_as_the_spec_is() {
    let home = one();
    for (args, words) in [
        (["--timeout", "5"], "--timeout"),
        (["--retry", "many"], "--retry"),
        (["--ramp", "1,x"], "--ramp"),
        (["--concurrent", "0"], "--concurrent"),
        (["--on-failure", "panic"], "--on-failure"),
        (["--max-output", "1"], "--max-output"),
        (["--verify-interval", "1s"], "verify"),
        (["--env", "POGO_HOST=x"], "POGO_HOST"),
    ] {
        refused(&home, 2, &["a.cfg", args[0], args[1]], words);
    }
}

#[test]
fn flags_lie_over_the_spec() {
    let home = one();
    home.write("run.sh", "#!/bin/sh\necho \"$1-$2-$GREETING-$EXTRA\"\n");
    let ran = home.apply(&[
        "a.cfg",
        "--script",
        "run.sh",
        "--arg",
        "one",
        "--arg",
        "-two",
        "--env",
        "GREETING=a: b #c",
        "--env",
        "EXTRA=",
        "--prehook",
        "echo pre",
        "--posthook",
        "echo post",
        "--finally",
        "echo fin",
        "--verify",
        "echo ver",
        "--verify-successes",
        "2",
        "--verify-interval",
        "1ms",
        "--stagger",
        "1ms",
        "--ramp",
        "1,2",
        "--concurrent",
        "100%",
        "--max-failures",
        "1",
        "--job-timeout",
        "1m",
        "--shell",
        "sh -eu",
        "--retry",
        "{attempts: 1}",
        "--recover",
        "--connect-timeout",
        "1s",
        "--max-output",
        "1KiB",
        "--on-failure",
        "halt",
        "--output-dir",
        "out",
        "--quiet",
    ]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(home.read("out/h1.stdout"), "pre\none--two-a: b #c-\nver\nver\npost\nfin\n");
}

#[test]
fn a_dry_run_runs_nothing() {
    let home = one();
    let ran = home.apply(&["a.cfg", "--dry-run", "--timeout", "90s", "--secret", "A=env:NOT_SET_HERE"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{ran:?}");
    for shown in [
        "unconstrained",
        "timeout: 1m30s",
        "transport: local",
        "secrets: A=env=NOT_SET_HERE",
        "Nothing was run",
    ] {
        assert!(ran.stdout.contains(shown), "{shown}: {}", ran.stdout);
    }
    assert_eq!(home.log(), [""; 0]);
    let ssh = home.apply(&["a.cfg", "--dry-run", "--transport", "ssh"]);
    assert_eq!(ssh.code, 0);
    assert!(
        ssh.stdout.contains("Hosts are reached over ssh; all else is as in the user's ssh configuration"),
        "{ssh:?}"
    );
}

#[test]
fn the_first_command_of_the_readme_and_what_a_failure_holds_back() {
    let home = Home::new();
    let spec = |name: &str| format!("{}/../specs/{name}", env!("CARGO_MANIFEST_DIR"));
    let quick = home.apply(&[&spec("quickstart.cfg"), "--run-command", "echo \"restarted $POGO_HOST\""]);
    assert_eq!((quick.code, quick.stderr.as_str()), (0, ""), "{quick:?}");
    assert!(quick.stdout.contains("waits for a place in $colo.west"), "{quick:?}");
    assert!(quick.stdout.ends_with(": 8 succeeded of 8 hosts\n"), "{quick:?}");
    let failing = home.apply(&[&spec("failing-host.cfg")]);
    assert_eq!(failing.code, 1, "{failing:?}");
    for said in [
        "web2 failed: exit status 1",
        "  no space left on device",
        "rollout.$colo.west (web[4-6]) waits for rollout.$colo.east, in which web2 did not succeed",
        "blocked after",
        "4 succeeded, 1 failed, 3 waiting of 8 hosts",
    ] {
        assert!(failing.stdout.contains(said), "{said}: {}", failing.stdout);
    }
}
