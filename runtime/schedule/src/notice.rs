//! What machines tell readers, in numbers; [`Notice::events`] makes the events of `pogo.events/1` of it.

use pogo_plan::event::{Blocker, EventKind, HaltReason, WaitsFor};
use pogo_plan::outcome::{Attempt, HostState, JobState, Outcome};
use pogo_plan::{HostIdx, Plan};

use crate::ids::{SlotIdx, Slots};
use crate::ledger::{LimitUse, On, Waits};

/// Something that readers of a job want to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The job changed its state.
    JobState(Box<JobNews>),
    /// A slot opened.
    SlotOpened(SlotIdx),
    /// A slot is done.
    SlotDone(SlotIdx),
    /// Hosts whose slots are open have to wait.
    HostsWaiting(Box<Waits>),
    /// The command of an attempt has started.
    AttemptStarted {
        /// The host.
        host: HostIdx,
        /// The attempt.
        attempt: Attempt,
    },
    /// An attempt has ended.
    AttemptEnded {
        /// The host.
        host: HostIdx,
        /// The attempt.
        attempt: Attempt,
        /// How.
        outcome: Outcome,
        /// From its beginning to its end, in milliseconds.
        duration_ms: u64,
    },
    /// A host changed its state in the job.
    HostState {
        /// The host.
        host: HostIdx,
        /// The new state.
        state: HostState,
    },
}

/// The new state of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobNews {
    /// The state.
    pub state: JobState,
    /// Why it halts.
    pub reason: Option<HaltReason>,
    /// What must be mended for it to go on.
    pub blocked_by: Vec<Blocker>,
}

impl Notice {
    /// The events that say so, in order.
    pub fn events(&self, plan: &Plan, slots: &Slots, mut emit: impl FnMut(EventKind)) {
        let name = |host: &HostIdx| plan.hosts.name(*host).to_owned();
        match self {
            Self::JobState(news) => emit(EventKind::JobState {
                state: news.state,
                reason: news.reason.clone(),
                blocked_by: news.blocked_by.clone(),
            }),
            Self::SlotOpened(slot) => {
                emit(EventKind::SlotOpened { slot: slots.name(plan, *slot).to_owned() });
            }
            Self::SlotDone(slot) => emit(EventKind::SlotDone { slot: slots.name(plan, *slot).to_owned() }),
            Self::HostsWaiting(waits) => {
                for host in &waits.hosts {
                    emit(EventKind::HostWaiting { host: name(host), waits_for: (&waits.on).into() });
                }
            }
            Self::AttemptStarted { host, attempt } => {
                emit(EventKind::AttemptStarted { host: name(host), attempt: *attempt });
            }
            Self::AttemptEnded { host, attempt, outcome, duration_ms } => emit(EventKind::AttemptEnded {
                host: name(host),
                attempt: *attempt,
                outcome: *outcome,
                duration_ms: *duration_ms,
            }),
            Self::HostState { host, state } => emit(EventKind::HostState { host: name(host), state: *state }),
        }
    }
}

impl From<&On> for WaitsFor {
    fn from(on: &On) -> Self {
        match on {
            On::Limit(limit) => Self::Limit { limit: limit.to_string() },
            On::Turn(limit) => Self::Turn { limit: limit.to_string() },
            On::InFlight => Self::InFlight,
            On::Stagger => Self::Stagger,
            On::OtherJob(job) => Self::OtherJob { job: *job },
            On::Decision(job) => Self::Decision { job: *job },
        }
    }
}

impl From<LimitUse> for EventKind {
    fn from(limit: LimitUse) -> Self {
        Self::LimitChanged {
            limit: limit.id.to_string(),
            in_use: limit.in_use,
            max_parallel: limit.max_parallel,
        }
    }
}
