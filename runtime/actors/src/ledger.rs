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
    /// What the next answer tells, and whom.
    answers: Vec<job::Letter>,
    answer_to: Option<JobId>,
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
            answers: Vec::new(),
            answer_to: None,
            mail,
        }
    }

    /// Applies operations, in order, and tells the jobs what comes of them.
    fn apply(&mut self, ops: impl IntoIterator<Item = Op>, ctx: &mut Context<Self>) {
        let _in_span = tracing::debug_span!("ledger").entered();
        let now = self.clock.now();
        let mut effects = std::mem::take(&mut self.effects);
        for op in ops {
            if matches!(op, Op::Finish { .. }) {
                // With the job go its limits, and they are told before its last state is.
                self.tell_limits();
            }
            self.machine.apply(now, op, &mut effects);
            for effect in effects.drain(..) {
                self.tell(effect);
            }
        }
        self.effects = effects;
        self.answer();
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

    fn tell(&mut self, effect: Effect) {
        if let Effect::WakeAt(at) = effect {
            self.wake.insert(at);
            return;
        }
        let Some((job, event)) = event_of(effect) else { return };
        if self.answer_to != Some(job) {
            self.answer();
            self.answer_to = Some(job);
        }
        self.answers.push(job::Letter::Tell(event));
    }

    /// Sends what there is for a job. What several operations bring it goes together; nearly always it is one job.
    fn answer(&mut self) {
        match self.answer_to.take().and_then(|job| self.jobs.get(&job)) {
            Some((job, _)) => job.send_all(self.answers.drain(..)),
            None => self.answers.clear(),
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

/// What a job hears of the ledger's answers.
pub(crate) fn event_of(effect: Effect) -> Option<(JobId, Event)> {
    Some(match effect {
        Effect::Registered { job, out } => (job, Event::Registered { out }),
        Effect::Granted { job, host, attempt } => (job, Event::Granted { host, attempt }),
        Effect::Waiting { job, waits } => (job, Event::Waiting(waits)),
        Effect::Blocked { job, number, by } => (job, Event::Blocked { number, by }),
        Effect::Finished { job } => (job, Event::Finished),
        Effect::WakeAt(_) => return None,
        Effect::NotReleased { host, job } => {
            tracing::warn!(host, %job, "not released: the end of this job's attempt is unknown");
            return None;
        }
    })
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
        self.apply([Op::Tick], ctx);
    }
}

impl Reads for Ledger {
    type Letter = Op;
}

impl Handler<Collect> for Ledger {
    type Result = ();

    fn handle(&mut self, _: Collect, ctx: &mut Self::Context) {
        let mut ops = self.mail.take();
        self.apply(ops.drain(..), ctx);
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
