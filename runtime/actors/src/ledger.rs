//! The actor of a namespace's ledger, in memory: one for each namespace and process.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::bus::{Bus, News};
use crate::clock::{Alarm, Alarmed, Clock, set_alarm};
use crate::job::{self, Job};
use crate::post::{self, Collect, Mail, Post, Reads};
use crate::shutdown::stops_on_shutdown;
use actix::{Actor, AsyncContext, Context, Handler, Message};
use hashbrown::HashMap;
use pogo_plan::event::JobId;
use pogo_schedule::job::Event;
use pogo_schedule::ledger::{Effect, Ledger as Machine, Op};
use pogo_schedule::time::Monotonic;

/// Changes of the use of limits are told together that come in this time.
const MERGE: Duration = Duration::from_millis(20);

pub(crate) struct Ledger {
    machine: Machine,
    clock: Clock,
    alarm: Alarm,
    /// When the machine wants to look again.
    wake: BTreeSet<Monotonic>,
    jobs: HashMap<JobId, (Post<Job>, Bus)>,
    is_telling: bool,
    effects: Vec<Effect>,
    mail: Mail<Op>,
}

/// Answers to this job go there from now on.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Listen {
    pub(crate) id: JobId,
    pub(crate) job: Post<Job>,
    pub(crate) bus: Bus,
}

/// The job listens no more.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Leave(pub(crate) JobId);

impl Ledger {
    pub(crate) fn start(clock: Clock) -> Post<Self> {
        post::start(|mail| Self::new(clock, mail))
    }

    fn new(clock: Clock, mail: Mail<Op>) -> Self {
        Self {
            machine: Machine::default(),
            clock,
            alarm: Alarm::default(),
            wake: BTreeSet::new(),
            jobs: HashMap::new(),
            is_telling: false,
            effects: Vec::new(),
            mail,
        }
    }

    fn apply(&mut self, op: Op, ctx: &mut Context<Self>) {
        let _in_span = tracing::debug_span!("ledger").entered();
        let mut effects = std::mem::take(&mut self.effects);
        self.machine.apply(self.clock.now(), op, &mut effects);
        // What one operation brings a job goes in one message. Nearly always it is one job.
        let mut batch: Vec<Event> = Vec::new();
        let mut to = None;
        for effect in effects.drain(..) {
            let (job, event) = match effect {
                Effect::Registered { job, out } => (job, Event::Registered { out }),
                Effect::Granted { job, host, attempt } => (job, Event::Granted { host, attempt }),
                Effect::Waiting { job, hosts, on } => (job, Event::Waiting { hosts, on }),
                Effect::Blocked { job, number, by } => (job, Event::Blocked { number, by }),
                Effect::Finished { job } => {
                    self.tell_limits();
                    (job, Event::Finished)
                }
                Effect::WakeAt(at) => {
                    self.wake.insert(at);
                    continue;
                }
                Effect::NotReleased { host, job } => {
                    tracing::warn!(host, %job, "not released: the end of this job's attempt is unknown");
                    continue;
                }
            };
            if to != Some(job) {
                self.answer(to, std::mem::take(&mut batch));
                to = Some(job);
            }
            batch.push(event);
        }
        self.effects = effects;
        self.answer(to, batch);
        if let Some(&first) = self.wake.first() {
            set_alarm(self, ctx, first);
        }
        if !self.is_telling && self.jobs.values().any(|(_, bus)| bus.has_readers()) {
            self.is_telling = true;
            ctx.run_later(MERGE, |ledger, _| {
                ledger.is_telling = false;
                ledger.tell_limits();
            });
        }
    }

    fn answer(&self, job: Option<JobId>, events: Vec<Event>) {
        if let (Some((job, _)), false) = (job.and_then(|job| self.jobs.get(&job)), events.is_empty()) {
            job.send(job::Letter::FromLedger(events));
        }
    }

    fn tell_limits(&mut self) {
        let mut changed = Vec::new();
        self.machine.take_changed(&mut changed);
        if changed.is_empty() {
            return;
        }
        for (_, bus) in self.jobs.values() {
            bus.send(News::Limits(changed.clone()));
        }
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        for (job, _) in self.jobs.values() {
            job.send(job::Letter::PartGone("ledger"));
        }
    }
}

impl Actor for Ledger {
    type Context = Context<Self>;
}

stops_on_shutdown!(Ledger);

impl Alarmed for Ledger {
    fn alarm(&mut self) -> &mut Alarm {
        &mut self.alarm
    }

    fn clock(&self) -> Clock {
        self.clock
    }

    fn ring(&mut self, ctx: &mut Context<Self>) {
        let now = self.clock.now();
        self.wake.retain(|&at| at > now);
        self.apply(Op::Tick, ctx);
    }
}

impl Reads for Ledger {
    type Letter = Op;
}

impl Handler<Collect> for Ledger {
    type Result = ();

    fn handle(&mut self, _: Collect, ctx: &mut Self::Context) {
        let mut ops = self.mail.take();
        for op in ops.drain(..) {
            self.apply(op, ctx);
        }
        self.mail.read(ops);
    }
}

impl Handler<Listen> for Ledger {
    type Result = ();

    fn handle(&mut self, Listen { id, job, bus }: Listen, _: &mut Self::Context) {
        self.jobs.insert(id, (job, bus));
    }
}

impl Handler<Leave> for Ledger {
    type Result = ();

    fn handle(&mut self, Leave(id): Leave, _: &mut Self::Context) {
        self.jobs.remove(&id);
    }
}
