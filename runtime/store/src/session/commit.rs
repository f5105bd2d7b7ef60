//! One transaction: turn, catch up, apply, write, sync, tell. What is written is in `write`.

use std::time::Duration;

use hashbrown::HashMap;
use pogo_plan::HostIdx;
use pogo_plan::event::{Fact, JobId};
use pogo_schedule::job::Counts;
use pogo_schedule::ledger::Op;
use pogo_schedule::replica::Turn;
use pogo_schedule::time::Monotonic;

use super::writer::Writer;
use super::{Answer, Batch, CommandId, Told};
use crate::error::StoreError;
use crate::folder::Folder;
use crate::lock::OwnerProbe;
use crate::namespace::Namespace;
use crate::replica::Following;
use crate::store::Stalled;

/// A turn that has not come for so long is told of, and again each time this has passed.
const STALLED: Duration = Duration::from_secs(5);

/// What a transaction is about to write.
pub(super) struct Draft {
    /// The namespace as this turn found it.
    found: Namespace,
    /// The ledger's time.
    pub(super) ns: u64,
    /// Operations and facts.
    pub(super) turn: Turn,
    pub(super) counts: HashMap<JobId, Counts>,
    pub(super) answers: Vec<(CommandId, Answer)>,
    /// What is told, in order.
    told: Vec<Told>,
    /// Whose owners were asked about; once in a turn is enough.
    pub(super) gone: HashMap<JobId, bool>,
    pub(super) has_new_boot: bool,
    /// Nothing of it is left to be committed.
    pub(super) is_committed: bool,
}

impl Draft {
    fn new(found: Namespace) -> Self {
        Self {
            ns: found.ns,
            found,
            turn: Turn::default(),
            counts: HashMap::new(),
            answers: Vec::new(),
            told: Vec::new(),
            gone: HashMap::new(),
            has_new_boot: false,
            is_committed: false,
        }
    }

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

impl Writer {
    /// Reads what others have put on record, and writes down what comes out of it.
    pub(super) async fn catch_up(&mut self) -> Result<(), StoreError> {
        let batches = self.take_deferred();
        self.commit_all(batches).await
    }

    /// Puts on record what was deferred, then these.
    pub(super) async fn commit(&mut self, more: Vec<Batch>) -> Result<(), StoreError> {
        let mut batches = self.take_deferred();
        batches.extend(more);
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
            self.write_last(&mut draft).await
        };
        let done = work.await;
        self.end_turn(done, draft).await
    }

    /// Waits for the turn, begins a transaction, and reads what it begins with.
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
        match Namespace::begin(&mut self.db, &self.folder, self.namespace).await {
            Ok(found) => Ok(Draft::new(found)),
            Err(error) => {
                // It may have begun.
                let _ = sqlx::query("ROLLBACK").execute(&mut self.db).await;
                self.turn = None;
                Err(error)
            }
        }
    }

    /// Commits what went well and tells of it; takes back what did not.
    pub(super) async fn end_turn(
        &mut self,
        done: Result<(), StoreError>,
        draft: Draft,
    ) -> Result<(), StoreError> {
        let done = match done {
            Ok(()) if draft.is_committed => Ok(()),
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
        self.pace.committed();
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
        let found = &draft.found;
        found.check_rules(&self.folder)?;
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
        let Batch { ticket, job, facts, ops, counts, answers, can_wait: _ } = batch;
        if let Some(id) = job {
            if !self.jobs.contains_key(&id) {
                return Err(StoreError::TakenOver { job: id, owner: "nobody in this session".to_owned() });
            }
            if let Some(counts) = counts {
                self.pace.note(&counts);
                draft.counts.insert(id, counts);
            }
        }
        draft.answers.extend(answers);
        draft.told.push(Told::Committed { ticket });
        self.decide_by(job, facts, ops, draft);
        Ok(())
    }
}
