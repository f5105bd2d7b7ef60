//! Several processes on one namespace. Each is this test binary again, told by its environment what to do.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use pogo_plan::event::Verdict;
use pogo_plan::outcome::{HostState, JobState};
use pogo_store::{Reader, Store, StoreError};

use crate::judge::judge;
use crate::rig::{End, LimitOf, Log, Rig, names, plan};

const LIMITS: [LimitOf<'static>; 3] = [("$a", 0..20, 2), ("$b", 10..30, 3), ("$c", 15..25, 1)];

/// The targets of a job: overlapping ranges of thirty hosts.
fn targets(job: u64) -> std::ops::Range<usize> {
    let from = (job as usize * 7) % 20;
    from..from + 10
}

/// What the other processes do: nothing when run as a test.
#[test]
fn another_process() {
    let Ok(word) = std::env::var("POGO_TEST_PROCESS") else { return };
    // The test runner's line about this test has no end yet.
    println!();
    let words: Vec<&str> = word.split('|').collect();
    let (what, folder, job) = (words[0], Path::new(words[1]), words[2].parse::<u64>().unwrap());
    let store = Store::open(&folder.join("store")).unwrap();
    let log = Some(Log::open(&folder.join("commands")));
    let rig = match what {
        "begin" => Ok(Rig::begin(&store, job, plan(&names(30), targets(job), &LIMITS), log)),
        _ => Rig::resume(&store, job, log),
    };
    match rig {
        Ok(mut rig) => {
            rig.is_loud = true;
            println!("owner");
            match rig.go_on() {
                End::State(state) => println!("state {state:?}"),
                other => println!("other {other:?}"),
            }
        }
        Err(StoreError::Owned { owner, .. }) => println!("owned by {owner}"),
        Err(error) => println!("error {error}"),
    }
}

struct Process {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Process {
    fn start(what: &str, folder: &Path, job: u64) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "many::another_process", "--nocapture", "--test-threads", "1"])
            .env("POGO_TEST_PROCESS", format!("{what}|{}|{job}", folder.display()))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// Reads on until a line begins so; nothing if the process says no such thing.
    fn until(&mut self, begin: &[&str]) -> Option<String> {
        self.lines
            .by_ref()
            .map_while(Result::ok)
            .find(|line| begin.iter().any(|begin| line.starts_with(begin)))
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn end(mut self) -> String {
        let last = self.until(&["state", "other", "error", "owned"]);
        self.child.wait().unwrap();
        last.unwrap_or_else(|| "nothing".to_owned())
    }
}

#[test]
fn ten_processes_share_limits_though_some_are_killed_and_taken_up_again() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("commands");
    let mut processes: Vec<(u64, Process)> =
        (1..=10).map(|job| (job, Process::start("begin", folder.path(), job))).collect();
    // Each third is killed when all of these have begun something: then others may wait for what the dead have out.
    for (_, process) in processes.iter_mut().filter(|(job, _)| job % 3 == 0) {
        process.until(&["begin", "state"]);
    }
    let mut killed = Vec::new();
    for (job, process) in std::mem::take(&mut processes) {
        if job % 3 == 0 {
            process.kill();
            killed.push(job);
        } else {
            processes.push((job, process));
        }
    }
    let store = Store::open(&folder.path().join("store")).unwrap();
    let (session, _told) = crate::rig::open(&store);
    let mut reader = Reader::open(&store).unwrap();
    for rounds in 0.. {
        assert!(rounds < 30, "no end");
        // Those that live may wait for hosts of those that died: these are decided on and taken up first.
        let mut resumed = Vec::new();
        for job in reader.jobs(&pogo_store::Filter::default()).unwrap() {
            if job.state == JobState::Succeeded || job.owner.is_some() {
                continue;
            }
            let status = reader.status(&job.id.to_string()).unwrap();
            let unseen =
                |host: &&pogo_store::HostRow| matches!(host.state, HostState::Unknown | HostState::Running);
            for host in status.hosts.iter().filter(unseen) {
                let line = format!("decided {} {}\n", host.host, job.id);
                std::fs::OpenOptions::new()
                    .append(true)
                    .open(&log)
                    .unwrap()
                    .write_all(line.as_bytes())
                    .unwrap();
                session.decide(job.id, &host.host, Verdict::Succeeded, "looked at it").unwrap();
            }
            resumed.push((job.id.bits(), Process::start("resume", folder.path(), job.id.bits())));
        }
        if rounds > 0 && resumed.is_empty() {
            break;
        }
        for (job, process) in processes.drain(..).chain(resumed) {
            let end = process.end();
            assert!(end.starts_with("state "), "job {job}: {end}");
        }
    }
    assert_eq!(judge(&log, &LIMITS), 100, "each job runs each of its hosts once");
    assert!(reader.out("default").unwrap().is_empty());
    assert_eq!(killed, [3, 6, 9]);
}

#[test]
fn of_two_that_take_up_a_job_one_is_refused_with_who_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("store")).unwrap();
    let mut first = Process::start("begin", folder.path(), 1);
    first.until(&["owner"]);
    first.kill();
    let won = Rig::resume(&store, 1, None).unwrap();
    let refused = Process::start("resume", folder.path(), 1).end();
    assert!(refused.starts_with("owned by "), "{refused}");
    assert!(refused.contains(&format!("process {}", std::process::id())), "{refused}");
    drop(won);
    let again = Rig::resume(&store, 1, None);
    assert!(again.is_ok(), "what was given up can be taken up");
}
