//! Attempts with real processes.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use pogo_plan::Job;
use pogo_plan::event::{JobId, Stream};
use pogo_plan::job::{Script, Transport as Kind, Verify};
use pogo_plan::outcome::{Attempt as Number, Exit, Outcome, Phase};
use pogo_plan::worker::AttemptKey;
use tempfile::TempDir;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::Local;
use crate::{
    Attempt, JobContext, Progress, Refused, Running, Said, Secret, StopSender, Transport, Window, stop,
};

fn job(command: &str) -> Job {
    Job { command: Some(command.to_owned()), transport: Kind::Local, ..Job::default() }
}

/// An attempt under way.
struct UnderWay {
    work: Running,
    said: UnboundedReceiver<Said>,
    window: Arc<Window>,
    stop: StopSender,
}

#[derive(Debug, Default)]
struct Heard {
    starts: usize,
    phases: Vec<Phase>,
    stdout: String,
    stderr: String,
    dropped: u64,
}

impl Heard {
    fn hear(&mut self, said: Said) {
        match said {
            Said::Started => self.starts += 1,
            Said::Ended { recorded, .. } => recorded.tell(),
            Said::Phase(phase) => self.phases.push(phase),
            Said::Output { stream, bytes, dropped_bytes } => {
                self.dropped += dropped_bytes;
                let text = match stream {
                    Stream::Stdout => &mut self.stdout,
                    Stream::Stderr => &mut self.stderr,
                };
                text.push_str(&String::from_utf8(bytes).unwrap());
            }
        }
    }
}

fn begin(job: Job, secrets: &BTreeMap<String, Secret>) -> UnderWay {
    let key = AttemptKey { job: JobId::from_bits(9), host: "web1".into(), attempt: Number(2) };
    let slots = ["a.b".to_owned(), "c".to_owned()].into();
    let attempt = Attempt { key, slots, job: Arc::new(JobContext::new(job, secrets).unwrap()) };
    let (sender, said) = unbounded_channel();
    let window = Arc::new(Window::new(1024 * 1024));
    let progress = Progress::new(Arc::clone(&window), move |news| {
        let _nobody_listens = sender.send(news);
    });
    let (stop, raised) = stop();
    let local = Local::new().with_grace(Duration::from_millis(50));
    UnderWay { work: local.attempt(attempt, progress, raised), said, window, stop }
}

impl UnderWay {
    async fn end(mut self, mut heard: Heard) -> (Outcome, Heard) {
        let outcome = self.work.await;
        while let Ok(said) = self.said.try_recv() {
            heard.hear(said);
        }
        (outcome, heard)
    }

    /// Runs until standard output has so many lines.
    async fn until_lines(&mut self, n: usize) -> Heard {
        let mut heard = Heard::default();
        while heard.stdout.lines().count() < n || !heard.stdout.ends_with('\n') {
            tokio::select! {
                outcome = &mut self.work => panic!("ended too soon: {outcome:?}, {heard:?}"),
                said = self.said.recv() => heard.hear(said.unwrap()),
            }
        }
        heard
    }
}

async fn run(job: Job) -> (Outcome, Heard) {
    begin(job, &BTreeMap::new()).end(Heard::default()).await
}

/// Whether the process runs; one that is dead and has not been waited for does not.
fn is_alive(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with(['Z', 'X']))
}

fn failed(exit: Exit, phase: Phase) -> Outcome {
    Outcome::Failed { exit, phase }
}

fn text(folder: &TempDir, name: &str) -> String {
    fs::read_to_string(folder.path().join(name)).unwrap_or_default()
}

#[tokio::test]
async fn all_parts_run_in_order() {
    let mut job = job("echo command");
    job.prehook = Some("echo prehook".to_owned());
    job.posthook = Some("echo posthook".to_owned());
    job.finally = Some("echo finally".to_owned());
    job.verify =
        Some(Verify { command: "echo verify".to_owned(), interval_ms: 1, timeout_ms: 600_000, successes: 2 });
    let (outcome, heard) = run(job).await;
    assert_eq!(outcome, Outcome::Succeeded);
    assert_eq!(heard.stdout, "prehook\ncommand\nverify\nverify\nposthook\nfinally\n");
    assert_eq!(heard.starts, 1);
    let phases = [Phase::Prehook, Phase::Command, Phase::Verify, Phase::Posthook, Phase::Finally];
    assert_eq!(heard.phases, phases);
}

#[tokio::test]
async fn each_part_needs_the_one_before_and_finally_does_not() {
    let mut job = job("echo command");
    job.prehook = Some("exit 3".to_owned());
    job.posthook = Some("echo posthook".to_owned());
    job.finally = Some("echo finally; exit 4".to_owned());
    let (outcome, heard) = run(job).await;
    assert_eq!(outcome, failed(Exit::Status(3), Phase::Prehook));
    assert_eq!(heard.stdout, "finally\n");
}

#[tokio::test]
async fn a_failing_finally_fails_the_attempt() {
    let mut job = job("true");
    job.finally = Some("exit 4".to_owned());
    assert_eq!(run(job).await.0, failed(Exit::Status(4), Phase::Finally));
}

#[tokio::test]
async fn status_and_signal_are_told_apart() {
    assert_eq!(run(job("exit 255")).await.0, failed(Exit::Status(255), Phase::Command));
    assert_eq!(run(job("exit 137")).await.0, failed(Exit::Status(137), Phase::Command));
    assert_eq!(run(job("kill -KILL $$")).await.0, failed(Exit::Signal(9), Phase::Command));
}

#[tokio::test]
async fn sh_e_ends_at_the_first_failure() {
    let (outcome, heard) = run(job("echo one\nfalse\necho two")).await;
    assert_eq!(outcome, failed(Exit::Status(1), Phase::Command));
    assert_eq!(heard.stdout, "one\n");
}

#[tokio::test]
async fn the_environment_says_who_and_where() {
    let mut job = job("echo $POGO_JOB_ID $POGO_HOST $POGO_SLOT $POGO_ATTEMPT $COLOR; cat");
    job.env.insert("COLOR".to_owned(), "blue green".to_owned());
    let (outcome, heard) = run(job).await;
    assert_eq!(outcome, Outcome::Succeeded, "standard input is empty");
    assert_eq!(heard.stdout, format!("{} web1 a.b,c 2 blue green\n", JobId::from_bits(9)));
}

#[tokio::test]
async fn a_secret_is_in_no_argument() {
    let mut job = job(r#"echo "$TOKEN"; tr '\0' ' ' < /proc/$$/cmdline"#);
    job.secrets.insert("TOKEN".to_owned(), pogo_plan::job::SecretRef::Prompt);
    let secrets = BTreeMap::from([("TOKEN".to_owned(), Secret::from("hunter2".to_owned()))]);
    let (outcome, heard) = begin(job.clone(), &secrets).end(Heard::default()).await;
    assert_eq!(outcome, Outcome::Succeeded);
    let (secret, argv) = heard.stdout.split_once('\n').unwrap();
    assert_eq!(secret, "hunter2");
    assert!(argv.starts_with("sh -e /"), "{argv}");
    assert!(!argv.contains("hunter2") && !argv.contains("TOKEN"), "{argv}");
    assert!(!format!("{:?}", JobContext::new(job, &secrets)).contains("hunter2"));
}

#[tokio::test]
async fn a_script_is_run_with_its_arguments_and_removed() {
    let mut job = job("");
    job.command = None;
    let bytes = b"#!/bin/sh\necho \"$1|$2\"\necho \"$0\"\n";
    let base64 = base64::engine::general_purpose::STANDARD.encode(bytes);
    job.script = Some(Script { name: "deploy.sh".to_owned(), base64 });
    job.args = vec!["one two".to_owned(), "$HOME".to_owned()];
    let (outcome, heard) = run(job).await;
    assert_eq!(outcome, Outcome::Succeeded, "{heard:?}");
    let (args, path) = heard.stdout.split_once('\n').unwrap();
    assert_eq!(args, "one two|$HOME");
    assert!(path.trim().ends_with("/deploy.sh"), "{path}");
    assert!(!Path::new(path.trim()).exists());
}

#[tokio::test]
async fn a_shell_that_is_not_there_is_unreachable() {
    let mut job = job("true");
    job.shell = "/nonexistent/shell".to_owned();
    job.finally = Some("true".to_owned());
    let (outcome, heard) = run(job).await;
    assert_eq!(outcome, Outcome::Unreachable);
    assert_eq!(heard.starts, 0);
    assert!(heard.stderr.contains("cannot start"), "{}", heard.stderr);
}

#[tokio::test]
async fn a_deadline_ends_who_does_not_listen() {
    let folder = tempfile::tempdir().unwrap();
    let pids = folder.path().join("pids");
    // Neither the leader nor its child hears TERM.
    let command = format!(
        "trap '' TERM\n(trap '' TERM; while :; do read -r _ < {0}/never || :; done) & echo $! $$ > {1}\nwait",
        folder.path().display(),
        pids.display()
    );
    let fifo = folder.path().join("never");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let mut job = job(&command);
    job.timeout_ms = 300;
    job.finally = Some(format!("echo last > {}/last", folder.path().display()));
    let (outcome, heard) = run(job).await;
    assert_eq!(outcome, Outcome::TimedOut, "{heard:?}");
    let pids = text(&folder, "pids");
    assert_eq!(pids.split_whitespace().count(), 2);
    assert!(pids.split_whitespace().all(|pid| !is_alive(pid)), "{pids}");
    assert_eq!(text(&folder, "last"), "last\n", "`finally` has time of its own");
}

#[tokio::test]
async fn a_stop_ends_the_whole_group() {
    let mut under_way = begin(job("sleep 1000 & echo $!\nsleep 1000 & echo $!\nwait"), &BTreeMap::new());
    let heard = under_way.until_lines(2).await;
    let pids: Vec<String> = heard.stdout.lines().map(str::to_owned).collect();
    assert!(pids.iter().all(|pid| is_alive(pid)));
    under_way.stop.stop();
    let (outcome, _) = under_way.end(heard).await;
    assert_eq!(outcome, Outcome::Stopped);
    assert!(!pids.iter().any(|pid| is_alive(pid)));
}

#[tokio::test]
async fn who_hears_term_may_say_something() {
    let command = "trap 'echo bye; exit 0' TERM\necho ready\nsleep 1000 & wait";
    let mut under_way = begin(job(command), &BTreeMap::new());
    let heard = under_way.until_lines(1).await;
    under_way.stop.stop();
    let (outcome, heard) = under_way.end(heard).await;
    assert_eq!(outcome, Outcome::Stopped);
    assert_eq!(heard.stdout, "ready\nbye\n");
}

#[tokio::test]
async fn a_stop_before_the_start_starts_nothing() {
    let under_way = begin(job("echo ran"), &BTreeMap::new());
    under_way.stop.stop();
    let (outcome, heard) = under_way.end(Heard::default()).await;
    assert_eq!((outcome, heard.starts), (Outcome::Unreachable, 0));
}

#[tokio::test]
async fn who_holds_the_output_open_holds_nothing_up() {
    let (outcome, heard) = run(job("sleep 1000 & echo $!")).await;
    assert_eq!(outcome, Outcome::Succeeded);
    let child = heard.stdout.trim();
    assert!(is_alive(child), "what was left in the background stays");
    let pid = nix::unistd::Pid::from_raw(child.parse().unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).unwrap();
}

#[tokio::test]
async fn a_flood_is_cut_and_counted() {
    let mut job = job("head -c 3000000 /dev/zero | tr '\\0' x; echo err >&2");
    job.max_output_bytes = 1000;
    let (outcome, heard) = run(job).await;
    assert_eq!(outcome, Outcome::Succeeded);
    assert_eq!(heard.stdout, "x".repeat(1000));
    assert_eq!(heard.dropped, 2_999_000);
    assert_eq!(heard.stderr, "err\n");
}

#[tokio::test]
async fn slow_readers_slow_down_who_writes() {
    let mut job = job("head -c 3000000 /dev/zero | tr '\\0' x");
    job.max_output_bytes = 10_000_000;
    let mut under_way = begin(job, &BTreeMap::new());
    let mut bytes = 0;
    let outcome = loop {
        tokio::select! {
            biased;
            Some(said) = under_way.said.recv() => {
                if let Said::Output { bytes: chunk, .. } = said {
                    bytes += chunk.len();
                    // What has been read makes room for more.
                    under_way.window.give_back(chunk.len());
                }
            }
            outcome = &mut under_way.work => break outcome,
        }
    };
    let (_, rest) =
        UnderWay { work: Box::pin(async { Outcome::Succeeded }), ..under_way }.end(Heard::default()).await;
    assert_eq!((outcome, bytes + rest.stdout.len()), (Outcome::Succeeded, 3_000_000));
}

#[tokio::test]
async fn nobody_reads_and_a_stop_still_ends_it() {
    let mut job = job("echo ready; cat /dev/zero | tr '\\0' x");
    job.max_output_bytes = u64::MAX;
    let mut under_way = begin(job, &BTreeMap::new());
    let heard = under_way.until_lines(1).await;
    under_way.stop.stop();
    let outcome = under_way.work.await;
    assert_eq!((outcome, heard.starts), (Outcome::Stopped, 1));
}

#[tokio::test]
async fn verify_wants_successes_in_a_row() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    // The second try fails.
    let command = format!("echo try >> {0}; test $(wc -l < {0}) -ne 2", log.display());
    let mut job = job("true");
    job.verify = Some(Verify { command, interval_ms: 1, timeout_ms: 600_000, successes: 2 });
    assert_eq!(run(job).await.0, Outcome::Succeeded);
    assert_eq!(text(&folder, "log").lines().count(), 4);
}

#[tokio::test]
async fn verify_out_of_time_failed_as_it_last_did() {
    let mut job = job("true");
    job.posthook = Some("echo posthook".to_owned());
    job.verify = Some(Verify { command: "exit 7".to_owned(), interval_ms: 1, timeout_ms: 100, successes: 1 });
    let (outcome, heard) = run(job).await;
    assert_eq!(outcome, failed(Exit::Status(7), Phase::Verify));
    assert_eq!(heard.stdout, "");
}

#[test]
fn another_user_is_refused() {
    let mut job = job("true");
    job.run_as = Some("no-such-user-at-all".to_owned());
    let refused = Local::new().check(&job).unwrap_err();
    assert!(matches!(&refused, Refused::User { key: "run_as", .. }), "{refused}");
    job.run_as = Some(super::present());
    assert_eq!(Local::new().check(&job), Ok(()));
    job.shell = " ".to_owned();
    assert_eq!(Local::new().check(&job), Err(Refused::NoShell));
}
