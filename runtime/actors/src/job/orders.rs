//! What a job is told to do, by a signal, by operators of other processes, or by whoever takes it up.

use pogo_plan::HostIdx;
use pogo_plan::event::{Author, Command};
use pogo_schedule::job::{Action, Event, Refusal};
use pogo_store::{Answer, CommandId};

use super::Job;
use crate::run::RunError;

/// A command, and who waits for an answer.
pub(crate) struct Order {
    pub(crate) command: Command<HostIdx>,
    pub(crate) by: Author,
    pub(crate) from: From,
}

/// Who waits for an answer.
#[derive(Clone, Copy, Debug)]
pub(crate) enum From {
    /// Nobody: this process was told by a signal.
    Signal,
    /// An operator whose command is on record; so is the answer.
    Operator(CommandId),
    /// Whoever began this run: without it there is none.
    Beginning,
}

impl Job {
    /// Carries out what waits. What comes in a moment in which the machine takes no commands waits for the next step.
    pub(super) fn carry_out(&mut self, answers: &mut Vec<(CommandId, Answer)>) {
        for order in std::mem::take(&mut self.orders) {
            let Order { command, by, from } = order;
            let before = self.actions.len();
            let event = Event::Command { command: command.clone(), by: Box::new(by.clone()) };
            self.machine.handle(self.clock.now(), event, &mut self.actions);
            match self.refused_since(before) {
                Some(Refusal::NotNow) => self.orders.push(Order { command, by, from }),
                Some(why) => self.refuse(&command, why, from, answers),
                None => {
                    self.collect_facts(before);
                    if let From::Operator(id) = from {
                        answers.push((id, Answer::Done));
                    }
                }
            }
        }
    }

    /// Takes the refusal of the last command out of the actions.
    fn refused_since(&mut self, before: usize) -> Option<Refusal> {
        let is_refusal = |action: &Action| matches!(action, Action::Refused { .. });
        let at = before + self.actions.get(before..)?.iter().position(is_refusal)?;
        match self.actions.remove(at) {
            Action::Refused { why, .. } => Some(why),
            _ => None,
        }
    }

    fn refuse(
        &mut self,
        command: &Command<HostIdx>,
        why: Refusal,
        from: From,
        answers: &mut Vec<(CommandId, Answer)>,
    ) {
        tracing::warn!(?command, %why, "a command was refused");
        match from {
            From::Signal => {}
            From::Operator(id) => answers.push((id, Answer::Refused { why: why.to_string() })),
            From::Beginning => self.fault = Some(RunError::Order { job: self.id, host: None, why }),
        }
    }
}
