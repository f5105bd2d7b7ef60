//! One job's machines, wired as in `pogo_schedule::drive`, but with the ledger left outside: facts and operations come out,
//! the ledger's answers go in.

use std::collections::VecDeque;
use std::sync::Arc;

use pogo_plan::event::{Fact, JobId};
use pogo_plan::outcome::Attempt;
use pogo_plan::{HostIdx, Plan};
use pogo_schedule::fault::Faults;
use pogo_schedule::ids::{SlotIdx, Slots};
use pogo_schedule::ledger::{Effect, Op};
use pogo_schedule::time::Monotonic;
use pogo_schedule::{host_task, job, slot, thread};

/// What happens.
pub(crate) enum Input {
    Job(job::Event),
    Task(HostIdx, host_task::Event),
}

/// What is wanted.
#[derive(Default)]
pub(crate) struct Wanted {
    pub(crate) facts: Vec<Fact<HostIdx>>,
    pub(crate) ops: Vec<Op>,
    pub(crate) starts: Vec<(HostIdx, Attempt)>,
    pub(crate) refused: Option<job::Refusal>,
}

enum Message {
    Job(job::Event),
    Thread(pogo_schedule::ids::ThreadIdx, thread::Event),
    Slot(SlotIdx, slot::Event),
    Task(HostIdx, host_task::Event),
}

/// See the module's description.
pub(crate) struct Engine {
    slots: Arc<Slots>,
    pub(crate) job: job::Machine,
    threads: Vec<thread::Machine>,
    slot_machines: Vec<slot::Machine>,
    tasks: Vec<Option<host_task::Machine>>,
}

impl Engine {
    pub(crate) fn new(id: JobId, plan: &Arc<Plan>, facts: Vec<Fact<HostIdx>>) -> Self {
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
                slot_machines.push(slot::Machine::new(slot.hosts.len() as u32, slot.max_failures, faults));
                number += 1;
            }
            threads.push(thread::Machine::new(steps, faults));
        }
        let job = job::Machine::recover(id, Arc::clone(plan), Arc::clone(&slots), 7, faults, facts);
        Self { slots, job, threads, slot_machines, tasks: (0..plan.hosts.len()).map(|_| None).collect() }
    }

    pub(crate) fn step(&mut self, now: Monotonic, input: Input, wanted: &mut Wanted) {
        let mut queue = VecDeque::from([match input {
            Input::Job(event) => Message::Job(event),
            Input::Task(host, event) => Message::Task(host, event),
        }]);
        while let Some(message) = queue.pop_front() {
            match message {
                Message::Job(event) => self.job(now, event, &mut queue, wanted),
                Message::Thread(at, event) => {
                    let mut actions = Vec::new();
                    self.threads[at.0 as usize].handle(now, event, &mut actions);
                    queue.extend(actions.into_iter().map(|action| match action {
                        thread::Action::Open { slot, after_pause } => {
                            Message::Slot(slot, slot::Event::Open { after_pause })
                        }
                        action => Message::Job(job::Event::Thread { thread: at, action }),
                    }));
                }
                Message::Slot(at, event) => {
                    let mut actions = Vec::new();
                    self.slot_machines[at.0 as usize].handle(now, event, &mut actions);
                    for action in actions {
                        if action == slot::Action::Done
                            && let Some(thread) = self.slots.thread(at)
                        {
                            queue.push_back(Message::Thread(thread, thread::Event::SlotDone { slot: at }));
                        }
                        queue.push_back(Message::Job(job::Event::Slot { slot: at, action }));
                    }
                }
                Message::Task(host, event) => self.task(now, host, event, &mut queue, wanted),
            }
        }
    }

    fn job(&mut self, now: Monotonic, event: job::Event, queue: &mut VecDeque<Message>, wanted: &mut Wanted) {
        let mut actions = Vec::new();
        self.job.handle(now, event, &mut actions);
        for action in actions {
            match action {
                job::Action::Record(fact) => wanted.facts.push(fact),
                job::Action::Ledger(op) => wanted.ops.push(op),
                job::Action::Thread(at, event) => queue.push_back(Message::Thread(at, event)),
                job::Action::Slot(at, event) => queue.push_back(Message::Slot(at, event)),
                job::Action::Spawn { host, policy, seed } => {
                    self.tasks[host.index()] =
                        Some(host_task::Machine::new(host, policy, seed, Faults::default()));
                }
                job::Action::Task(host, event) => queue.push_back(Message::Task(host, event)),
                job::Action::Refused { why, .. } => wanted.refused = Some(why),
                job::Action::SetTimer { .. } | job::Action::Notify(_) => {}
            }
        }
    }

    fn task(
        &mut self,
        now: Monotonic,
        host: HostIdx,
        event: host_task::Event,
        queue: &mut VecDeque<Message>,
        wanted: &mut Wanted,
    ) {
        let Some(task) = self.tasks[host.index()].as_mut() else { return };
        let mut actions = Vec::new();
        task.handle(now, event, &mut actions);
        if task.is_over() {
            self.tasks[host.index()] = None;
        }
        for action in actions {
            match action {
                host_task::Action::Start { attempt } => wanted.starts.push((host, attempt)),
                host_task::Action::Kill { .. } | host_task::Action::SetTimer { .. } => {}
                action => queue.push_back(Message::Job(job::Event::Task { host, action })),
            }
        }
    }
}

/// The job's view of an answer of the ledger.
pub(crate) fn event_of(effect: Effect) -> Option<job::Event> {
    Some(match effect {
        Effect::Registered { out, .. } => job::Event::Registered { out },
        Effect::Granted { host, attempt, .. } => job::Event::Granted { host, attempt },
        Effect::Waiting { waits, .. } => job::Event::Waiting(waits),
        Effect::Blocked { number, by, .. } => job::Event::Blocked { number, by },
        Effect::Finished { .. } => job::Event::Finished,
        Effect::WakeAt(_) | Effect::NotReleased { .. } => return None,
    })
}
