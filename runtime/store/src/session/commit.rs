//! One transaction: turn, catch up, apply, write, sync, tell.

use std::time::Duration;

use hashbrown::HashMap;
use pogo_plan::HostIdx;
use pogo_plan::event::{Fact, JobId};
use pogo_schedule::job::Counts;
use pogo_schedule::journal::FactRecord;
use pogo_schedule::ledger::{Op, Record};
use pogo_schedule::replica::Turn;
use pogo_schedule::time::Monotonic;
use sqlx::Row;

use super::writer::Writer;
use super::{Answer, Batch, CommandId, Told};
use crate::codec;
use crate::error::StoreError;
use crate::folder::Folder;
use crate::lock::OwnerProbe;
use crate::namespace::{Namespace, number};
use crate::replica::Following;
use crate::state;
use crate::store::Stalled;

/// After so many operations, the next commit has a snapshot: at 1.1 microseconds for each that is read, whoever opens the store
/// then reads for two milliseconds.
const SNAPSHOT_EVERY: i64 = 2_000;

/// A large ledger waits for more operations, as many as its snapshot has of these. A byte takes 6 ns to write and 20 ns to read:
/// so snapshots add 0.1 microseconds to an operation, however large they are, and the log never takes longer to read than four
/// times the snapshot does.
const BYTES_PER_OPERATION: i64 = 16;

/// A turn that has not come for so long is told of, and again each time this has passed.
const STALLED: Duration = Duration::from_secs(5);

/// What a transaction is about to write.
#[derive(Default)]
pub(super) struct Draft {
    /// The ledger's time.
    pub(super) ns: u64,
    /// Operations and facts.
    pub(super) turn: Turn,
    counts: HashMap<JobId, Counts>,
    answers: Vec<(CommandId, Answer)>,
    /// What is told, in order.
    told: Vec<Told>,
    /// Whose owners were asked about; once in a turn is enough.
    pub(super) gone: HashMap<JobId, bool>,
    has_new_boot: bool,
}

impl Draft {
    /// Has the effects told that have come up to now.
    pub(super) fn take_effects(&mut self) {
        let mut effects = std::mem::take(&mut self.turn.effects);
        // The ledger itself says when it wants to look again, and what it refuses.
        effects.retain(|effect| effect.job().is_some());
        if !effects.is_empty() {
            self.told.push(Told::Effects(effects));
        }
    }
}

/// Sees whether the processes of other jobs are alive.
pub(super) struct Owners<'a> {
    pub(super) folder: &'a Folder,
    pub(super) probes: &'a mut HashMap<JobId, OwnerProbe>,
    pub(super) gone: &'a mut HashMap<JobId, bool>,
}

impl Owners<'_> {
    /// Whether nobody holds the job's lock.
    pub(super) fn is_gone(&mut self, job: JobId) -> bool {
        if let Some(is_gone) = self.gone.get(&job) {
            return *is_gone;
        }
        let probe = self.probes.entry(job).or_insert_with(|| OwnerProbe::new(&self.folder.job_lock(job)));
        let is_gone = !probe.is_alive();
        if is_gone {
            self.probes.remove(&job);
        }
        self.gone.insert(job, is_gone);
        is_gone
    }
}

/// What one job's journal and row get.
struct JobDraft {
    job: JobId,
    facts: Vec<FactRecord>,
    state: Option<i64>,
    counts: Option<Counts>,
}

impl Writer {
    /// Reads what others have put on record, and writes down what comes out of it.
    pub(super) async fn catch_up(&mut self) -> Result<(), StoreError> {
        let draft = Vec::new();
        self.commit_all(draft).await
    }

    pub(super) async fn commit(&mut self, batches: Vec<Batch>) -> Result<(), StoreError> {
        if batches.is_empty() { Ok(()) } else { self.commit_all(batches).await }
    }

    async fn commit_all(&mut self, batches: Vec<Batch>) -> Result<(), StoreError> {
        let mut draft = self.begin_turn().await?;
        let work = async {
            self.advance(&mut draft).await?;
            self.tick(&mut draft);
            for batch in batches {
                self.take_batch(batch, &mut draft)?;
            }
            self.write(&mut draft).await
        };
        let done = work.await;
        self.end_turn(done, draft).await
    }

    /// Waits for the turn and begins a transaction.
    pub(super) async fn begin_turn(&mut self) -> Result<Draft, StoreError> {
        self.check_place()?;
        let (stalled, namespace) = (&self.stalled, self.name.as_str());
        let mut next = STALLED;
        let turn = self.turns.wait(|waited, pid| {
            if waited >= next {
                next = waited + STALLED;
                stalled.tell(Stalled { namespace, waited, pid });
            }
        })?;
        self.turn = Some(turn);
        let begun = sqlx::query("BEGIN IMMEDIATE").execute(&mut self.db).await;
        if let Err(error) = begun {
            self.turn = None;
            return Err(StoreError::database(self.folder.root(), &error));
        }
        Ok(Draft::default())
    }

    /// Commits what went well and tells of it; takes back what did not.
    pub(super) async fn end_turn(
        &mut self,
        done: Result<(), StoreError>,
        draft: Draft,
    ) -> Result<(), StoreError> {
        let done = match done {
            Ok(()) => {
                let committed = sqlx::query("COMMIT").execute(&mut self.db).await;
                committed.map(drop).map_err(|error| StoreError::database(self.folder.root(), &error))
            }
            Err(error) => Err(error),
        };
        if let Err(error) = done {
            let _ = sqlx::query("ROLLBACK").execute(&mut self.db).await;
            self.turn = None;
            return Err(error);
        }
        self.turn = None;
        // What a deleted file has on record nobody will ever read.
        self.check_place()?;
        for job in draft.turn.others {
            self.voice.wake(&self.folder, job);
        }
        for told in draft.told {
            (self.tell)(told);
        }
        let mut changed = Vec::new();
        self.following.replica.ledger_mut().take_changed(&mut changed);
        if !changed.is_empty() {
            (self.tell)(Told::Limits(changed));
        }
        Ok(())
    }

    /// Brings the replica and the time up to date.
    pub(super) async fn advance(&mut self, draft: &mut Draft) -> Result<(), StoreError> {
        let found =
            Namespace::read(&mut self.db, &self.folder, self.namespace).await?.follow(&self.folder)?;
        let since_boot = self.clock.since_boot();
        if found.boot == self.boot {
            self.ahead = found.ahead;
        } else {
            // Ledger time goes on where it stopped in the boot before.
            self.ahead = i64::try_from(i128::from(found.ns) - i128::from(since_boot)).unwrap_or(0);
            draft.has_new_boot = true;
        }
        draft.ns = since_boot.saturating_add_signed(self.ahead).max(found.ns);
        let last = self.following.last();
        if found.last < last {
            return Err(StoreError::Gone { path: self.folder.root().to_owned() });
        }
        if found.trimmed > last {
            if self.jobs.keys().any(|&job| self.following.ledger().is_unfinished(job)) {
                let detail = "operations of the ledger are missing that a running job had not read";
                return Err(StoreError::corrupt(self.folder.root(), detail));
            }
            self.following = Following::load(&mut self.db, &self.folder, self.namespace).await?;
            for &job in self.jobs.keys() {
                self.following.replica.own(job);
            }
        } else if found.last > last {
            let turn = &mut draft.turn;
            self.following.catch_up(&mut self.db, &self.folder, self.namespace, turn).await?;
            draft.take_effects();
        }
        Ok(())
    }

    fn tick(&mut self, draft: &mut Draft) {
        let mut owners = Owners { folder: &self.folder, probes: &mut self.probes, gone: &mut draft.gone };
        let (replica, now) = (&mut self.following.replica, Monotonic(draft.ns));
        replica.tick(now, |job| owners.is_gone(job), &mut draft.turn);
        draft.take_effects();
    }

    /// A step of an own job, or an operator's operations.
    pub(super) fn decide_by(
        &mut self,
        job: Option<JobId>,
        facts: Vec<Fact<HostIdx>>,
        ops: Vec<Op>,
        draft: &mut Draft,
    ) {
        self.following.keep_plans(&ops);
        let mut owners = Owners { folder: &self.folder, probes: &mut self.probes, gone: &mut draft.gone };
        let (replica, now) = (&mut self.following.replica, Monotonic(draft.ns));
        replica.submit(now, job, facts, ops, |job| owners.is_gone(job), &mut draft.turn);
        draft.take_effects();
    }

    fn take_batch(&mut self, batch: Batch, draft: &mut Draft) -> Result<(), StoreError> {
        let Batch { ticket, job, facts, ops, counts, answers } = batch;
        if let Some(id) = job {
            if !self.jobs.contains_key(&id) {
                return Err(StoreError::TakenOver { job: id, owner: "nobody in this session".to_owned() });
            }
            if let Some(counts) = counts {
                draft.counts.insert(id, counts);
            }
        }
        draft.answers.extend(answers);
        draft.told.push(Told::Committed { ticket });
        self.decide_by(job, facts, ops, draft);
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

    /// Writes the draft into the transaction.
    pub(super) async fn write(&mut self, draft: &mut Draft) -> Result<(), StoreError> {
        let wall = self.clock.wall();
        for job in self.sort_out(draft)? {
            self.write_job(job, wall).await?;
        }
        for (id, answer) in std::mem::take(&mut draft.answers) {
            let (state, answer) = match answer {
                Answer::Done => (1, None),
                Answer::Refused { why } => (2, Some(why)),
            };
            let change = "UPDATE commands SET state = ?, answer = ?, answered = ? WHERE id = ? AND state = 0";
            let change = sqlx::query(change).bind(state).bind(answer).bind(wall).bind(id.0);
            let done = change.execute(&mut self.db).await;
            done.map_err(|error| StoreError::database(self.folder.root(), &error))?;
        }
        if !draft.turn.ops.is_empty() {
            self.write_log(draft, wall).await?;
        }
        Ok(())
    }

    async fn write_job(&mut self, draft: JobDraft, wall: i64) -> Result<(), StoreError> {
        let Some(own) = self.jobs.get_mut(&draft.job) else { return Ok(()) };
        let failed = |error| StoreError::database(self.folder.root(), &error);
        let count = i64::try_from(draft.facts.len()).unwrap_or(i64::MAX);
        let (id, seq) = (number(draft.job), own.seq + count);
        let counts = draft.counts.map(|counts| counts_of(&counts));
        let [active, succeeded, bad, skipped, cancelled] =
            counts.map_or([None; 5], |counts| counts.map(Some));
        let change = "UPDATE jobs SET seq = ?, read = ?, changed = ?, state = coalesce(?, state), \
             active = coalesce(?, active), succeeded = coalesce(?, succeeded), bad = coalesce(?, bad), \
             skipped = coalesce(?, skipped), cancelled = coalesce(?, cancelled) WHERE id = ? AND epoch = ?";
        let change = sqlx::query(change).bind(seq).bind(self.following.last()).bind(wall).bind(draft.state);
        let change = change.bind(active).bind(succeeded).bind(bad).bind(skipped).bind(cancelled);
        let done = change.bind(id).bind(own.epoch).execute(&mut self.db).await.map_err(failed)?;
        if done.rows_affected() == 0 {
            return Err(self.taken_over(draft.job).await);
        }
        if count > 0 {
            let facts = codec::encode(self.folder.root(), &draft.facts)?;
            let row = "INSERT INTO journal (job, last, epoch, wall, facts) VALUES (?, ?, ?, ?, ?)";
            let row = sqlx::query(row).bind(id).bind(seq).bind(own.epoch).bind(wall).bind(facts);
            row.execute(&mut self.db).await.map_err(failed)?;
            own.seq = seq;
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

    async fn write_log(&mut self, draft: &mut Draft, wall: i64) -> Result<(), StoreError> {
        let failed = |error| StoreError::database(self.folder.root(), &error);
        // One turn has one time.
        let ns = draft.turn.ops.first().map_or(draft.ns, |(at, _)| at.0);
        let records: Vec<Record> = draft.turn.ops.drain(..).map(|(_, op)| Record::of(&op)).collect();
        let ops = codec::encode(self.folder.root(), &(ns, records))?;
        let last = self.following.last();
        let row = "INSERT INTO log (namespace, last, wall, ops) VALUES (?, ?, ?, ?)";
        let row = sqlx::query(row).bind(self.namespace).bind(last).bind(wall).bind(ops);
        row.execute(&mut self.db).await.map_err(failed)?;
        let ns = i64::try_from(ns).unwrap_or(i64::MAX);
        let change = "UPDATE namespaces SET last = ?, ns = ?, boot = ?, ahead = ? WHERE id = ?";
        let change = sqlx::query(change).bind(last).bind(ns).bind(&self.boot).bind(self.ahead);
        change.bind(self.namespace).execute(&mut self.db).await.map_err(failed)?;
        if draft.has_new_boot {
            let row = "INSERT INTO boots (namespace, ns, wall) VALUES (?, ?, ?) ON CONFLICT DO NOTHING";
            let row = sqlx::query(row).bind(self.namespace).bind(ns).bind(wall);
            row.execute(&mut self.db).await.map_err(failed)?;
        }
        // Without an unfinished job the snapshot is small, and whoever comes next reads nothing else, by whatever rules.
        let is_idle = self.following.ledger().unfinished().next().is_none();
        if is_idle || self.is_snapshot_due().await? {
            self.write_snapshot(wall).await?;
        }
        Ok(())
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
