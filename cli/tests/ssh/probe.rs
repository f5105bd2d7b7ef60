//! Asking a host what became of an attempt whose pogo was killed.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use pogo_test_sshd::{processes_with, until};
use serde_json::Value;

use super::Site;

#[test]
fn the_host_tells_what_became_of_an_attempt() {
    let site = Site::new();
    let gate = site.farm.path("gate").display().to_string();
    assert!(std::process::Command::new("mkfifo").arg(&gate).status().unwrap().success());
    let work = format!("echo up; read -r _ <{gate}; exit 3");
    let args = ["apply", "a.cfg", "--targets", "pogo-b", "--run-command", &work, "--events", "-"];
    let mut child = site.command(&args).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let header: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    let job = header["job"].as_str().unwrap();
    assert!(lines.any(|line| line.unwrap().contains("up\\n")), "it did not start");
    child.kill().unwrap();
    child.wait().unwrap();

    let ask = || {
        let ran = site.run(&["probe", job, "pogo-b", "--format", "json"]);
        let value: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran:?}"));
        assert_eq!((&value["format"], &value["job"]), (&Value::from("pogo.probe/1"), &Value::from(job)));
        (ran.code, value["hosts"][0].clone())
    };
    let (code, host) = ask();
    assert_eq!((code, &host["state"]), (1, &Value::from("running")), "{host}");
    std::fs::write(&gate, "\n").unwrap();
    until("the command has ended", || processes_with(&gate).is_empty());
    let mut last = None;
    until("its end is on record", || {
        let (code, host) = ask();
        assert_eq!(code, 1);
        let is_over = host["state"] != "running";
        last = Some(host);
        is_over
    });
    let host = last.unwrap();
    assert_eq!(
        (&host["state"], &host["outcome"], &host["exit"]["status"]),
        (&"ended".into(), &"failed".into(), &3.into())
    );
    // It is told once.
    assert_eq!(ask().1["state"], "gone");
}

#[test]
fn who_cannot_be_asked_and_what_is_no_job_are_told_apart() {
    let site = Site::new();
    let ran = site.run(&["probe", "k7m2q9xd", "pogo-{a,b}", "--ssh-option", "ProxyCommand=false"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!(ran.stdout.matches("error: cannot reach pogo-").count(), 2, "{ran:?}");
    let ran = site.run(&["probe", "last", "pogo-a"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    let ran = site.run(&["probe", "k7m2q9xd", "pogo-[b"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{ran:?}");
}
