//! The actors of threads and slots.

use actix::{Actor, Addr, AsyncContext, Context, Handler, Message};
use pogo_plan::Plan;
use pogo_schedule::fault::Faults;
use pogo_schedule::ids::{SlotIdx, ThreadIdx};
use pogo_schedule::{job, slot, thread};

use crate::clock::{Alarm, Alarmed, Clock, set_alarm};
use crate::job::{Job, Letter};
use crate::post::{self, Collect, Mail, Post, Reads};
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

/// Starts the actors of all threads and slots.
pub(crate) fn start(
    plan: &Plan,
    clock: Clock,
    job: &Post<Job>,
    job_span: &tracing::Span,
) -> (Vec<Addr<Thread>>, Vec<Post<Slot>>) {
    let mut all_slots: Vec<Post<Slot>> = Vec::new();
    let mut threads = Vec::new();
    for (thread, index) in plan.threads.iter().zip(0..) {
        let first = u32::try_from(all_slots.len()).unwrap_or(u32::MAX);
        let step = |(slot, number): (&pogo_plan::Slot, u32)| thread::Step {
            slot: SlotIdx(number),
            pause_after_ms: slot.pause_after_ms,
            is_empty: slot.hosts.is_empty(),
        };
        let steps = thread.slots.iter().zip(first..).map(step).collect();
        threads.push(Thread::create(|ctx| {
            let span = tracing::info_span!(parent: job_span, "thread", id = thread.id);
            let start = |(slot, number): (&pogo_plan::Slot, u32)| {
                let n_hosts = u32::try_from(slot.hosts.len()).unwrap_or(u32::MAX);
                post::start(|mail| Slot {
                    slot: SlotIdx(number),
                    machine: slot::Machine::new(n_hosts, slot.max_failures, Faults::default()),
                    clock,
                    job: job.clone(),
                    thread: ctx.address(),
                    span: tracing::info_span!(parent: &span, "slot", id = slot.id),
                    actions: Vec::new(),
                    mail,
                })
            };
            let slots: Vec<_> = thread.slots.iter().zip(first..).map(start).collect();
            all_slots.extend(slots.iter().cloned());
            Thread {
                thread: ThreadIdx(index),
                machine: thread::Machine::new(steps, Faults::default()),
                clock,
                alarm: Alarm::default(),
                pausing: None,
                job: job.clone(),
                first,
                slots,
                span,
            }
        }));
    }
    (threads, all_slots)
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
