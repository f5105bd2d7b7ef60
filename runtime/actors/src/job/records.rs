//! A job's records: what goes there, and what waits for it.
//!
//! In memory the facts of a step are on record when the journal returns, and what follows is done at once. In a store they
//! are on record when its session says so; until then what follows is held back, in order, and nothing of a later step
//! overtakes it.

use std::collections::VecDeque;
use std::sync::Arc;

use pogo_plan::HostIdx;
use pogo_plan::event::{Fact, JobId};
use pogo_schedule::job::{Action, Counts};
use pogo_schedule::ledger::Op;
use pogo_store::{Answer, Batch, CommandId};

use crate::bus::News;
use crate::journal::Journal;
use crate::keeping::Desk;
use crate::ledger::Ledger;
use crate::post::Post;

pub(crate) enum Records {
    Memory { ledger: Post<Ledger>, journal: Box<dyn Journal> },
    Stored(Held),
}

/// The store's way.
pub(crate) struct Held {
    job: JobId,
    desk: Arc<dyn Desk>,
    /// The last batch that was handed in.
    ticket: u64,
    queue: VecDeque<Group>,
}

/// What follows from one batch, and from later steps that put nothing on record.
struct Group {
    ticket: u64,
    actions: Vec<Action>,
    /// Output comes after the news that its attempt has started.
    outputs: Vec<News>,
}

/// What a step puts on record.
pub(super) struct Step {
    pub(super) facts: Vec<Fact<HostIdx>>,
    pub(super) ops: Vec<Op>,
    pub(super) answers: Vec<(CommandId, Answer)>,
    pub(super) counts: Counts,
}

impl Held {
    /// Batches get the numbers after this one.
    pub(crate) fn new(job: JobId, desk: Arc<dyn Desk>, ticket: u64) -> Self {
        Self { job, desk, ticket, queue: VecDeque::new() }
    }

    /// Hands in a step. What follows from it comes back if nothing needs to be waited for.
    pub(super) fn submit(&mut self, step: Step, actions: Vec<Action>) -> Option<Vec<Action>> {
        let Step { facts, ops, answers, counts } = step;
        if facts.is_empty() && ops.is_empty() && answers.is_empty() {
            let Some(last) = self.queue.back_mut() else { return Some(actions) };
            last.actions.extend(actions);
            return None;
        }
        self.ticket += 1;
        let (ticket, job) = (self.ticket, Some(self.job));
        self.desk.submit(Batch { ticket, job, facts, ops, counts: Some(counts), answers });
        self.queue.push_back(Group { ticket, actions, outputs: Vec::new() });
        None
    }

    /// Holds output back, if there is anything that it must not overtake.
    pub(super) fn hold(&mut self, output: News) -> Option<News> {
        match self.queue.back_mut() {
            Some(last) => {
                last.outputs.push(output);
                None
            }
            None => Some(output),
        }
    }

    /// What may be done now that everything up to this batch is on record: group by group.
    pub(super) fn committed(&mut self, ticket: u64) -> Option<(Vec<Action>, Vec<News>)> {
        self.queue.front().filter(|first| first.ticket <= ticket)?;
        self.queue.pop_front().map(|group| (group.actions, group.outputs))
    }

    /// What is held is never done.
    pub(super) fn give_up(&mut self) {
        self.queue.clear();
    }

    pub(super) fn is_settled(&self) -> bool {
        self.queue.is_empty()
    }
}
