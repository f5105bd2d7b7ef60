//! The ledger of a namespace: which hosts are out of service, which limits are in force, and who waits.
//!
//! It knows hosts, not sizes: a limit counts the hosts out of service among all members of its group, whoever put them
//! out. A host goes out by a grant, in one step for everything it needs, and comes back on evidence only. Everything that
//! changes it is an [`Op`], applied in one order: the same operations give the same ledger, in memory, in the simulator
//! and behind a store. Nothing in it may depend on how its records happen to be numbered in memory, since a replica that
//! was restored from a [`Snapshot`] numbers them in another way.
//!
//! | file | what it knows |
//! | --- | --- |
//! | `registry` | jobs, their limits, and which limits a host is in |
//! | `queue` | who waits, for which one place, and who goes first |
//! | `chain` | the waiting hosts of one group, in order |
//! | `line` | groups, in the order of their oldest hosts |
//! | `service` | going out of service and coming back |
//! | `fair` | going first after having been passed over for too long |
//! | `stuck` | jobs that nothing will move any more |
//! | `record` | operations on record |
//! | `snapshot` | the whole ledger on record |
//!
//! Cost: hosts with the same limits wait in one *group*, which is parked at one place that is full. A freed place looks only
//! at the groups parked there, oldest first, and stops when it is taken again. Neither the number of hosts nor the number of
//! different sets of limits is in the cost of a grant or a release, except through the depth of a B-tree.

mod chain;
mod fair;
mod line;
mod queue;
mod record;
mod registry;
mod service;
mod sets;
mod snapshot;
mod stuck;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::BTreeSet;
use std::num::NonZeroU64;
use std::sync::Arc;

use hashbrown::HashMap;
use pogo_plan::event::{JobId, Verdict};
use pogo_plan::outcome::{Attempt, HostState, Outcome};
use pogo_plan::{HostIdx, HostTable, Plan};

use crate::fault::{Fault, Faults};
use crate::outbox::Outbox;
use crate::slab::{NONE, Slab};
use crate::time::Monotonic;
use chain::Chain;
use line::Line;
use sets::Sets;

pub use fair::{PASSED_OVER_MS, SCAN_MS};
pub use record::{Record, VERSION as RECORD_VERSION};
pub use snapshot::{RestoreError, Snapshot, VERSION as SNAPSHOT_VERSION};

/// What is asked of a ledger. A repeated operation changes nothing. Hosts are numbered as in the plan of the job.
#[derive(Clone, Debug)]
pub enum Op {
    /// The job begins, or is resumed: its limits are in force from now on. Waiting hosts of an earlier registration are
    /// forgotten; hosts that it has out of service stay out.
    Register {
        /// The job.
        job: JobId,
        /// Its plan.
        plan: Arc<Plan>,
    },
    /// These hosts want to start these attempts.
    Claim {
        /// The job.
        job: JobId,
        /// The hosts, in the order in which they should go.
        hosts: Vec<(HostIdx, Attempt)>,
    },
    /// These hosts wait no longer. A host that was granted in the meantime is given back by [`Op::Return`].
    Withdraw {
        /// The job.
        job: JobId,
        /// Which; all of the job's without.
        hosts: Option<Box<[HostIdx]>>,
    },
    /// A grant was not used: nothing was sent to the host.
    Return {
        /// The job.
        job: JobId,
        /// The host.
        host: HostIdx,
        /// The attempt.
        attempt: Attempt,
    },
    /// The last attempt on the host has ended, and no other follows by itself.
    End {
        /// The job.
        job: JobId,
        /// The host.
        host: HostIdx,
        /// The attempt.
        attempt: Attempt,
        /// How it ended.
        outcome: Outcome,
    },
    /// An operator says that the host is back in service. Refused while somebody's end on it is unknown.
    Release {
        /// The host's name.
        host: String,
    },
    /// What became of an attempt that nobody saw end.
    Decide {
        /// The job that made the attempt; it may have ended long ago.
        job: JobId,
        /// The host's name.
        host: Box<str>,
        /// The verdict.
        verdict: Verdict,
        /// Whether a success of the job puts hosts back in service that another job took out.
        restores: bool,
    },
    /// Other values for `concurrent` and `stagger`.
    SetPace {
        /// The job.
        job: JobId,
        /// At most this many hosts in flight.
        concurrent: Option<u32>,
        /// Least time between two starts, in milliseconds.
        stagger_ms: u64,
    },
    /// Nothing happens in the job by itself: it asks to be told when nothing else can move it either.
    Idle {
        /// The job.
        job: JobId,
        /// Comes back in [`Effect::Blocked`].
        number: u32,
    },
    /// The process that ran the job is gone: nothing must be granted to the job until it registers again.
    OwnerLost {
        /// The job.
        job: JobId,
    },
    /// The job has ended: its limits are no longer in force. Its bad hosts stay out of service.
    Finish {
        /// The job.
        job: JobId,
    },
    /// A time asked for by [`Effect::WakeAt`] has come.
    Tick,
}

/// What a ledger answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// To the job that registered.
    Registered {
        /// The job.
        job: JobId,
        /// The targets that are out of service and may be run on, in plan order.
        out: Box<[HostIdx]>,
    },
    /// The host is out of service for this attempt. To be put on record in the same transaction as the operation.
    Granted {
        /// The job.
        job: JobId,
        /// The host.
        host: HostIdx,
        /// The attempt.
        attempt: Attempt,
    },
    /// Claimed hosts have to wait. Said once for a claim; [`Ledger::waits_for`] tells the present reason at any time.
    Waiting {
        /// The job.
        job: JobId,
        /// Who waits for what.
        waits: Box<Waits>,
    },
    /// The answer to [`Op::Idle`]: nothing can move the job without an operator.
    Blocked {
        /// The job.
        job: JobId,
        /// As in [`Op::Idle`].
        number: u32,
        /// The bad hosts that it waits for: at most [`MAX_BLOCKERS`] of them.
        by: Box<[BadHost]>,
    },
    /// The answer to [`Op::Finish`], after every earlier answer to the job.
    Finished {
        /// The job.
        job: JobId,
    },
    /// [`Op::Tick`] is wanted at this time.
    WakeAt(Monotonic),
    /// [`Op::Release`] was refused: this job's attempt on the host is unknown.
    NotReleased {
        /// The host's name.
        host: Box<str>,
        /// The job that must decide first.
        job: JobId,
    },
}

/// How many bad hosts [`Effect::Blocked`] names.
pub const MAX_BLOCKERS: usize = 100;

/// What a claimed host waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum On {
    /// A limit that is full.
    Limit(Arc<str>),
    /// A host that goes first in this limit.
    Turn(Arc<str>),
    /// The job's `concurrent` or `ramp`.
    InFlight,
    /// The job's `stagger`.
    Stagger,
    /// An attempt of another job on this host.
    OtherJob(JobId),
    /// A decision about that job's attempt on this host.
    Decision(JobId),
}

/// Hosts that wait for the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waits {
    /// The hosts.
    pub hosts: Vec<HostIdx>,
    /// What for.
    pub on: On,
}

/// A bad host that takes a place, or is itself waited for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BadHost {
    /// Its name.
    pub host: String,
    /// The job in which it is bad.
    pub job: JobId,
    /// How it is bad.
    pub state: HostState,
    /// The limit in which it takes a place.
    pub limit: Option<Arc<str>>,
}

/// A host out of service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutOfService<'a> {
    /// Its name.
    pub host: &'a str,
    /// Since when.
    pub since: Monotonic,
    /// The job that runs on it, and the attempt.
    pub running: Option<(JobId, Attempt)>,
    /// The jobs that left it bad, with the attempt and how it ended.
    pub bad: Vec<(JobId, Attempt, HostState)>,
}

/// The present use of a limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitUse {
    /// The group's selector.
    pub id: Arc<str>,
    /// Hosts of the group out of service.
    pub in_use: u32,
    /// How many may be.
    pub max_parallel: u32,
}

/// See the module's description.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    names: HostTable,
    hosts: Vec<Host>,
    outs: Slab<Out>,
    waiters: Slab<Waiter>,
    groups: Slab<Group>,
    group_index: HashMap<(u32, Kind), u32>,
    places: Slab<Place>,
    limit_index: HashMap<Arc<str>, Vec<u32>>,
    sets: Sets,
    jobs: Slab<Job>,
    job_index: HashMap<JobId, u32>,
    /// The job that came last: mostly the one that is asked for.
    latest_job: u32,
    timers: BTreeSet<(Monotonic, u32)>,
    last_ticket: u64,
    /// Counts jobs and limits as they come.
    last_age: u64,
    next_scan: Monotonic,
    reserving: BTreeSet<u32>,
    /// A full limit has no attempt under way any more.
    is_hope_lost: bool,
    /// Groups that are not parked and want to be looked at, oldest first.
    ready: Line,
    /// Places that have become free since they were last looked at.
    freed: Vec<u32>,
    changed: Vec<u32>,
    faults: Faults,
}

/// What the ledger keeps for each host it has heard of.
#[derive(Clone, Copy, Debug)]
struct Host {
    set: u32,
    out: u32,
    /// The first of the waiters for this host, of whatever job.
    waiter: u32,
}

#[derive(Clone, Debug)]
struct Out {
    host: u32,
    since: Monotonic,
    running: Option<Running>,
    bad: Vec<Mark>,
}

#[derive(Clone, Copy, Debug)]
struct Running {
    job: u32,
    attempt: Attempt,
    /// Whether it follows an attempt of the same job without the host having been given up in between.
    again: bool,
}

#[derive(Clone, Copy, Debug)]
struct Mark {
    job: JobId,
    attempt: Attempt,
    state: HostState,
}

#[derive(Clone, Debug)]
struct Waiter {
    ticket: NonZeroU64,
    job: u32,
    host: u32,
    idx: HostIdx,
    attempt: Attempt,
    /// `NONE` while it waits for the host itself.
    group: u32,
    /// The next waiter for the same host.
    next: u32,
    /// Its neighbors in the group's [`Chain`].
    before: u32,
    after: u32,
}

/// What the hosts of a group need besides being free themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    /// In flight already, between two attempts: only `stagger`.
    Again,
    /// Out of service already: `concurrent`, `ramp`, `stagger`.
    Out,
    /// And a place in each limit of the set.
    Limits(u32),
}

#[derive(Clone, Debug)]
struct Group {
    job: u32,
    kind: Kind,
    waiting: Chain,
    /// Where it is parked, under which ticket.
    parked: Option<(u32, u64)>,
    head_since: Monotonic,
    passed_since: Option<Monotonic>,
    /// Where a claim that is being answered says what the group waits for.
    said: u32,
}

/// Something of which there is only so much: a limit, or what a job may have in flight.
#[derive(Clone, Debug)]
struct Place {
    what: What,
    max: u32,
    in_use: u32,
    /// How many of those have an attempt under way.
    running: u32,
    parked: Line,
    /// Only this ticket and earlier ones may take a place.
    reserved: Option<u64>,
    /// The latest ticket that took a place, and when somebody last did.
    latest: (u64, Monotonic),
    has_changed: bool,
}

#[derive(Clone, Debug)]
enum What {
    Limit { id: Arc<str>, members: Vec<u32>, users: u32, age: u64 },
    InFlight { job: u32 },
}

#[derive(Clone, Debug)]
struct Job {
    id: JobId,
    /// Jobs that came earlier have a lower one.
    age: u64,
    /// The ledger's number for each host of the plan.
    hosts: Vec<u32>,
    /// The place of each of the plan's limits.
    limits: Vec<u32>,
    in_flight: u32,
    concurrent: Option<u32>,
    ramp: Vec<u32>,
    ramp_step: usize,
    ramp_successes: u32,
    stagger_ms: u64,
    next_start: Monotonic,
    timer: Option<Monotonic>,
    restores: bool,
    running: u32,
    waiting: u32,
    idle: Option<u32>,
    is_unfinished: bool,
}

impl Ledger {
    /// A ledger without hosts or jobs.
    #[must_use]
    pub fn new(faults: Faults) -> Self {
        Self { faults, ..Self::default() }
    }

    /// Applies one operation.
    pub fn apply(&mut self, now: Monotonic, op: Op, out: &mut impl Outbox<Effect>) {
        self.scan_if_due(now);
        // Whatever may have taken away the last thing that would have moved an idle job.
        let may_leave_stuck = match &op {
            Op::Claim { .. } => false,
            Op::End { job, .. } => self.running(*job) <= 1,
            _ => true,
        };
        match op {
            Op::Register { job, plan } => self.register(job, &plan, out),
            Op::Claim { job, hosts } => self.claim(now, job, &hosts, out),
            Op::Withdraw { job, hosts } => self.withdraw(job, hosts.as_deref()),
            Op::Return { job, host, attempt } => self.give_back(now, job, host, attempt),
            Op::End { job, host, attempt, outcome } => self.end(now, job, host, attempt, outcome),
            Op::Release { host } => self.release(now, &host, out),
            Op::Decide { job, host, verdict, restores } => self.decide(now, job, &host, verdict, restores),
            Op::SetPace { job, concurrent, stagger_ms } => self.set_pace(job, concurrent, stagger_ms),
            Op::Idle { job, number } => {
                if let Some(job) = self.job_at(job).and_then(|job| self.jobs.get_mut(job)) {
                    // With an attempt under way the job has not heard of its grant yet.
                    job.idle = (job.running == 0).then_some(number);
                }
            }
            Op::OwnerLost { job } => self.withdraw(job, None),
            Op::Finish { job } => {
                self.finish(now, job);
                self.drain(now, out);
                out.push(Effect::Finished { job });
            }
            Op::Tick => self.tick(now),
        }
        self.give_up_hope(now);
        self.drain(now, out);
        if may_leave_stuck {
            self.look_for_stuck(out);
        }
    }

    fn running(&self, job: JobId) -> u32 {
        self.job_at(job).and_then(|job| self.jobs.get(job)).map_or(0, |job| job.running)
    }

    /// What a claimed host of a job waits for now; nothing if it does not wait.
    #[must_use]
    pub fn waits_for(&self, job: JobId, host: HostIdx) -> Option<On> {
        let job = self.job_at(job)?;
        let host = self.host_of(job, host)?;
        let waiter = self.waiter_of(host, job)?;
        self.reason(self.waiters.get(waiter)?)
    }

    /// The hosts out of service.
    pub fn out_of_service(&self) -> impl Iterator<Item = OutOfService<'_>> + '_ {
        self.outs.iter().map(|(_, out)| OutOfService {
            host: self.name(out.host),
            since: out.since,
            running: out.running.and_then(|running| Some((self.jobs.get(running.job)?.id, running.attempt))),
            bad: out.bad.iter().map(|mark| (mark.job, mark.attempt, mark.state)).collect(),
        })
    }

    /// The limits in force.
    pub fn limits(&self) -> impl Iterator<Item = LimitUse> + '_ {
        self.places.iter().filter_map(|(_, place)| place.limit_use())
    }

    /// The hosts that the ledger has as running for a job, with their attempts, in plan order.
    pub fn running_of(&self, job: JobId) -> impl Iterator<Item = (HostIdx, Attempt)> + '_ {
        let at = self.job_at(job);
        let hosts = at.and_then(|at| self.jobs.get(at)).filter(|job| job.running > 0);
        hosts.into_iter().flat_map(|job| job.hosts.iter().enumerate()).filter_map(move |(idx, &host)| {
            let running = self.out_of(host)?.running.filter(|running| Some(running.job) == at)?;
            Some((HostIdx::from_index(idx)?, running.attempt))
        })
    }

    /// The jobs that have waiting hosts, oldest first.
    #[must_use]
    pub fn waiting_jobs(&self) -> Vec<JobId> {
        let mut waiting: Vec<(u64, JobId)> = Vec::new();
        waiting.extend(self.jobs.iter().filter(|(_, job)| job.waiting > 0).map(|(_, job)| (job.age, job.id)));
        waiting.sort_unstable();
        waiting.into_iter().map(|(_, job)| job).collect()
    }

    /// The jobs that have registered and not finished, in no particular order: their limits are in force.
    pub fn unfinished(&self) -> impl Iterator<Item = JobId> + '_ {
        self.jobs.iter().filter(|(_, job)| job.is_unfinished).map(|(_, job)| job.id)
    }

    /// Whether a job has registered and not finished.
    #[must_use]
    pub fn is_unfinished(&self, job: JobId) -> bool {
        let job = self.job_at(job).and_then(|job| self.jobs.get(job));
        job.is_some_and(|job| job.is_unfinished)
    }

    /// When [`Op::Tick`] is wanted next. Who was told by [`Effect::WakeAt`] knows; a restored ledger says it here.
    #[must_use]
    pub fn wake_at(&self) -> Option<Monotonic> {
        self.timers.first().map(|&(at, _)| at)
    }

    /// The limits whose use has changed since this was last called, once each.
    pub fn take_changed(&mut self, out: &mut Vec<LimitUse>) {
        for place in std::mem::take(&mut self.changed) {
            if let Some(place) = self.places.get_mut(place) {
                place.has_changed = false;
                out.extend(place.limit_use());
            }
        }
    }

    /// The number of a job that the ledger knows.
    #[inline]
    fn job_at(&self, id: JobId) -> Option<u32> {
        if self.jobs.get(self.latest_job).is_some_and(|job| job.id == id) {
            return Some(self.latest_job);
        }
        self.job_index.get(&id).copied()
    }

    fn name(&self, host: u32) -> &str {
        HostIdx::from_index(host as usize).map_or("", |host| self.names.name(host))
    }

    fn host_of(&self, job: u32, host: HostIdx) -> Option<u32> {
        self.jobs.get(job)?.hosts.get(host.index()).copied()
    }

    fn out_of(&self, host: u32) -> Option<&Out> {
        self.outs.get(self.hosts.get(host as usize)?.out)
    }

    fn set_of(&self, host: u32) -> u32 {
        self.hosts.get(host as usize).map_or(sets::EMPTY, |host| host.set)
    }

    /// Whether the limit was put in force by this job.
    fn is_own(&self, job: u32, place: u32) -> bool {
        self.jobs.get(job).is_some_and(|job| job.limits.contains(&place))
    }

    fn counts(&self, job: u32, place: u32) -> bool {
        !self.faults.has(Fault::CountsOwnHostsOnly) || self.is_own(job, place)
    }
}

impl Place {
    fn limit_use(&self) -> Option<LimitUse> {
        match &self.what {
            What::Limit { id, .. } => {
                Some(LimitUse { id: Arc::clone(id), in_use: self.in_use, max_parallel: self.max })
            }
            What::InFlight { .. } => None,
        }
    }
}
