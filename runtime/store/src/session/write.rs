//! What a transaction writes.
//!
//! Each statement that goes to SQLite's thread by itself costs two switches between threads, which is more than SQLite's own part
//! of it. So what nearly every commit has goes there as one text: the rows of a job, the row of the log, and `COMMIT`.

use pogo_plan::event::{Fact, JobId};
use pogo_schedule::job::Counts;
use pogo_schedule::journal::FactRecord;
use pogo_schedule::ledger::Record;
use sqlx::error::ErrorKind;
use sqlx::{AssertSqlSafe, Row};

use super::commit::Draft;
use super::writer::Writer;
use super::{Answer, CommandId};
use crate::codec;
use crate::error::StoreError;
use crate::lock::OwnerProbe;
use crate::namespace::number;
use crate::state;

/// After so many operations, the next commit has a snapshot: at 1.1 microseconds for each that is read, whoever opens the store
/// then reads for two milliseconds.
const SNAPSHOT_EVERY: i64 = 2_000;

/// A large ledger waits for more operations, as many as its snapshot has of these. A byte takes 6 ns to write and 20 ns to read:
/// so snapshots add 0.1 microseconds to an operation, however large they are, and the log never takes longer to read than four
/// times the snapshot does.
const BYTES_PER_OPERATION: i64 = 16;

/// A job's facts, if it is still the job of this session. If it is not, there is no such number, and a row without one is refused:
/// the statement fails, and with it all that would come after it.
const FACTS: &str = "INSERT INTO journal (job, last, epoch, wall, facts) \
     VALUES ((SELECT id FROM jobs WHERE id = ? AND epoch = ?), ?, ?, ?, ?);";

/// A job's row, on the same condition. If it is not fulfilled, no row is changed.
const JOB: &str = "UPDATE jobs SET seq = ?, read = ?, changed = ?, active = coalesce(?, active), \
     succeeded = coalesce(?, succeeded), bad = coalesce(?, bad), skipped = coalesce(?, skipped), \
     cancelled = coalesce(?, cancelled) WHERE id = ? AND epoch = ?;";

/// By itself, since an index has the state: a statement that may change it writes a page of that index too.
const STATE: &str = "UPDATE jobs SET state = ? WHERE id = ? AND epoch = ?;";

const LOG: &str = "INSERT INTO log (namespace, last, wall, ops) VALUES (?, ?, ?, ?); \
     UPDATE namespaces SET last = ?, ns = ?, boot = ?, ahead = ? WHERE id = ?;";

const COMMIT: &str = "COMMIT;";

/// What one job's journal and row get.
struct JobDraft {
    job: JobId,
    facts: Vec<FactRecord>,
    state: Option<i64>,
    counts: Option<Counts>,
}

/// The operations of one commit.
struct LogDraft {
    ns: i64,
    ops: Vec<u8>,
}

impl Writer {
    /// Writes the draft into the transaction.
    pub(super) async fn write(&mut self, draft: &mut Draft) -> Result<(), StoreError> {
        self.write_draft(draft, false).await
    }

    /// The same, as the last of the transaction: it is committed if that can be done in the same breath.
    pub(super) async fn write_last(&mut self, draft: &mut Draft) -> Result<(), StoreError> {
        self.write_draft(draft, true).await
    }

    async fn write_draft(&mut self, draft: &mut Draft, is_last: bool) -> Result<(), StoreError> {
        let wall = self.clock.wall();
        let mut jobs = self.sort_out(draft)?;
        let log = self.log_draft(draft)?;
        let answers = std::mem::take(&mut draft.answers);
        let has_new_boot = draft.has_new_boot && log.is_some();
        // Without an unfinished job the snapshot is small, and whoever comes next reads nothing else, by whatever rules.
        let has_snapshot = log.is_some()
            && (self.following.ledger().unfinished().next().is_none() || self.is_snapshot_due().await?);
        // Of a job without facts, the number of changed rows tells whether it is still the job of this session.
        let is_all = is_last && answers.is_empty() && !has_new_boot && !has_snapshot;
        draft.is_committed = is_all && jobs.iter().all(|job| !job.facts.is_empty());
        let last = jobs.pop();
        for job in jobs {
            self.write_rows(Some(job), None, false, wall).await?;
        }
        self.write_rows(last, log.as_ref(), draft.is_committed, wall).await?;
        self.write_answers(answers, wall).await?;
        if let Some(log) = log.filter(|_| has_new_boot) {
            let row = "INSERT INTO boots (namespace, ns, wall) VALUES (?, ?, ?) ON CONFLICT DO NOTHING";
            let row = sqlx::query(row).bind(self.namespace).bind(log.ns).bind(wall);
            let done = row.execute(&mut self.db).await;
            done.map_err(|error| StoreError::database(self.folder.root(), &error))?;
        }
        if has_snapshot {
            self.write_snapshot(wall).await?;
        }
        Ok(())
    }

    /// What each job gets, in the order in which they were first spoken of.
    fn sort_out(&self, draft: &mut Draft) -> Result<Vec<JobDraft>, StoreError> {
        let mut jobs: Vec<JobDraft> = Vec::new();
        let place =
            |jobs: &mut Vec<JobDraft>, job: JobId| match jobs.iter().position(|draft| draft.job == job) {
                Some(at) => at,
                None => {
                    jobs.push(JobDraft { job, facts: Vec::new(), state: None, counts: None });
                    jobs.len() - 1
                }
            };
        for (job, fact) in draft.turn.facts.drain(..) {
            let at = place(&mut jobs, job);
            let Some(job) = jobs.get_mut(at) else { continue };
            if let Fact::JobState { state } = fact {
                job.state = Some(state::code(state));
            }
            let record = FactRecord::of(&fact).map_err(|error| StoreError::Database {
                path: self.folder.root().to_owned(),
                detail: error.to_string(),
            })?;
            job.facts.push(record);
        }
        for (job, counts) in draft.counts.drain() {
            let at = place(&mut jobs, job);
            if let Some(job) = jobs.get_mut(at) {
                job.counts = Some(counts);
            }
        }
        Ok(jobs)
    }

    fn log_draft(&self, draft: &mut Draft) -> Result<Option<LogDraft>, StoreError> {
        // One turn has one time.
        let Some(ns) = draft.turn.ops.first().map(|(at, _)| at.0) else { return Ok(None) };
        let records: Vec<Record> = draft.turn.ops.drain(..).map(|(_, op)| Record::of(&op)).collect();
        let ops = codec::encode(self.folder.root(), &(ns, records))?;
        Ok(Some(LogDraft { ns: i64::try_from(ns).unwrap_or(i64::MAX), ops }))
    }

    /// Writes all this in one go: nothing of it if a statement fails, and no commit then.
    async fn write_rows(
        &mut self,
        job: Option<JobDraft>,
        log: Option<&LogDraft>,
        commits: bool,
        wall: i64,
    ) -> Result<(), StoreError> {
        let job = job.and_then(|draft| Some((self.jobs.get(&draft.job)?, draft)));
        let has_facts = job.as_ref().is_some_and(|(_, draft)| !draft.facts.is_empty());
        let state = job.as_ref().and_then(|(_, draft)| draft.state);
        let parts = [
            (has_facts, FACTS),
            (job.is_some(), JOB),
            (state.is_some(), STATE),
            (log.is_some(), LOG),
            (commits, COMMIT),
        ];
        let text: String = parts.iter().filter(|(is_there, _)| *is_there).map(|(_, part)| *part).collect();
        if text.is_empty() {
            return Ok(());
        }
        let mut query = sqlx::query(AssertSqlSafe(text));
        let mut written = None;
        // How many rows are changed, if all is well.
        let mut rows = 0;
        if let Some((own, draft)) = job {
            let (id, epoch) = (number(draft.job), own.epoch);
            let seq = own.seq + i64::try_from(draft.facts.len()).unwrap_or(i64::MAX);
            if has_facts {
                let facts = codec::encode(self.folder.root(), &draft.facts)?;
                query = query.bind(id).bind(epoch).bind(seq).bind(epoch).bind(wall).bind(facts);
                rows += 1;
            }
            query = query.bind(seq).bind(self.following.last()).bind(wall);
            for count in draft.counts.map_or([None; 5], |counts| counts_of(&counts).map(Some)) {
                query = query.bind(count);
            }
            query = query.bind(id).bind(epoch);
            rows += 1;
            if let Some(state) = state {
                query = query.bind(state).bind(id).bind(epoch);
                rows += 1;
            }
            written = Some((draft.job, seq));
        }
        if let Some(LogDraft { ns, ops }) = log {
            let last = self.following.last();
            query = query.bind(self.namespace).bind(last).bind(wall).bind(ops);
            query = query.bind(last).bind(ns).bind(&self.boot).bind(self.ahead).bind(self.namespace);
            rows += 2;
        }
        let is_refused = match query.execute(&mut self.db).await {
            Ok(done) => !commits && done.rows_affected() < rows,
            Err(error) if is_without_number(&error) => true,
            Err(error) => return Err(StoreError::database(self.folder.root(), &error)),
        };
        let Some((job, seq)) = written else { return Ok(()) };
        if is_refused {
            return Err(self.taken_over(job).await);
        }
        if let Some(own) = self.jobs.get_mut(&job) {
            own.seq = seq;
        }
        Ok(())
    }

    async fn write_answers(
        &mut self,
        answers: Vec<(CommandId, Answer)>,
        wall: i64,
    ) -> Result<(), StoreError> {
        for (id, answer) in answers {
            let (state, answer) = match answer {
                Answer::Done => (1, None),
                Answer::Refused { why } => (2, Some(why)),
            };
            let change = "UPDATE commands SET state = ?, answer = ?, answered = ? WHERE id = ? AND state = 0";
            let change = sqlx::query(change).bind(state).bind(answer).bind(wall).bind(id.0);
            let done = change.execute(&mut self.db).await;
            done.map_err(|error| StoreError::database(self.folder.root(), &error))?;
        }
        Ok(())
    }

    async fn taken_over(&mut self, job: JobId) -> StoreError {
        let question = sqlx::query("SELECT owner FROM jobs WHERE id = ?").bind(number(job));
        let row = question.fetch_optional(&mut self.db).await.ok().flatten();
        let owner = row.and_then(|row| row.try_get(0).ok());
        match owner {
            Some(owner) => StoreError::TakenOver { job, owner },
            None => StoreError::NoJob { path: self.folder.root().to_owned(), text: job.to_string() },
        }
    }

    /// Whether the log has grown so long that reading it costs as much as a snapshot.
    async fn is_snapshot_due(&mut self) -> Result<bool, StoreError> {
        if self.following.last() - self.following.snapped < SNAPSHOT_EVERY {
            return Ok(false);
        }
        // Others may have written one in the meantime.
        let failed = |error| StoreError::database(self.folder.root(), &error);
        let question = "SELECT last, length(ledger) FROM snapshots WHERE namespace = ?";
        let row = sqlx::query(question).bind(self.namespace).fetch_optional(&mut self.db).await;
        let Some(row) = row.map_err(failed)? else { return Ok(true) };
        let (last, bytes): (i64, i64) = (row.try_get(0).map_err(failed)?, row.try_get(1).map_err(failed)?);
        self.following.snapped = last;
        Ok(self.following.last() - last >= SNAPSHOT_EVERY.max(bytes / BYTES_PER_OPERATION))
    }

    /// Puts the ledger on record as a whole, and drops the part of the log that nobody will read any more.
    pub(super) async fn write_snapshot(&mut self, wall: i64) -> Result<(), StoreError> {
        let failed = |error| StoreError::database(self.folder.root(), &error);
        let ledger = self.following.snapshot(&self.folder)?;
        let last = self.following.last();
        let row = "INSERT INTO snapshots (namespace, last, wall, ledger) VALUES (?, ?, ?, ?) \
             ON CONFLICT (namespace) DO UPDATE SET last = excluded.last, wall = excluded.wall, ledger = excluded.ledger";
        let row = sqlx::query(row).bind(self.namespace).bind(last).bind(wall).bind(ledger);
        row.execute(&mut self.db).await.map_err(failed)?;
        self.following.snapped = last;
        // Answers to jobs of others that live may be in what they have not read.
        let mut keep = last;
        let others: Vec<JobId> =
            self.following.ledger().unfinished().filter(|job| !self.jobs.contains_key(job)).collect();
        for job in others {
            if OwnerProbe::new(&self.folder.job_lock(job)).is_alive() {
                let question = sqlx::query("SELECT read FROM jobs WHERE id = ?").bind(number(job));
                let row = question.fetch_optional(&mut self.db).await.map_err(failed)?;
                let read: Option<i64> = row.map(|row| row.try_get(0)).transpose().map_err(failed)?;
                keep = keep.min(read.unwrap_or(0));
            }
        }
        let cut = "DELETE FROM log WHERE namespace = ? AND last <= ?";
        let cut =
            sqlx::query(cut).bind(self.namespace).bind(keep).execute(&mut self.db).await.map_err(failed)?;
        if cut.rows_affected() > 0 {
            let change = "UPDATE namespaces SET trimmed = max(trimmed, ?) WHERE id = ?";
            let change = sqlx::query(change).bind(keep).bind(self.namespace);
            change.execute(&mut self.db).await.map_err(failed)?;
        }
        Ok(())
    }
}

fn counts_of(counts: &Counts) -> [i64; 5] {
    [counts.active, counts.succeeded, counts.bad, counts.skipped, counts.cancelled].map(i64::from)
}

/// Whether this says that [`FACTS`] had no job to belong to: nothing else that is written can be missing.
fn is_without_number(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|error| error.kind() == ErrorKind::NotNullViolation)
}
