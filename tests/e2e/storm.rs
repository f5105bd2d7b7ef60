//! Several runs of the real program at a time on one store, killed at random moments and taken up again, until all have
//! ended: judged only by what their commands wrote.
//!
//! `POGO_TEST_KILLS` says how many are killed: 12 without it, more by hand.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use pogo_test_sshd::{Farm, until};
use serde_json::Value;

use crate::pogo::program;

/// Runs at the same time.
const AT_ONCE: u64 = 10;

/// Hosts of each colocation; each run has all hosts of both.
const HOSTS: usize = 4;

/// Hosts of a colocation that may be out of service at once.
const MOST: usize = 2;

/// How long a command that was begun when its pogo was killed may take to write its first line.
const BEGINS: Duration = Duration::from_secs(5);

struct Storm {
    farm: Farm,
    kills_left: AtomicI64,
    jobs: AtomicU64,
}

#[test]
fn runs_on_this_machine_that_are_killed_and_resumed_keep_limits_and_order() {
    Storm::new("transport: local").rage();
}

#[test]
fn runs_over_ssh_that_are_killed_and_resumed_keep_limits_and_order() {
    let farm = Farm::with("KexAlgorithms curve25519-sha256\n");
    farm.configure("KexAlgorithms curve25519-sha256\n");
    let config = farm.ssh_config().display().to_string();
    let job = format!("transport: ssh\n  connect_timeout: 1m\n  ssh: {{config: '{config}'}}");
    Storm::on(farm, &job).rage();
}

impl Storm {
    fn new(job: &str) -> Self {
        Self::on(Farm::new(), job)
    }

    fn on(farm: Farm, job: &str) -> Self {
        let kills = std::env::var("POGO_TEST_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(12);
        let log = farm.path("log").display().to_string();
        farm.write(
            "a.cfg",
            &format!(
                "tag:\n  colo: {{east: ['pogo-e[1-{HOSTS}]'], west: ['pogo-w[1-{HOSTS}]']}}\n  first: ['pogo-e1,pogo-w1']\n\
                 sequence: {{rollout: [$first, '$colo ! $first']}}\n\
                 constraint: {{$colo: {{max_parallel: {MOST}}}}}\n\
                 job:\n  {job}\n  env: {{LOG: '{log}'}}\n  timeout: 2m\n  command: |\n    \
                 echo \"begin $POGO_JOB_ID $POGO_HOST\" >> \"$LOG\"\n    sleep 0.1\n    \
                 echo \"end $POGO_JOB_ID $POGO_HOST\" >> \"$LOG\"\n"
            ),
        );
        fs::create_dir(farm.path("me")).unwrap();
        fs::create_dir(farm.path("run")).unwrap();
        fs::set_permissions(farm.path("run"), std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        Self { farm, kills_left: AtomicI64::new(kills), jobs: AtomicU64::new(0) }
    }

    fn rage(&self) {
        std::thread::scope(|scope| {
            for place in 0..AT_ONCE {
                scope.spawn(move || self.work(place));
            }
        });
        let jobs = usize::try_from(self.jobs.load(Ordering::Relaxed)).unwrap();
        self.judge(jobs);
        let out: Value = serde_json::from_slice(&self.run(&["out", "--format", "json"]).stdout).unwrap();
        assert_eq!(out["hosts"], Value::Array(Vec::new()));
    }

    /// Runs jobs one after the other, until enough have been killed. One is always run. A job is named once it is on record,
    /// so each that has a name is there to be finished.
    fn work(&self, place: u64) {
        let mut chance = 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(place + 1) | 1;
        let mut draw = move |n: u64| {
            chance ^= chance << 13;
            chance ^= chance >> 7;
            chance ^= chance << 17;
            chance % n
        };
        loop {
            self.jobs.fetch_add(1, Ordering::Relaxed);
            let job = self.begin(draw(12));
            self.finish(&job, &mut draw);
            if self.kills_left.load(Ordering::Relaxed) <= 0 {
                return;
            }
        }
    }

    /// Begins a job, and kills it when so many lines more have been written.
    fn begin(&self, lines: u64) -> String {
        let mut child =
            self.command(&["apply", "a.cfg"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut head = String::new();
        let job = loop {
            let at = head.len();
            assert!(stdout.read_line(&mut head).unwrap() > 0, "no job: {head:?}");
            let mut words = head[at..].split_whitespace();
            if let (Some("job"), Some(job)) = (words.next(), words.next()) {
                break job.to_owned();
            }
        };
        let reads = std::thread::spawn(move || {
            let mut rest = String::new();
            stdout.read_to_string(&mut rest).unwrap();
        });
        self.kill_after(&mut child, lines);
        child.wait().unwrap();
        reads.join().unwrap();
        job
    }

    fn kill_after(&self, child: &mut std::process::Child, lines: u64) {
        if self.kills_left.fetch_sub(1, Ordering::Relaxed) <= 0 {
            return;
        }
        let wanted = self.log().len() + usize::try_from(lines).unwrap();
        let mut has_ended = || child.try_wait().unwrap().is_some();
        until("enough lines", || self.log().len() >= wanted || has_ended());
        if child.try_wait().unwrap().is_some() {
            // It was sooner: another one is killed.
            self.kills_left.fetch_add(1, Ordering::Relaxed);
            return;
        }
        child.kill().unwrap();
    }

    /// Takes the job up until all of its hosts have succeeded.
    fn finish(&self, job: &str, draw: &mut impl FnMut(u64) -> u64) {
        for _ in 0..200 {
            let said = self.run(&["status", job, "--format", "json"]);
            let status: Value =
                serde_json::from_slice(&said.stdout).unwrap_or_else(|error| panic!("{error}: {said:?}"));
            let hosts = status["hosts"].as_array().unwrap();
            let is_bad = |host: &&Value| {
                ["failed", "unreachable", "stopped", "timed_out"].iter().any(|bad| host["state"] == *bad)
            };
            let mut bad: Vec<&str> =
                hosts.iter().filter(is_bad).map(|host| host["host"].as_str().unwrap()).collect();
            for host in hosts.iter().filter(|host| host["state"] == "unknown") {
                let name = host["host"].as_str().unwrap();
                let verdict = if self.was_begun(job, name) { "succeeded" } else { "failed" };
                let decided = self.run(&["decide", job, name, "--as", verdict, "--reason", "the log tells"]);
                assert!(decided.status.success(), "{decided:?}");
                if verdict == "failed" {
                    bad.push(name);
                }
            }
            if status["state"] == "succeeded" {
                return;
            }
            let args = match (bad.is_empty(), draw(2)) {
                (false, _) => [vec!["retry", job, "--quiet"], bad].concat(),
                (true, 0) => vec!["resume", job, "--quiet"],
                (true, _) => return self.race(job, draw),
            };
            let mut child = self.command(&args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            self.kill_after(&mut child, draw(8));
            child.wait().unwrap();
        }
        panic!("{job} never ends: {:?}", self.run(&["status", job]));
    }

    /// Two resume the same job at once.
    fn race(&self, job: &str, draw: &mut impl FnMut(u64) -> u64) {
        let resume = || self.command(&["resume", job, "--quiet"]).stdout(Stdio::piped()).spawn().unwrap();
        let both = [resume(), resume()];
        for child in both {
            let ended = child.wait_with_output().unwrap();
            // Done, not done yet, or another one's; ended by then.
            assert!(matches!(ended.status.code(), Some(0 | 1 | 5)), "{ended:?}");
        }
        self.finish(job, draw);
    }

    /// Whether the command was begun; it then comes to its end by itself.
    fn was_begun(&self, job: &str, host: &str) -> bool {
        let has = |word: &str| self.log().iter().any(|line| *line == format!("{word} {job} {host}"));
        let deadline = std::time::Instant::now() + BEGINS;
        until("it has begun, or cannot any more", || has("begin") || std::time::Instant::now() > deadline);
        if has("begin") {
            until("its end", || has("end"));
        }
        has("begin")
    }

    fn judge(&self, jobs: usize) {
        let mut out: BTreeMap<char, BTreeSet<String>> = BTreeMap::new();
        let mut begun = BTreeSet::new();
        let mut ended: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for line in self.log() {
            let words: Vec<&str> = line.split(' ').collect();
            let [word, job, host] = words[..] else { panic!("{line:?}") };
            let colo = host.strip_prefix("pogo-").unwrap().chars().next().unwrap();
            if word == "begin" {
                assert!(begun.insert((job.to_owned(), host.to_owned())), "twice: {line}");
                let is_new = out.entry(colo).or_default().insert(host.to_owned());
                assert!(is_new, "two at once on a host: {line}");
                assert!(out[&colo].len() <= MOST, "too many: {line}: {out:?}");
                let done = ended.get(job).cloned().unwrap_or_default();
                let is_first = host.ends_with('1');
                assert!(
                    is_first || (done.contains("pogo-e1") && done.contains("pogo-w1")),
                    "out of order: {line}"
                );
            } else {
                out.entry(colo).or_default().remove(host);
                ended.entry(job.to_owned()).or_default().insert(host.to_owned());
            }
        }
        assert_eq!(begun.len(), jobs * HOSTS * 2, "each job runs each of its hosts once");
    }

    fn log(&self) -> Vec<String> {
        let text = fs::read_to_string(self.farm.path("log")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(program());
        command
            .args(args)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.file("me"))
            .env("POGO_STORE", self.file("store"))
            .env("XDG_RUNTIME_DIR", self.file("run"))
            .current_dir(self.farm.as_ref())
            .stdin(Stdio::null())
            .stderr(Stdio::piped());
        command
    }

    fn file(&self, name: &str) -> PathBuf {
        self.farm.path(name)
    }
}
