//! A job's records: what goes there, and what waits for it.
//!
//! In memory the facts of a step are on record when the journal returns, and what follows is done at once. In a store they
//! are on record when its session says so; until then what follows is held back, in order, and nothing of a later step
//! overtakes it.

use std::collections::VecDeque;
use std::sync::Arc;

use actix::Context;
use pogo_plan::HostIdx;
use pogo_plan::event::{Fact, JobId};
use pogo_plan::outcome::Attempt;
use pogo_schedule::job::{Action, Counts};
use pogo_schedule::ledger::Op;
use pogo_store::{Answer, Batch, CommandId, Told};

use super::{From, Job, Order, ends_in, tell_ends};
use crate::bus::News;
use crate::journal::Journal;
use crate::keeping::Desk;
use crate::ledger::{self, Ledger};
use crate::post::Post;
use crate::run::RunError;

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
pub(super) struct Group {
    ticket: u64,
    /// Attempts of which the batch has the end.
    ends: Vec<(HostIdx, Attempt)>,
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
        let ends = ends_in(&facts);
        let (ticket, job) = (self.ticket, Some(self.job));
        // That an attempt has started changes nothing for whoever takes the job up, since its grant is on record: its command does
        // not wait for it, and without an end it is `unknown` either way.
        let can_wait = facts.iter().all(|fact| matches!(fact, Fact::Started { .. }));
        self.desk.submit(Batch { ticket, job, facts, ops, counts: Some(counts), answers, can_wait });
        self.queue.push_back(Group { ticket, ends, actions, outputs: Vec::new() });
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
    pub(super) fn committed(&mut self, ticket: u64) -> Option<Group> {
        self.queue.front().filter(|first| first.ticket <= ticket)?;
        self.queue.pop_front()
    }

    /// What is held is never done.
    pub(super) fn give_up(&mut self) {
        self.queue.clear();
    }

    pub(super) fn is_settled(&self) -> bool {
        self.queue.is_empty()
    }
}

impl Job {
    /// Hands facts, operations and answers to the store, and holds back what follows.
    pub(super) fn submit(&mut self, answers: Vec<(CommandId, Answer)>, ctx: &mut Context<Self>) {
        let mut ops = Vec::new();
        let mut held = Vec::new();
        for action in std::mem::take(&mut self.actions) {
            match action {
                Action::Record(_) => {}
                Action::Ledger(op) => ops.extend(self.at_our_pace(op)),
                other => {
                    self.note_retrying(&other);
                    held.push(other);
                }
            }
        }
        ops.extend(self.keep_pace());
        let facts = std::mem::take(&mut self.facts);
        let counts = self.machine.counts();
        let Records::Stored(records) = &mut self.records else { return };
        if let Some(actions) = records.submit(Step { facts, ops, answers, counts }, held) {
            self.actions = actions;
            self.act_on_all(ctx);
        }
    }

    /// From the store's session.
    pub(super) fn told(&mut self, told: Told, ctx: &mut Context<Self>) {
        match told {
            Told::Committed { ticket } => {
                // What is held may be for a task of whose end the machine has not heard.
                self.steps(ctx);
                while let Records::Stored(records) = &mut self.records
                    && let Some(Group { ends, actions, outputs, .. }) = records.committed(ticket)
                {
                    tell_ends(&self.links, ends);
                    let later = std::mem::replace(&mut self.actions, actions);
                    self.act_on_all(ctx);
                    self.actions = later;
                    for output in outputs {
                        self.bus.send(output);
                    }
                }
            }
            Told::Effects(effects) => {
                self.events.extend(effects.into_iter().filter_map(ledger::event_of).map(|(_, event)| event));
            }
            Told::Command { id, command, author, .. } => {
                self.orders.push(Order { command, by: author, from: From::Operator(id) });
            }
            Told::Limits(mut limits) => {
                // Others have limits too, which are not what readers of this job ask about.
                limits.retain(|limit| self.limits.get(&*limit.id) == Some(&limit.max_parallel));
                if !limits.is_empty() && self.bus.has_readers() {
                    self.bus.send(News::Limits(limits));
                }
            }
            Told::Failed(error) => {
                // Nothing new starts, not even what is on record.
                self.events.clear();
                self.orders.clear();
                if self.fault.is_none() && self.done.is_some() {
                    self.break_off(RunError::Store { source: Box::new(error), left_running: 0 });
                }
            }
        }
    }

    pub(super) fn is_settled(&self) -> bool {
        match &self.records {
            Records::Memory { .. } => true,
            Records::Stored(records) => records.is_settled(),
        }
    }

    pub(super) fn output(&mut self, output: News) {
        let output = match &mut self.records {
            Records::Memory { .. } => Some(output),
            Records::Stored(records) => records.hold(output),
        };
        if let Some(output) = output {
            self.bus.send(output);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, PoisonError};

    use pogo_plan::outcome::Outcome;

    use super::*;

    #[derive(Default)]
    struct Seen(Mutex<Vec<bool>>);

    impl Desk for Seen {
        fn submit(&self, batch: Batch) {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(batch.can_wait);
        }
    }

    #[test]
    fn only_what_says_that_attempts_have_started_can_wait_for_a_commit() {
        let seen = Arc::new(Seen::default());
        let mut held = Held::new(JobId::from_bits(1), Arc::clone(&seen) as Arc<dyn Desk>, 0);
        let (host, attempt) = (HostIdx::from_index(0).unwrap(), Attempt(1));
        let started = Fact::Started { host, attempt };
        let ended = Fact::Ended { host, attempt, outcome: Outcome::Succeeded, again: false };
        for facts in [vec![started.clone()], vec![started.clone(), started.clone()], vec![started, ended]] {
            let step = Step { facts, ops: Vec::new(), answers: Vec::new(), counts: Counts::default() };
            assert!(held.submit(step, Vec::new()).is_none(), "what follows is held back either way");
        }
        assert_eq!(*seen.0.lock().unwrap(), [true, true, false]);
        assert!(!held.is_settled());
    }
}
