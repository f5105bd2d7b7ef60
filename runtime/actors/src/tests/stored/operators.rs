//! Operators, owners, and stores that break.

use std::sync::Arc;
use std::time::Duration;

use pogo_plan::event::{Command, Fact, JobId, Setting, Stream};
use pogo_plan::job::{OnFailure, Transport as Kind};
use pogo_plan::outcome::{Attempt, Exit, HostState, JobState, Outcome, Phase};
use pogo_schedule::job::Refusal;
use pogo_store::{Answer, CommandId, Given, Reader, Session, StoreError};

use super::support::{Act, Home, Line, Script, most_out};
use crate::RunError;
use crate::tests::support::{host, job, plan, states};

const JOB: JobId = JobId::from_bits(1);
const FAILED: Outcome = Outcome::Failed { exit: Exit::Status(1), phase: Phase::Command };
const LONG: Duration = Duration::from_secs(60);

/// The host `hangs` does so.
fn hangs(host: &str, _: u32) -> Act {
    if host == "hangs" { Act::Hang } else { Act::End(Outcome::Succeeded) }
}

fn command(home: &Home, command: Command) -> CommandId {
    let session = Session::open(&home.store, "default", Box::new(|_| {})).unwrap();
    match session.command(JOB, command, Some("enough")).unwrap() {
        Given::ToOwner(id) => id,
        other => panic!("{other:?}"),
    }
}

fn answer(home: &Home, id: CommandId) -> Answer {
    Reader::open(&home.store).unwrap().wait_answer(id, LONG).unwrap().expect("an answer in time")
}

#[test]
fn a_run_is_kept_with_its_output() {
    let home = Home::new();
    let script = Script::good();
    let ended = home.run(1, plan(job("true"), &[&[&["a", "b"], &["c"]]], &[]), &script).unwrap();
    assert_eq!(ended.state, JobState::Succeeded);
    let mut reader = Reader::open(&home.store).unwrap();
    assert_eq!(reader.job("last").unwrap().state, JobState::Succeeded);
    let facts: Vec<_> = reader.facts(JOB).flat_map(|entry| entry.unwrap().facts).collect();
    assert_eq!(facts.iter().filter(|fact| matches!(fact, Fact::Granted { .. })).count(), 3);
    assert_eq!(facts.iter().filter(|fact| matches!(fact, Fact::Ended { .. })).count(), 3);
    assert_eq!(facts.last(), Some(&Fact::JobState { state: JobState::Succeeded }));
    let output = reader.read_output(JOB, host(2), Attempt(1), Stream::Stdout).unwrap();
    assert_eq!(output.bytes, b"c says 1\n");
}

#[test]
fn an_altered_time_holds_for_hosts_that_start_later_and_when_the_job_is_taken_up_again() {
    let home = Home::new();
    let (script, begun) = Script::new(hangs);
    let job = pogo_plan::Job { on_failure: OnFailure::Continue, ..job("true") };
    let plan = plan(job, &[&[&["hangs"], &["after"]]], &[]);
    let before = plan.job.timeout_ms;
    std::thread::scope(|scope| {
        let run = scope.spawn(|| home.run(1, plan, &script));
        begun.recv_timeout(LONG).unwrap();
        for order in
            [Command::Alter(Setting::TimeoutMs(1_234_567)), Command::Stop { host: "hangs".to_owned() }]
        {
            let id = command(&home, order);
            assert_eq!(answer(&home, id), Answer::Done);
        }
        run.join().unwrap().unwrap()
    });
    let timeouts = |script: &Arc<Script>| script.timeouts.lock().unwrap().clone();
    let (hangs, after) = ("hangs".to_owned(), "after".to_owned());
    assert_eq!(timeouts(&script), [(hangs.clone(), before), (after, 1_234_567)]);
    let script = Script::good();
    home.retry(1, &["hangs"], &script).unwrap();
    assert_eq!(timeouts(&script), [(hangs, 1_234_567)]);
}

#[test]
fn a_running_job_does_what_it_is_told_and_answers() {
    let home = Home::new();
    let (script, begun) = Script::new(hangs);
    let plan = plan(job("true"), &[&[&["hangs"], &["after"]]], &[]);
    let ended = std::thread::scope(|scope| {
        let run = scope.spawn(|| home.run(1, plan, &script));
        begun.recv_timeout(LONG).unwrap();
        let id = command(&home, Command::Retry { host: "hangs".to_owned() });
        assert_eq!(answer(&home, id), Answer::Refused { why: "the host is running".to_owned() });
        let id = command(&home, Command::Skip { host: "after".to_owned() });
        assert_eq!(answer(&home, id), Answer::Done);
        let id = command(&home, Command::Halt { stop_running: true });
        assert_eq!(answer(&home, id), Answer::Done);
        run.join().unwrap()
    });
    let ended = ended.unwrap();
    assert_eq!(ended.state, JobState::Halted);
    assert_eq!(states(&ended), [HostState::Stopped, HostState::Skipped]);
    let mut reader = Reader::open(&home.store).unwrap();
    let facts: Vec<_> = reader.facts(JOB).flat_map(|entry| entry.unwrap().facts).collect();
    let by = facts.iter().find_map(|fact| match fact {
        Fact::Commanded { command: Command::Halt { .. }, by } => Some(by.clone()),
        _ => None,
    });
    assert_eq!(by.unwrap().reason.as_deref(), Some("enough"));
}

#[test]
fn a_job_that_somebody_runs_is_not_taken_up() {
    let home = Home::new();
    let (script, begun) = Script::new(hangs);
    let (sender, receiver) = crate::control();
    std::thread::scope(|scope| {
        let plan = plan(job("true"), &[&[&["hangs"]]], &[]);
        let run = scope.spawn(|| home.run_with(1, plan, &script, receiver));
        begun.recv_timeout(LONG).unwrap();
        match home.resume(1, &Script::good()) {
            Err(RunError::Keeping(error)) => {
                assert!(matches!(*error, StoreError::Owned { job: JOB, .. }), "{error:?}");
            }
            other => panic!("{other:?}"),
        }
        sender.stop();
        assert_eq!(run.join().unwrap().unwrap().state, JobState::Halted);
    });
}

#[test]
fn a_halted_job_is_resumed_with_what_is_left() {
    let home = Home::new();
    let (script, begun) = Script::new(hangs);
    let (sender, receiver) = crate::control();
    let ended = std::thread::scope(|scope| {
        let plan = plan(job("true"), &[&[&["a"], &["hangs"], &["b"]]], &[]);
        let run = scope.spawn(|| home.run_with(1, plan, &script, receiver));
        while begun.recv_timeout(LONG).unwrap() != "hangs" {}
        sender.stop();
        run.join().unwrap().unwrap()
    });
    assert_eq!(states(&ended), [HostState::Succeeded, HostState::Stopped, HostState::Cancelled]);
    let script = Script::good();
    let blocked = home.resume(1, &script).unwrap();
    assert_eq!(blocked.state, JobState::Blocked, "what comes after a bad host waits for it");
    assert!(script.begun().is_empty());
    let ended = home.retry(1, &["hangs"], &script).unwrap();
    assert_eq!(ended.state, JobState::Succeeded);
    assert_eq!(script.begun(), [("hangs".to_owned(), 2), ("b".to_owned(), 1)]);
    let refused = home.resume(1, &script);
    let why = Refusal::JobIs(JobState::Succeeded);
    assert!(matches!(refused, Err(RunError::Order { why: said, .. }) if said == why), "{refused:?}");
}

#[test]
fn a_blocked_job_goes_on_when_its_bad_host_is_run_again() {
    let home = Home::new();
    let (script, _) = Script::new(|host, _| Act::End(if host == "a" { FAILED } else { Outcome::Succeeded }));
    let ended = home.run(1, plan(job("true"), &[&[&["a"], &["b"]]], &[]), &script).unwrap();
    assert_eq!(ended.state, JobState::Blocked);
    let script = Script::good();
    let refused = home.retry(1, &["a", "b"], &script);
    assert!(matches!(&refused, Err(RunError::Order { host: Some(host), .. }) if host == "b"), "{refused:?}");
    assert_eq!(home.retry(1, &[], &script).unwrap().state, JobState::Succeeded);
    assert_eq!(script.begun(), [("a".to_owned(), 2), ("b".to_owned(), 1)]);
}

#[test]
fn two_jobs_of_one_process_share_the_limits() {
    let home = Home::new();
    let names: Vec<String> = (0..12).map(|number| format!("h{number}")).collect();
    let hosts: Vec<&str> = names.iter().map(String::as_str).collect();
    let script = Script::good();
    std::thread::scope(|scope| {
        let runs = [1, 2].map(|id| {
            let plan = plan(job("true"), &[&[&hosts]], &[(3, &hosts)]);
            let (home, script) = (&home, &script);
            scope.spawn(move || home.run(id, plan, script))
        });
        for run in runs {
            assert_eq!(run.join().unwrap().unwrap().state, JobState::Succeeded);
        }
    });
    assert_eq!(script.begun().len(), 24);
    assert!(most_out(&script.log.lock().unwrap()) <= 3);
}

/// A run whose store is deleted while `hangs` runs and `next` is about to end: what it ends with.
fn deleted_under(kind: Kind) -> (RunError, Arc<Script>) {
    let home = Home::new();
    let database = home.folder.path().join("pogo.db");
    let (script, _) = Script::new(move |host, _| match host {
        "hangs" => Act::Hang,
        "next" => {
            std::fs::remove_file(&database).unwrap();
            Act::End(Outcome::Succeeded)
        }
        _ => Act::End(Outcome::Succeeded),
    });
    let mut job = job("true");
    job.transport = kind;
    let plan = plan(job, &[&[&["hangs"]], &[&["first"], &["next"], &["never"]]], &[]);
    let error = home.run(1, plan, &script).unwrap_err();
    (error, script)
}

#[test]
fn without_its_store_a_run_starts_nothing_and_ends_what_runs() {
    let (error, script) = deleted_under(Kind::Local);
    let RunError::Store { source, left_running: 0 } = error else { panic!("{error:?}") };
    assert!(matches!(*source, StoreError::Gone { .. }), "{source:?}");
    assert!(!script.hosts().contains(&"never".to_owned()));
    let stopped = Line::End("hangs".to_owned(), Outcome::Stopped);
    assert!(script.log.lock().unwrap().contains(&stopped));
}

#[test]
fn without_its_store_a_run_over_ssh_leaves_what_runs_to_itself() {
    let (error, script) = deleted_under(Kind::Ssh);
    assert!(matches!(error, RunError::Store { left_running: 1.., .. }), "{error:?}");
    assert!(!script.hosts().contains(&"never".to_owned()));
    let stopped = Line::End("hangs".to_owned(), Outcome::Stopped);
    assert!(!script.log.lock().unwrap().contains(&stopped));
}
