//! Runs with real processes. What happened in which order is read from a file that the commands themselves write.

use pogo_plan::event::{Event, EventKind, Stream};
use pogo_plan::job::{Job, Retry, RetryOn};
use pogo_plan::outcome::{HostState, JobState};

use super::support::{Seen, job, options, plan, run, states, succeeded};
use crate::{ControlSender, RunError, Subscriber, SubscriberError};

#[test]
fn two_hosts_in_one_thread() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let command = format!("echo $POGO_HOST $POGO_SLOT $POGO_ATTEMPT >> {}", log.display());
    let (ended, events) = run(plan(job(&command), &[&[&["a"], &["b"]]], &[]));
    assert!(succeeded(&ended), "{ended:?}");
    assert_eq!(std::fs::read_to_string(log).unwrap(), "a 0.0 1\nb 0.1 1\n");
    let numbers: Vec<u64> = events.iter().map(|event| event.seq).collect();
    assert_eq!(numbers, (1..=events.len() as u64).collect::<Vec<_>>());
}

/// What commands append to a file, in order.
struct Log {
    folder: tempfile::TempDir,
}

impl Log {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> String {
        self.folder.path().join("log").display().to_string()
    }

    /// The lines, split into words.
    fn lines(&self) -> Vec<Vec<String>> {
        let text = std::fs::read_to_string(self.path()).unwrap_or_default();
        text.lines().map(|line| line.split(' ').map(str::to_owned).collect()).collect()
    }

    /// Says when it begins and when it ends; in between it lets others come forward.
    fn begin_and_end(&self) -> Job {
        job(&format!(
            "echo begin $POGO_HOST >> {0}\nfor i in 1 2 3; do /bin/true; done\necho end $POGO_HOST >> {0}",
            self.path()
        ))
    }

    /// The place in the log at which a host begins or ends.
    fn at(&self, what: &str, host: &str) -> usize {
        let lines = self.lines();
        let places: Vec<usize> = (0..lines.len()).filter(|&at| lines[at] == [what, host]).collect();
        assert_eq!(places.len(), 1, "{what} {host} in {lines:?}");
        places[0]
    }

    /// The most of these hosts that were under way at once.
    fn most_at_once(&self, hosts: &[&str]) -> usize {
        let (mut now, mut most) = (0, 0);
        for line in self.lines().iter().filter(|line| hosts.contains(&line[1].as_str())) {
            if line[0] == "begin" {
                now += 1;
            } else {
                now -= 1;
            }
            most = most.max(now);
        }
        most
    }
}

const A: &[&str] = &["a1", "a2", "a3", "a4", "a5"];
const B: &[&str] = &["b1", "b2", "b3", "b4", "b5"];

#[test]
fn slots_of_a_thread_run_one_after_the_other_and_limits_hold() {
    let log = Log::new();
    let all: Vec<&str> = A.iter().chain(B).copied().collect();
    let limits: &[(u32, &[&str])] = &[(2, A), (1, B), (3, &all)];
    let (ended, _) = run(plan(log.begin_and_end(), &[&[A, B], &[&["c1"], &["c2"]]], limits));
    assert!(succeeded(&ended), "{ended:?}");
    let last_of_a = A.iter().map(|host| log.at("end", host)).max().unwrap();
    assert!(B.iter().all(|host| log.at("begin", host) > last_of_a), "{:?}", log.lines());
    assert!(log.at("end", "c1") < log.at("begin", "c2"));
    assert!(log.most_at_once(A) <= 2);
    assert_eq!(log.most_at_once(B), 1);
}

#[test]
fn a_host_in_two_threads_waits_for_both() {
    let log = Log::new();
    let (ended, _) = run(plan(log.begin_and_end(), &[&[&["a"], &["x"]], &[&["b"], &["x"], &["c"]]], &[]));
    assert!(succeeded(&ended), "{ended:?}");
    assert!(log.at("end", "a") < log.at("begin", "x") && log.at("end", "b") < log.at("begin", "x"));
    assert!(log.at("end", "x") < log.at("begin", "c"));
}

#[test]
fn hosts_of_one_slot_run_at_the_same_time() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("fifo");
    // Opening a pipe waits for the other side: neither host ends without the other.
    let command = format!(
        "mkfifo {0} 2>/dev/null || :; if [ $POGO_HOST = a ]; then echo x > {0}; else read -r _ < {0}; fi",
        fifo.display()
    );
    let (ended, _) = run(plan(job(&command), &[&[&["a", "b"]]], &[]));
    assert!(succeeded(&ended), "{ended:?}");
}

#[test]
fn a_failed_attempt_is_made_again() {
    let log = Log::new();
    let mut job = job(&format!("echo try $POGO_ATTEMPT >> {}; test $POGO_ATTEMPT = 3", log.path()));
    job.retry = Retry { attempts: 2, backoff_ms: 1, max_backoff_ms: 2, retry_on: vec![RetryOn::Exit] };
    let (ended, events) = run(plan(job, &[&[&["a"]]], &[]));
    assert!(succeeded(&ended), "{ended:?}");
    assert_eq!(log.lines(), [["try", "1"], ["try", "2"], ["try", "3"]]);
    let outcomes: Vec<_> =
        events.iter().filter(|event| matches!(event.kind, EventKind::AttemptEnded { .. })).collect();
    assert_eq!(outcomes.len(), 3);
}

#[test]
fn a_bad_host_holds_up_what_depends_on_it() {
    let log = Log::new();
    let command = format!("echo begin $POGO_HOST >> {}; test $POGO_HOST != a1", log.path());
    let (ended, events) = run(plan(job(&command), &[&[&["a1", "a2"], &["b"]], &[&["c"], &["d"]]], &[]));
    assert_eq!(ended.state, JobState::Blocked);
    use HostState::{Failed, Succeeded, Waiting};
    assert_eq!(states(&ended), [Failed, Succeeded, Waiting, Succeeded, Succeeded]);
    let EventKind::JobState { state: JobState::Blocked, blocked_by, .. } = &events.last().unwrap().kind
    else {
        panic!("{events:?}");
    };
    assert_eq!(blocked_by[0].host, "a1");
}

#[test]
fn a_deadline_ends_an_attempt_in_a_run() {
    let mut job = job("sleep 1000");
    job.timeout_ms = 100;
    let (ended, _) = run(plan(job, &[&[&["a"]]], &[]));
    assert_eq!((ended.state, states(&ended)), (JobState::Failed, vec![HostState::TimedOut]));
}

#[test]
fn output_reaches_the_readers_after_the_start_and_before_the_end() {
    let (ended, events) = run(plan(job("printf 'one\\ntwo\\377\\n'; echo err >&2"), &[&[&["a"]]], &[]));
    assert!(succeeded(&ended));
    let place = |is: &dyn Fn(&EventKind) -> bool| events.iter().position(|event| is(&event.kind)).unwrap();
    let started = place(&|kind| matches!(kind, EventKind::AttemptStarted { .. }));
    let ended = place(&|kind| matches!(kind, EventKind::AttemptEnded { .. }));
    let out = place(
        &|kind| matches!(kind, EventKind::Output { stream: Stream::Stdout, text: None, base64: Some(base64), .. } if base64 == "b25lCnR3b/8K"),
    );
    let err = place(
        &|kind| matches!(kind, EventKind::Output { stream: Stream::Stderr, text: Some(text), .. } if text == "err\n"),
    );
    assert!(started < out && out < ended && started < err && err < ended, "{events:?}");
}

#[test]
fn much_output_all_arrives() {
    // More than may be under way at once.
    let mut job = job("head -c 9000000 /dev/zero | tr '\\0' x");
    job.max_output_bytes = 20_000_000;
    let (ended, events) = run(plan(job, &[&[&["a"]]], &[]));
    assert!(succeeded(&ended));
    let length = |event: &Event| match &event.kind {
        EventKind::Output { text: Some(text), .. } => text.len(),
        _ => 0,
    };
    assert_eq!(events.iter().map(length).sum::<usize>(), 9_000_000);
}

#[test]
fn an_operator_halts_and_stops() {
    let (sender, receiver) = crate::control();
    let plan = plan(job("echo ready; sleep 1000"), &[&[&["a"], &["b"]]], &[]);
    let stopper = Stopper(sender);
    let ended = crate::run(plan, options(), receiver, vec![Box::new(stopper)]).unwrap();
    assert_eq!(ended.state, JobState::Halted);
    assert_eq!(states(&ended), [HostState::Stopped, HostState::Cancelled]);
}

/// Stops the run when a command has said something.
struct Stopper(ControlSender);

impl Subscriber for Stopper {
    fn event(&mut self, event: &Event) -> Result<(), SubscriberError> {
        if matches!(event.kind, EventKind::Output { .. }) {
            self.0.stop();
        }
        Ok(())
    }
}

#[test]
fn a_halt_before_the_start_starts_nothing() {
    let (sender, receiver) = crate::control();
    sender.halt();
    let ended = crate::run(plan(job("true"), &[&[&["a"]]], &[]), options(), receiver, Vec::new()).unwrap();
    assert_eq!((ended.state, states(&ended)), (JobState::Halted, vec![HostState::Cancelled]));
}

#[test]
fn a_subscriber_that_fails_is_let_go() {
    struct Failing(u32);
    impl Subscriber for Failing {
        fn event(&mut self, _: &Event) -> Result<(), SubscriberError> {
            self.0 += 1;
            assert!(self.0 < 2, "it is not called again");
            Err(SubscriberError("full disk".into()))
        }
    }
    let (_sender, receiver) = crate::control();
    let seen = Seen::default();
    let subscribers: Vec<Box<dyn Subscriber>> = vec![Box::new(Failing(0)), Box::new(seen.clone())];
    let ended = crate::run(plan(job("true"), &[&[&["a"]]], &[]), options(), receiver, subscribers).unwrap();
    assert!(succeeded(&ended));
    assert!(matches!(seen.0.lock().unwrap().last().unwrap().kind, EventKind::JobState { .. }));
}

#[test]
fn what_cannot_be_run_is_refused_before_anything_starts() {
    let run = |job: Job| {
        let (_sender, receiver) = crate::control();
        crate::run(plan(job, &[&[&["a"]]], &[]), options(), receiver, Vec::new())
    };
    let mut other_user = job("true");
    other_user.user = Some("no-such-user-at-all".to_owned());
    assert!(matches!(run(other_user), Err(RunError::Refused(_))));
    let mut no_secret = job("true");
    no_secret.secrets.insert("TOKEN".to_owned(), pogo_plan::job::SecretRef::Prompt);
    assert!(matches!(run(no_secret), Err(RunError::Context(_))));
    let mut nothing = job("true");
    nothing.command = None;
    assert!(matches!(run(nothing), Err(RunError::Context(_))));
}
