//! A process's replica of a namespace's ledger, as it follows from the rows: what it does is [`pogo_schedule::replica`]'s, the
//! same code that the simulator runs.

use std::sync::Arc;

use hashbrown::HashMap;
use pogo_plan::Plan;
use pogo_plan::event::JobId;
use pogo_schedule::fault::Faults;
use pogo_schedule::ledger::{Ledger, Op, Record, Snapshot};
use pogo_schedule::replica::{Replica, Turn};
use pogo_schedule::time::Monotonic;
use sqlx::Row;
use sqlx::sqlite::SqliteConnection;

use crate::codec;
use crate::error::StoreError;
use crate::folder::Folder;
use crate::namespace::read_plan;

/// The operations of one commit, all at one time.
pub(crate) type Logged = (u64, Vec<Record>);

/// How many rows of the log are in memory at once.
const PART: i64 = 1000;

/// See the module's description.
#[derive(Debug)]
pub(crate) struct Following {
    pub(crate) replica: Replica,
    /// Plans of unfinished jobs, for they are asked for again and again; and of others, for a while.
    plans: HashMap<JobId, Arc<Plan>>,
    /// The last operation in the latest snapshot that this process knows of.
    pub(crate) snapped: i64,
}

impl Following {
    /// The ledger of a namespace up to the last operation on record.
    pub(crate) async fn load(
        db: &mut SqliteConnection,
        folder: &Folder,
        namespace: i64,
    ) -> Result<Self, StoreError> {
        let failed = |error| StoreError::database(folder.root(), &error);
        let replica = Replica::new(Ledger::default(), 0, Faults::default());
        let mut following = Self { replica, plans: HashMap::new(), snapped: 0 };
        let question = "SELECT last, ledger FROM snapshots WHERE namespace = ?";
        let row = sqlx::query(question).bind(namespace).fetch_optional(&mut *db).await.map_err(failed)?;
        if let Some(row) = row {
            let last: i64 = row.try_get(0).map_err(failed)?;
            let blob: &[u8] = row.try_get(1).map_err(failed)?;
            following.restore(db, folder, last, blob).await?;
        }
        following.catch_up(db, folder, namespace, &mut Turn::default()).await?;
        Ok(following)
    }

    /// The ledger as far as it was read.
    pub(crate) const fn ledger(&self) -> &Ledger {
        self.replica.ledger()
    }

    /// The number of the last operation that it has applied. The log's rows count from 1, and a replica counts from 0.
    pub(crate) fn last(&self) -> i64 {
        i64::try_from(self.replica.next()).unwrap_or(i64::MAX)
    }

    /// Applies what others have put on record since.
    pub(crate) async fn catch_up(
        &mut self,
        db: &mut SqliteConnection,
        folder: &Folder,
        namespace: i64,
        turn: &mut Turn,
    ) -> Result<(), StoreError> {
        let failed = |error| StoreError::database(folder.root(), &error);
        let question = "SELECT last, ops FROM log WHERE namespace = ? AND last > ? ORDER BY last LIMIT ?";
        loop {
            let rows = sqlx::query(question).bind(namespace).bind(self.last()).bind(PART).fetch_all(&mut *db);
            let rows = rows.await.map_err(failed)?;
            for row in &rows {
                let last: i64 = row.try_get(0).map_err(failed)?;
                let blob: &[u8] = row.try_get(1).map_err(failed)?;
                let logged: Logged = codec::decode(folder.root(), "operations of the ledger", blob)?;
                self.learn(db, folder, last, logged, turn).await?;
            }
            if i64::try_from(rows.len()).unwrap_or(PART) < PART {
                return Ok(());
            }
        }
    }

    async fn learn(
        &mut self,
        db: &mut SqliteConnection,
        folder: &Folder,
        last: i64,
        (ns, records): Logged,
        turn: &mut Turn,
    ) -> Result<(), StoreError> {
        let corrupt = |detail| StoreError::corrupt(folder.root(), detail);
        let first = last.unsigned_abs().checked_sub(records.len() as u64);
        let first = first.ok_or_else(|| corrupt(format!("the log's row {last} has too many operations")))?;
        for (number, record) in (first..).zip(records) {
            if let Record::Register { job } = &record {
                self.load_plan(db, folder, *job).await?;
            }
            let op = record.into_op(|job| self.plans.get(&job).cloned());
            let op = op.map_err(|error| corrupt(error.to_string()))?;
            let finished = if let Op::Finish { job } = op { Some(job) } else { None };
            let learned = self.replica.learn(number, Monotonic(ns), op, turn);
            learned.map_err(|gap| corrupt(gap.to_string()))?;
            if let Some(job) = finished {
                self.plans.remove(&job);
            }
        }
        Ok(())
    }

    /// Keeps the plans of jobs that register, and lets go of those that finish.
    pub(crate) fn keep_plans(&mut self, ops: &[Op]) {
        for op in ops {
            match op {
                Op::Register { job, plan } => {
                    self.plans.insert(*job, Arc::clone(plan));
                }
                Op::Finish { job } => {
                    self.plans.remove(job);
                }
                _ => {}
            }
        }
    }

    /// The jobs whose limits are in force, with their plans.
    pub(crate) fn plans(&self) -> impl Iterator<Item = (JobId, &Plan)> {
        self.ledger().unfinished().filter_map(|job| Some((job, &**self.plans.get(&job)?)))
    }

    /// The ledger as a blob.
    pub(crate) fn snapshot(&self, folder: &Folder) -> Result<Vec<u8>, StoreError> {
        codec::encode(folder.root(), &self.ledger().snapshot())
    }

    async fn restore(
        &mut self,
        db: &mut SqliteConnection,
        folder: &Folder,
        last: i64,
        blob: &[u8],
    ) -> Result<(), StoreError> {
        let snapshot: Snapshot = codec::decode(folder.root(), "snapshots of the ledger", blob)?;
        let jobs: Vec<JobId> = snapshot.jobs().collect();
        for job in jobs {
            self.load_plan(db, folder, job).await?;
        }
        let ledger = Ledger::restore(snapshot, |job| self.plans.get(&job).cloned());
        let ledger = ledger.map_err(|error| StoreError::corrupt(folder.root(), error.to_string()))?;
        self.plans.retain(|job, _| ledger.is_unfinished(*job));
        self.replica = Replica::new(ledger, last.unsigned_abs(), Faults::default());
        self.snapped = last;
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
