//! The actors of threads and slots.

use actix::{Actor, Addr, Context, Handler, Message};
use pogo_schedule::ids::{SlotIdx, ThreadIdx};
use pogo_schedule::{job, slot, thread};

use crate::clock::{Alarm, Alarmed, Clock, set_alarm};
use crate::job::{Job, Letter};
use crate::post::Post;
use crate::shutdown::stops_on_shutdown;

/// The actor of a thread.
pub(crate) struct Thread {
    pub(crate) thread: ThreadIdx,
    pub(crate) machine: thread::Machine,
    pub(crate) clock: Clock,
    pub(crate) alarm: Alarm,
    /// The slot after which the thread pauses.
    pub(crate) pausing: Option<SlotIdx>,
    pub(crate) job: Post<Job>,
    /// The number of the first slot, and the slots.
    pub(crate) first: u32,
    pub(crate) slots: Vec<Addr<Slot>>,
    pub(crate) span: tracing::Span,
}

/// The actor of a slot.
pub(crate) struct Slot {
    pub(crate) slot: SlotIdx,
    pub(crate) machine: slot::Machine,
    pub(crate) clock: Clock,
    pub(crate) job: Post<Job>,
    pub(crate) thread: Addr<Thread>,
    pub(crate) span: tracing::Span,
    pub(crate) actions: Vec<slot::Action>,
}

/// Something for a thread's machine.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct ToThread(pub(crate) thread::Event);

/// Something for a slot's machine.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct ToSlot(pub(crate) slot::Event);

impl Thread {
    fn step(&mut self, event: thread::Event, ctx: &mut Context<Self>) {
        let span = self.span.clone();
        let _in_span = span.enter();
        let mut actions = Vec::new();
        self.machine.handle(self.clock.now(), event, &mut actions);
        for action in actions {
            match action {
                thread::Action::Open { slot, after_pause } => {
                    let at = slot.0.checked_sub(self.first).and_then(|at| usize::try_from(at).ok());
                    if let Some(slot) = at.and_then(|at| self.slots.get(at)) {
                        slot.do_send(ToSlot(slot::Event::Open { after_pause }));
                    }
                    continue;
                }
                thread::Action::Pausing { after, until } => {
                    self.pausing = Some(after);
                    set_alarm(self, ctx, until);
                }
                thread::Action::Noted | thread::Action::Finished => {}
            }
            self.job.send(Letter::Tell(job::Event::Thread { thread: self.thread, action }));
        }
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        self.job.send(Letter::PartGone("thread"));
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.job.send(Letter::PartGone("slot"));
    }
}

stops_on_shutdown!(Thread, Slot);

impl Actor for Thread {
    type Context = Context<Self>;
}

impl Actor for Slot {
    type Context = Context<Self>;
}

impl Alarmed for Thread {
    fn alarm(&mut self) -> &mut Alarm {
        &mut self.alarm
    }

    fn clock(&self) -> Clock {
        self.clock
    }

    fn ring(&mut self, ctx: &mut Context<Self>) {
        if let Some(after) = self.pausing.take() {
            self.step(thread::Event::PauseOver { after }, ctx);
        }
    }
}

impl Handler<ToThread> for Thread {
    type Result = ();

    fn handle(&mut self, ToThread(event): ToThread, ctx: &mut Self::Context) {
        self.step(event, ctx);
    }
}

impl Handler<ToSlot> for Slot {
    type Result = ();

    fn handle(&mut self, ToSlot(event): ToSlot, _: &mut Self::Context) {
        let _in_span = self.span.enter();
        self.machine.handle(self.clock.now(), event, &mut self.actions);
        let slot = self.slot;
        for action in self.actions.drain(..) {
            if action == slot::Action::Done {
                self.thread.do_send(ToThread(thread::Event::SlotDone { slot }));
            }
            self.job.send(Letter::Tell(job::Event::Slot { slot, action }));
        }
    }
}
