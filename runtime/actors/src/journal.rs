//! What goes on record before it takes effect.

use std::sync::{Arc, Mutex, PoisonError};

use pogo_plan::HostIdx;
use pogo_plan::event::{Fact, JobId};

/// Where the facts of a job go. Facts are for going on after a crash; events are for readers, and are something else.
pub trait Journal: Send {
    /// Puts facts on record, in order, all or none; on return they survive the end of this process, so far as this journal
    /// lets anything survive it. Nothing that follows from them is done before.
    ///
    /// # Errors
    ///
    /// Why they are not on record. The run then starts nothing any more, ends what runs, and breaks off.
    fn record(&mut self, job: JobId, facts: &[Fact<HostIdx>]) -> Result<(), JournalError>;
}

/// Facts could not be put on record.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct JournalError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// Keeps everything in memory; its clones are the same journal.
#[derive(Clone, Debug, Default)]
pub struct MemoryJournal(Arc<Mutex<Facts>>);

type Facts = Vec<(JobId, Fact<HostIdx>)>;

impl MemoryJournal {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What is on record, in order.
    #[must_use]
    pub fn facts(&self) -> Vec<(JobId, Fact<HostIdx>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Journal for MemoryJournal {
    fn record(&mut self, job: JobId, facts: &[Fact<HostIdx>]) -> Result<(), JournalError> {
        let mut record = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        record.extend(facts.iter().map(|fact| (job, fact.clone())));
        Ok(())
    }
}

/// Keeps nothing: a run without a store cannot be taken up again.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoJournal;

impl Journal for NoJournal {
    fn record(&mut self, _: JobId, _: &[Fact<HostIdx>]) -> Result<(), JournalError> {
        Ok(())
    }
}
