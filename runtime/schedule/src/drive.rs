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
use crate::outbox::Outbox;
use crate::policy::Policy;
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

// There are about ten outputs and five messages for each host.
const _: () = assert!(size_of::<Output>() <= 32 && size_of::<Message>() <= 40);

/// What has to wait until a machine is done with what it is at. Everything else is told at once: what one machine says to
/// another arrives in order either way.
#[derive(Debug)]
enum Message {
    Job(job::Event),
    Thread(ThreadIdx, thread::Event),
}

/// See the module's description.
#[derive(Debug)]
pub struct Drive {
    job: job::Machine,
    others: Others,
}

/// All machines but the job.
#[derive(Debug)]
struct Others {
    slots: Arc<Slots>,
    threads: Vec<thread::Machine>,
    slot_machines: Vec<slot::Machine>,
    tasks: Slab<host_task::Machine>,
    /// Where in `tasks` each host's is.
    task_at: Vec<u32>,
    ledger: Ledger,
    /// Empty between two steps.
    queue: VecDeque<Message>,
    /// What a thread wants done; empty between two steps.
    thread_actions: Vec<thread::Action>,
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
        let others = Others {
            slots,
            threads,
            slot_machines,
            tasks: Slab::default(),
            task_at: vec![NONE; plan.hosts.len()],
            ledger: Ledger::new(faults),
            queue: VecDeque::new(),
            thread_actions: Vec::new(),
        };
        Self { job, others }
    }

    /// The job.
    #[must_use]
    pub const fn job(&self) -> &job::Machine {
        &self.job
    }

    /// The ledger.
    #[must_use]
    pub const fn ledger(&self) -> &Ledger {
        &self.others.ledger
    }

    /// Lets something happen, and everything that follows from it.
    pub fn step(&mut self, now: Monotonic, input: Input, out: &mut Vec<Output>) {
        let Self { job, others } = self;
        match input {
            Input::Job(event) => job.handle(now, event, &mut FromJob { now, others, out }),
            Input::Task(host, event) => others.task_step(now, host, event, out),
            Input::Timer(Timer::Job(number)) => {
                job.handle(now, job::Event::Timer { number }, &mut FromJob { now, others, out });
            }
            Input::Timer(Timer::Thread(at, event)) => others.thread_step(now, at, event, out),
            Input::Timer(Timer::Task(host, attempt, number)) => {
                others.task_step(now, host, host_task::Event::Timer { attempt, number }, out);
            }
            Input::Timer(Timer::Ledger) => others.ledger_step(now, Op::Tick, out),
        }
        while let Some(message) = others.queue.pop_front() {
            match message {
                Message::Job(event) => job.handle(now, event, &mut FromJob { now, others, out }),
                Message::Thread(at, event) => others.thread_step(now, at, event, out),
            }
        }
    }
}

impl Others {
    fn spawn(&mut self, host: HostIdx, policy: Arc<Policy>, seed: u64) {
        let task = host_task::Machine::new(host, policy, seed, Faults::default());
        let Some(at) = self.task_at.get_mut(host.index()) else { return };
        match self.tasks.get_mut(*at) {
            Some(earlier) => *earlier = task,
            None => *at = self.tasks.insert(task),
        }
    }

    fn thread_step(&mut self, now: Monotonic, at: ThreadIdx, event: thread::Event, out: &mut Vec<Output>) {
        let Some(thread) = self.threads.get_mut(at.0 as usize) else { return };
        let mut actions = std::mem::take(&mut self.thread_actions);
        thread.handle(now, event, &mut actions);
        for action in actions.drain(..) {
            if let thread::Action::Open { slot, after_pause } = action {
                self.slot_step(now, slot, slot::Event::Open { after_pause });
                continue;
            }
            if let thread::Action::Pausing { after, until } = action {
                out.push(Output::At(until, Timer::Thread(at, thread::Event::PauseOver { after })));
            }
            self.queue.push_back(Message::Job(job::Event::Thread { thread: at, action }));
        }
        self.thread_actions = actions;
    }

    fn slot_step(&mut self, now: Monotonic, at: SlotIdx, event: slot::Event) {
        let Some(slot) = self.slot_machines.get_mut(at.0 as usize) else { return };
        slot.handle(now, event, &mut FromSlot { at, slots: &self.slots, queue: &mut self.queue });
    }

    fn task_step(&mut self, now: Monotonic, host: HostIdx, event: host_task::Event, out: &mut Vec<Output>) {
        let Some(at) = self.task_at.get_mut(host.index()) else { return };
        let Some(task) = self.tasks.get_mut(*at) else { return };
        task.handle(now, event, &mut FromTask { host, queue: &mut self.queue, out });
        if task.is_over() {
            self.tasks.remove(std::mem::replace(at, NONE));
        }
    }

    fn ledger_step(&mut self, now: Monotonic, op: Op, out: &mut Vec<Output>) {
        self.ledger.apply(now, op, &mut FromLedger { queue: &mut self.queue, out });
    }
}

/// What a job wants done is done as it says it.
struct FromJob<'a> {
    now: Monotonic,
    others: &'a mut Others,
    out: &'a mut Vec<Output>,
}

// Inlined always here and below: each place that pushes says one kind of action, so nothing but that kind's branch is left,
// and what it makes is written to where it is to go instead of being copied there.
impl Outbox<job::Action> for FromJob<'_> {
    #[inline(always)]
    fn push(&mut self, action: job::Action) {
        let Self { now, others, out } = self;
        match action {
            job::Action::Record(fact) => out.push(Output::Record(fact)),
            job::Action::Ledger(op) => others.ledger_step(*now, op, out),
            job::Action::Thread(at, event) => others.queue.push_back(Message::Thread(at, event)),
            job::Action::Slot(at, event) => others.slot_step(*now, at, event),
            job::Action::Spawn { host, policy, seed } => others.spawn(host, policy, seed),
            job::Action::Task(host, event) => others.task_step(*now, host, event, out),
            job::Action::SetTimer { number, at } => out.push(Output::At(at, Timer::Job(number))),
            job::Action::Notify(notice) => out.push(Output::Notify(notice)),
            job::Action::Refused { why, .. } => out.push(Output::Refused(why)),
        }
    }
}

struct FromSlot<'a> {
    at: SlotIdx,
    slots: &'a Slots,
    queue: &'a mut VecDeque<Message>,
}

impl Outbox<slot::Action> for FromSlot<'_> {
    #[inline]
    fn push(&mut self, action: slot::Action) {
        let slot = self.at;
        if action == slot::Action::Done
            && let Some(thread) = self.slots.thread(slot)
        {
            self.queue.push_back(Message::Thread(thread, thread::Event::SlotDone { slot }));
        }
        self.queue.push_back(Message::Job(job::Event::Slot { slot, action }));
    }
}

struct FromTask<'a> {
    host: HostIdx,
    queue: &'a mut VecDeque<Message>,
    out: &'a mut Vec<Output>,
}

impl Outbox<host_task::Action> for FromTask<'_> {
    #[inline(always)]
    fn push(&mut self, action: host_task::Action) {
        let host = self.host;
        match action {
            host_task::Action::Start { attempt } => self.out.push(Output::Start(host, attempt)),
            host_task::Action::Kill { attempt } => self.out.push(Output::Kill(host, attempt)),
            host_task::Action::SetTimer { attempt, number, at } => {
                self.out.push(Output::At(at, Timer::Task(host, attempt, number)));
            }
            host_task::Action::Started { .. }
            | host_task::Action::Ended { .. }
            | host_task::Action::RetryDue { .. }
            | host_task::Action::GaveUp { .. } => {
                self.queue.push_back(Message::Job(job::Event::Task { host, action }));
            }
        }
    }
}

struct FromLedger<'a> {
    queue: &'a mut VecDeque<Message>,
    out: &'a mut Vec<Output>,
}

impl Outbox<Effect> for FromLedger<'_> {
    #[inline(always)]
    fn push(&mut self, effect: Effect) {
        let mut tell = |event| self.queue.push_back(Message::Job(event));
        match effect {
            Effect::Registered { out, .. } => tell(job::Event::Registered { out }),
            Effect::Granted { host, attempt, .. } => {
                self.out.push(Output::Record(Fact::Granted { host, attempt }));
                tell(job::Event::Granted { host, attempt });
            }
            Effect::Waiting { waits, .. } => tell(job::Event::Waiting(waits)),
            Effect::Blocked { number, by, .. } => tell(job::Event::Blocked { number, by }),
            Effect::Finished { .. } => tell(job::Event::Finished),
            Effect::WakeAt(at) => self.out.push(Output::At(at, Timer::Ledger)),
            Effect::NotReleased { .. } => {}
        }
    }
}
