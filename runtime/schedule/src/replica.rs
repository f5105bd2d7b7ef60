//! One process's part in a ledger that several processes share.
//!
//! The namespace has one append-only log of operations, and each job a journal of facts. A process has a replica of the
//! ledger, which lags behind the log. Whoever holds the namespace's lock takes a [`Turn`]: it applies what the others
//! have appended ([`Replica::learn`]), then its own operations ([`Replica::submit`], [`Replica::take_up`],
//! [`Replica::tick`]), writes operations and facts in one transaction, commits, and only then acts on the effects.
//!
//! - A process acts on effects for the jobs that it owns, and writes facts of those only. A grant that comes out of
//!   somebody else's operation takes the host out of service at once; its [`Fact::Granted`] is written by the job's owner
//!   in the turn in which it learns of it. So an owner that dies before has not begun anything, and whoever takes the job
//!   up gives the host back ([`reconcile`]).
//! - Nothing is granted to the dead: before an operation is appended, every waiting job whose owner is seen to be gone
//!   is withdrawn by [`Op::OwnerLost`].
//! - A transaction that is not committed has not happened. The replica is ahead of the log then and must be thrown away.

use std::collections::BTreeSet;

use pogo_plan::HostIdx;
use pogo_plan::event::{Fact, JobId};

use crate::fault::{Fault, Faults};
use crate::journal::reconcile;
use crate::ledger::{Effect, Ledger, Op};
use crate::time::Monotonic;

/// A ledger that follows a log. See the module's description.
#[derive(Clone, Debug)]
pub struct Replica {
    ledger: Ledger,
    next: u64,
    own: BTreeSet<JobId>,
    last: Monotonic,
    /// Effects of one operation.
    scratch: Vec<Effect>,
    faults: Faults,
}

/// What comes of one turn with the namespace's lock.
#[derive(Clone, Debug, Default)]
pub struct Turn {
    /// To be appended to the log, in order.
    pub ops: Vec<(Monotonic, Op)>,
    /// To be appended to the journals of own jobs, in order, in the same transaction. Facts of a step come before the
    /// operations of the same step are applied, so a job's grants stand behind them.
    pub facts: Vec<(JobId, Fact<HostIdx>)>,
    /// For own jobs, in order; to be told after the commit.
    pub effects: Vec<Effect>,
    /// Jobs of others for which there are effects of the operations of this turn: who runs them has something to read, and
    /// is to be woken after the commit. Whoever is not woken looks now and then.
    pub others: BTreeSet<JobId>,
}

impl Turn {
    /// Whether there is nothing to write.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.ops.is_empty() && self.facts.is_empty()
    }

    /// Empties it, to be used again.
    pub fn clear(&mut self) {
        self.ops.clear();
        self.facts.clear();
        self.effects.clear();
        self.others.clear();
    }
}

/// The log does not go on where the replica stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the ledger's log goes on with operation {found}, and {expected} was expected")]
pub struct Gap {
    /// The number of the operation that should have come.
    pub expected: u64,
    /// The one that came.
    pub found: u64,
}

impl Replica {
    /// A replica as of a snapshot (or of nothing): `next` is the number of the first operation that is not in it.
    #[must_use]
    pub fn new(ledger: Ledger, next: u64, faults: Faults) -> Self {
        Self { ledger, next, own: BTreeSet::new(), last: Monotonic::default(), scratch: Vec::new(), faults }
    }

    /// The ledger as far as it was read.
    #[must_use]
    pub const fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// For what only readers want, such as [`Ledger::take_changed`].
    pub const fn ledger_mut(&mut self) -> &mut Ledger {
        &mut self.ledger
    }

    /// The number of the next operation of the log.
    #[must_use]
    pub const fn next(&self) -> u64 {
        self.next
    }

    /// A new job belongs to this process. One that had an owner before is taken up by [`Replica::take_up`].
    pub fn own(&mut self, job: JobId) {
        self.own.insert(job);
    }

    /// The job has ended and is given up.
    pub fn disown(&mut self, job: JobId) {
        self.own.remove(&job);
    }

    /// Applies an operation of the log, in its turn.
    ///
    /// # Errors
    ///
    /// [`Gap`] if it is not the next one; nothing has changed then.
    pub fn learn(&mut self, number: u64, at: Monotonic, op: Op, turn: &mut Turn) -> Result<(), Gap> {
        if number != self.next {
            return Err(Gap { expected: self.next, found: number });
        }
        if self.faults.has(Fault::OperationSkipped) && number % 5 == 4 {
            self.next += 1;
            return Ok(());
        }
        // Others were woken by whoever appended it.
        self.apply(at, op, turn, false);
        Ok(())
    }

    /// One step of an own job, or an operator's operations: facts on record, operations in the log.
    ///
    /// `is_owner_gone` says whether nobody holds a job's lock. It is asked only about jobs with waiting hosts.
    pub fn submit(
        &mut self,
        now: Monotonic,
        job: Option<JobId>,
        facts: impl IntoIterator<Item = Fact<HostIdx>>,
        ops: impl IntoIterator<Item = Op>,
        is_owner_gone: impl FnMut(JobId) -> bool,
        turn: &mut Turn,
    ) {
        if let Some(job) = job {
            turn.facts.extend(facts.into_iter().map(|fact| (job, fact)));
        }
        let mut ops = ops.into_iter().peekable();
        if ops.peek().is_some() {
            self.bury(now, is_owner_gone, turn);
        }
        for op in ops {
            self.append(now, op, turn);
        }
    }

    /// Takes up a job whose lock this process has got, and whose journal says these facts: the job's machine is made from
    /// the same ([`crate::job::Machine::recover`]) and told to start once this is committed.
    pub fn take_up<'a>(
        &mut self,
        now: Monotonic,
        job: JobId,
        facts: impl IntoIterator<Item = &'a Fact<HostIdx>>,
        is_owner_gone: impl FnMut(JobId) -> bool,
        turn: &mut Turn,
    ) {
        self.bury(now, is_owner_gone, turn);
        self.append(now, Op::OwnerLost { job }, turn);
        let ops = if self.faults.has(Fault::KeptForTheDead) {
            Vec::new()
        } else if self.faults.has(Fault::ReturnsBegun) {
            let running = self.ledger.running_of(job);
            running.map(|(host, attempt)| Op::Return { job, host, attempt }).collect()
        } else {
            reconcile(&self.ledger, job, facts)
        };
        for op in ops {
            self.append(now, op, turn);
        }
        self.own.insert(job);
    }

    /// Appends [`Op::Tick`] if its time has come and nobody else has done so: to be called in every turn, after the log was
    /// read. [`Ledger::wake_at`] says when the next turn is due for it.
    pub fn tick(&mut self, now: Monotonic, is_owner_gone: impl FnMut(JobId) -> bool, turn: &mut Turn) {
        let now = now.max(self.last);
        if self.ledger.wake_at().is_some_and(|at| at <= now) {
            self.bury(now, is_owner_gone, turn);
            self.append(now, Op::Tick, turn);
        }
    }

    /// Withdraws what the dead wait for.
    fn bury(&mut self, now: Monotonic, mut is_owner_gone: impl FnMut(JobId) -> bool, turn: &mut Turn) {
        if self.faults.has(Fault::GrantedToTheDead) {
            return;
        }
        for job in self.ledger.waiting_jobs() {
            if !self.own.contains(&job) && is_owner_gone(job) {
                self.append(now, Op::OwnerLost { job }, turn);
            }
        }
    }

    fn append(&mut self, now: Monotonic, op: Op, turn: &mut Turn) {
        // The log's time never goes back, whatever the clock of a process says.
        let now = now.max(self.last);
        turn.ops.push((now, op.clone()));
        self.apply(now, op, turn, true);
    }

    fn apply(&mut self, at: Monotonic, op: Op, turn: &mut Turn, is_new: bool) {
        self.last = self.last.max(at);
        self.next += 1;
        self.ledger.apply(at, op, &mut self.scratch);
        for effect in self.scratch.drain(..) {
            let is_own = effect.job().is_none_or(|job| self.own.contains(&job));
            if let Effect::Granted { job, host, attempt } = effect
                && (is_own || self.faults.has(Fault::ForeignFact))
            {
                turn.facts.push((job, Fact::Granted { host, attempt }));
            }
            if is_own {
                turn.effects.push(effect);
            } else if is_new {
                turn.others.extend(effect.job());
            }
        }
    }
}

impl Effect {
    /// The job that it is for. [`Effect::WakeAt`] and [`Effect::NotReleased`] are for no job.
    #[must_use]
    pub const fn job(&self) -> Option<JobId> {
        match self {
            Self::Registered { job, .. }
            | Self::Granted { job, .. }
            | Self::Waiting { job, .. }
            | Self::Blocked { job, .. }
            | Self::Finished { job } => Some(*job),
            Self::WakeAt(_) | Self::NotReleased { .. } => None,
        }
    }
}
