//! The actor of a host task: there while its host is out of service for the job, or about to go.

use std::sync::{Arc, Weak};

use actix::{Actor, ActorContext, Addr, AsyncContext, Context, Handler, Message};
use pogo_plan::HostIdx;
use pogo_plan::outcome::{Attempt, Outcome};
use pogo_schedule::host_task::{Action, Event, Machine};

use crate::bus::Piece;
use crate::clock::{Alarm, Alarmed, Clock, set_alarm};
use crate::job::{self, Job};
use crate::links::{self, Links, Token};
use crate::post::Post;

pub(crate) struct HostTask {
    host: HostIdx,
    /// Tells this task from an earlier one of the same host.
    serial: u64,
    machine: Machine,
    clock: Clock,
    alarm: Alarm,
    /// What the alarm is for.
    timer: (Attempt, u32),
    job: Post<Job>,
    links: Post<Links>,
    span: tracing::Span,
    actions: Vec<Action>,
    /// The way to this task itself, which it hands to the links.
    me: Weak<Addr<Self>>,
    /// What the task begins with.
    first: Option<Event>,
}

/// What a host task is made of.
pub(crate) struct Parts {
    pub(crate) host: HostIdx,
    pub(crate) serial: u64,
    pub(crate) machine: Machine,
    pub(crate) clock: Clock,
    pub(crate) job: Post<Job>,
    pub(crate) links: Post<Links>,
    pub(crate) span: tracing::Span,
    /// What the task begins with.
    pub(crate) first: Option<Event>,
}

/// Something for the machine.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Tell(pub(crate) Event);

/// Output on its way to the readers. It goes through here so that it comes after the news that its attempt has started.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct TaskOutput {
    pub(crate) attempt: Attempt,
    pub(crate) piece: Piece,
    pub(crate) token: Token,
}

impl HostTask {
    /// Starts one. The address is shared: another one would cost two allocations.
    pub(crate) fn start(parts: Parts) -> Arc<Addr<Self>> {
        let Parts { host, serial, machine, clock, job, links, span, first } = parts;
        let (alarm, timer, actions) = (Alarm::default(), (Attempt(0), 0), Vec::new());
        let ctx = Context::new();
        let addr = Arc::new(ctx.address());
        let me = Arc::downgrade(&addr);
        let task = Self { host, serial, machine, clock, alarm, timer, job, links, span, actions, me, first };
        // In a box: its runtime moves what it runs several times.
        actix::spawn(Box::pin(ctx.into_future(task)));
        addr
    }

    fn step(&mut self, event: Event, ctx: &mut Context<Self>) {
        let span = self.span.clone();
        let _in_span = span.enter();
        let mut actions = std::mem::take(&mut self.actions);
        self.machine.handle(self.clock.now(), event, &mut actions);
        for action in actions.drain(..) {
            let host = self.host;
            match action {
                Action::Start { attempt } => {
                    let timeout_ms = self.machine.timeout_ms();
                    if let (Some(task), true) = (self.me.upgrade(), self.links.connected()) {
                        self.links.send(links::Letter::Start { host, attempt, timeout_ms, task });
                    } else {
                        // No worker has ever heard of this attempt.
                        ctx.notify(Tell(Event::Ended { attempt, outcome: Outcome::Unreachable }));
                    }
                }
                Action::Kill { attempt } => self.links.send(links::Letter::Kill { host, attempt }),
                Action::SetTimer { attempt, number, at } => {
                    self.timer = (attempt, number);
                    set_alarm(self, ctx, at);
                }
                Action::Started { .. }
                | Action::Ended { .. }
                | Action::RetryDue { .. }
                | Action::GaveUp { .. } => {
                    self.job.send(job::Letter::FromTask { host, serial: self.serial, action });
                }
            }
        }
        self.actions = actions;
        if self.machine.is_over() {
            ctx.stop();
        }
    }
}

impl Drop for HostTask {
    fn drop(&mut self) {
        if !self.machine.is_over() {
            self.job.send(job::Letter::TaskGone { host: self.host, serial: self.serial });
        }
    }
}

impl Actor for HostTask {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        if let Some(event) = self.first.take() {
            self.step(event, ctx);
        }
    }
}

impl Alarmed for HostTask {
    fn alarm(&mut self) -> &mut Alarm {
        &mut self.alarm
    }

    fn clock(&self) -> Clock {
        self.clock
    }

    fn ring(&mut self, ctx: &mut Context<Self>) {
        let (attempt, number) = self.timer;
        self.step(Event::Timer { attempt, number }, ctx);
    }
}

impl Handler<Tell> for HostTask {
    type Result = ();

    fn handle(&mut self, Tell(event): Tell, ctx: &mut Self::Context) {
        self.step(event, ctx);
    }
}

impl Handler<TaskOutput> for HostTask {
    type Result = ();

    fn handle(&mut self, output: TaskOutput, _: &mut Self::Context) {
        let TaskOutput { attempt, piece, token } = output;
        self.job.send(job::Letter::Output { host: self.host, attempt, piece, token });
    }
}
