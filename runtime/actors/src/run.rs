//! A run from its plan to its end.

use std::collections::BTreeMap;
use std::sync::Arc;

use actix::{Actor, Arbiter};
use pogo_plan::event::{Author, JobId};
use pogo_plan::job::Transport as Kind;
use pogo_plan::outcome::{HostState, JobState};
use pogo_plan::{HostIdx, Plan};
use pogo_schedule::ids::Slots;
use pogo_schedule::job::Event;
use pogo_transport::ssh::{Ssh, SshError, SshOptions, most_attempts};
use pogo_transport::{ContextError, JobContext, Local, Refused, Secret, Transport};
use tokio::sync::oneshot;

use crate::bus::{self, Bus, Subscriber};
use crate::clock::Clock;
use crate::control::ControlReceiver;
use crate::job::{self, Job, JobParts};
use crate::journal::{Journal, JournalError, NoJournal};
use crate::ledger::Ledger;
use crate::links::{self, AddWorker, Links, WorkerGone};
use crate::post::{self, Mail, Post};
use crate::shutdown::Shutdown;
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
    /// Broke off by a fault of pogo: this actor is gone. What ran has ended, unless it is the job's own.
    #[error("the actor of a {0} is gone, which is a fault of pogo")]
    Lost(&'static str),
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
    run_with(plan, options, transport, Box::new(NoJournal), control, subscribers)
}

/// As [`run`], with a transport and a journal of the caller's.
///
/// # Errors
///
/// As [`run`].
pub fn run_with(
    plan: Plan,
    mut options: RunOptions,
    transport: Arc<dyn Transport>,
    journal: Box<dyn Journal>,
    control: ControlReceiver,
    subscribers: Vec<Box<dyn Subscriber>>,
) -> Result<Ended, RunError> {
    JobContext::new(plan.job.clone(), &options.secrets)?;
    transport.check(&plan.job)?;
    let most = most_attempts();
    if options.fanout > most {
        tracing::warn!(
            asked = options.fanout,
            most,
            "fewer hosts at once: the limit of open files (ulimit -n) is too low"
        );
        options.fanout = most;
    }
    let plan = Arc::new(plan);
    let slots = Arc::new(Slots::new(&plan));
    let (bus, bus_thread) =
        bus::start(Arc::clone(&plan), Arc::clone(&slots), subscribers).map_err(RunError::Thread)?;
    let system = actix::System::new();
    let result = system.block_on(async {
        let clock = Clock::start();
        let ledger = Ledger::start(clock);
        let world = World { clock, ledger: ledger.clone(), bus, journal };
        let under_way = UnderWay::new(plan, slots, &options, world);
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
        let result = under_way.end(control).await;
        at_the_end.close().await;
        ledger.addr().do_send(Shutdown);
        for worker in workers {
            worker.addr().do_send(Shutdown);
        }
        for arbiter in arbiters {
            arbiter.stop();
            // A worker's panic was noticed when it happened.
            let _panicked = arbiter.join();
        }
        result
    });
    drop(system);
    bus_thread.join();
    result
}

/// One worker for each processor, but no more than four: they only wait for processes.
fn n_workers(fanout: usize) -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).clamp(1, 4).min(fanout.max(1))
}

/// What a job needs of the world around it.
pub(crate) struct World {
    pub(crate) clock: Clock,
    /// Of the job's namespace.
    pub(crate) ledger: Post<Ledger>,
    pub(crate) bus: Bus,
    pub(crate) journal: Box<dyn Journal>,
}

/// A job under way, without workers at first.
pub(crate) struct UnderWay {
    pub(crate) job: Post<Job>,
    pub(crate) links: Post<Links>,
    ended: oneshot::Receiver<Result<Ended, RunError>>,
}

impl UnderWay {
    /// Starts the actors of a job. It begins with [`UnderWay::end`].
    pub(crate) fn new(plan: Arc<Plan>, slots: Arc<Slots>, options: &RunOptions, world: World) -> Self {
        let World { clock, ledger, bus, journal } = world;
        let RunOptions { job: id, seed, fanout, .. } = *options;
        let links = post::start(|mail| Links::new(id, Arc::clone(&plan), Arc::clone(&slots), mail));
        let (done, ended) = oneshot::channel();
        let to_workers = links.clone();
        let parts =
            JobParts { id, plan, slots, seed, fanout, clock, ledger, links: to_workers, bus, journal, done };
        let mail = Mail::new();
        let way = mail.way();
        let job = way(Job::create(|ctx| Job::new(parts, mail, ctx)));
        Self { job, links, ended }
    }

    /// Begins the job and waits for its end.
    pub(crate) async fn end(self, mut control: ControlReceiver) -> Result<Ended, RunError> {
        let Self { job, links, mut ended } = self;
        job.send(job::Letter::Tell(Event::Start));
        let result = loop {
            tokio::select! {
                result = &mut ended => break result,
                command = control.next() => {
                    job.send(job::Letter::Tell(Event::Command { command, by: Author::default() }));
                }
            }
        };
        job.addr().do_send(Shutdown);
        links.addr().do_send(Shutdown);
        // Its sender went with the actor.
        result.unwrap_or(Err(RunError::Lost("job")))
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
