//! Deleting what nobody needs any more.

use std::sync::Arc;

use hashbrown::HashSet;
use pogo_plan::event::JobId;
use pogo_schedule::ledger::{Op, OutOfService, Record, Snapshot};
use sqlx::Row;

use super::Pruned;
use super::commit::Draft;
use super::writer::Writer;
use crate::codec;
use crate::error::StoreError;
use crate::lock::OwnerLock;
use crate::namespace::{job_of, number};
use crate::read::facts;
use crate::replica::Logged;
use crate::state::ENDED;

/// So many jobs in one transaction: others wait no longer than that takes.
const PART: i64 = 50;

impl Writer {
    pub(super) async fn prune(&mut self, before: i64) -> Result<Pruned, StoreError> {
        let mut pruned = Pruned::default();
        let mut after = -1;
        while let Some(last) = self.prune_part(before, after, &mut pruned).await? {
            after = last;
        }
        Ok(pruned)
    }

    /// Deletes some of the jobs whose number is above `after`; says the last that was looked at.
    async fn prune_part(
        &mut self,
        before: i64,
        after: i64,
        pruned: &mut Pruned,
    ) -> Result<Option<i64>, StoreError> {
        let folder = Arc::clone(&self.folder);
        let failed = |error| StoreError::database(folder.root(), &error);
        let mut draft = self.begin_turn().await?;
        let mut gone = Vec::new();
        let work = async {
            self.advance(&mut draft).await?;
            let mut holds: HashSet<JobId> = HashSet::new();
            for out in self.following.ledger().out_of_service() {
                holds.extend(out.running.map(|(job, _)| job));
                holds.extend(out.bad.iter().map(|&(job, ..)| job));
            }
            let question = "SELECT id, state FROM jobs \
                 WHERE namespace = ? AND changed < ? AND id > ? ORDER BY id LIMIT ?";
            let question = sqlx::query(question).bind(self.namespace).bind(before).bind(after).bind(PART);
            let rows = question.fetch_all(&mut self.db).await.map_err(failed)?;
            let mut last = None;
            let mut found = Vec::new();
            for row in rows {
                let id: i64 = row.try_get(0).map_err(failed)?;
                last = Some(id);
                let job = job_of(id);
                let has_ended = row.try_get::<i64, _>(1).map_err(failed)? >= ENDED;
                if has_ended && holds.contains(&job) {
                    pruned.kept.push(job);
                    continue;
                }
                // Whoever has it runs it, is about to go on with it, or to leave it.
                let Some(lock) = OwnerLock::take(&folder, &folder.job_lock(job))? else {
                    if has_ended {
                        pruned.kept.push(job);
                    }
                    continue;
                };
                if has_ended || self.give_up(job, &mut draft).await? {
                    found.push((job, lock));
                } else {
                    pruned.kept.push(job);
                }
            }
            self.write(&mut draft).await?;
            let mut needed = self.needed().await?;
            if found.iter().any(|(job, _)| needed.contains(job)) {
                self.write_snapshot(self.clock.wall()).await?;
                needed = self.needed().await?;
            }
            for (job, lock) in found {
                if needed.contains(&job) {
                    pruned.kept.push(job);
                    continue;
                }
                for part in [
                    "DELETE FROM journal WHERE job = ?",
                    "DELETE FROM commands WHERE job = ?",
                    "DELETE FROM plans WHERE digest = (SELECT plan FROM jobs WHERE id = ?1) \
                         AND (SELECT count(*) FROM jobs j WHERE j.plan = digest) = 1",
                    "DELETE FROM jobs WHERE id = ?",
                ] {
                    sqlx::query(part).bind(number(job)).execute(&mut self.db).await.map_err(failed)?;
                }
                gone.push((job, lock));
            }
            Ok(last)
        };
        let done = work.await;
        let last = self.end_order(done, draft).await?;
        for (job, _lock) in gone {
            // Nothing names these any more; what cannot be deleted takes room and nothing else.
            let _ = std::fs::remove_dir_all(folder.output_of(job));
            let _ = std::fs::remove_file(folder.job_lock(job));
            pruned.jobs.push(job);
        }
        Ok(last)
    }

    /// The jobs whose plans somebody needs who reads the snapshot and the log that are on record.
    async fn needed(&mut self) -> Result<HashSet<JobId>, StoreError> {
        let folder = Arc::clone(&self.folder);
        let failed = |error| StoreError::database(folder.root(), &error);
        let mut needed = HashSet::new();
        let question = sqlx::query("SELECT ledger FROM snapshots WHERE namespace = ?").bind(self.namespace);
        if let Some(row) = question.fetch_optional(&mut self.db).await.map_err(failed)? {
            let blob: &[u8] = row.try_get(0).map_err(failed)?;
            let snapshot: Snapshot = codec::decode(folder.root(), "snapshots of the ledger", blob)?;
            needed.extend(snapshot.jobs());
        }
        let question = sqlx::query("SELECT ops FROM log WHERE namespace = ?").bind(self.namespace);
        for row in question.fetch_all(&mut self.db).await.map_err(failed)? {
            let blob: &[u8] = row.try_get(0).map_err(failed)?;
            let (_, records): Logged = codec::decode(folder.root(), "operations of the ledger", blob)?;
            needed.extend(records.iter().filter_map(|record| match record {
                Record::Register { job } => Some(*job),
                _ => None,
            }));
        }
        Ok(needed)
    }

    /// Gives up a job whose process is gone, unless it has a host out of service; says whether it did. Its limits are in force no
    /// more, and what was granted to it and never begun is back in service.
    async fn give_up(&mut self, job: JobId, draft: &mut Draft) -> Result<bool, StoreError> {
        let (facts, _) = facts::read_all(&mut self.db, &self.folder, job).await?;
        self.put_right(job, &facts, draft);
        self.disown(job);
        let is_held_by = |out: OutOfService<'_>| {
            out.running.is_some_and(|(by, _)| by == job) || out.bad.iter().any(|&(by, ..)| by == job)
        };
        if self.following.ledger().out_of_service().any(is_held_by) {
            return Ok(false);
        }
        if self.following.ledger().is_unfinished(job) {
            self.decide_by(None, Vec::new(), vec![Op::Finish { job }], draft);
        }
        Ok(true)
    }
}
