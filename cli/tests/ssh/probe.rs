//! Asking a host what became of an attempt whose pogo was killed.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use pogo_test_sshd::{processes_with, until};
use serde_json::Value;

use super::Site;
use crate::Ran;

/// A job whose command waits on `pogo-b`, which is first, and then ends with this status.
struct Waiting {
    site: Site,
    gate: String,
    job: String,
    child: Child,
}

impl Waiting {
    fn start(status: u8) -> Self {
        let site = Site::new();
        let gate = site.farm.path("gate").display().to_string();
        assert!(Command::new("mkfifo").arg(&gate).status().unwrap().success());
        let work = format!("echo up; [ $POGO_HOST != pogo-b ] || read -r _ <{gate}; exit {status}");
        let args = ["apply", "a.cfg", "--run-command", &work, "--events", "-", "--quiet"];
        let mut child = site.command(&args).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
        let header: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        let job = header["job"].as_str().unwrap().to_owned();
        assert!(lines.any(|line| line.unwrap().contains("up\\n")), "it did not start");
        Self { site, gate, job, child }
    }

    /// The same, and pogo is killed.
    fn killed(status: u8) -> Self {
        let mut waiting = Self::start(status);
        waiting.child.kill().unwrap();
        waiting.child.wait().unwrap();
        let record = format!(".cache/pogo/{}-pogo-b-1", waiting.job);
        let record = waiting.site.farm.home().join(record);
        until("the host has noticed that nobody listens", || record.exists());
        waiting
    }

    fn open_gate(&self) {
        std::fs::write(&self.gate, "\n").unwrap();
    }

    /// Asks, and gives the exit code and what the answer says of the first host.
    fn ask(&self, args: &[&str]) -> (i32, Value) {
        let (code, value) = self.ask_all(args);
        (code, value["hosts"][0].clone())
    }

    fn ask_all(&self, args: &[&str]) -> (i32, Value) {
        let all = [&["probe", self.job.as_str()], args, &["--format", "json"]].concat();
        let ran = self.site.run(&all);
        let value = crate::support::schemas::valid_answer("probe", &ran);
        assert_eq!((&value["format"], value["job"].as_str()), (&"pogo.probe/1".into(), Some(&*self.job)));
        (ran.code, value)
    }

    /// Lets the command end, and asks until the host says so.
    fn ask_for_the_end(&self, args: &[&str]) -> (i32, Value) {
        self.open_gate();
        until("the command has ended", || processes_with(&self.gate).is_empty());
        let mut last = (0, Value::Null);
        until("its end is on record at the host", || {
            last = self.ask(args);
            last.1["state"] != "running"
        });
        last
    }

    /// Without the flags of ssh, which not every verb has.
    fn pogo(&self, args: &[&str]) -> Ran {
        Ran::from(self.site.home.command(args).output().unwrap())
    }
}

#[test]
fn the_host_tells_what_became_of_an_attempt_that_is_not_kept() {
    let waiting = Waiting::killed(3);
    let elsewhere = ["pogo-b", "--store", "elsewhere"];
    let (code, host) = waiting.ask(&elsewhere);
    assert_eq!((code, &host["state"]), (1, &"running".into()), "{host}");
    let (code, host) = waiting.ask_for_the_end(&elsewhere);
    assert_eq!((code, &host["state"], &host["outcome"]), (1, &"ended".into(), &"failed".into()), "{host}");
    assert_eq!((&host["exit"]["status"], &host["is_recorded"]), (&3.into(), &false.into()), "{host}");
    // It is told once.
    assert_eq!(waiting.ask(&elsewhere).1["state"], "gone");
}

#[test]
fn what_a_killed_pogo_did_not_see_is_put_on_record() {
    let waiting = Waiting::killed(0);
    let job = waiting.job.as_str();
    let ran = waiting.site.run(&["probe", "last"]);
    assert!(ran.code == 1 && ran.stdout.starts_with("pogo-b  still running\n"), "{ran:?}");
    assert!(ran.stdout.contains(&format!("pogo decide {job} pogo-b --as failed")), "{ran:?}");
    let status = waiting.pogo(&["status"]).stdout;
    assert!(status.contains(" halted: ") && status.contains("pogo-b unknown"), "{status}");
    assert!(waiting.pogo(&["out"]).stdout.contains("pogo-b  unknown"));

    // Asked about an attempt by its number nothing is put on record, and nothing is lost.
    let by_number = ["pogo-b", "--attempt", "1"];
    let (code, host) = waiting.ask_for_the_end(&by_number);
    assert_eq!((code, &host["outcome"], &host["is_recorded"]), (0, &"succeeded".into(), &false.into()));
    assert_eq!(waiting.ask(&by_number), (code, host));
    assert!(waiting.pogo(&["out"]).stdout.contains("pogo-b  unknown"));

    let (code, host) = waiting.ask(&[]);
    assert_eq!((code, &host["outcome"], &host["is_recorded"]), (0, &"succeeded".into(), &true.into()));
    assert_eq!(waiting.pogo(&["out"]).stdout, "every host is in service\n");
    let status = waiting.pogo(&["status"]).stdout;
    assert!(status.contains("1 succeeded") && !status.contains("unknown"), "{status}");
    assert!(waiting.pogo(&["log", job, "pogo-b"]).stdout.contains("said: it has succeeded: probe"));
    assert_eq!(waiting.ask(&by_number).1["state"], "gone", "it is on record: the host has forgotten it");

    let ran = waiting.site.run(&["probe", job, "pogo-b"]);
    assert!(ran.code == 5 && ran.stderr.contains("`pogo-b` is without an end on record"), "{ran:?}");
    let (code, value) = waiting.ask_all(&[]);
    assert_eq!((code, &value["hosts"]), (0, &Value::Array(Vec::new())));
    let path = std::env::var_os("PATH").unwrap();
    let mut resume = waiting.site.home.command(&["resume", job, "--quiet"]);
    resume.env("PATH", path).env("XDG_RUNTIME_DIR", waiting.site.runtime());
    let ran = Ran::from(resume.output().unwrap());
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(waiting.pogo(&["status"]).stdout.contains("2 succeeded of 2 hosts"));
}

#[test]
fn a_failure_that_nobody_saw_is_put_on_record() {
    let waiting = Waiting::killed(3);
    let (code, host) = waiting.ask_for_the_end(&[]);
    assert_eq!((code, &host["outcome"], &host["is_recorded"]), (1, &"failed".into(), &true.into()), "{host}");
    assert!(waiting.pogo(&["out"]).stdout.contains("pogo-b  failed"));
    let status = waiting.pogo(&["status"]).stdout;
    assert!(status.contains("pogo-b failed") && status.contains("pogo retry"), "{status}");
}

#[test]
fn a_job_that_a_process_runs_is_only_asked_about() {
    let mut waiting = Waiting::start(0);
    let (code, value) = waiting.ask_all(&[]);
    let host = &value["hosts"][0];
    assert_eq!((code, &host["host"], &host["state"]), (1, &"pogo-b".into(), &"running".into()), "{value}");
    assert!(value["owner"].is_string(), "{value}");
    let ran = waiting.site.run(&["probe", &waiting.job]);
    assert!(ran.stdout.starts_with("pogo-b  running, and seen by the process"), "{ran:?}");
    assert!(ran.stdout.contains(" is run by ") && ran.stdout.contains("nothing is put on record"), "{ran:?}");
    waiting.open_gate();
    assert!(waiting.child.wait().unwrap().success());
    assert!(waiting.pogo(&["status"]).stdout.contains("2 succeeded of 2 hosts"));
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
