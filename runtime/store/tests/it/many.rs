//! Several processes on one namespace. Each is this test binary again, told by its environment what to do.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use pogo_plan::event::{JobId, Verdict};
use pogo_plan::outcome::{HostState, JobState};
use pogo_plan::{HostIdx, Plan, Slot, Thread};
use pogo_store::{HostRow, Reader, Session, Store, StoreError};

use crate::judge::judge;
use crate::rig::{End, LimitOf, Log, Rig, names, plan};

pub(crate) const LIMITS: [LimitOf<'static>; 3] = [("$a", 0..20, 2), ("$b", 10..30, 3), ("$c", 15..25, 1)];

/// How many targets a job has.
pub(crate) const TARGETS: usize = 10;

/// Jobs of so many hosts make a snapshot while they run.
pub(crate) const LARGE_TARGETS: usize = 1500;
pub(crate) const LARGE: [LimitOf<'static>; 2] = [("$a", 0..300, 20), ("$b", 200..400, 9)];

/// The targets of a job: overlapping ranges of thirty hosts.
fn targets(job: u64) -> std::ops::Range<usize> {
    let from = (job as usize * 7) % 20;
    from..from + TARGETS
}

/// Its hosts with odd numbers are in the first slot, the others in the second.
fn in_two_slots(plan: Arc<Plan>) -> Arc<Plan> {
    let mut plan = Arc::unwrap_or_clone(plan);
    let is_first = |host: &HostIdx| host.index().is_multiple_of(2);
    let slot =
        |id: &str, hosts| Slot { id: id.into(), hosts, pause_after_ms: None, max_failures: None, at: None };
    let (first, second) = plan.targets.iter().partition(|&host| is_first(host));
    let slots = vec![slot("t.one", first), slot("t.two", second)];
    plan.threads.insert(0, Thread { id: "t".into(), slots });
    for thread in plan.threads.iter_mut().skip(1) {
        for slot in &mut thread.slots {
            slot.hosts.clear();
        }
    }
    Arc::new(plan)
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
        "begin" => {
            let plan = in_two_slots(plan(&names(30), targets(job), &LIMITS));
            Ok(Rig::begin(&store, job, plan, log))
        }
        "begin-large" => {
            Ok(Rig::begin(&store, job, plan(&names(LARGE_TARGETS), 0..LARGE_TARGETS, &LARGE), log))
        }
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

pub(crate) struct Process {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Process {
    pub(crate) fn start(what: &str, folder: &Path, job: u64) -> Self {
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
    pub(crate) fn until(&mut self, begin: &[&str]) -> Option<String> {
        self.lines
            .by_ref()
            .map_while(Result::ok)
            .find(|line| begin.iter().any(|begin| line.starts_with(begin)))
    }

    pub(crate) fn kill(mut self) {
        let _ = self.child.kill();
        self.child.wait().unwrap();
    }

    pub(crate) fn reap(&mut self) {
        self.child.wait().unwrap();
    }

    pub(crate) fn end(mut self) -> String {
        let last = self.until(&["state", "other", "error", "owned"]);
        self.child.wait().unwrap();
        last.unwrap_or_else(|| "nothing".to_owned())
    }
}

/// An operator looks at the hosts of which nobody saw the end. The word is in the log of commands before it is on record, so a
/// host never counts there for longer than it does in the ledger.
pub(crate) fn decide_unseen(reader: &mut Reader, session: &Session, folder: &Path, job: u64) {
    let job = JobId::from_bits(job);
    let status = reader.status(&job.to_string()).unwrap();
    let unseen = |host: &&HostRow| matches!(host.state, HostState::Unknown | HostState::Running);
    for host in status.hosts.iter().filter(unseen) {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(folder.join("commands"));
        log.unwrap().write_all(format!("decided {} {job}\n", host.host).as_bytes()).unwrap();
        session.decide(job, &host.host, Verdict::Succeeded, "looked at it").unwrap();
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
            decide_unseen(&mut reader, &session, folder.path(), job.id.bits());
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
