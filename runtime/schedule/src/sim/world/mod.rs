//! Time, messages, workers, operators.

#![expect(clippy::indexing_slicing, reason = "the simulator is a test: a panic in it is a finding")]

mod hosts;
mod machines;
mod memory;
mod operators;
mod store;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::Arc;

use hashbrown::HashMap;
use pogo_plan::event::{Fact, JobId};
use pogo_plan::outcome::{Attempt, Outcome};
use pogo_plan::{HostIdx, Plan};

use super::oracle::{Oracle, Seen};
use super::{Chance, Scenario};
use crate::fault::{Fault, Faults};
use crate::ids::{SlotIdx, Slots, ThreadIdx};
use crate::ledger::{Effect, Ledger, Op};
use crate::time::Monotonic;
use crate::{host_task, job, slot, thread};

const MS: u64 = 1_000_000;

fn number_of(host: &str) -> usize {
    host.get(1..).and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

pub(in crate::sim) fn number(id: JobId) -> usize {
    usize::try_from(id.bits()).unwrap_or(1) - 1
}

/// What a job hears of an effect.
fn event_of(effect: Effect) -> Option<(JobId, job::Event)> {
    Some(match effect {
        Effect::Registered { job, out } => (job, job::Event::Registered { out }),
        Effect::Granted { job, host, attempt } => (job, job::Event::Granted { host, attempt }),
        Effect::Waiting { job, waits } => (job, job::Event::Waiting(waits)),
        Effect::Blocked { job, number, by } => (job, job::Event::Blocked { number, by }),
        Effect::Finished { job } => (job, job::Event::Finished),
        Effect::WakeAt(_) | Effect::NotReleased { .. } => return None,
    })
}

/// More steps than any scenario needs.
const MAX_STEPS: u64 = 200_000;

/// How often operators mend what is bad and resume, once nothing happens any more.
const REPAIRS: u32 = 2;

/// A simulation that found something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What must not happen.
    pub what: String,
    /// Everything that was said until then, if that was asked for.
    pub log: Vec<String>,
}

/// A simulation that found nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Messages delivered.
    pub steps: u64,
    /// Attempts begun.
    pub attempts: u64,
    /// How often a job ended as blocked.
    pub blocked: u64,
    /// How often a process crashed.
    pub crashes: u64,
    /// Transactions of processes that share a ledger.
    pub commits: u64,
    /// How often somebody came too late to take up a job.
    pub lost_races: u64,
    /// Hosts that were granted to the dead, never begun, and given back.
    pub never_begun: u64,
    /// Everything that was said, if that was asked for.
    pub log: Vec<String>,
}

/// Runs a scenario to its end.
///
/// # Errors
///
/// What must never have happened, and did.
pub fn run(scenario: &Scenario, fault: Option<Fault>, keep_log: bool) -> Result<Report, Failure> {
    let mut world = World::new(scenario, fault, keep_log);
    match world.run() {
        Ok(()) => Ok(Report { log: world.log, ..world.report }),
        Err(what) => Err(Failure { what, log: world.log }),
    }
}

#[derive(Clone, Debug)]
enum Msg {
    Job(usize, u32, job::Event),
    Thread(usize, u32, ThreadIdx, thread::Event),
    Slot(usize, u32, SlotIdx, slot::Event),
    Task(usize, u32, HostIdx, host_task::Event),
    Ledger(Op),
    WorkerStart(usize, u32, HostIdx, Attempt),
    WorkerKill(usize, u32, HostIdx, Attempt),
    ProcessEnds(usize, u32, HostIdx, Attempt, Outcome, bool),
    Crash(usize),
    Recover(usize),
    /// Of processes that share a ledger: see `store`.
    Turn(usize),
    Commit(usize),
    Told(usize),
    Wake(usize),
    TakeUp(usize, Option<usize>),
    Operator,
}

/// A plan in one line.
fn describe(plan: &Plan) -> String {
    let names = |hosts: &[HostIdx]| -> Vec<String> {
        hosts.iter().map(|&host| format!("{}={}", host.index(), plan.hosts.name(host))).collect()
    };
    let slots = plan.threads.iter().flat_map(|thread| &thread.slots).filter(|slot| !slot.hosts.is_empty());
    let slots: Vec<_> =
        slots.map(|slot| (&slot.id, names(&slot.hosts), slot.pause_after_ms, slot.max_failures)).collect();
    let limits: Vec<_> =
        plan.limits.iter().map(|limit| (&limit.id, limit.max_parallel, names(&limit.members))).collect();
    let job = &plan.job;
    format!(
        "slots {slots:?} limits {limits:?} {:?} {:?} concurrent {:?} ramp {:?} stagger {} max_failures {:?} verify {} recover {}",
        job.retry,
        job.on_failure,
        job.concurrent,
        job.ramp,
        job.stagger_ms,
        job.max_failures,
        job.verify.is_some(),
        job.recover
    )
}

struct Process {
    hears: bool,
}

struct JobWorld {
    id: JobId,
    plan: Arc<Plan>,
    slots: Arc<Slots>,
    life: u32,
    machine: Option<job::Machine>,
    threads: Vec<thread::Machine>,
    slot_machines: Vec<slot::Machine>,
    tasks: BTreeMap<HostIdx, host_task::Machine>,
    processes: BTreeMap<(HostIdx, Attempt), Process>,
    journal: Vec<Fact<HostIdx>>,
}

struct World<'a> {
    scenario: &'a Scenario,
    faults: Faults,
    now: u64,
    seq: u64,
    queue: BinaryHeap<Reverse<(u64, u64)>>,
    messages: HashMap<u64, Msg>,
    latest: HashMap<(u64, u64), u64>,
    /// The one ledger there is, or the one that follows from the log.
    ledger: Ledger,
    store: Option<store::Store>,
    jobs: Vec<JobWorld>,
    oracle: Oracle,
    chance: Chance,
    is_repaired: bool,
    keep_log: bool,
    log: Vec<String>,
    report: Report,
}

const LEDGER: u64 = 1;
const OPERATOR: u64 = 2;

const fn job_actor(job: usize) -> u64 {
    (job as u64 + 1) << 32
}

fn thread_actor(job: usize, thread: ThreadIdx) -> u64 {
    job_actor(job) + 1_000 + u64::from(thread.0)
}

fn slot_actor(job: usize, slot: SlotIdx) -> u64 {
    job_actor(job) + 10_000 + u64::from(slot.0)
}

fn task_actor(job: usize, host: HostIdx) -> u64 {
    job_actor(job) + 100_000 + host.index() as u64
}

fn worker_actor(job: usize, host: HostIdx) -> u64 {
    job_actor(job) + 1_000_000 + host.index() as u64
}

impl<'a> World<'a> {
    fn new(scenario: &'a Scenario, fault: Option<Fault>, keep_log: bool) -> Self {
        let faults = Faults::planted(fault);
        let jobs: Vec<JobWorld> = scenario
            .jobs
            .iter()
            .zip(1..)
            .map(|((plan, _), number)| {
                let slots = Arc::new(Slots::new(plan));
                JobWorld {
                    id: JobId::from_bits(number),
                    plan: Arc::clone(plan),
                    slots,
                    life: 0,
                    machine: None,
                    threads: Vec::new(),
                    slot_machines: Vec::new(),
                    tasks: BTreeMap::new(),
                    processes: BTreeMap::new(),
                    journal: Vec::new(),
                }
            })
            .collect();
        let seen = jobs.iter().map(|job| Seen::new(Arc::clone(&job.plan), Arc::clone(&job.slots))).collect();
        let oracle = Oracle::new(seen, scenario.n_hosts as usize);
        let mut world = Self {
            scenario,
            faults,
            now: 0,
            seq: 0,
            queue: BinaryHeap::new(),
            messages: HashMap::new(),
            latest: HashMap::new(),
            ledger: Ledger::new(faults),
            store: None,
            jobs,
            oracle,
            chance: Chance::new(scenario.seed ^ 0xabcd),
            is_repaired: false,
            keep_log,
            log: Vec::new(),
            report: Report::default(),
        };
        for (job, (plan, _)) in scenario.jobs.iter().enumerate() {
            world.say(|| format!("job {job}: {}", describe(plan)));
        }
        world.prepare();
        world
    }

    fn prepare(&mut self) {
        self.open_store();
        for job in 0..self.jobs.len() {
            self.build(job, false);
            self.at(self.scenario.jobs[job].1 * MS, Msg::Job(job, 0, job::Event::Start));
        }
        for _ in 0..self.scenario.commands {
            let at = self.chance.below(800_000) * MS;
            self.at(at, Msg::Operator);
        }
        for &(job, after) in &self.scenario.crashes {
            self.at(after * MS, Msg::Crash(job));
        }
    }

    /// Makes the machines of a job, anew or from its journal.
    fn build(&mut self, job: usize, from_journal: bool) {
        let seed = self.scenario.seed ^ job as u64;
        let faults = self.faults;
        let world = &mut self.jobs[job];
        let (plan, slots) = (Arc::clone(&world.plan), Arc::clone(&world.slots));
        world.tasks.clear();
        world.threads.clear();
        world.slot_machines.clear();
        for thread in &plan.threads {
            let first = world.slot_machines.len() as u32;
            let step = |(slot, index): (&pogo_plan::Slot, u32)| thread::Step {
                slot: SlotIdx(first + index),
                pause_after_ms: slot.pause_after_ms,
                is_empty: slot.hosts.is_empty(),
            };
            let steps = thread.slots.iter().zip(0..).map(step).collect();
            world.threads.push(thread::Machine::new(steps, faults));
            for slot in &thread.slots {
                world.slot_machines.push(slot::Machine::new(
                    slot.hosts.len() as u32,
                    slot.max_failures,
                    faults,
                ));
            }
        }
        let facts = if from_journal { world.journal.clone() } else { Vec::new() };
        world.machine = Some(if from_journal {
            job::Machine::recover(world.id, plan, slots, seed, faults, facts)
        } else {
            job::Machine::new(world.id, plan, slots, seed, faults)
        });
    }

    /// A job goes on from its journal.
    fn recover(&mut self, job: usize) {
        if self.jobs[job].machine.is_none() {
            self.build(job, true);
            let life = self.jobs[job].life;
            if !self.oracle.jobs[job].job_state.has_ended() {
                self.at(self.now, Msg::Job(job, life, job::Event::Start));
            }
        }
    }

    fn at(&mut self, at: u64, msg: Msg) {
        self.seq += 1;
        self.queue.push(Reverse((at, self.seq)));
        self.messages.insert(self.seq, msg);
    }

    /// Sends a message: what one actor says to another arrives in order, all else as chance has it.
    fn send(&mut self, from: u64, to: u64, msg: Msg) {
        let delay =
            if self.scenario.delay_ms == 0 { 0 } else { self.chance.below(self.scenario.delay_ms * MS) };
        self.send_after(delay, from, to, msg);
    }

    fn send_after(&mut self, delay: u64, from: u64, to: u64, msg: Msg) {
        let at = (self.now + delay).max(self.latest.get(&(from, to)).copied().unwrap_or(0));
        self.latest.insert((from, to), at);
        self.at(at, msg);
    }

    fn say(&mut self, what: impl FnOnce() -> String) {
        if self.keep_log {
            let line = format!("{:>12.3}s {}", self.now as f64 / 1e9, what());
            self.log.push(line);
        }
    }

    fn run(&mut self) -> Result<(), String> {
        for repair in 0..=REPAIRS {
            while let Some(Reverse((at, seq))) = self.queue.pop() {
                let Some(msg) = self.messages.remove(&seq) else { continue };
                self.now = at;
                self.report.steps += 1;
                if self.report.steps > MAX_STEPS {
                    return Err("this never ends".to_owned());
                }
                self.deliver(msg)?;
            }
            self.oracle.all_quiet()?;
            if repair == REPAIRS || self.is_repaired {
                break;
            }
            self.repair();
        }
        Ok(())
    }

    fn deliver(&mut self, msg: Msg) -> Result<(), String> {
        self.say(|| match &msg {
            Msg::Ledger(Op::Register { job, .. }) => format!("Ledger(Register {job})"),
            msg => format!("{msg:?}"),
        });
        let now = Monotonic(self.now);
        match msg {
            Msg::Job(job, life, event) => {
                if self.jobs[job].life == life && self.jobs[job].machine.is_some() {
                    self.job(job, event)?;
                }
            }
            Msg::Thread(job, life, thread, event) => self.thread(now, job, life, thread, event),
            Msg::Slot(job, life, slot, event) => self.slot(now, job, life, slot, event),
            Msg::Task(job, life, host, event) => self.task(now, job, life, host, event),
            Msg::Ledger(op) if self.store.is_some() => self.operation(op),
            Msg::Ledger(op) => self.ledger(now, op)?,
            Msg::Turn(process) => self.turn(process)?,
            Msg::Commit(process) => self.commit(process)?,
            Msg::Told(process) => self.told(process),
            Msg::Wake(process) => self.wake(process),
            Msg::TakeUp(job, by) => self.take_up(job, by),
            Msg::WorkerStart(job, life, host, attempt) => self.worker_start(job, life, host, attempt)?,
            Msg::WorkerKill(job, life, host, attempt) => self.worker_kill(job, life, host, attempt),
            Msg::ProcessEnds(job, life, host, attempt, outcome, reports) => {
                if self.jobs[job].processes.remove(&(host, attempt)).is_some() {
                    self.oracle.process_ends(self.now, job, host, attempt, outcome == Outcome::Succeeded);
                    if reports {
                        let ended = host_task::Event::Ended { attempt, outcome };
                        self.send(
                            worker_actor(job, host),
                            task_actor(job, host),
                            Msg::Task(job, life, host, ended),
                        );
                    }
                }
            }
            Msg::Crash(job) if let Some(store) = &self.store => {
                if let Some(owner) = store.owner[job] {
                    self.crash_process(owner);
                }
            }
            Msg::Crash(job) => {
                let world = &mut self.jobs[job];
                if world.machine.take().is_some() {
                    world.life += 1;
                    world.tasks.clear();
                    self.report.crashes += 1;
                    let id = world.id;
                    let later = self.now + (1 + self.chance.below(30_000)) * MS;
                    // Late enough for what the dead process had sent to have arrived.
                    let lost = later + self.scenario.delay_ms * MS;
                    self.at(lost, Msg::Ledger(Op::OwnerLost { job: id }));
                    self.at(lost + self.scenario.delay_ms * MS + MS, Msg::Recover(job));
                }
            }
            Msg::Recover(job) => self.recover(job),
            Msg::Operator => self.operator(),
        }
        Ok(())
    }
}
