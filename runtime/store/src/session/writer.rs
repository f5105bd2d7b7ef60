//! The thread that writes: what it waits for, and in which order it does it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

use futures_executor::block_on;
use hashbrown::HashMap;
use pogo_plan::Plan;
use pogo_plan::event::JobId;
use pogo_schedule::time::Monotonic;
use sqlx::Row;
use sqlx::sqlite::SqliteConnection;
use tokio::sync::mpsc::UnboundedReceiver;

use super::gather::Pace;
use super::{Batch, CommandId, Request, Told};
use crate::author::Who;
use crate::clock::SharedClock;
use crate::command;
use crate::db::{self, Use};
use crate::error::StoreError;
use crate::folder::{Folder, Identity};
use crate::lock::{FairLock, OwnerLock, OwnerProbe, Turn};
use crate::namespace::{Namespace, number};
use crate::replica::Following;
use crate::store::{Hook, Store};
use crate::wake::{Ear, Voice};

/// How often others' changes are looked for without having been woken: while a job of this session waits in the ledger, and
/// otherwise.
const LOOKS: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(2));

/// How long a batch that can wait does so for another one, with which it shares the commit. What follows from it is seen later by
/// as much, and people do not see that; attempts that are quicker have their end in the same commit, and so do many that begin at
/// the same time.
const LATEST: Duration = Duration::from_millis(50);

/// What the thread has.
pub(super) struct Writer {
    pub(super) folder: Arc<Folder>,
    pub(super) clock: SharedClock,
    /// Of this boot; read once.
    pub(super) boot: String,
    pub(super) who: Who,
    pub(super) db: SqliteConnection,
    pub(super) identity: Option<Identity>,
    pub(super) namespace: i64,
    /// The namespace's name.
    pub(super) name: String,
    /// Who is told when the turn does not come.
    pub(super) stalled: Hook,
    pub(super) turns: Arc<FairLock>,
    pub(super) turn: Option<Turn>,
    pub(super) following: Following,
    pub(super) jobs: HashMap<JobId, Own>,
    /// Looks at the owners of other jobs.
    pub(super) probes: HashMap<JobId, OwnerProbe>,
    pub(super) voice: Voice,
    pub(super) ear: Option<Ear>,
    /// How ledger time follows from the kernel's in this boot.
    pub(super) ahead: i64,
    /// What SQLite said of others' changes when they were last looked at.
    data_version: i64,
    /// Something went wrong after the copy of the ledger had been changed.
    pub(super) is_broken: bool,
    /// What can wait for the next commit, and until when.
    deferred: Vec<Batch>,
    due: Option<Instant>,
    pub(super) pace: Pace,
    pub(super) tell: Box<dyn Fn(Told) + Send>,
}

/// A job of this session.
#[derive(Debug)]
pub(super) struct Own {
    /// Held as long as this is.
    pub(super) _lock: OwnerLock,
    pub(super) plan: Arc<Plan>,
    pub(super) epoch: i64,
    /// The number of the last fact on record.
    pub(super) seq: i64,
    /// The last operator's command that was told.
    pub(super) heard: i64,
}

/// What made the thread go on.
enum Woken {
    Request(Option<Request>),
    /// What was deferred has waited long enough.
    Due,
    Look,
}

/// Opens the database, says how that went, and works until the session is closed or has failed.
pub(super) fn run(
    store: &Store,
    namespace: &str,
    who: Who,
    tell: Box<dyn Fn(Told) + Send>,
    inbox: UnboundedReceiver<Request>,
    opened: &SyncSender<Result<(), StoreError>>,
) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            let _ = opened.send(Err(StoreError::io("cannot start a runtime for", store.path(), error)));
            return;
        }
    };
    runtime.block_on(async {
        match Writer::open(store, namespace, who, tell).await {
            Err(error) => {
                let _ = opened.send(Err(error));
            }
            Ok(mut writer) => {
                let _ = opened.send(Ok(()));
                if let Err(error) = writer.work(inbox).await {
                    (writer.tell)(Told::Failed(error));
                }
                let _ = sqlx::Connection::close(writer.db).await;
            }
        }
    });
}

impl Writer {
    async fn open(
        store: &Store,
        namespace: &str,
        who: Who,
        tell: Box<dyn Fn(Told) + Send>,
    ) -> Result<Self, StoreError> {
        let folder = Arc::clone(&store.folder);
        let mut db = db::open(&folder, Use::Write).await?;
        let name = namespace.to_owned();
        let namespace = Namespace::ensure(&mut db, &folder, namespace).await?;
        let found = Namespace::take_over(&mut db, &folder, namespace).await?;
        let turns = Arc::new(FairLock::open(&folder, &folder.namespace_lock(namespace))?);
        let ear = Ear::open(&folder);
        let following = Following::load(&mut db, &folder, namespace).await?;
        Ok(Self {
            identity: folder.identity(),
            boot: store.clock.boot(),
            clock: Arc::clone(&store.clock),
            ahead: found.ahead,
            folder,
            who,
            db,
            namespace,
            name,
            stalled: store.stalled.clone(),
            turns,
            turn: None,
            following,
            jobs: HashMap::new(),
            probes: HashMap::new(),
            voice: Voice::new(),
            ear,
            data_version: 0,
            is_broken: false,
            deferred: Vec::new(),
            due: None,
            pace: Pace::default(),
            tell,
        })
    }

    /// What waits for SQLite's thread and for nothing else is carried out without the runtime, by parking this thread: the runtime
    /// would wait in `epoll`, and who wakes it there writes to a file descriptor, also when it is awake.
    async fn work(&mut self, mut inbox: UnboundedReceiver<Request>) -> Result<(), StoreError> {
        let mut requests = VecDeque::new();
        loop {
            let woken = self.wait(&mut inbox).await;
            match woken {
                Woken::Request(None) => return block_on(self.commit(Vec::new())),
                Woken::Request(Some(request)) => {
                    requests.push_back(request);
                    self.pace.gather(&mut inbox, &mut requests).await;
                    if block_on(self.answer(&mut requests))? {
                        return Ok(());
                    }
                }
                Woken::Due => block_on(self.commit(Vec::new()))?,
                Woken::Look => block_on(self.look())?,
            }
        }
    }

    /// Does what is asked, in order; says whether the session is to end.
    async fn answer(&mut self, requests: &mut VecDeque<Request>) -> Result<bool, StoreError> {
        let mut batches: Vec<Batch> = Vec::new();
        while let Some(request) = requests.pop_front() {
            if let Request::Submit(batch) = request {
                batches.push(batch);
                continue;
            }
            self.commit(std::mem::take(&mut batches)).await?;
            match request {
                Request::Submit(_) => {}
                Request::Begin(job, reply) => {
                    let begun = self.begin(*job).await;
                    let _ = reply.send(begun);
                }
                Request::Own(job, reply) => {
                    let owned = self.own(job).await;
                    let _ = reply.send(owned);
                    if !self.is_broken {
                        self.hear_commands().await?;
                    }
                }
                Request::Leave(job, reply) => {
                    if self.disown(job) {
                        let _ = std::fs::remove_file(self.folder.socket(job));
                    }
                    let _ = reply.send(());
                }
                Request::Release(host, reason, reply) => {
                    let _ = reply.send(self.release(&host, &reason).await);
                }
                Request::Decide(decision, reply) => {
                    let _ = reply.send(self.decide(decision).await);
                }
                Request::Command(job, command, reason, reply) => {
                    let _ = reply.send(self.give(job, &command, reason).await);
                    self.hear_commands().await?;
                }
                Request::Prune(before, reply) => {
                    let _ = reply.send(self.prune(before).await);
                }
                Request::Close => return Ok(true),
            }
            if self.is_broken {
                return Err(StoreError::SessionOver);
            }
        }
        if batches.iter().all(Batch::waits) {
            self.defer(batches).await?;
        } else {
            self.commit(batches).await?;
        }
        Ok(false)
    }

    /// Keeps batches for the next commit, unless what was kept before is due by now.
    async fn defer(&mut self, batches: Vec<Batch>) -> Result<(), StoreError> {
        if batches.is_empty() {
            return Ok(());
        }
        let now = Instant::now();
        if *self.due.get_or_insert(now + LATEST) <= now {
            return self.commit(batches).await;
        }
        self.deferred.extend(batches);
        Ok(())
    }

    /// What was kept, and no longer is.
    pub(super) fn take_deferred(&mut self) -> Vec<Batch> {
        self.due = None;
        std::mem::take(&mut self.deferred)
    }

    /// Until somebody asks for something, wakes this session, or the time has come to look.
    async fn wait(&self, inbox: &mut UnboundedReceiver<Request>) -> Woken {
        let ledger = self.following.ledger();
        let is_waiting = ledger.waiting_jobs().iter().any(|job| self.jobs.contains_key(job));
        let mut pause = if is_waiting { LOOKS.0 } else { LOOKS.1 };
        if let Some(Monotonic(at)) = ledger.wake_at() {
            pause = pause.min(Duration::from_nanos(at.saturating_sub(self.now_in_boot())));
        }
        let woken = async {
            match &self.ear {
                Some(ear) => ear.hear().await,
                None => std::future::pending().await,
            }
        };
        let mut timed_out = Woken::Look;
        if let Some(left) = self.due.map(|due| due.saturating_duration_since(Instant::now()))
            && left <= pause
        {
            (pause, timed_out) = (left, Woken::Due);
        }
        tokio::select! {
            biased;
            request = inbox.recv() => Woken::Request(request),
            () = woken => Woken::Look,
            () = tokio::time::sleep(pause) => timed_out,
        }
    }

    /// Ledger time, if the boot that the ledger knows is still the present one.
    fn now_in_boot(&self) -> u64 {
        self.clock.since_boot().saturating_add_signed(self.ahead)
    }

    /// Looks for what others have done, and for the time that the ledger asked for.
    async fn look(&mut self) -> Result<(), StoreError> {
        self.check_place()?;
        let failed = |error| StoreError::database(self.folder.root(), &error);
        let row = sqlx::query("PRAGMA data_version").fetch_one(&mut self.db).await.map_err(failed)?;
        let version: i64 = row.try_get(0).map_err(failed)?;
        let is_due = self.following.ledger().wake_at().is_some_and(|at| at.0 <= self.now_in_boot());
        if version == self.data_version && !is_due {
            return Ok(());
        }
        self.data_version = version;
        let question = "SELECT last FROM namespaces WHERE id = ?";
        let row = sqlx::query(question).bind(self.namespace).fetch_one(&mut self.db).await.map_err(failed)?;
        let last: i64 = row.try_get(0).map_err(failed)?;
        if last != self.following.last() || is_due {
            self.catch_up().await?;
        }
        self.hear_commands().await
    }

    /// The job is no longer this session's; says whether it was.
    pub(super) fn disown(&mut self, job: JobId) -> bool {
        self.following.replica.disown(job);
        self.jobs.remove(&job).is_some()
    }

    /// Whether the database is still the file that was opened.
    pub(super) fn check_place(&self) -> Result<(), StoreError> {
        let is_same = self.identity.is_some() && self.folder.identity() == self.identity;
        if is_same { Ok(()) } else { Err(StoreError::Gone { path: self.folder.root().to_owned() }) }
    }

    /// Tells what operators have said since.
    async fn hear_commands(&mut self) -> Result<(), StoreError> {
        let jobs: Vec<JobId> = self.jobs.keys().copied().collect();
        for job in jobs {
            let heard = self.jobs.get(&job).map_or(0, |own| own.heard);
            let rows = command::pending(&mut self.db, &self.folder, number(job), heard).await?;
            for said in rows {
                let Some(own) = self.jobs.get_mut(&job) else { continue };
                own.heard = said.id;
                let id = CommandId(said.id);
                let hosts = &own.plan.hosts;
                match said.command.try_map_host(|host| hosts.get(&host)) {
                    Some(command) => {
                        let author = said.author;
                        (self.tell)(Told::Command { id, job, command, author });
                    }
                    None => {
                        let why = "the host is not in the plan of the job".to_owned();
                        let answers = vec![(id, super::Answer::Refused { why })];
                        self.commit(vec![Batch { answers, ..Batch::default() }]).await?;
                    }
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
