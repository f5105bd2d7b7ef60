//! The actor of a job: the middle of a run.

mod orders;
mod records;

use std::sync::Arc;

use actix::{Actor, Addr, AsyncContext, Context, Handler, Message};
use hashbrown::{HashMap, HashSet};
use pogo_plan::event::{Author, Command, Fact, JobId};
use pogo_plan::job::Transport as Kind;
use pogo_plan::outcome::{Attempt, HostState, JobState};
use pogo_plan::{HostIdx, Plan};
use pogo_schedule::fault::Faults;
use pogo_schedule::host_task;
use pogo_schedule::job::{Action, Event, Machine};
use pogo_schedule::ledger::Op;
use pogo_schedule::notice::Notice;
use pogo_schedule::policy::Policy;
use pogo_store::Told;
use tokio::sync::oneshot;

use crate::bus::{Bus, News, Piece};
use crate::clock::{Alarm, Alarmed, Clock, set_alarm};
use crate::host_task::{self as task, HostTask};
use crate::keeping::SESSION;
use crate::ledger::{Leave, Listen};
use crate::links::{self, Links, Own, Token};
use crate::post::{Collect, Mail, Post, Reads};
use crate::run::{Ended, RunError};
use crate::sequence::{self, Slot, Thread, ToThread};
use crate::shutdown::Shutdown;
pub(crate) use orders::{From, Order};
pub(crate) use records::{Held, Records};

pub(crate) struct Job {
    id: JobId,
    plan: Arc<Plan>,
    machine: Machine,
    clock: Clock,
    alarm: Alarm,
    timer: u32,
    fanout: u32,
    /// What was last said to the ledger about hosts in flight.
    in_flight: u32,
    retrying: HashSet<HostIdx>,
    /// As the plan has it, or an operator.
    pace: Pace,
    records: Records,
    links: Post<Links>,
    mail: Mail<Letter>,
    /// The way to this job itself.
    me: Post<Self>,
    threads: Vec<Addr<Thread>>,
    slots: Vec<Post<Slot>>,
    tasks: HashMap<HostIdx, (u64, Arc<Addr<HostTask>>)>,
    next_serial: u64,
    bus: Bus,
    /// Commands that have not been carried out.
    orders: Vec<Order>,
    /// The limits of the plan: how many hosts may be out of service.
    limits: HashMap<String, u32>,
    fault: Option<RunError>,
    /// Nothing can be put on record any more: nothing is decided any more, and the job waits until what runs has been ended.
    is_breaking_off: bool,
    is_ledger_gone: bool,
    done: Option<oneshot::Sender<Result<Ended, RunError>>>,
    span: tracing::Span,
    /// What has been read for the machine.
    events: Vec<Event>,
    facts: Vec<Fact<HostIdx>>,
    actions: Vec<Action>,
}

#[derive(Clone, Copy)]
struct Pace {
    concurrent: Option<u32>,
    stagger_ms: u64,
}

/// What a job is made of.
pub(crate) struct JobParts {
    pub(crate) id: JobId,
    pub(crate) plan: Arc<Plan>,
    /// New, or as the records have it.
    pub(crate) machine: Machine,
    pub(crate) fanout: usize,
    pub(crate) clock: Clock,
    pub(crate) records: Records,
    pub(crate) links: Post<Links>,
    pub(crate) bus: Bus,
    pub(crate) done: oneshot::Sender<Result<Ended, RunError>>,
}

/// Something for the job's machine, when everything that waits has been dealt with.
#[derive(Message)]
#[rtype(result = "()")]
struct Tell(Event);

/// What a job reads.
pub(crate) enum Letter {
    /// Something for the job's machine.
    Tell(Event),
    /// Something to do.
    Order(Order),
    /// From the store's session.
    Told(Told),
    /// From a host task.
    FromTask { host: HostIdx, serial: u64, action: host_task::Action },
    /// A host task is gone, and had something to do.
    TaskGone { host: HostIdx, serial: u64 },
    /// An actor is gone without which the job cannot go on.
    PartGone(&'static str),
    /// Output of an attempt.
    Output { host: HostIdx, attempt: Attempt, piece: Piece, token: Token },
}

impl Job {
    pub(crate) fn new(parts: JobParts, mail: Mail<Letter>, ctx: &Context<Self>) -> Self {
        let JobParts { id, plan, machine, fanout, clock, records, links, bus, done } = parts;
        let span = tracing::info_span!("job", %id);
        let post = mail.post(ctx.address());
        if let Records::Memory { ledger, .. } = &records {
            ledger.addr().do_send(Listen { id, job: post.clone(), bus: bus.clone() });
        }
        links.addr().do_send(Own(post.clone()));
        let (threads, slot_actors) = sequence::start(&plan, clock, &post, &span);
        Self {
            id,
            machine,
            clock,
            alarm: Alarm::default(),
            timer: 0,
            fanout: u32::try_from(fanout).unwrap_or(u32::MAX).max(1),
            in_flight: 0,
            retrying: HashSet::new(),
            pace: Pace { concurrent: plan.job.concurrent, stagger_ms: plan.job.stagger_ms },
            records,
            links,
            mail,
            me: post,
            threads,
            slots: slot_actors,
            tasks: HashMap::new(),
            next_serial: 0,
            bus,
            orders: Vec::new(),
            limits: plan.limits.iter().map(|limit| (limit.id.clone(), limit.max_parallel)).collect(),
            fault: None,
            is_breaking_off: false,
            is_ledger_gone: false,
            done: Some(done),
            span,
            events: Vec::new(),
            facts: Vec::new(),
            actions: Vec::new(),
            plan,
        }
    }

    fn step(&mut self, event: Event, ctx: &mut Context<Self>) {
        self.events.push(event);
        self.steps(ctx);
    }

    /// Takes what has been read to the machine.
    fn steps(&mut self, ctx: &mut Context<Self>) {
        self.recorded_steps(ctx);
        if self.is_breaking_off {
            if self.tasks.is_empty()
                && let Some(fault) = self.fault.take()
            {
                self.finish(Err(fault));
            }
        } else if self.machine.state().has_ended() && self.orders.is_empty() && self.is_settled() {
            let ended = self.ended();
            let result = self.fault.take().map_or(Ok(ended), Err);
            self.finish(result);
        }
    }

    /// Several steps with one record: what follows from any of them is done when the facts of all are on record.
    fn recorded_steps(&mut self, ctx: &mut Context<Self>) {
        let mut events = std::mem::take(&mut self.events);
        let is_due = !events.is_empty() || !self.orders.is_empty();
        if self.done.is_some() && !self.is_breaking_off && is_due {
            let span = self.span.clone();
            let _in_span = span.enter();
            self.decide(&mut events);
            let mut answers = Vec::new();
            if !self.orders.is_empty() {
                self.carry_out(&mut answers);
            }
            match &mut self.records {
                Records::Memory { journal, .. } => {
                    let is_on_record =
                        if self.facts.is_empty() { Ok(()) } else { journal.record(self.id, &self.facts) };
                    match is_on_record {
                        Ok(()) => {
                            tell_ends(&self.links, ends_in(&self.facts));
                            self.act_on_all(ctx);
                        }
                        Err(error) => {
                            self.actions.clear();
                            self.break_off(RunError::Journal(error));
                        }
                    }
                    self.facts.clear();
                }
                Records::Stored(_) => self.submit(answers, ctx),
            }
        }
        events.clear();
        self.events = events;
    }

    /// Ends what runs, which each task does in a bounded time; the run ends when the last of them is over. What was decided
    /// and is not on record is not done.
    ///
    /// What runs over ssh can end without us, and another run can ask for its end: it is left alone.
    fn break_off(&mut self, mut fault: RunError) {
        if let Records::Stored(records) = &mut self.records {
            records.give_up();
        }
        self.is_breaking_off = true;
        if self.plan.job.transport == Kind::Ssh
            && let RunError::Store { left_running, .. } = &mut fault
        {
            *left_running = self.tasks.len();
            tracing::error!(error = %fault, "what runs is left to itself");
            self.tasks.clear();
            self.fault = Some(fault);
            return;
        }
        tracing::error!(error = %fault, "what runs is ended");
        self.fault = Some(fault);
        for (_, task) in self.tasks.values() {
            task.do_send(task::Tell(host_task::Event::Stop));
        }
    }

    /// Lets the machine decide, and collects the facts in the order of the events.
    fn decide(&mut self, events: &mut Vec<Event>) {
        let now = self.clock.now();
        // Grants that a session tells of are on record already.
        let records_grants = matches!(self.records, Records::Memory { .. });
        for event in events.drain(..) {
            if let Event::Granted { host, attempt } = event
                && records_grants
            {
                self.facts.push(Fact::Granted { host, attempt });
            }
            let before = self.actions.len();
            self.machine.handle(now, event, &mut self.actions);
            self.collect_facts(before);
            // What comes after a job's end is no part of it.
            if self.machine.state().has_ended() {
                return;
            }
        }
    }

    fn collect_facts(&mut self, before: usize) {
        self.facts.extend(self.actions.iter().skip(before).filter_map(|action| match action {
            Action::Record(fact) => Some(fact.clone()),
            _ => None,
        }));
    }

    fn act_on_all(&mut self, ctx: &mut Context<Self>) {
        let mut actions = std::mem::take(&mut self.actions);
        let mut left = actions.drain(..).peekable();
        while let Some(action) = left.next() {
            match action {
                Action::Spawn { host, policy, seed } => {
                    let is_first = |next: &Action| matches!(next, Action::Task(to, _) if *to == host);
                    let first = left.next_if(is_first).and_then(|next| match next {
                        Action::Task(_, event) => Some(event),
                        _ => None,
                    });
                    self.spawn(host, policy, seed, first);
                }
                other => self.act(other, ctx),
            }
        }
        drop(left);
        self.actions = actions;
        if matches!(self.records, Records::Memory { .. })
            && let Some(pace) = self.keep_pace()
            && let Records::Memory { ledger, .. } = &self.records
        {
            ledger.send(pace);
        }
    }

    /// Starts a host task, with its first event.
    fn spawn(&mut self, host: HostIdx, policy: Arc<Policy>, seed: u64, first: Option<host_task::Event>) {
        let serial = self.next_serial;
        self.next_serial += 1;
        let task = HostTask::start(task::Parts {
            host,
            serial,
            machine: host_task::Machine::new(host, policy, seed, Faults::default()),
            clock: self.clock,
            job: self.me.clone(),
            links: self.links.clone(),
            span: tracing::info_span!("host", host = self.plan.hosts.name(host)),
            first,
        });
        self.tasks.insert(host, (serial, task));
    }

    fn act(&mut self, action: Action, ctx: &mut Context<Self>) {
        if matches!(self.records, Records::Memory { .. }) {
            self.note_retrying(&action);
        }
        match action {
            // Done before anything else of the list.
            Action::Record(_) => {}
            Action::Ledger(op) => self.tell_ledger(op, ctx),
            Action::Thread(thread, event) => {
                if let Some(thread) = usize::try_from(thread.0).ok().and_then(|at| self.threads.get(at)) {
                    thread.do_send(ToThread(event));
                }
            }
            Action::Slot(slot, event) => {
                if let Some(slot) = usize::try_from(slot.0).ok().and_then(|at| self.slots.get(at)) {
                    slot.send(event);
                }
            }
            Action::Spawn { host, policy, seed } => self.spawn(host, policy, seed, None),
            Action::Task(host, event) => match self.tasks.get(&host) {
                Some((_, task)) => task.do_send(task::Tell(event)),
                None => self.task_gone(host, ctx),
            },
            Action::SetTimer { number, at } => {
                self.timer = number;
                set_alarm(self, ctx, at);
            }
            Action::Notify(notice) => {
                if self.bus.has_readers() {
                    self.bus.send(News::Notice(notice));
                }
            }
            // Seen to where the command is given.
            Action::Refused { .. } => {}
        }
    }

    /// To the ledger in memory.
    fn tell_ledger(&mut self, op: Op, ctx: &mut Context<Self>) {
        if matches!(op, Op::Finish { .. }) && self.is_ledger_gone {
            ctx.notify(Tell(Event::Finished));
        }
        let op = self.at_our_pace(op);
        if let (Some(op), Records::Memory { ledger, .. }) = (op, &self.records) {
            ledger.send(op);
        }
    }

    /// The pace that the machine wants is said together with ours.
    fn at_our_pace(&mut self, op: Op) -> Option<Op> {
        match &op {
            // The ledger takes the plan's pace; ours comes after it.
            Op::Register { .. } => self.in_flight = 0,
            Op::SetPace { concurrent, stagger_ms, .. } => {
                self.pace = Pace { concurrent: *concurrent, stagger_ms: *stagger_ms };
                self.in_flight = 0;
                return None;
            }
            _ => {}
        }
        Some(op)
    }

    fn note_retrying(&mut self, action: &Action) {
        if let Action::Notify(Notice::HostState { host, state }) = action {
            if *state == HostState::Retrying {
                self.retrying.insert(*host);
            } else if !self.retrying.is_empty() {
                self.retrying.remove(host);
            }
        }
    }

    /// Lets the ledger put no more hosts out of service than can be worked on at once: a host that waits for a worker does
    /// not take places of its limits. Hosts between two attempts need no worker.
    fn keep_pace(&mut self) -> Option<Op> {
        let retrying = u32::try_from(self.retrying.len()).unwrap_or(u32::MAX);
        let in_flight = self.fanout.saturating_add(retrying).min(self.pace.concurrent.unwrap_or(u32::MAX));
        if in_flight == self.in_flight || self.machine.state().has_ended() {
            return None;
        }
        self.in_flight = in_flight;
        let stagger_ms = self.pace.stagger_ms;
        Some(Op::SetPace { job: self.id, concurrent: Some(in_flight), stagger_ms })
    }

    fn task_gone(&mut self, host: HostIdx, ctx: &mut Context<Self>) {
        if let Some((_, attempt)) = self.machine.host(host).filter(|(state, _)| state.is_active()) {
            tracing::error!(host = self.plan.hosts.name(host), %attempt, "a host task is gone");
            ctx.notify(Tell(Event::TaskLost { host, attempt }));
        }
    }

    fn ended(&self) -> Ended {
        let state = |&host: &HostIdx| Some((host, self.machine.host(host)?.0));
        Ended { state: self.machine.state(), hosts: self.plan.targets.iter().filter_map(state).collect() }
    }

    fn finish(&mut self, result: Result<Ended, RunError>) {
        let Some(done) = self.done.take() else { return };
        for thread in self.threads.drain(..) {
            thread.do_send(Shutdown);
        }
        for slot in self.slots.drain(..) {
            slot.addr().do_send(Shutdown);
        }
        if let Records::Memory { ledger, .. } = &self.records {
            ledger.addr().do_send(Leave(self.id));
        }
        self.bus.send(News::End);
        // Whoever waited for it is gone: then nobody wants to know.
        let _gone = done.send(result);
    }
}

/// The attempts of which these facts are the end.
fn ends_in(facts: &[Fact<HostIdx>]) -> Vec<(HostIdx, Attempt)> {
    let end = |fact: &Fact<HostIdx>| match fact {
        Fact::Ended { host, attempt, .. } => Some((*host, *attempt)),
        _ => None,
    };
    facts.iter().filter_map(end).collect()
}

/// Their ends are on record.
fn tell_ends(links: &Post<Links>, ends: Vec<(HostIdx, Attempt)>) {
    links.send_all(ends.into_iter().map(|(host, attempt)| links::Letter::Recorded { host, attempt }));
}

impl Actor for Job {
    type Context = Context<Self>;
}

crate::shutdown::stops_on_shutdown!(Job);

impl Alarmed for Job {
    fn alarm(&mut self) -> &mut Alarm {
        &mut self.alarm
    }

    fn clock(&self) -> Clock {
        self.clock
    }

    fn ring(&mut self, ctx: &mut Context<Self>) {
        self.step(Event::Timer { number: self.timer }, ctx);
    }
}

impl Handler<Tell> for Job {
    type Result = ();

    fn handle(&mut self, Tell(event): Tell, ctx: &mut Self::Context) {
        self.step(event, ctx);
    }
}

impl Reads for Job {
    type Letter = Letter;
}

impl Handler<Collect> for Job {
    type Result = ();

    fn handle(&mut self, _: Collect, ctx: &mut Self::Context) {
        let mut letters = self.mail.take();
        for letter in letters.drain(..) {
            match letter {
                Letter::Tell(event) => self.events.push(event),
                Letter::Order(order) => self.orders.push(order),
                Letter::Told(told) => self.told(told, ctx),
                Letter::FromTask { host, serial, action } => self.heard_of_task(host, serial, action),
                Letter::TaskGone { host, serial } => {
                    self.steps(ctx);
                    if self.tasks.get(&host).is_some_and(|(known, _)| *known == serial) {
                        self.tasks.remove(&host);
                        self.task_gone(host, ctx);
                    }
                }
                Letter::PartGone(what) => {
                    self.steps(ctx);
                    self.part_gone(what, ctx);
                }
                Letter::Output { host, attempt, piece, token } => {
                    // After the news that the attempt has started.
                    self.steps(ctx);
                    self.output(News::Output { host, attempt, piece, token });
                }
            }
        }
        self.mail.read(letters);
        self.steps(ctx);
    }
}

impl Job {
    fn heard_of_task(&mut self, host: HostIdx, serial: u64, action: host_task::Action) {
        let is_last = matches!(
            action,
            host_task::Action::Ended { again: false, .. } | host_task::Action::GaveUp { .. }
        );
        if self.tasks.get(&host).is_none_or(|(known, _)| *known != serial) {
            return;
        }
        if is_last {
            self.tasks.remove(&host);
        }
        self.events.push(Event::Task { host, action });
    }

    fn part_gone(&mut self, what: &'static str, ctx: &mut Context<Self>) {
        if self.done.is_none() || self.fault.is_some() {
            return;
        }
        if what == SESSION {
            return self.break_off(RunError::Lost(what));
        }
        tracing::error!(what, "an actor is gone: the job halts");
        self.fault = Some(RunError::Lost(what));
        self.is_ledger_gone |= what == "ledger";
        if what == "links" {
            // Nobody will hear of these attempts any more.
            for (&host, (_, task)) in &self.tasks {
                if let Some((_, attempt)) = self.machine.host(host) {
                    task.do_send(task::Tell(host_task::Event::Lost { attempt }));
                }
            }
        }
        if self.is_ledger_gone {
            // It may have been asked for its first word.
            self.step(Event::Registered { out: Box::default() }, ctx);
        }
        if self.machine.state() == JobState::Running {
            let command = Command::Halt { stop_running: false };
            self.orders.push(Order { command, by: Author::default(), from: From::Signal });
            self.steps(ctx);
        }
        if self.is_ledger_gone {
            // It may have been asked for its last word already.
            self.step(Event::Finished, ctx);
        }
    }
}
