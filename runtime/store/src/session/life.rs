//! Beginning a job, and taking up one whose process is gone.

use std::sync::Arc;

use pogo_plan::event::{Fact, JobId};
use pogo_plan::{HostIdx, Plan};
use pogo_schedule::time::Monotonic;
use sqlx::Row;

use super::commit::{Draft, Owners};
use super::writer::{Own, Writer};
use super::{NewJob, Owned};
use crate::error::StoreError;
use crate::lock::OwnerLock;
use crate::namespace::{number, read_plan};
use crate::read::facts;

impl Writer {
    pub(super) async fn begin(&mut self, new: NewJob) -> Result<Owned, StoreError> {
        let digest = new.plan.digest();
        let json = serde_json::to_vec(&*new.plan).map_err(|error| StoreError::Database {
            path: self.folder.root().to_owned(),
            detail: format!("cannot write the plan: {error}"),
        })?;
        let folder = Arc::clone(&self.folder);
        let failed = |error| StoreError::database(folder.root(), &error);
        let mut draft = self.begin_turn().await?;
        let work = async {
            self.advance(&mut draft).await?;
            let lock = self.lock(new.id).await?;
            let wall = self.clock.wall();
            let row = "INSERT INTO plans (digest, json) VALUES (?, ?) ON CONFLICT DO NOTHING";
            sqlx::query(row).bind(&digest).bind(json).execute(&mut self.db).await.map_err(failed)?;
            let row = "INSERT INTO jobs (id, namespace, plan, created, changed, user, uid, host, summary, epoch, \
                 owner, pid, state, read, targets) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?, ?, 0, ?, ?)";
            let targets = i64::try_from(new.plan.targets.len()).unwrap_or(i64::MAX);
            let row = sqlx::query(row).bind(number(new.id)).bind(self.namespace).bind(&digest).bind(wall);
            let row = row.bind(wall).bind(&self.who.user).bind(self.who.uid).bind(&self.who.host);
            let row = row.bind(&new.summary).bind(self.who.to_string()).bind(self.who.pid);
            let row = row.bind(self.following.last()).bind(targets).execute(&mut self.db).await;
            row.map_err(failed)?;
            // Hosts are numbered by their first place in the plan on record.
            let plan = if is_numbered_as_read(&new.plan) {
                new.plan
            } else {
                Arc::new(read_plan(&mut self.db, &self.folder, new.id).await?)
            };
            self.adopt(new.id, Own { _lock: lock, plan: Arc::clone(&plan), epoch: 1, seq: 0, heard: 0 });
            Ok(Owned { id: new.id, plan, epoch: 1, facts: Vec::new(), ran_ms: 0 })
        };
        let begun = work.await;
        self.end_life(new.id, begun, draft).await
    }

    pub(super) async fn own(&mut self, job: JobId) -> Result<Owned, StoreError> {
        let mut draft = self.begin_turn().await?;
        let work = async {
            self.advance(&mut draft).await?;
            self.take_up(job, &mut draft).await
        };
        let owned = work.await;
        self.end_life(job, owned, draft).await
    }

    pub(super) async fn take_up(&mut self, job: JobId, draft: &mut Draft) -> Result<Owned, StoreError> {
        let folder = Arc::clone(&self.folder);
        let failed = |error| StoreError::database(folder.root(), &error);
        let question = "SELECT epoch, seq FROM jobs WHERE id = ? AND namespace = ?";
        let question = sqlx::query(question).bind(number(job)).bind(self.namespace);
        let row = question.fetch_optional(&mut self.db).await.map_err(failed)?;
        let Some(row) = row else {
            return Err(StoreError::NoJob { path: self.folder.root().to_owned(), text: job.to_string() });
        };
        let (epoch, seq): (i64, i64) = (row.try_get(0).map_err(failed)?, row.try_get(1).map_err(failed)?);
        let epoch = epoch + 1;
        let lock = self.lock(job).await?;
        let plan = self.following.load_plan(&mut self.db, &self.folder, job).await?;
        let (facts, ran) = facts::read_all(&mut self.db, &self.folder, job).await?;
        self.put_right(job, &facts, draft);
        let change = "UPDATE jobs SET epoch = ?, owner = ?, pid = ?, changed = ?, read = ? WHERE id = ?";
        let change = sqlx::query(change).bind(epoch).bind(self.who.to_string()).bind(self.who.pid);
        let change = change.bind(self.clock.wall()).bind(self.following.last()).bind(number(job));
        change.execute(&mut self.db).await.map_err(failed)?;
        self.adopt(job, Own { _lock: lock, plan: Arc::clone(&plan), epoch, seq, heard: 0 });
        Ok(Owned { id: job, plan, epoch: epoch.unsigned_abs(), facts, ran_ms: ran.ms() })
    }

    /// Makes the ledger agree with the journal of a job whose lock this session has got.
    pub(super) fn put_right(&mut self, job: JobId, facts: &[Fact<HostIdx>], draft: &mut Draft) {
        let mut owners = Owners { folder: &self.folder, probes: &mut self.probes, gone: &mut draft.gone };
        let (replica, now) = (&mut self.following.replica, Monotonic(draft.ns));
        replica.take_up(now, job, facts, |job| owners.is_gone(job), &mut draft.turn);
        draft.take_effects();
    }

    async fn end_life(
        &mut self,
        job: JobId,
        done: Result<Owned, StoreError>,
        draft: Draft,
    ) -> Result<Owned, StoreError> {
        let done = self.end_order(done, draft).await;
        if done.is_err() && self.is_broken {
            self.disown(job);
        }
        done
    }

    /// Ends the turn of something that was asked for. A refusal changes nothing, but what was caught up with is written all the
    /// same.
    pub(super) async fn end_order<T>(
        &mut self,
        done: Result<T, StoreError>,
        mut draft: Draft,
    ) -> Result<T, StoreError> {
        let is_refusal = matches!(
            done,
            Err(StoreError::Owned { .. }
                | StoreError::NoJob { .. }
                | StoreError::NotOut { .. }
                | StoreError::Running { .. }
                | StoreError::NotReleased { .. }
                | StoreError::Refused { .. })
        );
        let written = match &done {
            Err(_) if !is_refusal => Err(StoreError::SessionOver),
            _ => self.write_last(&mut draft).await,
        };
        let ended = self.end_turn(written, draft).await;
        // The copy of the ledger may be ahead of what is on record.
        self.is_broken |= ended.is_err();
        match (done, ended) {
            (Ok(_), Err(error)) => Err(error),
            (done, _) => done,
        }
    }

    fn adopt(&mut self, job: JobId, own: Own) {
        if let Some(ear) = &self.ear {
            ear.listen_for(&self.folder, job);
        }
        self.probes.remove(&job);
        self.following.replica.own(job);
        self.jobs.insert(job, own);
    }

    /// The lock of a job's owner.
    async fn lock(&mut self, job: JobId) -> Result<OwnerLock, StoreError> {
        let path = self.folder.job_lock(job);
        if !self.jobs.contains_key(&job)
            && let Some(lock) = OwnerLock::take(&self.folder, &path)?
        {
            return Ok(lock);
        }
        let question = sqlx::query("SELECT owner FROM jobs WHERE id = ?").bind(number(job));
        let row = question.fetch_optional(&mut self.db).await;
        let row = row.map_err(|error| StoreError::database(self.folder.root(), &error))?;
        let owner = row.and_then(|row| row.try_get(0).ok()).unwrap_or_else(|| "another process".to_owned());
        Err(StoreError::Owned { job, owner })
    }
}

/// Whether reading the plan's JSON gives every host the number that it has already: the number of hosts named before it.
pub(crate) fn is_numbered_as_read(plan: &Plan) -> bool {
    let mut next = 0;
    let mut is_next = |host: &HostIdx| {
        if host.index() == next {
            next += 1;
        }
        host.index() < next
    };
    plan.targets.iter().all(&mut is_next)
        && plan.threads.iter().flat_map(|thread| &thread.slots).flat_map(|slot| &slot.hosts).all(&mut is_next)
        && plan.limits.iter().flat_map(|limit| &limit.members).all(&mut is_next)
        && next == plan.hosts.len()
}
