//! Runs that are cut off and taken up again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use pogo_plan::event::{Command, EventKind, JobId, Verdict};
use pogo_plan::job::{Retry, RetryOn};
use pogo_plan::outcome::{Exit, HostState, JobState, Outcome, Phase};
use pogo_plan::{HostIdx, Plan};
use pogo_schedule::ids::Slots;
use pogo_schedule::job::Refusal;
use pogo_store::{Batch, Session};
use pogo_transport::Transport;
use tokio::sync::Notify;

use super::support::{Act, Home, Hosts, Line, Script, most_out, options, whole};
use crate::clock::Clock;
use crate::job::{Held, Records};
use crate::keeping::{Desk, Relay};
use crate::links::{self, AddWorker};
use crate::post::Mail;
use crate::run::{Begin, UnderWay, World};
use crate::take_up::{Early, TakenUp};
use crate::tests::support::{job, plan, states};
use crate::worker::{self, Attach, Worker, WorkerOptions};
use crate::{RunError, Stored, bus, operate};

const FAILED: Outcome = Outcome::Failed { exit: Exit::Status(1), phase: Phase::Command };

/// Lets so many words pass between a job and its session, in both directions; then nothing passes any more.
pub(super) struct Cut {
    left: AtomicUsize,
    is_dead: AtomicBool,
    dead: Notify,
}

impl Cut {
    pub(super) fn after(words: usize) -> Arc<Self> {
        let (left, is_dead) = (AtomicUsize::new(words), AtomicBool::new(false));
        Arc::new(Self { left, is_dead, dead: Notify::new() })
    }

    /// Now.
    pub(super) fn now(&self) {
        self.left.store(0, Ordering::SeqCst);
        self.passes();
    }

    fn passes(&self) -> bool {
        let left = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if left.is_err() {
            self.is_dead.store(true, Ordering::SeqCst);
            self.dead.notify_one();
        }
        left.is_ok()
    }
}

struct CutDesk(Arc<Session>, Arc<Cut>);

impl Desk for CutDesk {
    fn submit(&self, batch: Batch) {
        if self.1.passes() {
            self.0.submit(batch);
        }
    }
}

/// Begins a job and drops its actors without a word when it is cut. Says whether it was.
fn run_cut(home: &Home, id: u64, plan: Plan, script: &Arc<Script>, cut: &Arc<Cut>) -> bool {
    run_cut_over(home, id, plan, Arc::new(Hosts(Arc::clone(script))), cut)
}

/// The same over any transport.
pub(super) fn run_cut_over(
    home: &Home,
    id: u64,
    plan: Plan,
    transport: Arc<dyn Transport>,
    cut: &Arc<Cut>,
) -> bool {
    let stored = Stored { store: home.store.clone(), summary: String::new() };
    let options = options(id);
    let taken = TakenUp::begin(&stored, whole(plan), &options).unwrap();
    let (plan, session) = (taken.plan(), taken.session());
    let (machine, _, Early { relay, .. }) = taken.hand_over();
    let to_job = Relay::new();
    let (tell, counts) = (to_job.tell(), Arc::clone(cut));
    let ferry = std::thread::spawn(move || {
        while let Some(told) = relay.next() {
            if counts.passes() {
                tell(told);
            }
        }
    });
    let slots = Arc::new(Slots::new(&plan));
    let records = Records::Stored(Held::new(options.job, Arc::new(CutDesk(session, Arc::clone(cut))), 0));
    actix::System::new().block_on(async {
        let (bus, _) = bus::start(Arc::clone(&plan), Arc::clone(&slots), Vec::new(), None).unwrap();
        let world = World { clock: Clock::start(), bus, records };
        let under_way = UnderWay::new(plan, slots, machine, &options, world);
        let mail = Mail::new();
        let way = mail.way();
        let parts = WorkerOptions {
            transport,
            fanout: 8,
            max_connecting: 8,
            secrets: Default::default(),
            gone: Box::new(|| {}),
        };
        let worker = way(actix::Actor::create(|ctx| Worker::new(parts, mail, ctx)));
        let reports = under_way.links.clone();
        worker.addr().do_send(Attach(Box::new(move |all| {
            reports.send_all(all.drain(..).map(|report| links::Letter::Report(0, report)));
        })));
        let requests = worker.clone();
        under_way.links.addr().do_send(AddWorker(Box::new(move |all| {
            requests.send_all(all.drain(..).map(worker::Letter::Request));
        })));
        let (_sender, control) = crate::control();
        let early = Early { relay: to_job, unread: Vec::new() };
        tokio::select! {
            biased;
            () = cut.dead.notified() => {}
            ended = under_way.end(Begin::Start, Some(early), control) => {
                ended.unwrap();
            }
        }
    });
    // The session went with the actors; so its thread has ended, and nothing more comes.
    ferry.join().unwrap();
    cut.is_dead.load(Ordering::SeqCst)
}

/// Two slots; one host needs two attempts; no more than two hosts may be out.
fn small() -> Plan {
    let mut job = job("true");
    job.retry = Retry { attempts: 1, backoff_ms: 1, max_backoff_ms: 1, retry_on: vec![RetryOn::Exit] };
    plan(job, &[&[&["a", "b", "c"], &["d", "e"]]], &[(2, &["a", "b", "c", "d", "e"])])
}

fn stumbles(host: &str, attempt: u32) -> Act {
    Act::End(if host == "b" && attempt == 1 { FAILED } else { Outcome::Succeeded })
}

/// Goes on until every host has succeeded; what nobody knows is decided by the log of the hosts.
fn finish(home: &Home, id: u64, script: &Arc<Script>) {
    for _ in 0..8 {
        let ended = match home.resume(id, script) {
            Ok(ended) => ended,
            Err(RunError::Order { why: Refusal::JobIs(JobState::Succeeded), .. }) => return,
            Err(error) => panic!("{error:?}"),
        };
        if ended.state == JobState::Succeeded {
            return;
        }
        let names = ["a", "b", "c", "d", "e"];
        let unknown: Vec<&str> = ended
            .hosts
            .iter()
            .filter(|(_, state)| *state == HostState::Unknown)
            .map(|(host, _): &(HostIdx, _)| names[host.index()])
            .collect();
        for host in unknown {
            // What began and did not fail did its work, though nobody here saw it; else nothing was done.
            let mut log = script.log.lock().unwrap();
            let last = log.iter().rfind(|line| match line {
                Line::Begin(name, _) | Line::End(name, _) => name == host,
            });
            let verdict = match last {
                Some(Line::Begin(..)) => {
                    log.push(Line::End(host.to_owned(), Outcome::Succeeded));
                    Verdict::Succeeded
                }
                Some(Line::End(_, Outcome::Succeeded)) => Verdict::Succeeded,
                Some(Line::End(..)) | None => Verdict::Failed,
            };
            drop(log);
            let decide = Command::Decide { host: host.to_owned(), verdict };
            operate(&home.take_up(), JobId::from_bits(id), vec![decide]).unwrap();
        }
        match home.retry(id, &[], script) {
            Ok(ended) if ended.state == JobState::Succeeded => return,
            Ok(_) | Err(RunError::Order { .. }) => {}
            Err(error) => panic!("{error:?}"),
        }
    }
    panic!("it does not come to an end");
}

#[test]
fn a_run_cut_after_any_word_is_finished_and_no_host_runs_twice() {
    let mut words = 0;
    loop {
        let home = Home::new();
        let (script, _) = Script::new(stumbles);
        let cut = Cut::after(words);
        let was_cut = run_cut(&home, 1, small(), &script, &cut);
        finish(&home, 1, &script);
        let mut begun = script.begun();
        let log = script.log.lock().unwrap().clone();
        assert!(most_out(&log) <= 2, "cut after {words}: {log:?}");
        let n_begun = begun.len();
        begun.sort();
        begun.dedup();
        assert_eq!(begun.len(), n_begun, "an attempt was made twice, cut after {words}: {log:?}");
        for host in ["a", "b", "c", "d", "e"] {
            let succeeded =
                log.iter().filter(|line| **line == Line::End(host.to_owned(), Outcome::Succeeded)).count();
            assert_eq!(succeeded, 1, "{host}, cut after {words}: {log:?}");
        }
        if !was_cut {
            assert!(words > 20, "{words}");
            return;
        }
        words += 1;
    }
}

/// Begins a job of which the host `a` is under way when everything breaks off.
fn crashed(home: &Home, id: u64, script: &Arc<Script>, cut: &Arc<Cut>) {
    let one_by_one = plan(job("true"), &[&[&["a"], &["b"]]], &[(1, &["a", "b"])]);
    assert!(run_cut(home, id, one_by_one, script, cut));
}

/// Everything breaks off when `a` has begun.
fn breaks_off_in_a(cut: &Arc<Cut>) -> Arc<Script> {
    let cut = Arc::clone(cut);
    let (script, _) = Script::new(move |host, _| {
        if host != "a" {
            return Act::End(Outcome::Succeeded);
        }
        cut.left.store(0, Ordering::SeqCst);
        Act::Hang
    });
    script
}

#[test]
fn an_attempt_of_which_nobody_saw_the_end_is_unknown() {
    let (home, cut) = (Home::new(), Cut::after(usize::MAX));
    crashed(&home, 1, &breaks_off_in_a(&cut), &cut);
    let script = Script::good();
    let (ended, events) = home.resume_seen(1, &script);
    let ended = ended.unwrap();
    assert_eq!(ended.state, JobState::Blocked);
    assert_eq!(states(&ended), [HostState::Unknown, HostState::Waiting]);
    assert!(script.begun().is_empty());
    let first = EventKind::HostState { host: "a".to_owned(), state: HostState::Running };
    let then = EventKind::SlotOpened { slot: "0.0".to_owned() };
    let kinds: Vec<&EventKind> = events.iter().map(|event| &event.kind).take(2).collect();
    assert_eq!(kinds, [&first, &then], "readers have the whole picture first");
    let of_it = events.iter().filter(|event| event.kind == then).count();
    assert_eq!(of_it, 1, "and hear nothing twice");
}

#[test]
fn hosts_hear_that_the_ends_of_their_attempts_are_on_record() {
    let home = Home::new();
    let (script, _) = Script::new(stumbles);
    home.run(1, small(), &script).unwrap();
    let mut recorded = script.recorded.lock().unwrap().clone();
    recorded.sort();
    let told = |host: &str| (host.to_owned(), true);
    assert_eq!(recorded, ["a", "b", "b", "c", "d", "e"].map(told));
}

#[test]
fn a_host_that_knows_how_it_ended_is_asked() {
    let (home, cut) = (Home::new(), Cut::after(usize::MAX));
    crashed(&home, 1, &breaks_off_in_a(&cut), &cut);
    let script = Script::that_knows(Outcome::Succeeded);
    let ended = home.resume(1, &script).unwrap();
    assert_eq!(ended.state, JobState::Succeeded);
    assert_eq!(script.hosts(), ["b"]);
}

#[test]
fn a_host_is_asked_about_an_unknown_attempt() {
    let (home, cut) = (Home::new(), Cut::after(usize::MAX));
    crashed(&home, 1, &breaks_off_in_a(&cut), &cut);
    let probe = |script| crate::probe(&home.take_up(), &[], &options(1), &home.transport(&script)).unwrap();
    assert_eq!(probe(Script::good()), [], "it does not know");
    let known = [("a".to_owned(), Outcome::Succeeded)];
    assert_eq!(probe(Script::that_knows(Outcome::Succeeded)), known);
    let script = Script::good();
    assert_eq!(home.resume(1, &script).unwrap().state, JobState::Succeeded);
    assert_eq!(script.hosts(), ["b"]);
}

#[test]
fn an_operators_word_to_a_job_without_a_process_halts_it() {
    let (home, cut) = (Home::new(), Cut::after(usize::MAX));
    crashed(&home, 1, &breaks_off_in_a(&cut), &cut);
    let job = JobId::from_bits(1);
    let decide = |host: &str| Command::Decide { host: host.to_owned(), verdict: Verdict::Succeeded };
    let refused = operate(&home.take_up(), job, vec![decide("a"), decide("b")]);
    let is_about_b = |error: &RunError| matches!(error, RunError::Order { host: Some(host), why: Refusal::HostIs(_), .. } if host == "b");
    assert!(refused.as_ref().is_err_and(is_about_b), "{refused:?}");
    let halt = Command::Halt { stop_running: false };
    let refused = operate(&home.take_up(), job, vec![halt]);
    let why = Refusal::JobIs(JobState::Halted);
    assert!(matches!(refused, Err(RunError::Order { why: said, .. }) if said == why), "{refused:?}");
    // All or nothing: `a` is still to be decided about.
    assert_eq!(operate(&home.take_up(), job, vec![decide("a")]).unwrap(), JobState::Halted);
    let script = Script::good();
    assert_eq!(home.resume(1, &script).unwrap().state, JobState::Succeeded);
    assert_eq!(script.hosts(), ["b"]);
}
