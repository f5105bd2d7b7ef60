//! A job: one run of a plan. It knows the state of every host, claims hosts whose slots are open, begins what the ledger
//! grants, and ends with a state that says what came of it.
//!
//! | file | what it knows |
//! | --- | --- |
//! | `mod` | events, actions, and the state |
//! | `run` | starting, slots, grants, attempts |
//! | `end` | halting, blocked, ended |
//! | `command` | what operators say |
//! | `recover` | going on from the journal |

mod command;
mod end;
mod recover;
mod run;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

#[cfg(any(test, feature = "sim"))]
pub(crate) use command::outcome_of;
use pogo_plan::event::{Author, Command, Fact, HaltReason, JobId, WaitsFor};
use pogo_plan::outcome::{Attempt, HostState, JobState, Outcome};
use pogo_plan::{HostIdx, Plan};

use crate::fault::Faults;
use crate::ids::{SlotIdx, Slots, ThreadIdx};
use crate::ledger::{BadHost, Op, Waits};
use crate::notice::Notice;
use crate::outbox::Outbox;
use crate::policy::Policy;
use crate::time::Monotonic;
use crate::{host_task, slot, thread};

/// What happens to a job. News of another attempt than a host's current one is ignored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Begin, or go on after a crash.
    Start,
    /// From the ledger: the job's limits are in force.
    Registered {
        /// Targets that are out of service and may be run on.
        out: Box<[HostIdx]>,
    },
    /// From the ledger: a host is out of service for this attempt, and that is on record.
    Granted {
        /// The host.
        host: HostIdx,
        /// The attempt.
        attempt: Attempt,
    },
    /// From the ledger: claimed hosts have to wait.
    Waiting(Box<Waits>),
    /// From the ledger: nothing will move the job.
    Blocked {
        /// The number of the [`Op::Idle`] that this answers.
        number: u32,
        /// The hosts in the way.
        by: Box<[BadHost]>,
    },
    /// From the ledger: the job's limits are no longer in force, and nothing more comes from it.
    Finished,
    /// From a slot.
    Slot {
        /// The slot.
        slot: SlotIdx,
        /// What it says.
        action: slot::Action,
    },
    /// From a thread: its answers, which are [`thread::Action::Pausing`], `Noted` and `Finished`.
    Thread {
        /// The thread.
        thread: ThreadIdx,
        /// What it says.
        action: thread::Action,
    },
    /// From a host task: `Started`, `Ended`, `RetryDue` and `GaveUp`.
    Task {
        /// The host.
        host: HostIdx,
        /// What it says.
        action: host_task::Action,
    },
    /// A host task is gone without a word.
    TaskLost {
        /// The host.
        host: HostIdx,
        /// The attempt it was about.
        attempt: Attempt,
    },
    /// The timer of the job's time limit.
    Timer {
        /// Its number: only the latest counts.
        number: u32,
    },
    /// From an operator.
    Command {
        /// What to do.
        command: Command<HostIdx>,
        /// Who says so and why.
        by: Box<Author>,
    },
}

/// What a job wants done. Facts go on record before anything that follows them in the list is done.
#[derive(Clone, Debug)]
pub enum Action {
    /// Put on record.
    Record(Fact<HostIdx>),
    /// To the ledger of the namespace.
    Ledger(Op),
    /// To a thread.
    Thread(ThreadIdx, thread::Event),
    /// To a slot.
    Slot(SlotIdx, slot::Event),
    /// Make a task for the host; its first event follows.
    Spawn {
        /// The host.
        host: HostIdx,
        /// Its settings.
        policy: Arc<Policy>,
        /// What it draws chance from.
        seed: u64,
    },
    /// To a host's task.
    Task(HostIdx, host_task::Event),
    /// To a timer that comes back as [`Event::Timer`]. It replaces the one before; that one need not be chased.
    SetTimer {
        /// Its number.
        number: u32,
        /// When.
        at: Monotonic,
    },
    /// To the readers.
    Notify(Notice),
    /// To the operator: the command was not carried out. Nothing has changed.
    Refused {
        /// The command.
        command: Command<HostIdx>,
        /// Why.
        why: Refusal,
    },
}

// What there is one of for each host is small, so what is rare and large is in a box.
const _: () = assert!(size_of::<Event>() <= 32 && size_of::<Action>() <= 40 && size_of::<Notice>() <= 24);

/// Why a command is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The host is not a target of the job.
    NotATarget,
    /// The host is not in a state in which this can be done.
    HostIs(HostState),
    /// The job is not in a state in which this can be done.
    JobIs(JobState),
    /// The job is about to end or to begin; say it again in a moment.
    NotNow,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotATarget => f.write_str("the host is not a target of the job"),
            Self::HostIs(state) => write!(f, "the host {}", host_words(*state)),
            Self::JobIs(state) => write!(f, "the job {}", job_words(*state)),
            Self::NotNow => f.write_str("the job is about to begin or to end: say it again in a moment"),
        }
    }
}

const fn host_words(state: HostState) -> &'static str {
    match state {
        HostState::Waiting => "is waiting",
        HostState::Running => "is running",
        HostState::Retrying => "is about to be retried",
        HostState::Succeeded => "has succeeded",
        HostState::Failed => "has failed",
        HostState::Unreachable => "was unreachable",
        HostState::TimedOut => "has timed out",
        HostState::Stopped => "was stopped",
        HostState::Unknown => "is unknown: decide first what became of it",
        HostState::Skipped => "is skipped",
        HostState::Cancelled => "is cancelled",
    }
}

const fn job_words(state: JobState) -> &'static str {
    match state {
        JobState::Running => "is running",
        JobState::Succeeded => "has succeeded",
        JobState::Failed => "has failed",
        JobState::Blocked => "is blocked",
        JobState::Halting => "is halting",
        JobState::Halted => "is halted",
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    New,
    /// Limits are about to be in force.
    Registering,
    Running,
    Halting,
    /// Waits for the ledger's last answer.
    Closing(JobState),
    Ended(JobState),
}

/// What the job keeps for each host that its plan names.
#[derive(Clone, Copy, Debug)]
struct Host {
    attempt: Attempt,
    /// How many of its slots are not open.
    closed: u32,
    last: Outcome,
    state: HostState,
    is_target: bool,
    /// A claim is with the ledger.
    is_claimed: bool,
    /// An operator stops it: no further attempt, even if its task has asked for one already.
    is_called_off: bool,
    /// It counts as done for sequences.
    is_settled: bool,
    /// It runs before all threads.
    recovers: bool,
}

/// How many hosts of the job are in which state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Not started.
    pub waiting: u32,
    /// Of those, claimed.
    pub claimed: u32,
    /// Running or retrying.
    pub active: u32,
    /// Known good.
    pub succeeded: u32,
    /// Failed, unreachable, timed out, stopped or unknown.
    pub bad: u32,
    /// Skipped without being bad.
    pub skipped: u32,
    /// Not started because the job halted.
    pub cancelled: u32,
}

/// The state of a job.
#[derive(Clone, Debug)]
pub struct Machine {
    id: JobId,
    plan: Arc<Plan>,
    slots: Arc<Slots>,
    policy: Arc<Policy>,
    is_altered: bool,
    seed: u64,
    faults: Faults,
    phase: Phase,
    hosts: Vec<Host>,
    counts: Counts,
    /// Answers of slots and threads that are to come. A thread's answer to a slot may overtake what the slot told the job
    /// before, so this may be below zero for a moment.
    pending: i64,
    /// Threads between two slots.
    pausing: i64,
    /// Hosts of the slot `recovery` that are not done; `None` before that is settled.
    recovering: Option<u32>,
    /// Whether the threads have been started, and slots hear of every change.
    has_threads: bool,
    /// The slots that are on record as open.
    opened: Vec<bool>,
    /// What the journal left to be said at the start.
    leftover: Vec<recover::Leftover>,
    /// Hosts became bad while the job was not running yet.
    halt_due: bool,
    timer: u32,
    /// For how long the job has run in processes before this one, of the time that `job_timeout` gives it.
    ran_ms: u64,
    idle_number: u32,
    idle_said: bool,
    reason: Option<HaltReason>,
    blocked_by: Vec<pogo_plan::event::Blocker>,
}

impl Machine {
    /// A job that has not started. The seed is what its host tasks draw chance from.
    #[must_use]
    pub fn new(id: JobId, plan: Arc<Plan>, slots: Arc<Slots>, seed: u64, faults: Faults) -> Self {
        let blank = Host {
            attempt: Attempt(0),
            closed: 0,
            last: Outcome::Unknown,
            state: HostState::Waiting,
            is_target: false,
            is_claimed: false,
            is_called_off: false,
            is_settled: false,
            recovers: false,
        };
        let mut hosts = vec![blank; plan.hosts.len()];
        for &target in &plan.targets {
            if let Some(host) = hosts.get_mut(target.index()) {
                host.is_target = true;
                host.closed = u32::try_from(slots.of(target).count()).unwrap_or(u32::MAX);
            }
        }
        let waiting = u32::try_from(hosts.iter().filter(|host| host.is_target).count()).unwrap_or(u32::MAX);
        Self {
            id,
            policy: Arc::new(Policy::of(&plan.job)),
            is_altered: false,
            seed,
            faults,
            phase: Phase::New,
            hosts,
            counts: Counts { waiting, ..Counts::default() },
            pending: 0,
            pausing: 0,
            recovering: None,
            has_threads: false,
            opened: vec![false; slots.len()],
            leftover: Vec::new(),
            halt_due: false,
            timer: 0,
            ran_ms: 0,
            idle_number: 0,
            idle_said: false,
            reason: None,
            blocked_by: Vec::new(),
            plan,
            slots,
        }
    }

    /// One step.
    pub fn handle(&mut self, now: Monotonic, event: Event, out: &mut impl Outbox<Action>) {
        let says_nothing_new = matches!(event, Event::Waiting(_) | Event::Blocked { .. });
        if !says_nothing_new {
            self.idle_number = self.idle_number.wrapping_add(u32::from(self.idle_said));
            self.idle_said = false;
        }
        match event {
            Event::Start => self.start(now, out),
            Event::Registered { out: already_out } => self.registered(&already_out, out),
            Event::Granted { host, attempt } => self.granted(host, attempt, out),
            Event::Waiting(waits) => self.waiting(waits, out),
            Event::Blocked { number, by } => self.blocked(number, &by, out),
            Event::Finished => self.finished(out),
            Event::Slot { slot, action } => self.slot(slot, action, out),
            Event::Thread { action, .. } => self.thread(action),
            Event::Task { host, action } => self.task(host, action, out),
            Event::TaskLost { host, attempt } => self.task_lost(host, attempt, out),
            Event::Timer { number } => {
                if number == self.timer && self.phase == Phase::Running {
                    self.halt(HaltReason::JobTimeout, true, out);
                }
            }
            Event::Command { command, by } => self.command(now, command, by, out),
        }
        self.look_for_end(out);
    }

    /// The state of the job.
    #[must_use]
    pub const fn state(&self) -> JobState {
        match self.phase {
            Phase::New | Phase::Registering | Phase::Running => JobState::Running,
            Phase::Halting => JobState::Halting,
            // Said only when it is so.
            Phase::Closing(JobState::Halted) => JobState::Halting,
            Phase::Closing(_) => JobState::Running,
            Phase::Ended(state) => state,
        }
    }

    /// How many hosts are in which state.
    #[must_use]
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// The state of a target, and its last attempt (0 if there was none).
    #[must_use]
    pub fn host(&self, host: HostIdx) -> Option<(HostState, Attempt)> {
        let host = self.hosts.get(host.index()).filter(|host| host.is_target)?;
        Some((host.state, host.attempt))
    }

    /// The slots that have opened, done or not.
    pub fn opened_slots(&self) -> impl Iterator<Item = SlotIdx> {
        (0..).zip(&self.opened).filter(|(_, is_open)| **is_open).map(|(slot, _)| SlotIdx(slot))
    }

    /// What a waiting host waits for as far as the job knows; for a claimed one ask the ledger.
    #[must_use]
    pub fn waits_for(&self, host: HostIdx) -> Option<WaitsFor> {
        let record = self.hosts.get(host.index()).filter(|host| host.is_target)?;
        if record.state != HostState::Waiting || record.is_claimed {
            return None;
        }
        if !matches!(self.phase, Phase::Running) {
            return Some(WaitsFor::Job);
        }
        let is_closed = |slot: &SlotIdx| !self.opened.get(slot.0 as usize).copied().unwrap_or(false);
        let slots = self.slots.of(host).filter(is_closed);
        Some(WaitsFor::Slots {
            slots: slots.map(|slot| self.slots.name(&self.plan, slot).to_owned()).collect(),
        })
    }

    fn name(&self, host: HostIdx) -> String {
        self.plan.hosts.name(host).to_owned()
    }

    fn get(&self, host: HostIdx) -> Option<Host> {
        self.hosts.get(host.index()).copied()
    }

    fn get_mut(&mut self, host: HostIdx) -> Option<&mut Host> {
        self.hosts.get_mut(host.index())
    }

    /// Changes a host's state, keeps count and tells the readers.
    fn set_state(&mut self, host: HostIdx, state: HostState, out: &mut impl Outbox<Action>) {
        let Some(record) = self.get_mut(host) else { return };
        let old = std::mem::replace(&mut record.state, state);
        if old != state {
            let (from, to) = (self.counts.of(old), state);
            *from = from.saturating_sub(1);
            *self.counts.of(to) += 1;
            out.push(Action::Notify(Notice::HostState { host, state }));
        }
    }

    fn set_claimed(&mut self, host: HostIdx, is_claimed: bool) {
        let Some(record) = self.get_mut(host) else { return };
        let was = std::mem::replace(&mut record.is_claimed, is_claimed);
        self.counts.claimed = match (was, is_claimed) {
            (false, true) => self.counts.claimed + 1,
            (true, false) => self.counts.claimed.saturating_sub(1),
            _ => self.counts.claimed,
        };
    }
}

impl Counts {
    fn of(&mut self, state: HostState) -> &mut u32 {
        match state {
            HostState::Waiting => &mut self.waiting,
            HostState::Running | HostState::Retrying => &mut self.active,
            HostState::Succeeded => &mut self.succeeded,
            HostState::Skipped => &mut self.skipped,
            HostState::Cancelled => &mut self.cancelled,
            HostState::Failed
            | HostState::Unreachable
            | HostState::TimedOut
            | HostState::Stopped
            | HostState::Unknown => &mut self.bad,
        }
    }
}
