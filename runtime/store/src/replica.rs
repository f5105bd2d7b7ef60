//! One process's copy of a namespace's ledger: the same operations give the same ledger everywhere.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hashbrown::HashMap;
use pogo_plan::Plan;
use pogo_plan::event::JobId;
use pogo_schedule::ledger::{Effect, Ledger, Op, Record, Snapshot};
use pogo_schedule::time::Monotonic;
use serde::{Deserialize, Serialize};
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use crate::codec;
use crate::db::{Asked, RULES};
use crate::error::StoreError;
use crate::folder::Folder;

/// The operations of one commit, all at one time.
pub(crate) type Logged = (u64, Vec<Record>);

/// A namespace as its row has it.
#[derive(Clone, Debug)]
pub(crate) struct Namespace {
    pub(crate) last: i64,
    pub(crate) trimmed: i64,
    pub(crate) ns: u64,
    pub(crate) boot: String,
    pub(crate) ahead: i64,
}

impl Namespace {
    /// The row of a namespace, by its number.
    pub(crate) async fn read(
        db: &mut SqliteConnection,
        folder: &Folder,
        id: i64,
    ) -> Result<Self, StoreError> {
        const QUESTION: &str = "SELECT last, trimmed, ns, boot, ahead, rules FROM namespaces WHERE id = ?";
        let failed = |error| StoreError::database(folder.root(), &error);
        let row = sqlx::query(QUESTION).bind(id).fetch_one(db).await.map_err(failed)?;
        let (found, rules) = Self::of(&row).map_err(failed)?;
        if rules != RULES {
            return Err(StoreError::Newer {
                path: folder.root().to_owned(),
                what: format!("its ledger follows version {rules} of the rules, and this pogo knows {RULES}"),
            });
        }
        Ok(found)
    }

    #[expect(clippy::cast_sign_loss, reason = "written as what it is read as")]
    fn of(row: &SqliteRow) -> Asked<(Self, i64)> {
        let found = Self {
            last: row.try_get(0)?,
            trimmed: row.try_get(1)?,
            ns: row.try_get::<i64, _>(2)? as u64,
            boot: row.try_get(3)?,
            ahead: row.try_get(4)?,
        };
        Ok((found, row.try_get(5)?))
    }

    /// The number of a namespace; `None` if nobody has used it yet.
    pub(crate) async fn find(
        db: &mut SqliteConnection,
        folder: &Folder,
        name: &str,
    ) -> Result<Option<i64>, StoreError> {
        let failed = |error| StoreError::database(folder.root(), &error);
        let row = sqlx::query("SELECT id FROM namespaces WHERE name = ?").bind(name).fetch_optional(db);
        row.await.map_err(failed)?.map(|row| row.try_get(0)).transpose().map_err(failed)
    }

    /// The number of a namespace, which is made if there is none.
    pub(crate) async fn ensure(
        db: &mut SqliteConnection,
        folder: &Folder,
        name: &str,
    ) -> Result<i64, StoreError> {
        if let Some(id) = Self::find(db, folder, name).await? {
            return Ok(id);
        }
        let made = sqlx::query("INSERT INTO namespaces (name, rules) VALUES (?, ?) ON CONFLICT DO NOTHING");
        let made = made.bind(name).bind(RULES).execute(&mut *db).await;
        made.map_err(|error| StoreError::database(folder.root(), &error))?;
        Self::find(db, folder, name).await?.ok_or(StoreError::SessionOver)
    }
}

/// A snapshot on record: with the ledger, what a replica keeps beside it.
#[derive(Debug, Serialize, Deserialize)]
struct Frame {
    /// The jobs that the ledger knows, by their bits; whether their limits are in force, and whether their owner is known to be
    /// gone.
    jobs: Vec<(u64, bool, bool)>,
    wakes: Vec<u64>,
    ledger: Snapshot,
}

/// See the module's description.
#[derive(Debug)]
pub(crate) struct Replica {
    pub(crate) ledger: Ledger,
    /// The last operation that it has applied.
    pub(crate) last: i64,
    /// The jobs whose limits are in force, and whether their owner is known to be gone.
    pub(crate) registered: BTreeMap<JobId, bool>,
    /// Plans of registered jobs, for a while.
    plans: HashMap<JobId, Arc<Plan>>,
    /// When the ledger wants to look again.
    pub(crate) wakes: BTreeSet<Monotonic>,
}

impl Replica {
    /// The ledger of a namespace up to the last operation on record.
    pub(crate) async fn load(
        db: &mut SqliteConnection,
        folder: &Folder,
        namespace: i64,
    ) -> Result<Self, StoreError> {
        let failed = |error| StoreError::database(folder.root(), &error);
        let mut replica = Self {
            ledger: Ledger::default(),
            last: 0,
            registered: BTreeMap::new(),
            plans: HashMap::new(),
            wakes: BTreeSet::new(),
        };
        let question = "SELECT last, ledger FROM snapshots WHERE namespace = ?";
        let row = sqlx::query(question).bind(namespace).fetch_optional(&mut *db).await.map_err(failed)?;
        if let Some(row) = row {
            replica.last = row.try_get(0).map_err(failed)?;
            let blob: &[u8] = row.try_get(1).map_err(failed)?;
            replica.restore(db, folder, blob).await?;
        }
        replica.catch_up(db, folder, namespace, &mut Vec::new()).await?;
        Ok(replica)
    }

    /// Applies what others have put on record since.
    pub(crate) async fn catch_up(
        &mut self,
        db: &mut SqliteConnection,
        folder: &Folder,
        namespace: i64,
        effects: &mut Vec<Effect>,
    ) -> Result<(), StoreError> {
        let failed = |error| StoreError::database(folder.root(), &error);
        loop {
            // In parts, so that a long log is never in memory as a whole.
            let question =
                "SELECT last, ops FROM log WHERE namespace = ? AND last > ? ORDER BY last LIMIT 1000";
            let rows = sqlx::query(question).bind(namespace).bind(self.last).fetch_all(&mut *db).await;
            let rows = rows.map_err(failed)?;
            for row in &rows {
                let last: i64 = row.try_get(0).map_err(failed)?;
                let blob: &[u8] = row.try_get(1).map_err(failed)?;
                let (ns, records): Logged = codec::decode(folder.root(), "operations of the ledger", blob)?;
                let count = i64::try_from(records.len()).unwrap_or(i64::MAX);
                if self.last + count != last {
                    return Err(StoreError::corrupt(
                        folder.root(),
                        format!("operations of the ledger are missing before number {last}"),
                    ));
                }
                for record in records {
                    if let Record::Register { job } = &record {
                        self.load_plan(db, folder, *job).await?;
                    }
                    let op = record.into_op(|job| self.plans.get(&job).cloned());
                    let op = op.map_err(|error| StoreError::corrupt(folder.root(), error.to_string()))?;
                    self.apply(ns, op, effects);
                }
            }
            if rows.len() < 1000 {
                return Ok(());
            }
        }
    }

    /// Applies one operation, which gets the next number.
    pub(crate) fn apply(&mut self, ns: u64, op: Op, effects: &mut Vec<Effect>) {
        match &op {
            Op::Register { job, plan } => {
                self.plans.insert(*job, Arc::clone(plan));
                self.registered.insert(*job, false);
            }
            Op::OwnerLost { job } => {
                if let Some(is_lost) = self.registered.get_mut(job) {
                    *is_lost = true;
                }
            }
            Op::Finish { job } => {
                self.registered.remove(job);
                self.plans.remove(job);
            }
            Op::Tick => {
                let now = Monotonic(ns);
                while self.wakes.first().is_some_and(|&at| at <= now) {
                    self.wakes.pop_first();
                }
            }
            _ => {}
        }
        self.last += 1;
        let from = effects.len();
        self.ledger.apply(Monotonic(ns), op, effects);
        let wakes = &mut self.wakes;
        let mut at = 0;
        effects.retain(|effect| {
            at += 1;
            match effect {
                Effect::WakeAt(time) if at > from => {
                    wakes.insert(*time);
                    false
                }
                _ => true,
            }
        });
    }

    /// The plans of the jobs whose limits are in force.
    pub(crate) fn plans(&self) -> impl Iterator<Item = &Plan> {
        self.registered.keys().filter_map(|job| self.plans.get(job)).map(|plan| &**plan)
    }

    /// The ledger as a blob.
    pub(crate) fn snapshot(&self, folder: &Folder) -> Result<Vec<u8>, StoreError> {
        let mut jobs: Vec<(u64, bool, bool)> =
            self.registered.iter().map(|(job, is_lost)| (job.bits(), true, *is_lost)).collect();
        let running = self.ledger.out_of_service().filter_map(|out| Some(out.running?.0));
        let ended: BTreeSet<JobId> = running.filter(|job| !self.registered.contains_key(job)).collect();
        jobs.extend(ended.iter().map(|job| (job.bits(), false, false)));
        let wakes = self.wakes.iter().map(|at| at.0).collect();
        codec::encode(folder.root(), &Frame { jobs, wakes, ledger: self.ledger.snapshot() })
    }

    async fn restore(
        &mut self,
        db: &mut SqliteConnection,
        folder: &Folder,
        blob: &[u8],
    ) -> Result<(), StoreError> {
        let frame: Frame = codec::decode(folder.root(), "snapshots of the ledger", blob)?;
        for (bits, is_registered, is_lost) in frame.jobs {
            let job = JobId::from_bits(bits);
            self.load_plan(db, folder, job).await?;
            if is_registered {
                self.registered.insert(job, is_lost);
            }
        }
        self.wakes = frame.wakes.into_iter().map(Monotonic).collect();
        let restored = Ledger::restore(frame.ledger, |job| self.plans.get(&job).cloned());
        self.ledger = restored.map_err(|error| StoreError::corrupt(folder.root(), error.to_string()))?;
        let registered = &self.registered;
        self.plans.retain(|job, _| registered.contains_key(job));
        Ok(())
    }

    /// The plan of a job, from memory or from the store.
    pub(crate) async fn load_plan(
        &mut self,
        db: &mut SqliteConnection,
        folder: &Folder,
        job: JobId,
    ) -> Result<Arc<Plan>, StoreError> {
        if let Some(plan) = self.plans.get(&job) {
            return Ok(Arc::clone(plan));
        }
        let plan = Arc::new(read_plan(db, folder, job).await?);
        self.plans.insert(job, Arc::clone(&plan));
        Ok(plan)
    }
}

/// A job's number in the database.
#[expect(clippy::cast_possible_wrap, reason = "a job id has forty bits")]
pub(crate) const fn number(job: JobId) -> i64 {
    job.bits() as i64
}

/// The job with a number in the database.
#[expect(clippy::cast_sign_loss, reason = "a job id has forty bits")]
pub(crate) const fn job_of(number: i64) -> JobId {
    JobId::from_bits(number as u64)
}

/// The plan of a job on record.
pub(crate) async fn read_plan(
    db: &mut SqliteConnection,
    folder: &Folder,
    job: JobId,
) -> Result<Plan, StoreError> {
    let failed = |error| StoreError::database(folder.root(), &error);
    let question = "SELECT json FROM plans WHERE digest = (SELECT plan FROM jobs WHERE id = ?)";
    let row = sqlx::query(question).bind(number(job)).fetch_optional(db).await.map_err(failed)?;
    let Some(row) = row else {
        return Err(StoreError::corrupt(folder.root(), format!("the plan of job {job} is missing")));
    };
    let json: &[u8] = row.try_get(0).map_err(failed)?;
    Plan::read_json(json).map_err(|source| StoreError::Plan { job, source: Box::new(source) })
}
