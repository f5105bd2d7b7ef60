//! Runs with real processes and real signals. What happened is read from a log that the commands themselves write;
//! nothing waits for a time to pass: commands wait for pipes, the tests for events.

mod model;
mod replay;
mod reports;
mod secrets;
mod signals;
mod usage;

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::Value;

use crate::{Home, Ran};

/// What a test's command does around its work: a line when it starts, a line when it is about to succeed.
const STARTS: &str = r#"echo "start $POGO_HOST $POGO_ATTEMPT" >> "$LOG""#;
const ENDS: &str = r#"echo "end $POGO_HOST $POGO_ATTEMPT" >> "$LOG""#;

impl Home {
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.file(name), text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.file(name)).unwrap_or_default()
    }

    /// The lines that commands wrote.
    pub(crate) fn log(&self) -> Vec<String> {
        self.read("log").lines().map(str::to_owned).collect()
    }

    /// A spec whose command logs its start, does `work`, and logs its end.
    pub(crate) fn spec(&self, head: &str, work: &str, job: &str) {
        let log = self.file("log");
        let command = [STARTS, work, ENDS].join("\n").replace('\n', "\n    ");
        self.write(
            "a.cfg",
            &format!(
                "{head}\njob:\n  transport: local\n  env: {{LOG: '{}'}}\n  timeout: 1m\n{job}\n  command: |\n    {command}\n",
                log.display()
            ),
        );
    }

    /// A pipe at which a command waits: `read go < NAME`.
    pub(crate) fn gate(&self, name: &str) {
        assert!(Command::new("mkfifo").arg(self.file(name)).status().unwrap().success());
    }

    /// Lets the command go on that waits at the gate, or will.
    pub(crate) fn open_gate(&self, name: &str) {
        OpenOptions::new().write(true).open(self.file(name)).unwrap().write_all(b"go\n").unwrap();
    }

    /// Starts a run whose events come as they happen.
    pub(crate) fn start(&self, args: &[&str]) -> Running {
        let mut all = vec!["apply", "a.cfg", "--quiet", "--events", "-"];
        all.extend(args);
        // Commands find the tools of the machine.
        let path = std::env::var_os("PATH").unwrap();
        let mut child = self
            .command(&all)
            .env("PATH", path)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        Running { child, stdout: BufReader::new(stdout), stderr: BufReader::new(stderr) }
    }

    pub(crate) fn apply(&self, args: &[&str]) -> Ran {
        let path = std::env::var_os("PATH").unwrap();
        let all: Vec<&str> = std::iter::once("apply").chain(args.iter().copied()).collect();
        Ran::from(self.command(&all).env("PATH", path).output().unwrap())
    }

    /// Runs `a.cfg`, and gives the exit code with the summary, which is as its schema says.
    pub(crate) fn summary(&self, args: &[&str]) -> (i32, Value) {
        let all: Vec<&str> =
            ["a.cfg", "--format", "json", "--quiet"].into_iter().chain(args.iter().copied()).collect();
        let ran = self.apply(&all);
        let summary: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran:?}"));
        let errors: Vec<_> = SUMMARY.iter_errors(&summary).map(|error| error.to_string()).collect();
        assert_eq!(errors, [""; 0], "{summary}");
        (ran.code, summary)
    }
}

static SUMMARY: LazyLock<Validator> = LazyLock::new(|| {
    let schema: Value = serde_json::from_str(pogo_plan::SUMMARY_SCHEMA).unwrap();
    jsonschema::draft202012::new(&schema).unwrap()
});

/// The states of a summary.
fn states(summary: &Value) -> BTreeMap<String, String> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    summary["hosts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|host| (text(&host["host"]), text(&host["state"])))
        .collect()
}

/// A run under way.
pub(crate) struct Running {
    pub(crate) child: Child,
    stdout: BufReader<ChildStdout>,
    stderr: BufReader<ChildStderr>,
}

impl Running {
    /// Reads events until this one has come; what is not named may be anything.
    pub(crate) fn wait_for(&mut self, kind: &str, wanted: &[(&str, &str)]) -> Value {
        let mut line = String::new();
        loop {
            line.clear();
            assert_ne!(
                self.stdout.read_line(&mut line).unwrap(),
                0,
                "the stream ended before {kind} {wanted:?}"
            );
            let event: Value = serde_json::from_str(&line).unwrap();
            if event["type"] == kind && wanted.iter().all(|(key, value)| event[key] == *value) {
                return event;
            }
        }
    }

    /// Reads standard error until it says this.
    pub(crate) fn wait_for_words(&mut self, words: &str) {
        let mut line = String::new();
        loop {
            line.clear();
            assert_ne!(self.stderr.read_line(&mut line).unwrap(), 0, "nobody said {words}");
            if line.contains(words) {
                return;
            }
        }
    }

    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// How it ended, whatever it said.
    pub(crate) fn status(mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    /// The exit code, with the rest of both streams.
    pub(crate) fn end(mut self) -> Ran {
        let (mut stdout, mut stderr) = (String::new(), String::new());
        self.stdout.read_to_string(&mut stdout).unwrap();
        self.stderr.read_to_string(&mut stderr).unwrap();
        Ran { code: self.child.wait().unwrap().code().unwrap(), stdout, stderr }
    }
}
