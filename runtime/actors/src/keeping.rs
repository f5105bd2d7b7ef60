//! Where a run is kept: in memory, or in a store from which it can be taken up again.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use pogo_store::{Batch, Session, Store, Told};

use crate::job::{Job, Letter};
use crate::journal::Journal;
use crate::post::Post;

/// Where a run is kept.
pub enum Keeping {
    /// In this process, with a ledger of its own. Facts go to the journal; nothing is shared with other processes.
    Memory(Box<dyn Journal>),
    /// In a store: the run shares the limits of its namespace with every other one that is kept there, listens to operators
    /// of other processes, and can be taken up again.
    Stored(Stored),
}

/// A store for a run.
#[derive(Clone, Debug)]
pub struct Stored {
    /// The store.
    pub store: Store,
    /// The command line in short, for people.
    pub summary: String,
}

/// Where batches go to be put on record.
pub(crate) trait Desk: Send + Sync {
    /// Never blocks.
    fn submit(&self, batch: Batch);
}

impl Desk for Session {
    fn submit(&self, batch: Batch) {
        Self::submit(self, batch);
    }
}

/// The way of what a session tells, from its thread to the job: kept here until there is an actor that reads it.
#[derive(Clone)]
pub(crate) struct Relay(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    told: Condvar,
}

enum State {
    Early { told: VecDeque<Told>, is_over: bool },
    To(Post<Job>),
}

impl Relay {
    pub(crate) fn new() -> Self {
        let early = State::Early { told: VecDeque::new(), is_over: false };
        Self(Arc::new(Shared { state: Mutex::new(early), told: Condvar::new() }))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a session tells to.
    pub(crate) fn tell(&self) -> Box<dyn Fn(Told) + Send> {
        let relay = Guard(self.clone());
        Box::new(move |told| relay.0.take(told))
    }

    fn take(&self, news: Told) {
        match &mut *self.lock() {
            State::Early { told, .. } => told.push_back(news),
            State::To(job) => job.send(Letter::Told(news)),
        }
        self.0.told.notify_all();
    }

    /// Waits for the next word of the session; none comes after its end, or once a job reads them.
    pub(crate) fn next(&self) -> Option<Told> {
        let mut state = self.lock();
        loop {
            match &mut *state {
                State::To(_) => return None,
                State::Early { told, is_over } => {
                    if let Some(next) = told.pop_front() {
                        return Some(next);
                    }
                    if *is_over {
                        return None;
                    }
                }
            }
            state = self.0.told.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// From now on the job reads it, beginning with what it gets first and what nobody has read so far.
    pub(crate) fn attach(&self, job: &Post<Job>, first: Vec<Told>) {
        let mut state = self.lock();
        let before = std::mem::replace(&mut *state, State::To(job.clone()));
        if let State::Early { told, is_over } = before {
            let letters: Vec<Letter> = first.into_iter().chain(told).map(Letter::Told).collect();
            job.send_all(letters.into_iter());
            if is_over {
                job.send(Letter::PartGone(SESSION));
            }
        }
    }
}

/// What is gone when a session's thread is.
pub(crate) const SESSION: &str = "store's session";

/// Belongs to the session's thread: goes when it ends, however it ends.
struct Guard(Relay);

impl Drop for Guard {
    fn drop(&mut self) {
        match &mut *self.0.lock() {
            State::Early { is_over, .. } => *is_over = true,
            State::To(job) => job.send(Letter::PartGone(SESSION)),
        }
        self.0.0.told.notify_all();
    }
}
