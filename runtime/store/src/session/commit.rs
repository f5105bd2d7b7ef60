//! One transaction: turn, catch up, apply, write, sync, tell.

use std::time::Duration;

use pogo_plan::HostIdx;
use pogo_plan::event::{Fact, JobId};
use pogo_schedule::job::Counts;
use pogo_schedule::journal::FactRecord;
use pogo_schedule::ledger::{Effect, Op, Record};
use sqlx::Row;

use super::writer::Writer;
use super::{Answer, Batch, CommandId, Told};
use crate::codec;
use crate::error::StoreError;
use crate::lock::OwnerProbe;
use crate::replica::{Namespace, Replica, number};
use crate::state;

/// After so many operations, the next commit has a snapshot: a process that starts then reads no more than that.
pub(super) const SNAPSHOT_EVERY: i64 = 20_000;

/// A turn that has not come for so long is told of, and again each time this has passed.
const STALLED: Duration = Duration::from_secs(5);

/// What a transaction is about to write.
#[derive(Default)]
pub(super) struct Draft {
    /// The ledger's time.
    ns: u64,
    /// Where the log ended before.
    pub(super) from: i64,
    records: Vec<Record>,
    /// Facts by job, in the order in which jobs were first spoken of.
    facts: Vec<JobDraft>,
    answers: Vec<(CommandId, Answer)>,
    /// What is told, in order.
    told: Vec<Told>,
    /// Jobs of others that have an answer to read.
    wake: Vec<JobId>,
    has_new_boot: bool,
}

struct JobDraft {
    job: JobId,
    facts: Vec<FactRecord>,
    state: Option<i64>,
    counts: Option<Counts>,
}

impl Draft {
    fn job(&mut self, job: JobId) -> Option<&mut JobDraft> {
        if !self.facts.iter().any(|draft| draft.job == job) {
            self.facts.push(JobDraft { job, facts: Vec::new(), state: None, counts: None });
        }
        self.facts.iter_mut().find(|draft| draft.job == job)
    }
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
            let mut effects = Vec::new();
            self.advance(&mut draft, &mut effects).await?;
            let is_due = self.replica.wakes.first().is_some_and(|at| at.0 <= draft.ns);
            let has_ops = is_due || batches.iter().any(|batch| !batch.ops.is_empty());
            self.lose_owners(&mut draft, has_ops, &mut effects);
            self.tick_if_due(&mut draft, &mut effects);
            self.take_effects(effects, &mut draft)?;
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
        let tell = &self.tell;
        let mut next = STALLED;
        let turn = self.turns.wait(|waited, pid| {
            if waited >= next {
                next = waited + STALLED;
                tell(Told::Stalled { waited, pid });
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
        for job in draft.wake {
            self.voice.wake(&self.folder, job);
        }
        for told in draft.told {
            (self.tell)(told);
        }
        let mut changed = Vec::new();
        self.replica.ledger.take_changed(&mut changed);
        if !changed.is_empty() {
            (self.tell)(Told::Limits(changed));
        }
        Ok(())
    }

    /// Brings the replica and the time up to date.
    pub(super) async fn advance(
        &mut self,
        draft: &mut Draft,
        effects: &mut Vec<Effect>,
    ) -> Result<(), StoreError> {
        let found = Namespace::read(&mut self.db, &self.folder, self.namespace).await?;
        let since_boot = self.clock.since_boot();
        if found.boot == self.boot {
            self.ahead = found.ahead;
        } else {
            // Ledger time goes on where it stopped in the boot before.
            self.ahead = i64::try_from(i128::from(found.ns) - i128::from(since_boot)).unwrap_or(0);
            draft.has_new_boot = true;
        }
        draft.ns = since_boot.saturating_add_signed(self.ahead).max(found.ns);
        if found.last < self.replica.last {
            return Err(StoreError::Gone { path: self.folder.root().to_owned() });
        }
        if found.trimmed > self.replica.last {
            if self.jobs.keys().any(|job| self.replica.registered.contains_key(job)) {
                let detail = "operations of the ledger are missing that a running job had not read";
                return Err(StoreError::corrupt(self.folder.root(), detail));
            }
            self.replica = Replica::load(&mut self.db, &self.folder, self.namespace).await?;
        } else if found.last > self.replica.last {
            self.replica.catch_up(&mut self.db, &self.folder, self.namespace, effects).await?;
        }
        draft.from = self.replica.last;
        Ok(())
    }

    /// Nothing is to be granted to a job whose process is dead: it would hold places until somebody took it up again.
    pub(super) fn lose_owners(&mut self, draft: &mut Draft, has_ops: bool, effects: &mut Vec<Effect>) {
        if !has_ops {
            return;
        }
        let (jobs, folder) = (&self.jobs, &self.folder);
        let others: Vec<JobId> = self
            .replica
            .registered
            .iter()
            .filter(|(job, is_lost)| !**is_lost && !jobs.contains_key(*job))
            .map(|(job, _)| *job)
            .collect();
        self.others.retain(|job, _| others.contains(job));
        for job in others {
            let probe = self.others.entry(job).or_insert_with(|| OwnerProbe::new(&folder.job_lock(job)));
            if !probe.is_alive() {
                self.others.remove(&job);
                let op = Op::OwnerLost { job };
                draft.records.push(Record::of(&op));
                self.replica.apply(draft.ns, op, effects);
            }
        }
    }

    fn tick_if_due(&mut self, draft: &mut Draft, effects: &mut Vec<Effect>) {
        if self.replica.wakes.first().is_some_and(|at| at.0 <= draft.ns) {
            self.apply(Op::Tick, draft, effects);
        }
    }

    /// Applies an operation that goes on record.
    pub(super) fn apply(&mut self, op: Op, draft: &mut Draft, effects: &mut Vec<Effect>) {
        draft.records.push(Record::of(&op));
        self.replica.apply(draft.ns, op, effects);
    }

    /// Keeps the effects for own jobs, with the facts of grants, and notes whom else they concern.
    pub(super) fn take_effects(&mut self, effects: Vec<Effect>, draft: &mut Draft) -> Result<(), StoreError> {
        let mut own = Vec::new();
        for effect in effects {
            let Some(job) = job_of(&effect) else {
                // Refusals of an operator's word are read from the ledger itself.
                continue;
            };
            if !self.jobs.contains_key(&job) {
                if !draft.wake.contains(&job) {
                    draft.wake.push(job);
                }
                continue;
            }
            if let Effect::Granted { job, host, attempt } = effect {
                self.take_facts(job, &[Fact::Granted { host, attempt }], draft)?;
            }
            own.push(effect);
        }
        if !own.is_empty() {
            draft.told.push(Told::Effects(own));
        }
        Ok(())
    }

    pub(super) fn take_facts(
        &self,
        job: JobId,
        facts: &[Fact<HostIdx>],
        draft: &mut Draft,
    ) -> Result<(), StoreError> {
        let Some(job) = draft.job(job) else { return Ok(()) };
        for fact in facts {
            if let Fact::JobState { state } = fact {
                job.state = Some(state::code(*state));
            }
            let record = FactRecord::of(fact).map_err(|error| StoreError::Database {
                path: self.folder.root().to_owned(),
                detail: error.to_string(),
            })?;
            job.facts.push(record);
        }
        Ok(())
    }

    fn take_batch(&mut self, batch: Batch, draft: &mut Draft) -> Result<(), StoreError> {
        let Batch { ticket, job, facts, ops, counts, answers } = batch;
        if let Some(id) = job {
            if !self.jobs.contains_key(&id) {
                return Err(StoreError::TakenOver { job: id, owner: "nobody in this session".to_owned() });
            }
            self.take_facts(id, &facts, draft)?;
            if let (Some(counts), Some(draft)) = (counts, draft.job(id)) {
                draft.counts = Some(counts);
            }
        }
        draft.answers.extend(answers);
        draft.told.push(Told::Committed { ticket });
        let mut effects = Vec::new();
        for op in ops {
            self.apply(op, draft, &mut effects);
        }
        self.take_effects(effects, draft)
    }

    /// Writes the draft into the transaction.
    pub(super) async fn write(&mut self, draft: &mut Draft) -> Result<(), StoreError> {
        let wall = self.clock.wall();
        for job in std::mem::take(&mut draft.facts) {
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
        if !draft.records.is_empty() {
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
        let change = sqlx::query(change).bind(seq).bind(self.replica.last).bind(wall).bind(draft.state);
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
        let ends = draft.records.iter().any(|record| matches!(record, Record::Finish { .. }));
        let written = i64::try_from(draft.records.len()).unwrap_or(i64::MAX);
        let ops = codec::encode(self.folder.root(), &(draft.ns, std::mem::take(&mut draft.records)))?;
        let last = self.replica.last;
        let row = "INSERT INTO log (namespace, last, wall, ops) VALUES (?, ?, ?, ?)";
        let row = sqlx::query(row).bind(self.namespace).bind(last).bind(wall).bind(ops);
        row.execute(&mut self.db).await.map_err(failed)?;
        let ns = i64::try_from(draft.ns).unwrap_or(i64::MAX);
        let change = "UPDATE namespaces SET last = ?, ns = ?, boot = ?, ahead = ? WHERE id = ?";
        let change = sqlx::query(change).bind(last).bind(ns).bind(&self.boot).bind(self.ahead);
        change.bind(self.namespace).execute(&mut self.db).await.map_err(failed)?;
        if draft.has_new_boot {
            let row = "INSERT INTO boots (namespace, ns, wall) VALUES (?, ?, ?) ON CONFLICT DO NOTHING";
            let row = sqlx::query(row).bind(self.namespace).bind(ns).bind(wall);
            row.execute(&mut self.db).await.map_err(failed)?;
        }
        self.unsnapped = self.unsnapped.saturating_add(written);
        if self.unsnapped >= SNAPSHOT_EVERY || (ends && self.replica.registered.is_empty()) {
            self.write_snapshot(wall).await?;
        }
        Ok(())
    }

    /// Puts the ledger on record as a whole, and drops the part of the log that nobody will read any more.
    async fn write_snapshot(&mut self, wall: i64) -> Result<(), StoreError> {
        let failed = |error| StoreError::database(self.folder.root(), &error);
        let ledger = self.replica.snapshot(&self.folder)?;
        let last = self.replica.last;
        let row = "INSERT INTO snapshots (namespace, last, wall, ledger) VALUES (?, ?, ?, ?) \
             ON CONFLICT (namespace) DO UPDATE SET last = excluded.last, wall = excluded.wall, ledger = excluded.ledger";
        let row = sqlx::query(row).bind(self.namespace).bind(last).bind(wall).bind(ledger);
        row.execute(&mut self.db).await.map_err(failed)?;
        self.unsnapped = 0;
        // Answers to jobs of others that live may be in what they have not read.
        let mut keep = last;
        let others: Vec<JobId> =
            self.replica.registered.keys().filter(|job| !self.jobs.contains_key(*job)).copied().collect();
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

/// Whom an effect is for.
pub(crate) fn job_of(effect: &Effect) -> Option<JobId> {
    match effect {
        Effect::Registered { job, .. }
        | Effect::Granted { job, .. }
        | Effect::Waiting { job, .. }
        | Effect::Blocked { job, .. }
        | Effect::Finished { job } => Some(*job),
        Effect::WakeAt(_) | Effect::NotReleased { .. } => None,
    }
}

fn counts_of(counts: &Counts) -> [i64; 5] {
    [counts.active, counts.succeeded, counts.bad, counts.skipped, counts.cancelled].map(i64::from)
}
