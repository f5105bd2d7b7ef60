//! Two processes on one store. The second one is this test program again, with one test to run.

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command as Process, Stdio};
use std::sync::Arc;

use pogo_plan::event::{Command, JobId, Verdict};
use pogo_plan::outcome::{HostState, JobState, Outcome};
use pogo_plan::{Job, Plan};
use pogo_store::Store;
use pogo_transport::{Attempt, Progress, Refused, Running, Stop, Transport};

use super::support::{Home, Line, Script, most_out, options, whole};
use crate::tests::support::{job, plan, states};
use crate::{Keeping, Stored, operate};

const STORE: &str = "POGO_TEST_CHILD_STORE";
const JOB: &str = "POGO_TEST_CHILD_JOB";
/// The name of the test that is the other process.
const CHILD: &str = "tests::stored::processes::the_other_process";

fn four() -> Plan {
    let hosts: &[&str] = &["a", "b", "c", "d"];
    whole(plan(job("true"), &[&[hosts]], &[(2, hosts)]))
}

/// Says what happens in a file that all processes share. Job 1 never ends an attempt.
struct Shared {
    log: PathBuf,
}

impl Shared {
    fn say(&self, what: &str, attempt: &Attempt) {
        let (host, number) = (&attempt.key.host, attempt.key.attempt.0);
        let mut log = OpenOptions::new().create(true).append(true).open(&self.log).unwrap();
        log.write_all(format!("{what} {host} {number}\n").as_bytes()).unwrap();
        let mut out = std::io::stdout().lock();
        out.write_all(format!("\n{what} {host}\n").as_bytes()).unwrap();
        out.flush().unwrap();
    }
}

impl Transport for Shared {
    fn check(&self, _: &Job) -> Result<(), Refused> {
        Ok(())
    }

    fn attempt(&self, attempt: Attempt, progress: Progress, _: Stop) -> Running {
        self.say("begin", &attempt);
        progress.started();
        let shared = Self { log: self.log.clone() };
        Box::pin(async move {
            if attempt.key.job == JobId::from_bits(1) {
                return std::future::pending().await;
            }
            shared.say("end", &attempt);
            Outcome::Succeeded
        })
    }
}

#[test]
fn the_other_process() {
    let (Ok(folder), Ok(id)) = (std::env::var(STORE), std::env::var(JOB)) else { return };
    let store = Store::open(Path::new(&folder)).unwrap();
    let transport = Arc::new(Shared { log: Path::new(&folder).join("log") });
    let keeping = Keeping::Stored(Stored { store, summary: String::new() });
    let (_sender, receiver) = crate::control();
    let options = options(id.parse().unwrap());
    let ended = crate::run_with(four(), options, transport, keeping, receiver, Vec::new()).unwrap();
    println!("\nstate {:?}", ended.state);
}

fn start(home: &Home, id: u64) -> Child {
    Process::new(std::env::current_exe().unwrap())
        .args([CHILD, "--exact", "--nocapture"])
        .env(STORE, home.folder.path())
        .env(JOB, id.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

fn log(home: &Home) -> Vec<Line> {
    let text = std::fs::read_to_string(home.folder.path().join("log")).unwrap();
    let line = |line: &str| match line.split(' ').collect::<Vec<_>>()[..] {
        ["begin", host, number] => Line::Begin(host.to_owned(), number.parse().unwrap()),
        ["end", host, _] => Line::End(host.to_owned(), Outcome::Succeeded),
        _ => panic!("{line}"),
    };
    text.lines().map(line).collect()
}

#[test]
fn a_killed_process_leaves_its_places_taken_until_somebody_decides() {
    let home = Home::new();
    let mut first = start(&home, 1);
    let mut lines = BufReader::new(first.stdout.take().unwrap()).lines();
    let mut begun = 0;
    while begun < 2 {
        begun += usize::from(lines.next().unwrap().unwrap().starts_with("begin"));
    }
    // Both places are taken: this one can only wait.
    let mut second = start(&home, 2);
    first.kill().unwrap();
    first.wait().unwrap();
    let script = Script::good();
    let ended = home.resume(1, &script).unwrap();
    assert_eq!(ended.state, JobState::Blocked);
    use HostState::{Unknown, Waiting};
    assert_eq!(states(&ended), [Unknown, Unknown, Waiting, Waiting]);
    assert!(script.begun().is_empty());
    // Now nothing that runs holds a place, and the other process sees that.
    let mut said = String::new();
    second.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(second.wait().unwrap().success());
    assert!(said.contains("state Blocked"), "{said}");
    assert_eq!(log(&home).len(), 2, "nobody else has begun");
    let decide = |host: &str| Command::Decide { host: host.to_owned(), verdict: Verdict::Succeeded };
    operate(&home.take_up(), JobId::from_bits(1), vec![decide("a"), decide("b")]).unwrap();
    for id in [1, 2] {
        assert_eq!(home.resume(id, &script).unwrap().state, JobState::Succeeded, "{id}");
    }
    assert_eq!(script.begun().len(), 6);
    assert!(most_out(&script.log.lock().unwrap()) <= 2);
}

#[test]
fn two_processes_share_the_limits() {
    let home = Home::new();
    let mut children = [2, 3].map(|id| start(&home, id));
    for child in &mut children {
        let mut said = String::new();
        child.stdout.take().unwrap().read_to_string(&mut said).unwrap();
        assert!(child.wait().unwrap().success());
        assert!(said.contains("state Succeeded"), "{said}");
    }
    let log = log(&home);
    assert_eq!(log.iter().filter(|line| matches!(line, Line::Begin(..))).count(), 8);
    assert!(most_out(&log) <= 2, "{log:?}");
}
