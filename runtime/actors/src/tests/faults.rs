//! Parts that panic or stop in the middle of a run. Nothing hangs, and what is said of the hosts is true.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use pogo_plan::event::{Event, EventKind, Fact, JobId};
use pogo_plan::outcome::{Attempt as Number, HostState, JobState, Outcome};
use pogo_plan::{HostIdx, Job};
use pogo_transport::{Attempt, Progress, Refused, Running, Stop, Transport};
use tokio::sync::Notify;
use tracing::span::{Attributes, Id, Record};
use tracing::{Metadata, Subscriber as Tracing};

use super::support::{Seen, host, job, options, plan, states};
use crate::{
    Ended, Journal, JournalError, Keeping, MemoryJournal, NoJournal, RunError, RunOptions, Subscriber,
};

/// A transport that does what the host's name says.
struct Named;

impl Transport for Named {
    fn check(&self, _: &Job) -> Result<(), Refused> {
        Ok(())
    }

    fn attempt(&self, attempt: Attempt, progress: Progress, mut stop: Stop) -> Running {
        Box::pin(async move {
            let name = &*attempt.key.host;
            if name.starts_with("unreachable") {
                return Outcome::Unreachable;
            }
            if name == "panics-before" {
                panic!("on purpose");
            }
            progress.started();
            match name {
                "panics-after" => panic!("on purpose"),
                "lies" => Outcome::Unreachable,
                "ends-worker" => {
                    actix::Arbiter::current().stop();
                    std::future::pending().await
                }
                "hangs" => {
                    stop.raised().await;
                    Outcome::Stopped
                }
                _ => Outcome::Succeeded,
            }
        })
    }
}

fn nowhere() -> Keeping {
    Keeping::Memory(Box::new(NoJournal))
}

fn run(hosts: &[&str], options: RunOptions, journal: Keeping) -> Result<Ended, RunError> {
    run_slots(&[hosts], options, journal)
}

fn run_slots(slots: &[&[&str]], options: RunOptions, journal: Keeping) -> Result<Ended, RunError> {
    let (_sender, receiver) = crate::control();
    crate::run_with(plan(job("true"), &[slots], &[]), options, Arc::new(Named), journal, receiver, Vec::new())
}

#[test]
fn a_transport_that_panics_leaves_the_attempt_unknown() {
    let ended = run(&["a", "panics-before", "panics-after", "b"], options(), nowhere()).unwrap();
    use HostState::{Succeeded, Unknown};
    // It may have started even where that was not said.
    assert_eq!(
        (ended.state, states(&ended)),
        (JobState::Failed, vec![Succeeded, Unknown, Unknown, Succeeded])
    );
}

#[test]
fn what_has_started_is_not_unreachable() {
    let ended = run(&["lies", "unreachable"], options(), nowhere()).unwrap();
    assert_eq!(states(&ended), [HostState::Unknown, HostState::Unreachable]);
}

#[test]
fn a_worker_that_stops_leaves_its_attempts_unknown_and_the_others_go_on() {
    // One worker, and then nobody is left to make an attempt.
    let options = RunOptions { fanout: 1, ..options() };
    let ended = run(&["a", "ends-worker", "b"], options, nowhere()).unwrap();
    assert_eq!(states(&ended), [HostState::Succeeded, HostState::Unknown, HostState::Unreachable]);
}

/// Lets a part of the run panic when it enters its span for the n-th time. Spans of a run are entered on the thread that
/// called it, so that other tests do not notice.
struct PanicIn {
    span: &'static str,
    nth: usize,
    seen: AtomicUsize,
}

impl Tracing for PanicIn {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_span() && metadata.target().starts_with("pogo_actors")
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        Id::from_u64(if attributes.metadata().name() == self.span { 2 } else { 1 })
    }

    fn enter(&self, span: &Id) {
        if span.into_u64() == 2 && self.seen.fetch_add(1, Ordering::Relaxed) + 1 == self.nth {
            panic!("on purpose");
        }
    }

    fn exit(&self, _: &Id) {}
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, _: &tracing::Event<'_>) {}
}

fn with_panic(span: &'static str, nth: usize, slots: &[&[&str]]) -> Result<Ended, RunError> {
    // The first run makes every span known, so that the next one's subscriber is asked about each.
    run_slots(slots, options(), nowhere()).unwrap();
    let panic = PanicIn { span, nth, seen: AtomicUsize::new(0) };
    tracing::subscriber::with_default(panic, || run_slots(slots, options(), nowhere()))
}

#[test]
fn a_host_task_that_panics_leaves_its_host_unknown() {
    // At its beginning, when it hears that the attempt has started, and when it hears of the end.
    for nth in 1..=3 {
        let ended = with_panic("host", nth, &[&["a"]]).unwrap();
        assert_eq!((ended.state, states(&ended)), (JobState::Failed, vec![HostState::Unknown]), "{nth}");
    }
}

#[test]
fn without_a_part_the_run_ends_and_says_so() {
    let slots: &[&[&str]] = &[&["a", "b"], &["c"]];
    for (span, name) in
        [("job", "job"), ("thread", "thread"), ("slot", "slot"), ("ledger", "ledger"), ("links", "links")]
    {
        for nth in 1..=3 {
            match with_panic(span, nth, slots) {
                Err(RunError::Lost(what)) => assert_eq!(what, name, "{span} {nth}"),
                other => panic!("{span} {nth}: {other:?}"),
            }
        }
    }
}

#[test]
fn a_grant_is_on_record_before_the_attempt_is_made() {
    struct Looks(MemoryJournal);
    impl Transport for Looks {
        fn check(&self, _: &Job) -> Result<(), Refused> {
            Ok(())
        }

        fn attempt(&self, _: Attempt, progress: Progress, _: Stop) -> Running {
            let granted = Fact::Granted { host: host(0), attempt: Number(1) };
            let is_on_record = self.0.facts().iter().any(|(_, fact)| *fact == granted);
            Box::pin(async move {
                progress.started();
                if is_on_record { Outcome::Succeeded } else { Outcome::Unknown }
            })
        }
    }
    let journal = MemoryJournal::new();
    let (_sender, receiver) = crate::control();
    let transport = Arc::new(Looks(journal.clone()));
    let one = plan(job("true"), &[&[&["a"]]], &[]);
    let ended = crate::run_with(
        one,
        options(),
        transport,
        Keeping::Memory(Box::new(journal.clone())),
        receiver,
        Vec::new(),
    )
    .unwrap();
    assert_eq!(states(&ended), [HostState::Succeeded]);
    let kinds: Vec<Fact<_>> = journal.facts().into_iter().map(|(_, fact)| fact).collect();
    let (host, attempt) = (host(0), Number(1));
    assert_eq!(
        kinds,
        [
            Fact::JobState { state: JobState::Running },
            Fact::SlotOpened { slot: 0 },
            Fact::Granted { host, attempt },
            Fact::Started { host, attempt },
            Fact::Ended { host, attempt, outcome: Outcome::Succeeded, again: false },
            Fact::JobState { state: JobState::Succeeded },
        ]
    );
}

#[test]
fn a_journal_that_fails_ends_the_run_before_anything_is_done() {
    struct Full;
    impl Journal for Full {
        fn record(&mut self, _: JobId, facts: &[Fact<HostIdx>]) -> Result<(), JournalError> {
            let is_grant = facts.iter().any(|fact| matches!(fact, Fact::Granted { .. }));
            if is_grant { Err(JournalError("full disk".into())) } else { Ok(()) }
        }
    }
    // Were it started, it would stop the worker and be unknown.
    let result = run(&["ends-worker"], options(), Keeping::Memory(Box::new(Full)));
    assert!(matches!(result, Err(RunError::Journal(_))), "{result:?}");
}

#[test]
fn a_journal_that_fails_ends_what_runs() {
    struct NoEnds;
    impl Journal for NoEnds {
        fn record(&mut self, _: JobId, facts: &[Fact<HostIdx>]) -> Result<(), JournalError> {
            let is_end = facts.iter().any(|fact| matches!(fact, Fact::Ended { .. }));
            if is_end { Err(JournalError("full disk".into())) } else { Ok(()) }
        }
    }
    /// The host `ends` does so as soon as the other one runs.
    #[derive(Default)]
    struct OneEnds {
        runs: Notify,
        was_stopped: AtomicBool,
    }
    struct Shared(Arc<OneEnds>);
    impl Transport for Shared {
        fn check(&self, _: &Job) -> Result<(), Refused> {
            Ok(())
        }

        fn attempt(&self, attempt: Attempt, progress: Progress, mut stop: Stop) -> Running {
            let shared = Arc::clone(&self.0);
            Box::pin(async move {
                progress.started();
                if &*attempt.key.host == "ends" {
                    shared.runs.notified().await;
                    return Outcome::Succeeded;
                }
                shared.runs.notify_one();
                stop.raised().await;
                shared.was_stopped.store(true, Ordering::Relaxed);
                Outcome::Stopped
            })
        }
    }
    let shared = Arc::new(OneEnds::default());
    let (_sender, receiver) = crate::control();
    let plan = plan(job("true"), &[&[&["ends", "runs"], &["after"]]], &[]);
    let transport = Arc::new(Shared(Arc::clone(&shared)));
    let result =
        crate::run_with(plan, options(), transport, Keeping::Memory(Box::new(NoEnds)), receiver, Vec::new());
    assert!(matches!(result, Err(RunError::Journal(_))), "{result:?}");
    assert!(shared.was_stopped.load(Ordering::Relaxed));
}

#[test]
fn the_last_use_of_a_limit_is_told_before_the_job_has_ended() {
    // At once: sooner than changes are merged for.
    let plan = plan(job("true"), &[&[&["unreachable", "b"]]], &[(1, &["unreachable", "b"])]);
    let seen = Seen::default();
    let (_sender, receiver) = crate::control();
    let (transport, journal) = (Arc::new(Named), Box::new(NoJournal));
    let subscribers: Vec<Box<dyn Subscriber>> = vec![Box::new(seen.clone())];
    let ended =
        crate::run_with(plan, options(), transport, Keeping::Memory(journal), receiver, subscribers).unwrap();
    assert_eq!((ended.state, states(&ended)[0]), (JobState::Blocked, HostState::Unreachable));
    let events = seen.0.lock().unwrap();
    let is_full = |event: &Event| matches!(event.kind, EventKind::LimitChanged { in_use: 1, .. });
    let is_end = |event: &Event| matches!(event.kind, EventKind::JobState { state: JobState::Blocked, .. });
    let (full, end) = (events.iter().position(is_full).unwrap(), events.iter().position(is_end).unwrap());
    assert!(full < end, "{events:?}");
}

#[test]
fn the_time_of_a_job_ends_what_runs() {
    let mut job = job("true");
    job.job_timeout_ms = Some(50);
    let (_sender, receiver) = crate::control();
    let plan = plan(job, &[&[&["hangs"], &["a"]]], &[]);
    let ended = crate::run_with(plan, options(), Arc::new(Named), nowhere(), receiver, Vec::new()).unwrap();
    assert_eq!(
        (ended.state, states(&ended)),
        (JobState::Halted, vec![HostState::Stopped, HostState::Cancelled])
    );
}
