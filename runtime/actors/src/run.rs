//! A run from its plan to its end.

use std::collections::BTreeMap;
use std::sync::Arc;

use actix::{Actor, Arbiter};
use pogo_plan::event::{Author, Command, JobId};
use pogo_plan::job::Transport as Kind;
use pogo_plan::outcome::{HostState, JobState};
use pogo_plan::{HostIdx, Plan};
use pogo_schedule::fault::Faults;
use pogo_schedule::ids::Slots;
use pogo_schedule::job::{Event, Machine, Refusal};
use pogo_schedule::notice::Notice;
use pogo_store::StoreError;
use pogo_transport::ssh::{Ssh, SshError, SshOptions, most_attempts};
use pogo_transport::{ContextError, JobContext, Local, Refused, Secret, Transport};
use tokio::sync::oneshot;

use crate::bus::{self, Bus, News, Subscriber};
use crate::clock::Clock;
use crate::control::ControlReceiver;
use crate::job::{self, From, Job, JobParts, Order, Records};
use crate::journal::{Journal, JournalError, NoJournal};
use crate::keeping::Keeping;
use crate::ledger::Ledger;
use crate::links::{self, AddWorker, Links, WorkerGone};
use crate::post::{self, Mail, Post};
use crate::shutdown::Shutdown;
use crate::take_up::{Again, Early, TakenUp};
use crate::worker::{self, Attach, Worker, WorkerOptions};

/// How to run a plan.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// The job's id.
    pub job: JobId,
    /// What jitter is drawn from.
    pub seed: u64,
    /// Attempts that run at once. No more hosts than that are put out of service, apart from those between two attempts.
    pub fanout: usize,
    /// Attempts that have not reached their hosts yet.
    pub max_connecting: usize,
    /// The values of the job's secrets.
    pub secrets: BTreeMap<String, Secret>,
}

impl RunOptions {
    /// The usual ones.
    #[must_use]
    pub const fn new(job: JobId, seed: u64) -> Self {
        Self { job, seed, fanout: 64, max_connecting: 16, secrets: BTreeMap::new() }
    }
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The state of the job.
    pub state: JobState,
    /// The state of each target, in the plan's order.
    pub hosts: Vec<(HostIdx, HostState)>,
}

/// A run that was not begun, or broke off.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// Not begun: something of the job is missing or cannot be read.
    #[error("the job cannot be run")]
    Context(#[from] ContextError),
    /// Not begun: the transport cannot do what the job wants.
    #[error("the job cannot be run")]
    Refused(#[from] Refused),
    /// Not begun: hosts cannot be reached over ssh at all.
    #[error("the job cannot be run")]
    Ssh(#[from] SshError),
    /// Not begun: the system gives no thread.
    #[error("cannot start a thread")]
    Thread(#[source] std::io::Error),
    /// Broke off: facts cannot be put on record. What ran was ended as by a stop; how, is not on record either.
    #[error("the journal cannot be written")]
    Journal(#[source] JournalError),
    /// Not begun: the store cannot be used, or another process has the job ([`StoreError::Owned`]).
    #[error("the job cannot be kept in the store")]
    Keeping(#[source] Box<StoreError>),
    /// Broke off: the store does not put anything on record any more. Nothing was started that is not on record. What ran
    /// was ended as by a stop, or was left to itself over ssh; its end is not on record.
    #[error("nothing can be put on record any more{}", left(*.left_running))]
    Store {
        /// What the store said.
        source: Box<StoreError>,
        /// Attempts over ssh that run on to their end.
        left_running: usize,
    },
    /// An order makes no sense in the present state. Nothing has changed.
    #[error("job {job} refuses{}: {why}", about(.host.as_deref()))]
    Order {
        /// The job.
        job: JobId,
        /// The host that it was about.
        host: Option<String>,
        /// Why.
        why: Refusal,
    },
    /// Broke off by a fault of pogo: this actor is gone. What ran has ended, unless it is the job's own.
    #[error("the actor of a {0} is gone, which is a fault of pogo")]
    Lost(&'static str),
}

fn left(attempts: usize) -> String {
    match attempts {
        0 => String::new(),
        n => format!("; what runs over ssh on {n} hosts runs on to its end"),
    }
}

fn about(host: Option<&str>) -> String {
    host.map(|host| format!(" for `{host}`")).unwrap_or_default()
}

/// Runs a plan to its end on this thread, which must not be one of an async runtime. Nothing survives the end of the process.
///
/// # Errors
///
/// If the run cannot be begun, or breaks off. Bad hosts are no error: they are in [`Ended`].
pub fn run(
    plan: Plan,
    options: RunOptions,
    control: ControlReceiver,
    subscribers: Vec<Box<dyn Subscriber>>,
) -> Result<Ended, RunError> {
    let transport: Arc<dyn Transport> = match plan.job.transport {
        Kind::Local => Arc::new(Local::new()),
        Kind::Ssh => Arc::new(Ssh::new(SshOptions::new())?),
    };
    run_with(plan, options, transport, Keeping::Memory(Box::new(NoJournal)), control, subscribers)
}

/// As [`run`], with a transport of the caller's, and kept where the caller says.
///
/// # Errors
///
/// As [`run`].
pub fn run_with(
    plan: Plan,
    options: RunOptions,
    transport: Arc<dyn Transport>,
    keeping: Keeping,
    control: ControlReceiver,
    subscribers: Vec<Box<dyn Subscriber>>,
) -> Result<Ended, RunError> {
    JobContext::new(plan.job.clone(), &options.secrets)?;
    transport.check(&plan.job)?;
    let kept = match keeping {
        Keeping::Memory(journal) => Kept::Memory { plan: Arc::new(plan), journal },
        Keeping::Stored(stored) => Kept::Stored(Box::new(TakenUp::begin(&stored, plan, &options)?)),
    };
    drive(kept, None, options, transport, control, subscribers)
}

/// Where a run is kept, ready to begin.
pub(crate) enum Kept {
    Memory { plan: Arc<Plan>, journal: Box<dyn Journal> },
    Stored(Box<TakenUp>),
}

/// Runs a job from where its records are.
pub(crate) fn drive(
    kept: Kept,
    again: Option<Again>,
    mut options: RunOptions,
    transport: Arc<dyn Transport>,
    control: ControlReceiver,
    subscribers: Vec<Box<dyn Subscriber>>,
) -> Result<Ended, RunError> {
    let most = most_attempts();
    if options.fanout > most {
        tracing::warn!(
            asked = options.fanout,
            most,
            "fewer hosts at once: the limit of open files (ulimit -n) is too low"
        );
        options.fanout = most;
    }
    let plan = match &kept {
        Kept::Memory { plan, .. } => Arc::clone(plan),
        Kept::Stored(taken) => taken.plan(),
    };
    let slots = Arc::new(Slots::new(&plan));
    let output = match &kept {
        Kept::Memory { .. } => None,
        Kept::Stored(taken) => Some(taken.output()?),
    };
    let (bus, bus_thread) =
        bus::start(Arc::clone(&plan), Arc::clone(&slots), subscribers, output).map_err(RunError::Thread)?;
    let system = actix::System::new();
    // Outlives the actors, so that the store is let go of outside of them.
    let mut session = None;
    let result = system.block_on(async {
        let end_of_news = EndOfNews(bus.clone());
        let clock = Clock::start();
        let fresh =
            |plan| Machine::new(options.job, plan, Arc::clone(&slots), options.seed, Faults::default());
        let mut ledger = None;
        let (machine, records, begin, relay) = match kept {
            Kept::Memory { plan, journal } => {
                let post = Ledger::start(clock);
                ledger = Some(post.clone());
                (fresh(plan), Records::Memory { ledger: post, journal }, Begin::Start, None)
            }
            Kept::Stored(mut taken) => {
                let begin = match again {
                    None => Begin::Start,
                    Some(again) => taken.go_on(again, &transport, &options).await?,
                };
                session = Some(taken.session());
                let (machine, records, relay) = taken.hand_over();
                (machine, records, begin, Some(relay))
            }
        };
        let world = World { clock, bus, records };
        let under_way = UnderWay::new(plan, slots, machine, &options, world);
        let n_workers = n_workers(options.fanout);
        let arbiters: Vec<Arbiter> = (0..n_workers).map(|_| Arbiter::new()).collect();
        let at_the_end = Arc::clone(&transport);
        let parts = WorkerParts {
            transport,
            fanout: options.fanout.div_ceil(n_workers),
            max_connecting: options.max_connecting.div_ceil(n_workers),
            secrets: options.secrets,
        };
        let workers: Vec<Post<Worker>> = arbiters
            .iter()
            .zip(std::iter::repeat_n(parts, n_workers))
            .enumerate()
            .map(|(at, (arbiter, parts))| start_worker(at, arbiter, &under_way.links, parts))
            .collect();
        let result = under_way.end(begin, relay, control).await;
        if result.is_ok() {
            settle(&workers).await;
        }
        at_the_end.close().await;
        if let Some(ledger) = ledger {
            ledger.addr().do_send(Shutdown);
        }
        for worker in workers {
            worker.addr().do_send(Shutdown);
        }
        for arbiter in arbiters {
            arbiter.stop();
            // A worker's panic was noticed when it happened.
            let _panicked = arbiter.join();
        }
        drop(end_of_news);
        result
    });
    drop(system);
    bus_thread.join();
    drop(session);
    result
}

/// Waits until the hosts have been told that the ends of their attempts are on record.
async fn settle(workers: &[Post<Worker>]) {
    for worker in workers {
        let (settled, told) = oneshot::channel();
        worker.send(worker::Letter::Settle(settled));
        // Every transport lets go in a bounded time. A worker that is gone does not answer.
        let _gone = told.await;
    }
}

/// Lets the subscribers go, also when a run is not even begun.
struct EndOfNews(Bus);

impl Drop for EndOfNews {
    fn drop(&mut self) {
        self.0.send(News::End);
    }
}

/// One worker for each processor, but no more than four: they only wait for processes.
fn n_workers(fanout: usize) -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).clamp(1, 4).min(fanout.max(1))
}

/// What a job needs of the world around it.
pub(crate) struct World {
    pub(crate) clock: Clock,
    pub(crate) bus: Bus,
    pub(crate) records: Records,
}

/// What a job begins with.
#[derive(Clone, Debug)]
pub(crate) enum Begin {
    /// Its start, or going on after a crash.
    Start,
    /// It had ended: this operator takes it up again.
    Resume(Author),
}

/// A job under way, without workers at first.
pub(crate) struct UnderWay {
    pub(crate) job: Post<Job>,
    pub(crate) links: Post<Links>,
    ended: oneshot::Receiver<Result<Ended, RunError>>,
}

impl UnderWay {
    /// Starts the actors of a job. It begins with [`UnderWay::end`].
    pub(crate) fn new(
        plan: Arc<Plan>,
        slots: Arc<Slots>,
        machine: Machine,
        options: &RunOptions,
        world: World,
    ) -> Self {
        let World { clock, bus, records } = world;
        let RunOptions { job: id, fanout, .. } = *options;
        tell_what_is_known(&plan, &machine, &bus);
        let links = post::start(|mail| Links::new(id, Arc::clone(&plan), slots, mail));
        let (done, ended) = oneshot::channel();
        let to_workers = links.clone();
        let parts = JobParts { id, plan, machine, fanout, clock, records, links: to_workers, bus, done };
        let mail = Mail::new();
        let way = mail.way();
        let job = way(Job::create(|ctx| Job::new(parts, mail, ctx)));
        Self { job, links, ended }
    }

    /// Begins the job and waits for its end.
    pub(crate) async fn end(
        self,
        begin: Begin,
        relay: Option<Early>,
        mut control: ControlReceiver,
    ) -> Result<Ended, RunError> {
        let Self { job, links, mut ended } = self;
        job.send(match begin {
            Begin::Start => job::Letter::Tell(Event::Start),
            Begin::Resume(by) => {
                job::Letter::Order(Order { command: Command::Resume, by, from: From::Beginning })
            }
        });
        if let Some(Early { relay, unread }) = relay {
            relay.attach(&job, unread);
        }
        let result = loop {
            tokio::select! {
                result = &mut ended => break result,
                command = control.next() => {
                    let (by, from) = (Author::default(), From::Signal);
                    job.send(job::Letter::Order(Order { command, by, from }));
                }
            }
        };
        job.addr().do_send(Shutdown);
        links.addr().do_send(Shutdown);
        // Its sender went with the actor.
        result.unwrap_or(Err(RunError::Lost("job")))
    }
}

/// Readers of a job that is taken up have the whole picture before anything happens.
fn tell_what_is_known(plan: &Plan, machine: &Machine, bus: &Bus) {
    if !bus.has_readers() {
        return;
    }
    for &host in &plan.targets {
        if let Some((state, _)) = machine.host(host)
            && state != HostState::Waiting
        {
            bus.send(News::Notice(Notice::HostState { host, state }));
        }
    }
    // Those that are done say so themselves when the threads begin.
    for slot in machine.opened_slots() {
        bus.send(News::Notice(Notice::SlotOpened(slot)));
    }
}

/// Starts a worker on another thread and makes the way to and from it.
fn start_worker(at: usize, arbiter: &Arbiter, links: &Post<Links>, parts: WorkerParts) -> Post<Worker> {
    let WorkerParts { transport, fanout, max_connecting, secrets } = parts;
    let gone = links.clone();
    let gone = Box::new(move || gone.addr().do_send(WorkerGone(at)));
    let options = WorkerOptions { transport, fanout, max_connecting, secrets, gone };
    let mail = Mail::new();
    let way = mail.way();
    let worker = way(Worker::start_in_arbiter(&arbiter.handle(), move |ctx| Worker::new(options, mail, ctx)));
    let reports = links.clone();
    worker.addr().do_send(Attach(Box::new(move |all| {
        reports.send_all(all.drain(..).map(|report| links::Letter::Report(at, report)));
    })));
    let requests = worker.clone();
    links.addr().do_send(AddWorker(Box::new(move |all| {
        requests.send_all(all.drain(..).map(worker::Letter::Request));
    })));
    worker
}

#[derive(Clone)]
struct WorkerParts {
    transport: Arc<dyn Transport>,
    fanout: usize,
    max_connecting: usize,
    secrets: BTreeMap<String, Secret>,
}
