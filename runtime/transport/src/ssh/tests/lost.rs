//! Connections that are lost.

use std::collections::BTreeMap;
use std::sync::Arc;

use pogo_plan::job::{OnDisconnect, Verify};
use pogo_plan::outcome::{Exit, Outcome, Phase};
use pogo_test_sshd::{Farm, ancestor, kill, until};

use super::support::{Client, job, key};
use crate::wrapper::Probed;
use crate::{Attempt, JobContext, Transport};

/// Ends the server's process above this one, which is the connection.
fn cut(pid: &str) {
    let server = ancestor(pid.parse().unwrap(), "sshd").expect("a server above the command");
    kill(server);
}

fn waits(farm: &Farm, end: &str) -> String {
    format!("cd {}; mkfifo fifo; echo $$; read -r _ <fifo || :; {end}", farm.home().display())
}

#[tokio::test]
async fn an_attempt_that_runs_on_is_unknown_and_a_probe_tells_its_end() {
    let (farm, client) = (Farm::new(), Client::new());
    let job = job(&farm, &waits(&farm, "exit 7"));
    let mut run = client.begin(job.clone(), "pogo-a");
    let pid = run.until_line().await;
    cut(&pid);
    let (outcome, heard) = run.end().await;
    assert_eq!(outcome, Outcome::Unknown, "{heard:?}");
    assert!(heard.stderr.contains("still runs"), "{}", heard.stderr);
    let key = key("pogo-a", 1);
    assert_eq!(client.ssh.probe(&key, &job, None).await.unwrap(), Probed::Running);
    std::fs::write(farm.home().join("fifo"), "\n").unwrap();
    until("the command is gone", || pogo_test_sshd::command_line(pid.parse().unwrap()).is_empty());
    let ended = loop {
        match client.ssh.probe(&key, &job, None).await.unwrap() {
            Probed::Running => {}
            other => break other,
        }
    };
    let failed = Outcome::Failed { exit: Exit::Status(7), phase: Phase::Command };
    assert_eq!(ended, Probed::Ended(failed));
    assert_eq!(client.ssh.probe(&key, &job, None).await.unwrap(), Probed::Gone, "it is told once");
    assert_eq!(client.left(), 0);
}

#[tokio::test]
async fn with_verify_the_end_is_waited_for() {
    let (farm, client) = (Farm::new(), Client::new());
    let mut job = job(&farm, &waits(&farm, "echo end >>ran"));
    job.on_disconnect = OnDisconnect::Verify;
    job.verify = Some(Verify {
        command: format!("echo verify >>{}/ran", farm.home().display()),
        interval_ms: 1,
        timeout_ms: 60_000,
        successes: 1,
    });
    let mut run = client.begin(job, "pogo-a");
    cut(&run.until_line().await);
    let home = farm.home();
    let release = tokio::task::spawn_blocking(move || std::fs::write(home.join("fifo"), "\n").unwrap());
    let (outcome, heard) = run.end().await;
    release.await.unwrap();
    assert_eq!(outcome, Outcome::Succeeded, "{heard:?}");
    assert_eq!(std::fs::read_to_string(farm.home().join("ran")).unwrap(), "end\nverify\n");
    assert_eq!(client.left(), 0);
}

#[tokio::test]
async fn a_stop_reaches_what_runs_on() {
    let (farm, client) = (Farm::new(), Client::new());
    let mut job = job(&farm, &waits(&farm, "exit 7"));
    job.on_disconnect = OnDisconnect::Verify;
    let mut run = client.begin(job, "pogo-a");
    let pid = run.until_line().await;
    cut(&pid);
    run.stop.stop();
    let (outcome, heard) = run.end().await;
    assert_eq!(outcome, Outcome::Stopped, "{heard:?}");
    assert!(pogo_test_sshd::command_line(pid.parse().unwrap()).is_empty());
    assert_eq!(client.left(), 0);
}

#[tokio::test]
async fn a_host_that_is_away_for_good_is_unknown() {
    let (farm, client) = (Farm::new(), Client::new());
    let server = farm.listen("");
    let mut job = job(&farm, &waits(&farm, "exit 7"));
    job.ssh.port = Some(server.port());
    let mut run = client.begin(job, "127.0.0.1");
    let pid = run.until_line().await;
    drop(server);
    cut(&pid);
    let (outcome, heard) = run.end().await;
    assert_eq!(outcome, Outcome::Unknown, "{heard:?}");
    assert!(heard.stderr.contains("nobody listens"), "{}", heard.stderr);
    std::fs::write(farm.home().join("fifo"), "\n").unwrap();
    assert_eq!(client.left(), 0);
}

#[tokio::test]
async fn a_connection_lost_before_the_start_is_unreachable() {
    let farm = Farm::with("ForceCommand kill -KILL $PPID; sleep 1000\n");
    let client = Client::new();
    let (outcome, heard) = client.run(job(&farm, "true"), "pogo-a").await;
    assert_eq!((outcome, heard.starts), (Outcome::Unreachable, 0), "{heard:?}");
    assert_eq!(client.left(), 0);
}

#[tokio::test]
async fn an_end_that_is_not_on_record_here_stays_on_record_there() {
    let (farm, client) = (Farm::new(), Client::new());
    let job = job(&farm, "exit 7");
    let mut run = client.begin(job.clone(), "pogo-a");
    run.heard.is_forgetful = true;
    let failed = Outcome::Failed { exit: Exit::Status(7), phase: Phase::Command };
    assert_eq!(run.end().await.0, failed);
    let slots = Vec::new().into();
    let job = Arc::new(JobContext::new(job, &BTreeMap::new()).unwrap());
    let attempt = Attempt { key: key("pogo-a", 1), slots, job };
    let probe = || Transport::probe(&client.ssh, attempt.clone());
    for _ in 0..2 {
        // The wrapper writes its record when it sees that nobody is there.
        let learned = loop {
            if let Some(learned) = probe().await {
                break learned;
            }
        };
        assert_eq!(learned.outcome(), failed, "it is told until somebody says that it is on record");
    }
    probe().await.unwrap().on_record().await;
    assert!(probe().await.is_none());
    assert_eq!(client.left(), 0);
}
