//! Attempts from their start to their end.

use std::collections::BTreeMap;

use base64::Engine;
use pogo_plan::job::{Retry, RetryOn, Script, SecretRef, Verify};
use pogo_plan::outcome::{Exit, Outcome, Phase};
use pogo_test_sshd::{Farm, children, command_line, environment, processes_with, until};

use super::support::{Client, job, key};
use crate::Secret;
use crate::ssh::SshOptions;

const fn failed(status: u8) -> Outcome {
    Outcome::Failed { exit: Exit::Status(status), phase: Phase::Command }
}

#[tokio::test]
async fn a_command_runs_and_nothing_is_left() {
    let (farm, client) = (Farm::new(), Client::new());
    let (outcome, heard) =
        client.run(job(&farm, "echo \"$POGO_HOST $POGO_SLOT $POGO_ATTEMPT\"; echo e >&2"), "pogo-a").await;
    assert_eq!(outcome, Outcome::Succeeded, "{heard:?}");
    assert_eq!(heard.text(), "pogo-a a.b,c 1\n");
    assert_eq!(heard.stderr, "e\n");
    assert_eq!((heard.starts, heard.phases), (1, vec![Phase::Command]));
    assert_eq!(client.left(), 0);
    assert!(!farm.home().join(".cache/pogo").exists(), "a run that ends well leaves no file");
}

#[tokio::test]
async fn all_parts_run_in_order() {
    let (farm, client) = (Farm::new(), Client::new());
    let mut job = job(&farm, "echo command");
    job.prehook = Some("echo prehook".to_owned());
    job.posthook = Some("echo posthook".to_owned());
    job.finally = Some("echo finally".to_owned());
    job.verify =
        Some(Verify { command: "echo verify".to_owned(), interval_ms: 1, timeout_ms: 60_000, successes: 2 });
    let (outcome, heard) = client.run(job, "pogo-a").await;
    assert_eq!(outcome, Outcome::Succeeded, "{heard:?}");
    assert_eq!(heard.text(), "prehook\ncommand\nverify\nverify\nposthook\nfinally\n");
    assert_eq!(heard.starts, 1);
}

#[tokio::test]
async fn a_script_runs_with_its_arguments_and_is_removed() {
    let (farm, client) = (Farm::new(), Client::new());
    let mut job = job(&farm, "");
    let text = b"#!/bin/sh\nprintf '%s\\n' \"$@\" \"$0\"\n";
    let base64 = base64::engine::general_purpose::STANDARD.encode(text);
    (job.command, job.script) = (None, Some(Script { name: "go".to_owned(), base64 }));
    job.args = vec!["a b".to_owned(), "'c'".to_owned()];
    let (outcome, heard) = client.run(job, "pogo-a").await;
    assert_eq!(outcome, Outcome::Succeeded, "{heard:?}");
    let text = heard.text();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[..2], ["a b", "'c'"]);
    assert!(lines[2].ends_with("/go") && !std::path::Path::new(lines[2]).exists());
}

#[tokio::test]
async fn ends_are_told_apart() {
    let (farm, client) = (Farm::new(), Client::new());
    for (command, outcome) in [
        ("exit 1", failed(1)),
        ("exit 127", failed(127)),
        ("no-such-command-at-all", failed(127)),
        ("exit 255", failed(255)),
        ("kill -KILL $$", Outcome::Failed { exit: Exit::Signal(9), phase: Phase::Command }),
    ] {
        let (ended, heard) = client.run(job(&farm, command), "pogo-a").await;
        assert_eq!(ended, outcome, "{command}: {heard:?}");
    }
}

#[tokio::test]
async fn binary_output_comes_as_it_is_and_is_cut_where_told() {
    let (farm, client) = (Farm::new(), Client::new());
    let mut job = job(&farm, "printf '\\000\\377\\036a'; printf x >&2");
    let (_, heard) = client.run(job.clone(), "pogo-a").await;
    assert_eq!((heard.stdout.as_slice(), heard.stderr.as_str()), (b"\0\xff\x1ea".as_slice(), "x"));
    job.command = Some("head -c 3000000 /dev/zero".to_owned());
    let (outcome, heard) = client.run(job, "pogo-a").await;
    assert_eq!(outcome, Outcome::Succeeded);
    assert_eq!((heard.stdout.len(), heard.dropped), (1024 * 1024, 3_000_000 - 1024 * 1024));
}

#[tokio::test]
async fn a_deadline_ends_everybody() {
    let (farm, client) = (Farm::new(), Client::new());
    let mark = farm.path("mark").display().to_string();
    let mut job = job(&farm, &format!("sh -c 'sleep 1000; : {mark}' & sleep 1000; : {mark}"));
    job.timeout_ms = 300;
    job.finally = Some("echo finally".to_owned());
    let (outcome, heard) = client.run(job, "pogo-a").await;
    assert_eq!(outcome, Outcome::TimedOut, "{heard:?}");
    assert_eq!(heard.text(), "finally\n");
    assert!(processes_with(&mark).is_empty());
}

#[tokio::test]
async fn a_stop_ends_everybody() {
    let (farm, client) = (Farm::new(), Client::new());
    let mark = farm.path("mark").display().to_string();
    let mut run = client.begin(job(&farm, &format!("sh -c 'echo up; sleep 1000; : {mark}'")), "pogo-a");
    run.until_line().await;
    assert!(!processes_with(&mark).is_empty());
    run.stop.stop();
    let (outcome, heard) = run.end().await;
    assert_eq!(outcome, Outcome::Stopped, "{heard:?}");
    assert!(processes_with(&mark).is_empty());
    assert_eq!(client.left(), 0);
}

#[tokio::test]
async fn a_wrapper_that_is_deaf_is_ended_over_another_session() {
    let stop_time = std::time::Duration::from_millis(200);
    let (farm, client) = (Farm::new(), Client::with(SshOptions { stop_time, ..SshOptions::new() }));
    let mark = farm.path("mark").display().to_string();
    // The shell that listens is frozen; so is the one that keeps the time.
    let command = format!("kill -STOP $PPID; sh -c 'echo up; sleep 1000; : {mark}'");
    let mut run = client.begin(job(&farm, &command), "pogo-a");
    run.until_line().await;
    run.stop.stop();
    let (outcome, heard) = run.end().await;
    assert_eq!(outcome, Outcome::Stopped, "{heard:?}");
    assert!(processes_with(&mark).is_empty());
    assert_eq!(client.left(), 0);
}

#[tokio::test]
async fn secrets_are_in_no_argument_and_no_environment_but_the_command_s() {
    let (farm, client) = (Farm::new(), Client::new());
    let mut job = job(&farm, "echo \"$TOKEN\" >secret; echo $$; read -r _ <fifo");
    job.command = job.command.map(|command| format!("cd {}; mkfifo fifo; {command}", farm.home().display()));
    job.secrets.insert("TOKEN".to_owned(), SecretRef::Prompt);
    let secrets: BTreeMap<_, _> = [("TOKEN".to_owned(), Secret::from("hush-4711"))].into();
    let mut run = client.begin_with(job, key("pogo-a", 1), &secrets);
    let command: u32 = run.until_line().await.parse().unwrap();
    let everybody = processes_with("");
    assert!(everybody.contains(&command));
    for &pid in everybody.iter().filter(|&&pid| pid != std::process::id()) {
        assert!(!command_line(pid).contains("hush-4711"), "{}", command_line(pid));
        let is_of_command = pid == command || children(command).contains(&pid);
        assert!(is_of_command || !environment(pid).contains("hush-4711"), "{}", command_line(pid));
    }
    std::fs::write(farm.home().join("fifo"), "\n").unwrap();
    let (outcome, heard) = run.end().await;
    assert_eq!(outcome, Outcome::Succeeded, "{heard:?}");
    assert_eq!(std::fs::read_to_string(farm.home().join("secret")).unwrap(), "hush-4711\n");
}

#[tokio::test]
async fn a_host_that_cannot_be_reached_says_why() {
    let (farm, client) = (Farm::new(), Client::new());
    farm.write("known_hosts", "");
    let (outcome, heard) = client.run(job(&farm, "true"), "pogo-a").await;
    assert_eq!((outcome, heard.starts), (Outcome::Unreachable, 0));
    assert!(
        heard.stderr.starts_with("pogo: cannot reach pogo-a: its host key is not on record"),
        "{}",
        heard.stderr
    );
    assert_eq!(client.left(), 0);
}

#[tokio::test]
async fn a_host_without_a_shell_says_why() {
    let farm = Farm::with("ForceCommand echo This account is not available; exit 1\n");
    let client = Client::new();
    let (outcome, heard) = client.run(job(&farm, "true"), "pogo-a").await;
    assert_eq!((outcome, heard.starts), (Outcome::Unreachable, 0));
    assert!(heard.stderr.contains("This account is not available"), "{}", heard.stderr);
}

#[tokio::test]
async fn a_server_without_room_for_a_session_says_so() {
    let farm = Farm::with("MaxSessions 0\n");
    let client = Client::new();
    let (outcome, heard) = client.run(job(&farm, "true"), "pogo-a").await;
    assert_eq!((outcome, heard.starts), (Outcome::Unreachable, 0));
    assert!(heard.stderr.contains("gives no session"), "{}", heard.stderr);
    assert_eq!(client.left(), 0);
}

#[tokio::test]
async fn a_second_attempt_goes_over_the_same_connection() {
    let (farm, client) = (Farm::new(), Client::new());
    let server = farm.listen("");
    let mut job = job(&farm, "exit 3");
    job.ssh.port = Some(server.port());
    job.retry = Retry { attempts: 1, backoff_ms: 0, max_backoff_ms: 0, retry_on: vec![RetryOn::Exit] };
    for attempt in 1..=2 {
        let run = client.begin_with(job.clone(), key("127.0.0.1", attempt), &BTreeMap::new());
        assert_eq!(run.end().await.0, failed(3));
    }
    let logins = || server.log().matches("Accepted publickey").count();
    until("the server has logged", || logins() > 0);
    assert_eq!(logins(), 1, "{}", server.log());
    assert_eq!(client.left(), 0, "after the last attempt the connection is ended");
}

#[tokio::test]
async fn a_connection_that_is_kept_is_ended_with_the_run() {
    use crate::Transport;
    let (farm, client) = (Farm::new(), Client::new());
    let mut job = job(&farm, "exit 3");
    job.retry = Retry { attempts: 1, backoff_ms: 0, max_backoff_ms: 0, retry_on: vec![RetryOn::Exit] };
    assert_eq!(client.run(job, "pogo-a").await.0, failed(3));
    assert!(client.left() > 0);
    client.ssh.close().await;
    assert_eq!(client.left(), 0);
}

/// What a user has set for sessions of their own does not spoil those of a job, and both ways are alike.
#[tokio::test]
async fn a_user_s_settings_mean_the_same_with_and_without_a_retry() {
    let farm = Farm::with("AcceptEnv *");
    farm.configure(
        "SendEnv PATH CARGO*\n  SetEnv ZONE=far\n  StdinNull yes\n  SessionType none\n  \
         ForkAfterAuthentication yes\n  RemoteCommand echo strange\n  RequestTTY force\n  ControlPersist yes\n  \
         ControlMaster auto\n  ForwardAgent yes",
    );
    let client = Client::new();
    let mut job = job(&farm, "env | sort; cat; exit 3");
    job.retry = Retry { attempts: 1, backoff_ms: 0, max_backoff_ms: 0, retry_on: vec![RetryOn::Exit] };
    let mut environments = Vec::new();
    for attempt in 1..=2 {
        let run = client.begin_with(job.clone(), key("pogo-a", attempt), &BTreeMap::new());
        let (outcome, heard) = run.end().await;
        assert_eq!(outcome, failed(3), "{heard:?}");
        let text = heard.text();
        assert!(text.contains("ZONE=far") && !text.contains("CARGO"), "{text}");
        environments.push(text);
    }
    // Alone, the attempt has an ssh of its own.
    job.retry = Retry { attempts: 0, ..job.retry };
    let (outcome, heard) = client.run(job, "pogo-a").await;
    assert_eq!(outcome, failed(3), "{heard:?}");
    let names = |text: &str| -> Vec<String> {
        text.lines().filter_map(|line| Some(line.split_once('=')?.0.to_owned())).collect()
    };
    assert_eq!(names(&heard.text()), names(&environments[0]));
    assert_eq!(client.left(), 0);
}

#[tokio::test]
async fn what_stays_behind_with_the_output_open_keeps_no_ssh() {
    let (farm, client) = (Farm::new(), Client::new());
    let (outcome, heard) = client.run(job(&farm, "sleep 1000 & echo $!"), "pogo-a").await;
    assert_eq!(outcome, Outcome::Succeeded, "{heard:?}");
    assert_eq!(client.left(), 0);
    let pid = heard.text().trim().parse().unwrap();
    assert!(command_line(pid).contains("sleep"), "it is nobody's");
    pogo_test_sshd::kill(pid);
}
