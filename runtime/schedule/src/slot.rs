//! A slot: counts its hosts, and says when all of them are done or too many are bad.

use crate::fault::{Fault, Faults};
use crate::outbox::Outbox;
use crate::time::Monotonic;

/// What happens to a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Its thread has come to it.
    Open {
        /// Whether a pause came before it; handed on.
        after_pause: bool,
    },
    /// How far its hosts were when its job was taken up again. Said once, and counted as [`Event::Done`] is.
    Restore {
        /// How many count as done.
        done: u32,
        /// How many are bad.
        bad: u32,
        /// Whether some of those became bad since somebody last looked.
        is_news: bool,
    },
    /// This many more of its hosts count as done for sequences. The job says so once for each host.
    Done {
        /// How many.
        hosts: u32,
    },
    /// This many more of its hosts are bad.
    Bad {
        /// How many.
        hosts: u32,
    },
    /// One of its bad hosts is not bad any more.
    Mended,
}

/// What a slot wants done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// To the job: the slot is open. With `done`, a [`Action::Done`] follows, and with it another answer to the job.
    Opened {
        /// As it came.
        after_pause: bool,
        /// Whether nothing is left to do in the slot.
        done: bool,
    },
    /// To the job: an [`Event::Done`] or [`Event::Restore`] was counted, and nothing follows from it.
    Noted,
    /// To the thread (which answers the job), and to the readers: every host is done.
    Done,
    /// To the job: more bad hosts than the slot's `max_failures`. Said once each time the count passes it.
    TooManyBad,
}

/// The state of a slot.
#[derive(Clone, Debug)]
pub struct Machine {
    remaining: u32,
    bad: u32,
    max_failures: Option<u32>,
    open: bool,
    is_done: bool,
    faults: Faults,
}

impl Machine {
    /// A closed slot of so many hosts.
    #[must_use]
    pub const fn new(hosts: u32, max_failures: Option<u32>, faults: Faults) -> Self {
        Self { remaining: hosts, bad: 0, max_failures, open: false, is_done: false, faults }
    }

    /// One step.
    pub fn handle(&mut self, _now: Monotonic, event: Event, out: &mut impl Outbox<Action>) {
        match event {
            Event::Open { .. } if self.open => {}
            Event::Open { after_pause } => {
                self.open = true;
                let done = self.all_done();
                out.push(Action::Opened { after_pause, done });
                if done {
                    self.finish(out);
                }
            }
            Event::Restore { done, bad, is_news } => {
                self.bad = self.bad.saturating_add(bad);
                if is_news && self.max_failures.is_some_and(|most| self.bad > most) {
                    out.push(Action::TooManyBad);
                }
                self.count_done(done, out);
            }
            Event::Done { hosts } => {
                self.count_done(hosts, out);
            }
            Event::Bad { hosts } => {
                self.bad = self.bad.saturating_add(hosts);
                if self.max_failures.is_some_and(|most| self.bad > most) {
                    out.push(Action::TooManyBad);
                }
            }
            Event::Mended => self.bad = self.bad.saturating_sub(1),
        }
    }

    fn count_done(&mut self, hosts: u32, out: &mut impl Outbox<Action>) {
        self.remaining = self.remaining.saturating_sub(hosts);
        if self.open && !self.is_done && self.all_done() {
            self.finish(out);
        } else {
            out.push(Action::Noted);
        }
    }

    fn all_done(&self) -> bool {
        self.remaining == 0 || (self.faults.has(Fault::SlotDoneEarly) && self.remaining == 1)
    }

    fn finish(&mut self, out: &mut impl Outbox<Action>) {
        self.is_done = true;
        out.push(Action::Done);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(machine: &mut Machine, event: Event) -> Vec<Action> {
        let mut out = Vec::new();
        machine.handle(Monotonic(0), event, &mut out);
        out
    }

    #[test]
    fn is_done_when_open_and_nothing_remains() {
        let mut slot = Machine::new(2, None, Faults::default());
        assert_eq!(run(&mut slot, Event::Done { hosts: 1 }), [Action::Noted]);
        assert_eq!(
            run(&mut slot, Event::Open { after_pause: true }),
            [Action::Opened { after_pause: true, done: false }]
        );
        assert_eq!(run(&mut slot, Event::Done { hosts: 1 }), [Action::Done]);
        assert_eq!(run(&mut slot, Event::Open { after_pause: false }), []);
    }

    #[test]
    fn an_empty_one_is_done_as_soon_as_it_opens() {
        let mut slot = Machine::new(0, None, Faults::default());
        let opened = Action::Opened { after_pause: false, done: true };
        assert_eq!(run(&mut slot, Event::Open { after_pause: false }), [opened, Action::Done]);
    }

    #[test]
    fn says_when_more_are_bad_than_allowed() {
        let mut slot = Machine::new(3, Some(1), Faults::default());
        assert_eq!(run(&mut slot, Event::Bad { hosts: 1 }), []);
        assert_eq!(run(&mut slot, Event::Mended), []);
        assert_eq!(run(&mut slot, Event::Bad { hosts: 1 }), []);
        assert_eq!(run(&mut slot, Event::Bad { hosts: 1 }), [Action::TooManyBad]);
    }
}
