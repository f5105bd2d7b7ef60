//! A thread: opens its slots one after the other.

use crate::fault::{Fault, Faults};
use crate::ids::SlotIdx;
use crate::outbox::Outbox;
use crate::time::Monotonic;

/// A slot as its thread knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The slot.
    pub slot: SlotIdx,
    /// Time between its end and the opening of the next, in milliseconds.
    pub pause_after_ms: Option<u64>,
    /// Whether the slot has no hosts. There is nothing to soak after it, so no pause follows.
    pub is_empty: bool,
}

/// What happens to a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Begin. After a crash, slots that were open are opened again without their pauses.
    Start {
        /// How many of the thread's slots are on record as open.
        opened: u32,
    },
    /// Every host of the slot is done.
    SlotDone {
        /// The slot.
        slot: SlotIdx,
    },
    /// The pause after a slot is over.
    PauseOver {
        /// That slot.
        after: SlotIdx,
    },
}

/// What a thread wants done. To every event from a slot or from the job follows exactly one answer to the job: the
/// opened slot's, [`Action::Pausing`], [`Action::Noted`] or [`Action::Finished`]; to [`Event::Start`] one for each slot opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// To the slot: open.
    Open {
        /// The slot.
        slot: SlotIdx,
        /// Whether a pause came before it.
        after_pause: bool,
    },
    /// To the job and to a timer that comes back as [`Event::PauseOver`]: the next slot opens at that time.
    Pausing {
        /// The slot that is done.
        after: SlotIdx,
        /// The end of the pause.
        until: Monotonic,
    },
    /// To the job: nothing follows from that.
    Noted,
    /// To the job: nothing is left to open.
    Finished,
}

/// The state of a thread.
#[derive(Clone, Debug)]
pub struct Machine {
    steps: Vec<Step>,
    /// How many slots are open or done.
    opened: usize,
    /// How many slots were open when the last step was taken because the newest of them was done.
    advanced: usize,
    pausing: Option<SlotIdx>,
    faults: Faults,
}

impl Machine {
    /// A thread that has not started.
    #[must_use]
    pub const fn new(steps: Vec<Step>, faults: Faults) -> Self {
        Self { steps, opened: 0, advanced: 0, pausing: None, faults }
    }

    /// One step.
    pub fn handle(&mut self, now: Monotonic, event: Event, out: &mut impl Outbox<Action>) {
        match event {
            Event::Start { opened } => {
                if self.opened == 0 {
                    let wanted = usize::try_from(opened).unwrap_or(usize::MAX).max(1);
                    for _ in 0..wanted.min(self.steps.len().max(1)) {
                        self.open_next(false, out);
                    }
                }
            }
            Event::SlotDone { slot } => {
                let first = self.steps.first().map_or(0, |step| step.slot.0);
                let after =
                    slot.0.checked_sub(first).and_then(|at| usize::try_from(at).ok()).map(|at| at + 1);
                if after != Some(self.opened) || self.advanced >= self.opened {
                    // The slot after it is open already, as after a crash.
                    out.push(Action::Noted);
                    return;
                }
                self.advanced = self.opened;
                let is_last = self.opened >= self.steps.len();
                match self.steps.get(self.opened - 1) {
                    Some(&Step { pause_after_ms: Some(pause), is_empty: false, .. })
                        if !is_last && !self.faults.has(Fault::PauseIgnored) =>
                    {
                        self.pausing = Some(slot);
                        out.push(Action::Pausing { after: slot, until: now.after_ms(pause) });
                    }
                    _ => self.open_next(false, out),
                }
            }
            Event::PauseOver { after } => {
                if self.pausing == Some(after) {
                    self.pausing = None;
                    self.open_next(true, out);
                }
            }
        }
    }

    fn open_next(&mut self, after_pause: bool, out: &mut impl Outbox<Action>) {
        match self.steps.get(self.opened) {
            Some(step) => {
                self.opened += 1;
                out.push(Action::Open { slot: step.slot, after_pause });
            }
            None => out.push(Action::Finished),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(machine: &mut Machine, now: u64, event: Event) -> Vec<Action> {
        let mut out = Vec::new();
        machine.handle(Monotonic(now), event, &mut out);
        out
    }

    fn step(slot: u32, pause_after_ms: Option<u64>) -> Step {
        Step { slot: SlotIdx(slot), pause_after_ms, is_empty: false }
    }

    #[test]
    fn opens_one_slot_after_the_other() {
        let mut thread = Machine::new(vec![step(4, None), step(5, Some(2))], Faults::default());
        assert_eq!(
            run(&mut thread, 0, Event::Start { opened: 0 }),
            [Action::Open { slot: SlotIdx(4), after_pause: false }]
        );
        assert_eq!(run(&mut thread, 0, Event::Start { opened: 0 }), []);
        assert_eq!(run(&mut thread, 1, Event::SlotDone { slot: SlotIdx(5) }), [Action::Noted]);
        let next = Action::Open { slot: SlotIdx(5), after_pause: false };
        assert_eq!(run(&mut thread, 1, Event::SlotDone { slot: SlotIdx(4) }), [next]);
        assert_eq!(run(&mut thread, 2, Event::SlotDone { slot: SlotIdx(5) }), [Action::Finished]);
    }

    #[test]
    fn pauses_once() {
        let mut thread = Machine::new(vec![step(0, Some(2)), step(1, None)], Faults::default());
        run(&mut thread, 0, Event::Start { opened: 0 });
        let until = Monotonic(2_000_005);
        let pausing = Action::Pausing { after: SlotIdx(0), until };
        assert_eq!(run(&mut thread, 5, Event::SlotDone { slot: SlotIdx(0) }), [pausing]);
        let next = Action::Open { slot: SlotIdx(1), after_pause: true };
        assert_eq!(run(&mut thread, 9, Event::PauseOver { after: SlotIdx(0) }), [next]);
        assert_eq!(run(&mut thread, 9, Event::PauseOver { after: SlotIdx(0) }), []);
    }
}
