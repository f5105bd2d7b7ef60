//! The same worker behind a pipe of bytes, which breaks; and two jobs with one ledger.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use actix::Actor;
use pogo_plan::event::JobId;
use pogo_plan::outcome::{JobState, Outcome};
use pogo_plan::worker::Numbered;
use pogo_plan::{Job, Plan};
use pogo_schedule::fault::Faults;
use pogo_schedule::ids::Slots;
use pogo_schedule::job::Machine;
use pogo_transport::{Attempt, Progress, Refused, Running, Stop, Transport};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use super::support::{job, options, plan, succeeded};
use crate::bus;
use crate::clock::Clock;
use crate::job::Records;
use crate::ledger::Ledger;
use crate::links::{self, AddWorker, Links, Reattach};
use crate::post::{Mail, Post};
use crate::run::{Begin, UnderWay, World};
use crate::worker::{self, Attach, Worker, WorkerOptions};
use crate::{NoJournal, RunOptions};

/// Counts the attempts on each host, and how many there are at once.
#[derive(Default)]
struct Count {
    made: Mutex<BTreeMap<String, usize>>,
    now: Mutex<BTreeSet<String>>,
    most: AtomicUsize,
}

struct Counting(Arc<Count>);

impl Transport for Counting {
    fn check(&self, _: &Job) -> Result<(), Refused> {
        Ok(())
    }

    fn attempt(&self, attempt: Attempt, progress: Progress, _: Stop) -> Running {
        let count = Arc::clone(&self.0);
        Box::pin(async move {
            let host = attempt.key.host.to_string();
            *count.made.lock().unwrap().entry(host.clone()).or_default() += 1;
            let now = {
                let mut now = count.now.lock().unwrap();
                assert!(now.insert(host.clone()), "two attempts on {host} at once");
                now.len()
            };
            count.most.fetch_max(now, Ordering::Relaxed);
            progress.started();
            for _ in 0..5 {
                tokio::task::yield_now().await;
            }
            progress.output(pogo_plan::event::Stream::Stdout, b"done\n".to_vec(), 0);
            count.now.lock().unwrap().remove(&host);
            Outcome::Succeeded
        })
    }
}

/// Writes messages as lines until the pipe breaks. Messages after that come to nothing, as on a wire.
fn writer<T: Serialize + 'static>(
    mut pipe: impl AsyncWrite + Unpin + 'static,
) -> UnboundedSender<Arc<Numbered<T>>> {
    let (sender, mut receiver) = unbounded_channel::<Arc<Numbered<T>>>();
    actix::spawn(async move {
        while let Some(message) = receiver.recv().await {
            let mut line = serde_json::to_vec(&*message).unwrap();
            line.push(b'\n');
            if pipe.write_all(&line).await.is_err() {
                return;
            }
        }
    });
    sender
}

/// Reads messages until `limit` of them have come or the pipe ends; then the pipe is dropped.
async fn read<T: DeserializeOwned>(pipe: impl AsyncRead + Unpin, limit: usize, mut take: impl FnMut(T)) {
    let mut lines = BufReader::new(pipe).lines();
    for _ in 0..limit {
        let Ok(Some(line)) = lines.next_line().await else { return };
        take(serde_json::from_str(&line).unwrap());
    }
}

/// Joins worker and job by a pipe that breaks after so many reports, and then by another, until nothing is sent any more.
async fn wire(worker: Post<Worker>, links: Post<Links>, breaks_after: usize) {
    let mut is_first = true;
    loop {
        let (ours, theirs) = tokio::io::duplex(512);
        let (our_read, our_write) = tokio::io::split(ours);
        let (their_read, their_write) = tokio::io::split(theirs);
        let requests = writer(our_write);
        let reports = writer(their_write);
        let attach = Attach(Box::new(move |all| {
            for report in all.drain(..) {
                let _broken = reports.send(report);
            }
        }));
        let outlet: links::Outlet = Box::new(move |all| {
            for request in all.drain(..) {
                let _broken = requests.send(request);
            }
        });
        if std::mem::take(&mut is_first) {
            links.addr().do_send(AddWorker(outlet));
        } else {
            links.addr().do_send(Reattach(0, outlet));
        }
        worker.addr().do_send(attach);
        let to_worker = worker.clone();
        let serve = read(their_read, usize::MAX, move |request| {
            to_worker.send(worker::Letter::Request(Arc::new(request)));
        });
        let to_links = links.clone();
        let hear = read(our_read, breaks_after, move |report| {
            to_links.send(links::Letter::Report(0, Arc::new(report)));
        });
        // Whichever side breaks, both ends are gone.
        tokio::select! {
            () = serve => {}
            () = hear => {}
        }
    }
}

fn in_system<T>(work: impl Future<Output = T>) -> T {
    actix::System::new().block_on(work)
}

fn worker(count: &Arc<Count>) -> Post<Worker> {
    let options = WorkerOptions {
        transport: Arc::new(Counting(Arc::clone(count))),
        fanout: 8,
        max_connecting: 4,
        secrets: BTreeMap::new(),
        gone: Box::new(|| {}),
    };
    let mail = Mail::new();
    let way = mail.way();
    way(Worker::create(|ctx| Worker::new(options, mail, ctx)))
}

fn under_way(plan: Plan, options: &RunOptions, ledger: &Post<Ledger>, clock: Clock) -> UnderWay {
    let plan = Arc::new(plan);
    let slots = Arc::new(Slots::new(&plan));
    let (bus, _) = bus::start(Arc::clone(&plan), Arc::clone(&slots), Vec::new(), None).unwrap();
    let records = Records::Memory { ledger: ledger.clone(), journal: Box::new(NoJournal) };
    let world = World { clock, bus, records };
    let fresh = Machine::new(options.job, Arc::clone(&plan), Arc::clone(&slots), 1, Faults::default());
    UnderWay::new(plan, slots, fresh, options, world)
}

fn names(n: usize) -> Vec<String> {
    (0..n).map(|number| format!("host{number}")).collect()
}

#[test]
fn a_worker_behind_a_pipe_that_breaks_makes_each_attempt_once() {
    for breaks_after in [usize::MAX, 40, 7] {
        let names = names(60);
        let hosts: Vec<&str> = names.iter().map(String::as_str).collect();
        let count = Arc::new(Count::default());
        let ended = in_system(async {
            let clock = Clock::start();
            let ledger = Ledger::start(clock);
            let worker = worker(&count);
            let two_slots = [&hosts[..30], &hosts[30..]];
            let under_way = under_way(plan(job("true"), &[&two_slots], &[]), &options(), &ledger, clock);
            actix::spawn(wire(worker, under_way.links.clone(), breaks_after));
            let (_sender, receiver) = crate::control();
            under_way.end(Begin::Start, None, receiver).await.unwrap()
        });
        assert!(succeeded(&ended), "{breaks_after}: {ended:?}");
        let made = count.made.lock().unwrap();
        assert_eq!((made.len(), made.values().max()), (60, Some(&1)), "{breaks_after}");
        assert!(count.most.load(Ordering::Relaxed) <= 8);
    }
}

#[test]
fn two_jobs_share_the_limits_of_their_namespace() {
    let names = names(20);
    let hosts: Vec<&str> = names.iter().map(String::as_str).collect();
    let count = Arc::new(Count::default());
    let limits: &[(u32, &[&str])] = &[(3, &hosts)];
    let (first, second) = in_system(async {
        let clock = Clock::start();
        let ledger = Ledger::start(clock);
        let start = |id: u64| {
            let options = RunOptions { job: JobId::from_bits(id), ..options() };
            let under_way = under_way(plan(job("true"), &[&[&hosts]], limits), &options, &ledger, clock);
            let worker = worker(&count);
            let reports = under_way.links.clone();
            worker.addr().do_send(Attach(Box::new(move |all| {
                reports.send_all(all.drain(..).map(|report| links::Letter::Report(0, report)));
            })));
            let requests = worker.clone();
            under_way.links.addr().do_send(AddWorker(Box::new(move |all| {
                requests.send_all(all.drain(..).map(worker::Letter::Request));
            })));
            let (sender, receiver) = crate::control();
            async move {
                let ended = under_way.end(Begin::Start, None, receiver).await.unwrap();
                drop(sender);
                ended
            }
        };
        tokio::join!(start(1), start(2))
    });
    assert_eq!((first.state, second.state), (JobState::Succeeded, JobState::Succeeded));
    let made = count.made.lock().unwrap();
    assert_eq!((made.len(), made.values().min(), made.values().max()), (20, Some(&2), Some(&2)));
    assert_eq!(count.most.load(Ordering::Relaxed), 3, "as many as may be, and never more");
}
