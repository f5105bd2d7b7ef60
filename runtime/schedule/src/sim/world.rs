//! Time, messages, workers, operators.

#![expect(clippy::indexing_slicing, reason = "the simulator is a test: a panic in it is a finding")]

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::sync::Arc;

use hashbrown::HashMap;
use pogo_plan::event::{Author, Command, Fact, JobId, Setting, Verdict};
use pogo_plan::job::OnFailure;
use pogo_plan::outcome::{Attempt, Exit, HostState, JobState, Outcome, Phase};
use pogo_plan::{HostIdx, Plan};

use super::oracle::{Oracle, Seen};
use super::{Chance, Scenario};
use crate::fault::{Fault, Faults};
use crate::ids::{SlotIdx, Slots, ThreadIdx};
use crate::ledger::{Effect, Ledger, Op};
use crate::notice::Notice;
use crate::time::Monotonic;
use crate::{host_task, job, slot, thread};

const MS: u64 = 1_000_000;

fn number_of(host: &str) -> usize {
    host.get(1..).and_then(|digits| digits.parse().ok()).unwrap_or(0)
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
    ledger: Ledger,
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
            Msg::Ledger(op) => self.ledger(now, op)?,
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
            Msg::Recover(job) => {
                if self.jobs[job].machine.is_none() {
                    self.build(job, true);
                    let life = self.jobs[job].life;
                    if !self.oracle.jobs[job].job_state.has_ended() {
                        self.at(self.now, Msg::Job(job, life, job::Event::Start));
                    }
                }
            }
            Msg::Operator => self.operator(),
        }
        Ok(())
    }

    fn job(&mut self, job: usize, event: job::Event) -> Result<(), String> {
        let mut out = Vec::new();
        let now = Monotonic(self.now);
        if let Some(machine) = &mut self.jobs[job].machine {
            machine.handle(now, event, &mut out);
        }
        for action in out {
            self.job_action(job, action)?;
        }
        Ok(())
    }

    fn job_action(&mut self, job: usize, action: job::Action) -> Result<(), String> {
        let me = job_actor(job);
        let life = self.jobs[job].life;
        match action {
            job::Action::Record(fact) => {
                self.say(|| format!("  job {job} records {fact:?}"));
                self.oracle.recorded(self.now, job, &fact)?;
                self.jobs[job].journal.push(fact);
            }
            job::Action::Ledger(op) => self.send(me, LEDGER, Msg::Ledger(op)),
            job::Action::Thread(thread, event) => {
                self.send(me, thread_actor(job, thread), Msg::Thread(job, life, thread, event));
            }
            job::Action::Slot(slot, event) => {
                self.send(me, slot_actor(job, slot), Msg::Slot(job, life, slot, event));
            }
            job::Action::Spawn { host, policy, seed } => {
                let task = host_task::Machine::new(host, policy, seed, self.faults);
                self.jobs[job].tasks.insert(host, task);
            }
            job::Action::Task(host, event) => {
                match event {
                    host_task::Event::Begin { attempt } => {
                        self.report.attempts += 1;
                        self.oracle.begins(self.now, job, host, attempt)?;
                    }
                    host_task::Event::Stop => self.oracle.stop_asked(job, host),
                    _ => {}
                }
                self.send(me, task_actor(job, host), Msg::Task(job, life, host, event));
            }
            job::Action::SetTimer { number, at } => {
                self.at(at.0, Msg::Job(job, life, job::Event::Timer { number }));
            }
            job::Action::Notify(Notice::JobState { state: JobState::Blocked, blocked_by, .. }) => {
                self.report.blocked += 1;
                self.oracle.blocked_told(job, &blocked_by)?;
            }
            job::Action::Notify(_) => {}
            job::Action::Refused { command, why } => {
                self.say(|| format!("  job {job} refuses {command:?}: {why:?}"));
            }
        }
        Ok(())
    }

    fn thread(&mut self, now: Monotonic, job: usize, life: u32, thread: ThreadIdx, event: thread::Event) {
        if self.jobs[job].life != life {
            return;
        }
        let mut out = Vec::new();
        self.jobs[job].threads[thread.0 as usize].handle(now, event, &mut out);
        let me = thread_actor(job, thread);
        for action in out {
            match action {
                thread::Action::Open { slot, after_pause } => {
                    let open = slot::Event::Open { after_pause };
                    self.send(me, slot_actor(job, slot), Msg::Slot(job, life, slot, open));
                    continue;
                }
                thread::Action::Pausing { after, until } => {
                    self.at(until.0, Msg::Thread(job, life, thread, thread::Event::PauseOver { after }));
                }
                thread::Action::Noted | thread::Action::Finished => {}
            }
            self.send(me, job_actor(job), Msg::Job(job, life, job::Event::Thread { thread, action }));
        }
    }

    fn slot(&mut self, now: Monotonic, job: usize, life: u32, slot: SlotIdx, event: slot::Event) {
        if self.jobs[job].life != life {
            return;
        }
        let mut out = Vec::new();
        self.jobs[job].slot_machines[slot.0 as usize].handle(now, event, &mut out);
        let me = slot_actor(job, slot);
        for action in out {
            if action == slot::Action::Done
                && let Some(thread) = self.jobs[job].slots.thread(slot)
            {
                let done = thread::Event::SlotDone { slot };
                self.send(me, thread_actor(job, thread), Msg::Thread(job, life, thread, done));
            }
            self.send(me, job_actor(job), Msg::Job(job, life, job::Event::Slot { slot, action }));
        }
    }

    fn task(&mut self, now: Monotonic, job: usize, life: u32, host: HostIdx, event: host_task::Event) {
        let world = &mut self.jobs[job];
        if world.life != life {
            return;
        }
        let Some(machine) = world.tasks.get_mut(&host) else { return };
        if let host_task::Event::Ended { attempt, .. } | host_task::Event::Lost { attempt } = event {
            self.oracle.heard(self.now, job, host, attempt);
        }
        let mut out = Vec::new();
        machine.handle(now, event, &mut out);
        if machine.is_over() {
            world.tasks.remove(&host);
        }
        let me = task_actor(job, host);
        for action in out {
            match action {
                host_task::Action::Start { attempt } => {
                    self.send(me, worker_actor(job, host), Msg::WorkerStart(job, life, host, attempt));
                }
                host_task::Action::Kill { attempt } => {
                    self.send(me, worker_actor(job, host), Msg::WorkerKill(job, life, host, attempt));
                }
                host_task::Action::SetTimer { attempt, number, at } => {
                    self.at(at.0, Msg::Task(job, life, host, host_task::Event::Timer { attempt, number }));
                }
                action => {
                    self.send(me, job_actor(job), Msg::Job(job, life, job::Event::Task { host, action }));
                }
            }
        }
    }

    fn ledger(&mut self, now: Monotonic, op: Op) -> Result<(), String> {
        let number = |id: JobId| usize::try_from(id.bits()).unwrap_or(1) - 1;
        match &op {
            Op::Register { job, .. } => self.oracle.registered(number(*job)),
            Op::Claim { job, hosts } => self.oracle.claimed(number(*job), hosts),
            Op::Withdraw { job, hosts } => self.oracle.withdrawn(number(*job), hosts.as_deref()),
            Op::OwnerLost { job } => self.oracle.withdrawn(number(*job), None),
            Op::Return { job, host, attempt } => self.oracle.returned(number(*job), *host, *attempt),
            Op::End { job, host, outcome, .. } => self.oracle.end_heard(number(*job), *host, *outcome),
            Op::Finish { job } => self.oracle.finished(number(*job)),
            Op::SetPace { job, concurrent, stagger_ms } => {
                self.oracle.paced(number(*job), *concurrent, *stagger_ms);
            }
            Op::Decide { job, host, verdict, .. } => {
                self.oracle.decided(number(*job), number_of(host), *verdict);
            }
            Op::Release { .. } | Op::Idle { .. } | Op::Tick => {}
        }
        if let Op::Release { host } = &op
            && !self.faults_skip_release()
        {
            self.oracle.released(number_of(host));
        }
        let mut out = Vec::new();
        self.ledger.apply(now, op, &mut out);
        for effect in out {
            self.say(|| format!("  ledger: {effect:?}"));
            let (id, event) = match effect {
                Effect::Registered { job, out } => (job, job::Event::Registered { out }),
                Effect::Granted { job, host, attempt } => {
                    self.oracle.granted(self.now, number(job), host, attempt)?;
                    self.jobs[number(job)].journal.push(Fact::Granted { host, attempt });
                    (job, job::Event::Granted { host, attempt })
                }
                Effect::Waiting { job, hosts, on } => (job, job::Event::Waiting { hosts, on }),
                Effect::Blocked { job, number: idle, by } => {
                    self.oracle.blocked_said(self.now, number(job))?;
                    (job, job::Event::Blocked { number: idle, by })
                }
                Effect::Finished { job } => (job, job::Event::Finished),
                Effect::WakeAt(at) => {
                    self.at(at.0, Msg::Ledger(Op::Tick));
                    continue;
                }
                Effect::NotReleased { .. } => continue,
            };
            let job = number(id);
            let life = self.jobs[job].life;
            self.send(LEDGER, job_actor(job), Msg::Job(job, life, event));
        }
        Ok(())
    }

    /// With the fault planted it is the machine, not an operator, who releases.
    fn faults_skip_release(&self) -> bool {
        self.faults.has(Fault::SkipReleases)
    }

    fn worker_start(&mut self, job: usize, life: u32, host: HostIdx, attempt: Attempt) -> Result<(), String> {
        let scenario = self.scenario;
        let timeout = self.jobs[job].plan.job.timeout_ms;
        let verifies = self.jobs[job].plan.job.verify.is_some();
        let calm = self.is_repaired;
        let dice = self.chance.below(100);
        let unreachable = if calm { 0 } else { scenario.unreachable };
        let me = worker_actor(job, host);
        let task = |event| Msg::Task(job, life, host, event);
        if dice < unreachable {
            let after = self.chance.below(10_000) * MS;
            let ended = host_task::Event::Ended { attempt, outcome: Outcome::Unreachable };
            self.send_after(after, me, task_actor(job, host), task(ended));
            return Ok(());
        }
        self.oracle.process_starts(self.now, job, host, attempt)?;
        let (fails, hangs, lost) =
            if calm { (0, 0, 0) } else { (scenario.fails, scenario.hangs, scenario.lost) };
        let is_lost = self.chance.percent(lost);
        self.jobs[job].processes.insert((host, attempt), Process { hears: !is_lost });
        let started = self.chance.below(2_000) * MS;
        let run = started + (1 + self.chance.below(scenario.run_ms.min(timeout * 2 / 3))) * MS;
        self.send_after(started, me, task_actor(job, host), task(host_task::Event::Started { attempt }));
        let failed = Outcome::Failed { exit: Exit::Status(1), phase: Phase::Command };
        let outcome = if self.chance.percent(fails) { failed } else { Outcome::Succeeded };
        if is_lost {
            // The process runs on; the connection breaks, at once or after a while, or nothing is ever heard.
            if self.chance.percent(50) {
                let after = started + self.chance.below(run - started + 1);
                self.send_after(after, me, task_actor(job, host), task(host_task::Event::Lost { attempt }));
            }
            let after = if self.chance.percent(50) { run } else { run * 20 };
            self.at(self.now + after, Msg::ProcessEnds(job, life, host, attempt, outcome, false));
        } else if self.chance.percent(hangs) {
            if self.chance.percent(50) {
                // The host keeps the deadline itself.
                let after = started + timeout * MS;
                let ends = Msg::ProcessEnds(job, life, host, attempt, Outcome::TimedOut, true);
                self.at(self.now + after, ends);
            }
        } else {
            if verifies && outcome == Outcome::Succeeded {
                let verify = host_task::Event::Phase { attempt, phase: Phase::Verify };
                self.send_after(run, me, task_actor(job, host), task(verify));
            }
            let verify = if verifies { self.chance.below(20_000) * MS } else { 0 };
            self.at(self.now + run + verify, Msg::ProcessEnds(job, life, host, attempt, outcome, true));
        }
        Ok(())
    }

    fn worker_kill(&mut self, job: usize, life: u32, host: HostIdx, attempt: Attempt) {
        match self.jobs[job].processes.get(&(host, attempt)) {
            Some(process) if process.hears => {
                let after = self.chance.below(5_000) * MS;
                let outcome = Outcome::Stopped;
                self.at(self.now + after, Msg::ProcessEnds(job, life, host, attempt, outcome, true));
            }
            _ => {}
        }
    }

    /// An operator does something.
    fn operator(&mut self) {
        let job = usize::try_from(self.chance.below(self.jobs.len() as u64)).unwrap_or(0);
        let plan = Arc::clone(&self.jobs[job].plan);
        let Some(host) = self.chance.pick(&plan.targets) else { return };
        let n_targets = plan.targets.len() as u32;
        let command = match self.chance.below(12) {
            0 => Command::Halt { stop_running: self.chance.percent(50) },
            1 => Command::Stop { host },
            2 | 3 => Command::Skip { host },
            4 | 5 => Command::Retry { host },
            6 | 7 => Command::Resume,
            8 => {
                let name = plan.hosts.name(host).to_owned();
                self.send(OPERATOR, LEDGER, Msg::Ledger(Op::Release { host: name }));
                return;
            }
            9 => match self.chance.below(4) {
                0 => Command::Alter(Setting::OnFailure(OnFailure::Continue)),
                1 => Command::Alter(Setting::Concurrent(Some(self.chance.between(1, n_targets)))),
                2 => Command::Alter(Setting::StaggerMs(self.chance.below(5_000))),
                _ => Command::Alter(Setting::MaxFailures(None)),
            },
            _ => return self.probe(job, host),
        };
        self.command(job, command);
    }

    fn command(&mut self, job: usize, command: Command<HostIdx>) {
        let life = self.jobs[job].life;
        let event = job::Event::Command { command, by: Author::default() };
        self.send(OPERATOR, job_actor(job), Msg::Job(job, life, event));
    }

    /// Looks at a host of which nobody knows, and says what became of it if it runs no longer.
    fn probe(&mut self, job: usize, host: HostIdx) {
        let machine = self.jobs[job].machine.as_ref();
        let Some((HostState::Unknown, attempt)) = machine.and_then(|machine| machine.host(host)) else {
            return;
        };
        let truth = self.oracle.truth.get(&(job, host.index(), attempt.0)).copied().unwrap_or_default();
        if truth.started_at.is_some() && truth.ended_at.is_none() {
            return;
        }
        let verdict = if truth.succeeded { Verdict::Succeeded } else { Verdict::Failed };
        self.command(job, Command::Decide { host, verdict });
    }

    /// Nothing happens any more: operators mend what is bad, and resume.
    fn repair(&mut self) {
        self.is_repaired = self.chance.percent(50);
        for job in 0..self.jobs.len() {
            if self.oracle.jobs[job].job_state == JobState::Succeeded {
                continue;
            }
            // What still runs unseen is ended by hand first.
            let unseen: VecDeque<_> = self.jobs[job].processes.keys().copied().collect();
            for (host, attempt) in unseen {
                self.jobs[job].processes.remove(&(host, attempt));
                self.oracle.process_ends(self.now, job, host, attempt, false);
            }
            let plan = Arc::clone(&self.jobs[job].plan);
            for &host in &plan.targets {
                self.probe(job, host);
                match self.chance.below(3) {
                    0 => self.command(job, Command::Skip { host }),
                    _ => self.command(job, Command::Retry { host }),
                }
                if self.chance.percent(10) {
                    let name = plan.hosts.name(host).to_owned();
                    self.send(OPERATOR, LEDGER, Msg::Ledger(Op::Release { host: name }));
                }
            }
            self.command(job, Command::Resume);
        }
    }
}
