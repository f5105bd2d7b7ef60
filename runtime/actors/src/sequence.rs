//! The actors of threads and slots.

use actix::{Actor, Addr, Context, Handler, Message};
use pogo_schedule::ids::{SlotIdx, ThreadIdx};
use pogo_schedule::{job, slot, thread};

use crate::clock::{Alarm, Alarmed, Clock, set_alarm};
use crate::job::{Job, Letter};
use crate::post::{Collect, Mail, Post, Reads};
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
    pub(crate) slots: Vec<Post<Slot>>,
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
    pub(crate) mail: Mail<slot::Event>,
}

/// Something for a thread's machine.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct ToThread(pub(crate) thread::Event);

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
                        slot.send(slot::Event::Open { after_pause });
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

impl Reads for Slot {
    type Letter = slot::Event;
}

impl Handler<Collect> for Slot {
    type Result = ();

    fn handle(&mut self, _: Collect, _: &mut Self::Context) {
        let _in_span = self.span.enter();
        let (now, slot) = (self.clock.now(), self.slot);
        let mut events = self.mail.take();
        for event in events.drain(..) {
            self.machine.handle(now, event, &mut self.actions);
        }
        self.mail.read(events);
        for _ in self.actions.iter().filter(|action| **action == slot::Action::Done) {
            self.thread.do_send(ToThread(thread::Event::SlotDone { slot }));
        }
        let letter = |action| Letter::Tell(job::Event::Slot { slot, action });
        self.job.send_all(self.actions.drain(..).map(letter));
    }
}
