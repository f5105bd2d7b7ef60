//! The ledger as a log that several processes share.
//!
//! Each process has a replica that lags. It takes turns with the namespace's lock: it reads what the others have appended,
//! decides, and commits a while later; after another while it acts. It may die at any of these moments, and then
//! everything of it is gone but what was committed. Wake-ups are late or get lost.

#![expect(clippy::indexing_slicing, reason = "the simulator is a test: a panic in it is a finding")]

use std::collections::{BTreeSet, VecDeque};
use std::ops::Range;
use std::sync::Arc;

use pogo_plan::event::{Fact, JobId};

use super::{MS, Msg, World, event_of, job_actor, number};
use crate::fault::Fault;
use crate::job;
use crate::journal::FactRecord;
use crate::ledger::{Effect, Ledger, Op, Record, Snapshot};
use crate::replica::{Replica, Turn};
use crate::time::Monotonic;

/// The operators' process, which owns no job.
const CONSOLE: usize = 0;

/// How late a poll may notice what a lost wake-up did not tell, in milliseconds.
const POLL_MS: u64 = 2_000;

const PROCESS: u64 = 3;

/// What lies in the store, and who has it open.
pub(super) struct Store {
    log: Vec<(Monotonic, Record)>,
    snapshot: Option<(u64, Snapshot)>,
    processes: Vec<Process>,
    /// For each job the process that holds its lock.
    pub(super) owner: Vec<Option<usize>>,
    holder: Option<usize>,
    /// Who waits for the namespace's lock, in turn.
    queue: VecDeque<usize>,
    crashes_left: u32,
}

struct Process {
    is_alive: bool,
    replica: Replica,
    pending: VecDeque<Item>,
    /// It has asked for the lock.
    is_due: bool,
    turn: Option<InTurn>,
    told: VecDeque<(Vec<Effect>, Vec<Item>)>,
    wakes_at: Option<Monotonic>,
}

/// Something that wants to be on record.
enum Item {
    /// One step of a job's machine: what it wants done, once what it wants recorded is.
    Step { job: usize, life: u32, actions: Vec<job::Action> },
    /// A job whose lock this process has got.
    TakeUp { job: usize },
    /// From an operator.
    Operation(Op),
}

struct InTurn {
    turn: Turn,
    items: Vec<(Item, Range<usize>)>,
    /// The jobs whose owners were seen to be gone.
    gone: Vec<bool>,
}

impl World<'_> {
    /// The processes as they are in the beginning.
    pub(super) fn open_store(&mut self) {
        let Some(sharing) = &self.scenario.sharing else { return };
        let mut store = Store {
            log: Vec::new(),
            snapshot: None,
            processes: Vec::new(),
            owner: sharing.processes.iter().map(|&process| Some(process)).collect(),
            holder: None,
            queue: VecDeque::new(),
            crashes_left: sharing.crashes,
        };
        let most = sharing.processes.iter().copied().max().unwrap_or(CONSOLE);
        store.processes.extend((0..=most).map(|_| Process::new(Ledger::new(self.faults), 0, self.faults)));
        for (&process, job) in sharing.processes.iter().zip(&self.jobs) {
            store.processes[process].replica.own(job.id);
        }
        self.store = Some(store);
    }

    fn store(&mut self) -> &mut Store {
        self.store.as_mut().unwrap_or_else(|| unreachable!("only called with a store"))
    }

    /// A job's machine has made a step.
    pub(super) fn submit(&mut self, job: usize, actions: Vec<job::Action>) -> Result<(), String> {
        let life = self.jobs[job].life;
        let Some(owner) = self.store().owner[job] else { return Ok(()) };
        let is_record =
            |action: &job::Action| matches!(action, job::Action::Record(_) | job::Action::Ledger(_));
        let acts_at_once = self.faults.has(Fault::ActsBeforeCommit);
        let process = &mut self.store().processes[owner];
        let is_idle = process.pending.is_empty() && process.turn.is_none() && process.told.is_empty();
        if is_idle && !actions.iter().any(is_record) {
            for action in actions {
                self.judge(job, &action)?;
                self.act(job, life, action);
            }
            return Ok(());
        }
        if acts_at_once {
            let (records, rest): (Vec<_>, Vec<_>) = actions.into_iter().partition(is_record);
            self.store().processes[owner].pending.push_back(Item::Step { job, life, actions: records });
            self.ask_for_turn(owner);
            for action in rest {
                self.judge(job, &action)?;
                self.act(job, life, action);
            }
            return Ok(());
        }
        process.pending.push_back(Item::Step { job, life, actions });
        self.ask_for_turn(owner);
        Ok(())
    }

    /// An operator changes the ledger.
    pub(super) fn operation(&mut self, op: Op) {
        self.store().processes[CONSOLE].pending.push_back(Item::Operation(op));
        self.ask_for_turn(CONSOLE);
    }

    fn ask_for_turn(&mut self, process: usize) {
        if !std::mem::replace(&mut self.store().processes[process].is_due, true) {
            let delay = self.short();
            self.at(self.now + delay, Msg::Turn(process));
        }
    }

    /// How long a lock, a commit or a message between processes takes.
    fn short(&mut self) -> u64 {
        self.chance.below(self.scenario.delay_ms * MS / 2 + 1)
    }

    /// A process wants the lock of the namespace.
    pub(super) fn turn(&mut self, process: usize) -> Result<(), String> {
        let store = self.store();
        if !store.processes[process].is_alive {
            // It died while it was about to get the lock, which goes to the next.
            if store.holder.is_none()
                && let Some(next) = store.queue.pop_front()
            {
                self.at(self.now, Msg::Turn(next));
            }
            return Ok(());
        }
        if store.holder.is_some() {
            store.queue.push_back(process);
            return Ok(());
        }
        store.holder = Some(process);
        self.take_turn(process)
    }

    /// It has the lock: it reads on, decides, and is about to write.
    fn take_turn(&mut self, at: usize) -> Result<(), String> {
        let now = Monotonic(self.now);
        let Some(store) = &mut self.store else { return Ok(()) };
        let process = &mut store.processes[at];
        let mut turn = Turn::default();
        let first = process.replica.next();
        for (next, (at, record)) in (first..).zip(&store.log[first as usize..]) {
            let plan = |job: JobId| Some(Arc::clone(&self.jobs[number(job)].plan));
            let op = record.clone().into_op(plan).unwrap_or(Op::Tick);
            let learned = process.replica.learn(next, *at, op, &mut turn);
            debug_assert!(learned.is_ok());
        }
        let gone: Vec<bool> = store.owner.iter().map(Option::is_none).collect();
        let is_gone = |job: JobId| gone[number(job)];
        process.replica.tick(now, is_gone, &mut turn);
        let mut items = Vec::new();
        for item in process.pending.drain(..) {
            let from = turn.ops.len();
            match &item {
                Item::Step { job, actions, .. } => {
                    let (mut facts, mut ops) = (Vec::new(), Vec::new());
                    for action in actions {
                        match action {
                            job::Action::Record(fact) => facts.push(fact.clone()),
                            job::Action::Ledger(op) => ops.push(op.clone()),
                            _ => {}
                        }
                    }
                    let job = Some(self.jobs[*job].id);
                    process.replica.submit(now, job, facts, ops, is_gone, &mut turn);
                }
                Item::TakeUp { job } => {
                    let world = &self.jobs[*job];
                    process.replica.take_up(now, world.id, &world.journal, is_gone, &mut turn);
                }
                Item::Operation(op) => {
                    process.replica.submit(now, None, [], [op.clone()], is_gone, &mut turn);
                }
            }
            items.push((item, from..turn.ops.len()));
        }
        process.is_due = false;
        let owns = store.owner.contains(&Some(at));
        let wakes_at =
            process.replica.ledger().wake_at().filter(|&time| owns && process.wakes_at != Some(time));
        if wakes_at.is_some() {
            process.wakes_at = wakes_at;
        }
        if let Some(time) = wakes_at {
            self.at(time.0.max(self.now), Msg::Wake(at));
        }
        if turn.is_empty() {
            let items: Vec<Item> = items.into_iter().map(|(item, _)| item).collect();
            for item in &items {
                self.judge_item(item)?;
            }
            self.tell(at, turn.effects, items);
            self.unlock(at);
            return Ok(());
        }
        if self.faults.has(Fault::ActsBeforeCommit) {
            let effects = std::mem::take(&mut turn.effects);
            self.tell(at, effects, Vec::new());
        }
        self.store().processes[at].turn = Some(InTurn { turn, items, gone });
        let delay = self.short();
        self.at(self.now + delay, Msg::Commit(at));
        Ok(())
    }

    /// What a step puts on record and begins, in its order.
    fn judge_item(&mut self, item: &Item) -> Result<(), String> {
        let Item::Step { job, actions, .. } = item else { return Ok(()) };
        for action in actions {
            if let job::Action::Record(fact) = action {
                self.oracle.recorded(self.now, *job, fact)?;
            }
            self.judge(*job, action)?;
        }
        Ok(())
    }

    /// What a process has decided goes on record, all or nothing.
    pub(super) fn commit(&mut self, at: usize) -> Result<(), String> {
        if !self.store().processes[at].is_alive || self.dies_here(at) {
            return Ok(());
        }
        let Some(InTurn { turn, items, gone }) = self.store().processes[at].turn.take() else {
            return Ok(());
        };
        self.report.commits += 1;
        let mut ops = turn.ops.into_iter().enumerate().peekable();
        let first = items.first().map_or(usize::MAX, |(_, range)| range.start);
        let mut done = Vec::new();
        while let Some((_, (time, op))) = ops.next_if(|(index, _)| *index < first) {
            self.append(time, op, &gone)?;
        }
        for (item, range) in items {
            self.judge_item(&item)?;
            while let Some((_, (time, op))) = ops.next_if(|(index, _)| *index < range.end) {
                if matches!((&item, &op), (Item::TakeUp { .. }, Op::Return { .. })) {
                    self.report.never_begun += 1;
                }
                self.append(time, op, &gone)?;
            }
            done.push(item);
        }
        for (job, fact) in turn.facts {
            self.write(at, number(job), &fact)?;
        }
        self.keep_snapshot(at)?;
        self.wake_others(at, &turn.others);
        self.unlock(at);
        if !self.dies_here(at) {
            self.tell(at, turn.effects, done);
        }
        Ok(())
    }

    fn append(&mut self, time: Monotonic, op: Op, gone: &[bool]) -> Result<(), String> {
        self.say(|| format!("  log: {:?}", Record::of(&op)));
        self.store().log.push((time, Record::of(&op)));
        for effect in self.logged(time, op)? {
            if let Effect::Granted { job, host, .. } = effect
                && gone[number(job)]
            {
                let name = self.jobs[number(job)].plan.hosts.name(host);
                return Err(format!("grants {name} to job {}, whose owner is gone", number(job)));
            }
        }
        Ok(())
    }

    fn write(&mut self, writer: usize, job: usize, fact: &Fact<pogo_plan::HostIdx>) -> Result<(), String> {
        self.say(|| format!("  process {writer} writes for job {job}: {fact:?}"));
        if self.store().owner[job] != Some(writer) {
            return Err(format!("process {writer} writes a fact of job {job}, which it does not own"));
        }
        if let Fact::Granted { host, attempt } = *fact {
            self.oracle.grant_recorded(job, host, attempt)?;
        }
        let record =
            FactRecord::of(fact).and_then(FactRecord::into_fact).map_err(|error| error.to_string())?;
        self.jobs[job].journal.push(record);
        Ok(())
    }

    /// Now and then a snapshot is kept, and all replicas would make the same.
    fn keep_snapshot(&mut self, at: usize) -> Result<(), String> {
        if !self.chance.percent(5) {
            return Ok(());
        }
        let reference = self.ledger.snapshot();
        let store = self.store();
        let snapshot = store.processes[at].replica.ledger().snapshot();
        if snapshot != reference {
            return Err(format!("the replica of process {at} is not what the log says"));
        }
        store.snapshot = Some((store.processes[at].replica.next(), snapshot));
        Ok(())
    }

    /// Who has something to read is woken, unless that gets lost; everybody else looks now and then.
    fn wake_others(&mut self, by: usize, called: &BTreeSet<JobId>) {
        let lost = self.scenario.sharing.as_ref().map_or(0, |sharing| sharing.lost_wakeups);
        for other in 0..self.store().processes.len() {
            let store = self.store();
            if other == by || !store.processes[other].is_alive || !store.owner.contains(&Some(other)) {
                continue;
            }
            let is_called = called.iter().any(|&job| store.owner[number(job)] == Some(other));
            if !is_called || self.chance.percent(lost) {
                if !self.faults.has(Fault::WakeUpLost) {
                    let poll = self.chance.below(POLL_MS * MS);
                    self.at(self.now + poll, Msg::Wake(other));
                }
            } else {
                let delay = self.short();
                self.at(self.now + delay, Msg::Wake(other));
            }
        }
    }

    /// A wake-up, a poll, or a time that was asked for.
    pub(super) fn wake(&mut self, at: usize) {
        let now = Monotonic(self.now);
        let store = self.store();
        let process = &store.processes[at];
        let has_news = process.replica.next() < store.log.len() as u64;
        let is_time = process.replica.ledger().wake_at().is_some_and(|at| at <= now);
        if process.is_alive && (has_news || is_time) {
            self.ask_for_turn(at);
        }
    }

    fn unlock(&mut self, by: usize) {
        let store = self.store();
        store.queue.retain(|&waiting| waiting != by || store.processes[waiting].is_due);
        if store.holder == Some(by) {
            store.holder = None;
            if let Some(next) = store.queue.pop_front() {
                self.at(self.now, Msg::Turn(next));
            }
        }
    }

    /// A process acts on what is on record.
    fn tell(&mut self, at: usize, effects: Vec<Effect>, items: Vec<Item>) {
        self.store().processes[at].told.push_back((effects, items));
        let delay = self.short();
        self.send_after(delay, PROCESS + at as u64, PROCESS + at as u64, Msg::Told(at));
    }

    pub(super) fn told(&mut self, at: usize) {
        let process = &mut self.store().processes[at];
        if !process.is_alive {
            return;
        }
        let Some((effects, items)) = process.told.pop_front() else { return };
        for effect in effects {
            let Some((job, event)) = event_of(effect) else { continue };
            let (job, from) = (number(job), PROCESS + at as u64);
            let life = self.jobs[job].life;
            self.send(from, job_actor(job), Msg::Job(job, life, event));
        }
        for item in items {
            match item {
                Item::Step { job, life, actions } => {
                    for action in actions {
                        self.act(job, life, action);
                    }
                }
                Item::TakeUp { job } => self.recover(job),
                Item::Operation(_) => {}
            }
        }
    }

    fn dies_here(&mut self, at: usize) -> bool {
        let percent = self.scenario.sharing.as_ref().map_or(0, |sharing| sharing.crash_percent);
        if at == CONSOLE || self.store().crashes_left == 0 || !self.chance.percent(percent) {
            return false;
        }
        self.store().crashes_left -= 1;
        self.crash_process(at);
        true
    }

    /// A process is gone, with everything that it had not committed. Its jobs are taken up by others, sometimes by two at
    /// once.
    pub(super) fn crash_process(&mut self, at: usize) {
        self.say(|| format!("  process {at} dies"));
        self.report.crashes += 1;
        let store = self.store();
        let process = &mut store.processes[at];
        process.is_alive = false;
        process.pending.clear();
        process.told.clear();
        process.turn = None;
        store.queue.retain(|&waiting| waiting != at);
        let orphans: Vec<usize> = store
            .owner
            .iter()
            .enumerate()
            .filter(|(_, owner)| **owner == Some(at))
            .map(|(job, _)| job)
            .collect();
        self.unlock(at);
        for job in orphans {
            self.store().owner[job] = None;
            let world = &mut self.jobs[job];
            world.machine = None;
            world.life += 1;
            world.tasks.clear();
            let later = self.now + (1 + self.chance.below(30_000)) * MS;
            let heirs = if self.chance.percent(30) { 2 } else { 1 };
            for _ in 0..heirs {
                let heir = self.chance.percent(30).then(|| self.chance.below(at as u64 + 1) as usize);
                let delay = self.short();
                self.at(later + delay, Msg::TakeUp(job, heir));
            }
        }
    }

    /// A process tries to get a job's lock: an existing one if it is alive, or a new one.
    pub(super) fn take_up(&mut self, job: usize, by: Option<usize>) {
        let store = self.store();
        if store.owner[job].is_some() {
            self.report.lost_races += 1;
            return;
        }
        let is_fit = |&at: &usize| at != CONSOLE && store.processes[at].is_alive;
        let at = match by.filter(is_fit) {
            Some(at) => at,
            None => self.start_process(),
        };
        let store = self.store();
        store.owner[job] = Some(at);
        store.processes[at].pending.push_back(Item::TakeUp { job });
        self.ask_for_turn(at);
    }

    /// From a snapshot if there is one, or from the beginning of the log.
    fn start_process(&mut self) -> usize {
        let faults = self.faults;
        let uses_snapshot = self.chance.percent(75);
        let snapshot = self.store().snapshot.clone().filter(|_| uses_snapshot);
        let restored = snapshot.and_then(|(next, snapshot)| {
            let plan = |job: JobId| Some(Arc::clone(&self.jobs[number(job)].plan));
            Some((Ledger::restore(snapshot, plan).ok()?.with_faults(faults), next))
        });
        let (ledger, next) = restored.unwrap_or_else(|| (Ledger::new(faults), 0));
        let store = self.store();
        store.processes.push(Process::new(ledger, next, faults));
        store.processes.len() - 1
    }
}

impl Process {
    fn new(ledger: Ledger, next: u64, faults: crate::fault::Faults) -> Self {
        Self {
            is_alive: true,
            replica: Replica::new(ledger, next, faults),
            pending: VecDeque::new(),
            is_due: false,
            turn: None,
            told: VecDeque::new(),
            wakes_at: None,
        }
    }
}
