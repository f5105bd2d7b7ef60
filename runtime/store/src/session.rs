//! A process's part in a namespace: what it puts on record, and what it is told.
//!
//! Each session has one thread that writes. What is submitted while a commit is under way goes into the next one; a commit
//! takes the namespace's turn, brings the own copy of the ledger up to date, applies, writes, and is synced to disk before
//! anything is told.

mod commit;
mod gather;
mod life;
mod operate;
mod prune;
mod write;
mod writer;

pub use operate::{Given, Pruned};

use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use pogo_plan::event::{Author, Command, Fact, JobId, Verdict};
use pogo_plan::{HostIdx, Plan};
use pogo_schedule::job::Counts;
use pogo_schedule::ledger::{Effect, LimitUse, Op};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::author::Who;
use crate::error::StoreError;
use crate::store::Store;

/// Something to be put on record, all or none of it. On record, facts come before what follows from the operations.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// Comes back in [`Told::Committed`]; chosen by whoever submits.
    pub ticket: u64,
    /// The job; one that this session owns.
    pub job: Option<JobId>,
    /// What its journal must know, in order.
    pub facts: Vec<Fact<HostIdx>>,
    /// What the ledger is asked, in order.
    pub ops: Vec<Op>,
    /// How many of the job's hosts are in which state now, for `pogo jobs`.
    pub counts: Option<Counts>,
    /// What became of operators' commands.
    pub answers: Vec<(CommandId, Answer)>,
    /// Nothing is done, and nobody waits, for its sake: it may be put on record together with the next batch, if one comes within
    /// fifty milliseconds. Of batches with operations or answers this is not believed, since others wait for those.
    pub can_wait: bool,
}

impl Batch {
    const fn waits(&self) -> bool {
        self.can_wait && self.ops.is_empty() && self.answers.is_empty()
    }
}

/// The number of an operator's command in a store.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct CommandId(pub i64);

/// What became of an operator's command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It was carried out.
    Done,
    /// It was not, and nothing has changed.
    Refused {
        /// Why, in words.
        why: String,
    },
}

/// What a session tells, in this order for each commit: effects of others' operations; then for each batch that it is
/// committed, and the effects of its operations; then limits; then commands.
#[derive(Debug)]
pub enum Told {
    /// The batch is on disk.
    Committed {
        /// As in [`Batch::ticket`].
        ticket: u64,
    },
    /// Answers of the ledger to jobs of this session. Grants among them are on record as facts.
    Effects(Vec<Effect>),
    /// An operator says something to a job of this session. It stays on record until a batch has the answer.
    Command {
        /// To be named in the answer.
        id: CommandId,
        /// The job.
        job: JobId,
        /// What to do.
        command: Command<HostIdx>,
        /// Who says so and why.
        author: Author,
    },
    /// The present use of limits that have changed.
    Limits(Vec<LimitUse>),
    /// The last word: nothing more is committed. What was told as committed is on record, nothing else is.
    Failed(StoreError),
}

/// A job that begins.
#[derive(Clone, Debug)]
pub struct NewJob {
    /// Its id, drawn by chance.
    pub id: JobId,
    /// Its plan.
    pub plan: Arc<Plan>,
    /// The command line in short, for people.
    pub summary: String,
}

/// A job that this session owns from now on.
#[derive(Clone, Debug)]
pub struct Owned {
    /// The job.
    pub id: JobId,
    /// The plan to run it by. Hosts on record are numbers in this one, which may number them otherwise than the plan that was
    /// handed in.
    pub plan: Arc<Plan>,
    /// How often the job has had an owner, with this one.
    pub epoch: u64,
    /// What is on record, in order.
    pub facts: Vec<Fact<HostIdx>>,
    /// For how long its processes have run since it began, or since somebody went on with it after an end, in milliseconds: each
    /// from its first fact to its last one, by the wall clock. The pauses between them are not in it.
    pub ran_ms: u64,
}

struct Decision {
    job: JobId,
    host: String,
    verdict: Verdict,
    reason: String,
}

enum Request {
    Submit(Batch),
    Begin(Box<NewJob>, SyncSender<Result<Owned, StoreError>>),
    Own(JobId, SyncSender<Result<Owned, StoreError>>),
    Leave(JobId, SyncSender<()>),
    Release(String, String, SyncSender<Result<(), StoreError>>),
    Decide(Decision, SyncSender<Result<Given, StoreError>>),
    Command(JobId, Command, Option<String>, SyncSender<Result<Given, StoreError>>),
    Prune(i64, SyncSender<Result<Pruned, StoreError>>),
    Close,
}

/// See the module's description. Dropping it commits what was submitted and gives up the jobs.
#[derive(Debug)]
pub struct Session {
    requests: UnboundedSender<Request>,
    thread: Option<JoinHandle<()>>,
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Submit(_) => "Submit",
            Self::Begin(..) => "Begin",
            Self::Own(..) => "Own",
            Self::Leave(..) => "Leave",
            Self::Release(..) => "Release",
            Self::Decide(..) => "Decide",
            Self::Command(..) => "Command",
            Self::Prune(..) => "Prune",
            Self::Close => "Close",
        })
    }
}

impl Session {
    /// Takes part in a namespace. `tell` is called by the session's thread: it should not take long, and of the session's
    /// functions it may call only [`Self::submit`], which is the one that does not wait for that thread.
    ///
    /// # Errors
    ///
    /// Whatever is wrong with the store: see [`StoreError`].
    pub fn open(store: &Store, namespace: &str, tell: Box<dyn Fn(Told) + Send>) -> Result<Self, StoreError> {
        Self::open_as(store, namespace, Who::this_process(), tell)
    }

    /// The same for somebody else.
    ///
    /// # Errors
    ///
    /// As [`Self::open`].
    pub fn open_as(
        store: &Store,
        namespace: &str,
        who: Who,
        tell: Box<dyn Fn(Told) + Send>,
    ) -> Result<Self, StoreError> {
        let (requests, inbox) = unbounded_channel();
        let (opened, is_open) = sync_channel(1);
        let (store, namespace) = (store.clone(), namespace.to_owned());
        let path = store.path().to_owned();
        let thread = std::thread::Builder::new()
            .name("pogo-store".to_owned())
            .spawn(move || writer::run(&store, &namespace, who, tell, inbox, &opened))
            .map_err(|error| StoreError::io("cannot start a thread for", &path, error))?;
        is_open.recv().map_err(|_| StoreError::SessionOver)??;
        Ok(Self { requests, thread: Some(thread) })
    }

    /// Puts a new job on record, and owns it.
    ///
    /// # Errors
    ///
    /// Whatever is wrong with the store: see [`StoreError`].
    pub fn begin(&self, job: NewJob) -> Result<Owned, StoreError> {
        self.ask(|reply| Request::Begin(Box::new(job), reply))
    }

    /// Takes up a job whose owner is gone. Its ledger is put right first: what was granted to it and never begun goes back.
    ///
    /// # Errors
    ///
    /// [`StoreError::Owned`] if another process runs it, [`StoreError::NoJob`]; else see [`StoreError`].
    pub fn own(&self, job: JobId) -> Result<Owned, StoreError> {
        self.ask(|reply| Request::Own(job, reply))
    }

    /// Puts something on record; never waits. [`Told::Committed`] says when it is.
    pub fn submit(&self, batch: Batch) {
        // A session that is over has told so.
        let _ = self.requests.send(Request::Submit(batch));
    }

    /// Gives up a job, after all that was submitted is on record.
    pub fn leave(&self, job: JobId) {
        let (reply, answer) = sync_channel(1);
        let _ = self.requests.send(Request::Leave(job, reply));
        let _ = answer.recv();
    }

    /// Says that a host is back in service, whatever job left it bad. On record with who said so and why.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotOut`], [`StoreError::Running`], [`StoreError::NotReleased`]; else see [`StoreError`].
    pub fn release(&self, host: &str, reason: &str) -> Result<(), StoreError> {
        self.ask(|reply| Request::Release(host.to_owned(), reason.to_owned(), reply))
    }

    /// Says what became of a host whose last attempt in a job nobody saw end. A running job is told by a command; with no
    /// process that runs it, it is done here and now.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoJob`], [`StoreError::Refused`]; else see [`StoreError`].
    pub fn decide(
        &self,
        job: JobId,
        host: &str,
        verdict: Verdict,
        reason: &str,
    ) -> Result<Given, StoreError> {
        let (host, reason) = (host.to_owned(), reason.to_owned());
        self.ask(|reply| Request::Decide(Decision { job, host, verdict, reason }, reply))
    }

    /// Puts an operator's command to a job on record, for whoever runs it. Without such a process it waits until the job is
    /// taken up. [`crate::Reader::wait_answer`] waits for what becomes of it.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoJob`]; else see [`StoreError`].
    pub fn command(&self, job: JobId, command: Command, reason: Option<&str>) -> Result<Given, StoreError> {
        let reason = reason.map(str::to_owned);
        self.ask(|reply| Request::Command(job, command, reason, reply))
    }

    /// Deletes the jobs of the namespace of which nothing was put on record since a moment (microseconds since 1970), and which
    /// have no host out of service, with all that was kept of them. A job that has not ended is kept while a process runs it;
    /// one whose process is gone is given up: its limits are in force no more.
    ///
    /// # Errors
    ///
    /// Whatever is wrong with the store: see [`StoreError`].
    pub fn prune(&self, ended_before: i64) -> Result<Pruned, StoreError> {
        self.ask(|reply| Request::Prune(ended_before, reply))
    }

    fn ask<T>(
        &self,
        request: impl FnOnce(SyncSender<Result<T, StoreError>>) -> Request,
    ) -> Result<T, StoreError> {
        let (reply, answer) = sync_channel(1);
        self.requests.send(request(reply)).map_err(|_| StoreError::SessionOver)?;
        answer.recv().map_err(|_| StoreError::SessionOver)?
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.requests.send(Request::Close);
        // A session that is dropped by what it tells must not wait for itself.
        if let Some(thread) =
            self.thread.take().filter(|thread| thread.thread().id() != std::thread::current().id())
        {
            let _ = thread.join();
        }
    }
}
