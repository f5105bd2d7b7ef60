//! One job with its threads, slots, host tasks and a ledger, wired together in one place: the smallest shell there is.
//!
//! It has no clock, no queue to the outside and no journal; whoever drives it brings those. The actors do the same wiring
//! with mailboxes, and the simulator with delays.

use std::collections::VecDeque;
use std::sync::Arc;

use pogo_plan::event::{Fact, JobId};
use pogo_plan::outcome::Attempt;
use pogo_plan::{HostIdx, Plan};

use crate::fault::Faults;
use crate::ids::{SlotIdx, Slots, ThreadIdx};
use crate::ledger::{Effect, Ledger, Op};
use crate::notice::Notice;
use crate::slab::{NONE, Slab};
use crate::time::Monotonic;
use crate::{host_task, job, slot, thread};

/// What comes in from outside.
#[derive(Clone, Debug)]
pub enum Input {
    /// To the job: `Start`, commands.
    Job(job::Event),
    /// To a host's task: what its worker reports.
    Task(HostIdx, host_task::Event),
    /// A timer that was asked for.
    Timer(Timer),
}

/// Whom a timer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timer {
    /// The job.
    Job(u32),
    /// A thread.
    Thread(ThreadIdx, thread::Event),
    /// A host's task.
    Task(HostIdx, Attempt, u32),
    /// The ledger.
    Ledger,
}

/// What is wanted outside.
#[derive(Clone, Debug)]
pub enum Output {
    /// Put on record, before anything after it.
    Record(Fact<HostIdx>),
    /// To the worker: make this attempt.
    Start(HostIdx, Attempt),
    /// To the worker: end this attempt.
    Kill(HostIdx, Attempt),
    /// Come back with this at that time.
    At(Monotonic, Timer),
    /// To the readers.
    Notify(Notice),
    /// To the operator.
    Refused(job::Refusal),
}

#[derive(Debug)]
enum Message {
    Job(job::Event),
    Thread(ThreadIdx, thread::Event),
    Slot(SlotIdx, slot::Event),
    Task(HostIdx, host_task::Event),
    Ledger(Op),
}

/// See the module's description.
#[derive(Debug)]
pub struct Drive {
    slots: Arc<Slots>,
    job: job::Machine,
    threads: Vec<thread::Machine>,
    slot_machines: Vec<slot::Machine>,
    tasks: Slab<host_task::Machine>,
    /// Where in `tasks` each host's is.
    task_at: Vec<u32>,
    ledger: Ledger,
    /// Lists that each step fills and empties: kept, so that a step allocates nothing.
    scratch: Scratch,
}

/// See [`Drive::scratch`].
#[derive(Debug, Default)]
struct Scratch {
    queue: VecDeque<Message>,
    job: Vec<job::Action>,
    thread: Vec<thread::Action>,
    slot: Vec<slot::Action>,
    task: Vec<host_task::Action>,
    effects: Vec<Effect>,
}

impl Drive {
    /// A job that has not started, in a namespace of its own.
    #[must_use]
    pub fn new(id: JobId, plan: &Arc<Plan>, seed: u64) -> Self {
        let faults = Faults::default();
        let slots = Arc::new(Slots::new(plan));
        let mut number = 0;
        let (mut threads, mut slot_machines) = (Vec::new(), Vec::new());
        for thread in &plan.threads {
            let mut steps = Vec::new();
            for slot in &thread.slots {
                let is_empty = slot.hosts.is_empty();
                steps.push(thread::Step {
                    slot: SlotIdx(number),
                    pause_after_ms: slot.pause_after_ms,
                    is_empty,
                });
                let n_hosts = u32::try_from(slot.hosts.len()).unwrap_or(u32::MAX);
                slot_machines.push(slot::Machine::new(n_hosts, slot.max_failures, faults));
                number += 1;
            }
            threads.push(thread::Machine::new(steps, faults));
        }
        let job = job::Machine::new(id, Arc::clone(plan), Arc::clone(&slots), seed, faults);
        Self {
            slots,
            job,
            threads,
            slot_machines,
            tasks: Slab::default(),
            task_at: vec![NONE; plan.hosts.len()],
            ledger: Ledger::new(faults),
            scratch: Scratch::default(),
        }
    }

    /// The job.
    #[must_use]
    pub const fn job(&self) -> &job::Machine {
        &self.job
    }

    /// The ledger.
    #[must_use]
    pub const fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Lets something happen, and everything that follows from it.
    pub fn step(&mut self, now: Monotonic, input: Input, out: &mut Vec<Output>) {
        let mut queue = std::mem::take(&mut self.scratch.queue);
        match input {
            Input::Job(event) => self.job_step(now, event, &mut queue, out),
            Input::Task(host, event) => self.task_step(now, host, event, &mut queue, out),
            Input::Timer(Timer::Job(number)) => {
                self.job_step(now, job::Event::Timer { number }, &mut queue, out);
            }
            Input::Timer(Timer::Thread(at, event)) => self.thread_step(now, at, event, &mut queue, out),
            Input::Timer(Timer::Task(host, attempt, number)) => {
                self.task_step(now, host, host_task::Event::Timer { attempt, number }, &mut queue, out);
            }
            Input::Timer(Timer::Ledger) => self.ledger_step(now, Op::Tick, &mut queue, out),
        }
        while let Some(message) = queue.pop_front() {
            match message {
                Message::Job(event) => self.job_step(now, event, &mut queue, out),
                Message::Thread(at, event) => self.thread_step(now, at, event, &mut queue, out),
                Message::Slot(at, event) => self.slot_step(now, at, event, &mut queue),
                Message::Task(host, event) => self.task_step(now, host, event, &mut queue, out),
                Message::Ledger(op) => self.ledger_step(now, op, &mut queue, out),
            }
        }
        self.scratch.queue = queue;
    }

    fn job_step(
        &mut self,
        now: Monotonic,
        event: job::Event,
        queue: &mut VecDeque<Message>,
        out: &mut Vec<Output>,
    ) {
        let mut actions = std::mem::take(&mut self.scratch.job);
        self.job.handle(now, event, &mut actions);
        for action in actions.drain(..) {
            match action {
                job::Action::Record(fact) => out.push(Output::Record(fact)),
                job::Action::Ledger(op) => queue.push_back(Message::Ledger(op)),
                job::Action::Thread(at, event) => queue.push_back(Message::Thread(at, event)),
                job::Action::Slot(at, event) => queue.push_back(Message::Slot(at, event)),
                job::Action::Spawn { host, policy, seed } => {
                    let task = host_task::Machine::new(host, policy, seed, Faults::default());
                    let Some(at) = self.task_at.get_mut(host.index()) else { continue };
                    match self.tasks.get_mut(*at) {
                        Some(earlier) => *earlier = task,
                        None => *at = self.tasks.insert(task),
                    }
                }
                job::Action::Task(host, event) => queue.push_back(Message::Task(host, event)),
                job::Action::SetTimer { number, at } => out.push(Output::At(at, Timer::Job(number))),
                job::Action::Notify(notice) => out.push(Output::Notify(notice)),
                job::Action::Refused { why, .. } => out.push(Output::Refused(why)),
            }
        }
        self.scratch.job = actions;
    }

    fn thread_step(
        &mut self,
        now: Monotonic,
        at: ThreadIdx,
        event: thread::Event,
        queue: &mut VecDeque<Message>,
        out: &mut Vec<Output>,
    ) {
        let Some(thread) = self.threads.get_mut(at.0 as usize) else { return };
        let mut actions = std::mem::take(&mut self.scratch.thread);
        thread.handle(now, event, &mut actions);
        for action in actions.drain(..) {
            if let thread::Action::Open { slot, after_pause } = action {
                queue.push_back(Message::Slot(slot, slot::Event::Open { after_pause }));
                continue;
            }
            if let thread::Action::Pausing { after, until } = action {
                out.push(Output::At(until, Timer::Thread(at, thread::Event::PauseOver { after })));
            }
            queue.push_back(Message::Job(job::Event::Thread { thread: at, action }));
        }
        self.scratch.thread = actions;
    }

    fn slot_step(&mut self, now: Monotonic, at: SlotIdx, event: slot::Event, queue: &mut VecDeque<Message>) {
        let Some(slot) = self.slot_machines.get_mut(at.0 as usize) else { return };
        let mut actions = std::mem::take(&mut self.scratch.slot);
        slot.handle(now, event, &mut actions);
        for action in actions.drain(..) {
            if action == slot::Action::Done
                && let Some(thread) = self.slots.thread(at)
            {
                queue.push_back(Message::Thread(thread, thread::Event::SlotDone { slot: at }));
            }
            queue.push_back(Message::Job(job::Event::Slot { slot: at, action }));
        }
        self.scratch.slot = actions;
    }

    fn task_step(
        &mut self,
        now: Monotonic,
        host: HostIdx,
        event: host_task::Event,
        queue: &mut VecDeque<Message>,
        out: &mut Vec<Output>,
    ) {
        let Some(at) = self.task_at.get_mut(host.index()) else { return };
        let Some(task) = self.tasks.get_mut(*at) else { return };
        let mut actions = std::mem::take(&mut self.scratch.task);
        task.handle(now, event, &mut actions);
        if task.is_over() {
            self.tasks.remove(std::mem::replace(at, NONE));
        }
        for action in actions.drain(..) {
            match action {
                host_task::Action::Start { attempt } => out.push(Output::Start(host, attempt)),
                host_task::Action::Kill { attempt } => out.push(Output::Kill(host, attempt)),
                host_task::Action::SetTimer { attempt, number, at } => {
                    out.push(Output::At(at, Timer::Task(host, attempt, number)));
                }
                action => queue.push_back(Message::Job(job::Event::Task { host, action })),
            }
        }
        self.scratch.task = actions;
    }

    fn ledger_step(&mut self, now: Monotonic, op: Op, queue: &mut VecDeque<Message>, out: &mut Vec<Output>) {
        let mut effects = std::mem::take(&mut self.scratch.effects);
        self.ledger.apply(now, op, &mut effects);
        for effect in effects.drain(..) {
            let event = match effect {
                Effect::Registered { out, .. } => job::Event::Registered { out },
                Effect::Granted { host, attempt, .. } => {
                    out.push(Output::Record(Fact::Granted { host, attempt }));
                    job::Event::Granted { host, attempt }
                }
                Effect::Waiting { hosts, on, .. } => job::Event::Waiting { hosts, on },
                Effect::Blocked { number, by, .. } => job::Event::Blocked { number, by },
                Effect::Finished { .. } => job::Event::Finished,
                Effect::WakeAt(at) => {
                    out.push(Output::At(at, Timer::Ledger));
                    continue;
                }
                Effect::NotReleased { .. } => continue,
            };
            queue.push_back(Message::Job(event));
        }
        self.scratch.effects = effects;
    }
}
