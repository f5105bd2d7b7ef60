//! Deleting what nobody needs any more.

use std::collections::BTreeSet;
use std::sync::Arc;

use pogo_plan::event::JobId;
use sqlx::Row;

use super::Pruned;
use super::writer::Writer;
use crate::error::StoreError;
use crate::lock::OwnerLock;
use crate::replica::{job_of, number};

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
            let mut effects = Vec::new();
            self.advance(&mut draft, &mut effects).await?;
            self.take_effects(effects, &mut draft)?;
            let mut holds: BTreeSet<JobId> = self.replica.registered.keys().copied().collect();
            for out in self.replica.ledger.out_of_service() {
                holds.extend(out.running.map(|(job, _)| job));
                holds.extend(out.bad.iter().map(|&(job, ..)| job));
            }
            let question = "SELECT id FROM jobs \
                 WHERE namespace = ? AND state >= 16 AND changed < ? AND id > ? ORDER BY id LIMIT ?";
            let question = sqlx::query(question).bind(self.namespace).bind(before).bind(after).bind(PART);
            let rows = question.fetch_all(&mut self.db).await.map_err(failed)?;
            let mut last = None;
            for row in rows {
                let id: i64 = row.try_get(0).map_err(failed)?;
                last = Some(id);
                let job = job_of(id);
                if holds.contains(&job) {
                    pruned.kept.push(job);
                    continue;
                }
                // Whoever has it is about to go on with it, or to leave it.
                let Some(lock) = OwnerLock::take(&folder, &folder.job_lock(job))? else {
                    pruned.kept.push(job);
                    continue;
                };
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
}
