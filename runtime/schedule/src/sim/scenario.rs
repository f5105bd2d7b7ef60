//! What is simulated: plans and dangers, drawn from a seed.

use std::sync::Arc;

use pogo_plan::job::{Job, OnFailure, Retry, RetryOn, Transport, Verify};
use pogo_plan::{HostIdx, HostTable, Limit, Origin, Plan, Slot, Thread};

use super::{Chance, Fault};

/// How large scenarios may be, and which dangers they may have. Shrinking makes these smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Hosts in the namespace.
    pub hosts: u32,
    /// Jobs.
    pub jobs: u32,
    /// Limits of one job.
    pub limits: u32,
    /// Threads of one job besides `unconstrained`.
    pub threads: u32,
    /// Operators' commands.
    pub commands: u32,
    /// Whether processes crash and are taken up again.
    pub crashes: bool,
    /// Longest delay of a message, in milliseconds.
    pub delay_ms: u64,
    /// Whether attempts fail.
    pub failures: bool,
    /// Whether the jobs belong to several processes that share the ledger as a log.
    pub shared: bool,
    /// Whether there is one job in which some hosts need several limits at once, and many others one of them.
    pub crowd: bool,
}

/// How processes share a ledger.
#[derive(Clone, Debug)]
pub struct Sharing {
    /// The process of each job in the beginning; 0 is that of the operators.
    pub processes: Vec<usize>,
    /// In percent, for each commit: the process dies before it, and after it.
    pub crash_percent: u64,
    /// How often that happens at most.
    pub crashes: u32,
    /// In percent, for each wake-up: it gets lost.
    pub lost_wakeups: u64,
}

impl Default for Size {
    fn default() -> Self {
        let (hosts, jobs, limits, threads, commands) = (8, 3, 3, 3, 6);
        let (crashes, delay_ms, failures, shared, crowd) = (true, 2_000, true, false, false);
        Self { hosts, jobs, limits, threads, commands, crashes, delay_ms, failures, shared, crowd }
    }
}

impl Size {
    /// Several processes that share a ledger.
    #[must_use]
    pub fn shared() -> Self {
        Self { jobs: 4, shared: true, ..Self::default() }
    }

    /// One job whose hosts stand in each other's way for long.
    #[must_use]
    pub fn crowd() -> Self {
        Self { hosts: 28, limits: 3, jobs: 1, commands: 1, crashes: false, crowd: true, ..Self::default() }
    }

    /// Where a fault shows.
    #[must_use]
    pub fn for_fault(fault: Fault) -> Self {
        if fault.is_of_sharing() {
            Self::shared()
        } else if fault == Fault::NeverGoesFirst {
            Self::crowd()
        } else {
            Self::default()
        }
    }
}

/// Everything that a seed stands for.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// The seed.
    pub seed: u64,
    /// The plans, and when each job starts, in milliseconds.
    pub jobs: Vec<(Arc<Plan>, u64)>,
    /// Hosts of the namespace: `h0`, `h1`, …
    pub n_hosts: u32,
    /// In percent, for each attempt: not reached, exit status, hanging, lost worker.
    pub unreachable: u64,
    /// See `unreachable`.
    pub fails: u64,
    /// Runs past its deadline; half of these do not even end by themselves.
    pub hangs: u64,
    /// The worker is never heard of again; the process runs on.
    pub lost: u64,
    /// Longest run of a command that does not hang, in milliseconds.
    pub run_ms: u64,
    /// Longest delay of a message, in milliseconds.
    pub delay_ms: u64,
    /// Operators' commands while jobs run.
    pub commands: u32,
    /// Crashes of one job's process each, at these times in milliseconds.
    pub crashes: Vec<(usize, u64)>,
    /// Whether and how processes share the ledger.
    pub sharing: Option<Sharing>,
}

impl Scenario {
    /// Draws a scenario.
    #[must_use]
    pub fn new(seed: u64, size: Size) -> Self {
        let mut chance = Chance::new(seed);
        let n_hosts = chance.between(1, size.hosts.max(1));
        let n_jobs = if !size.shared && chance.percent(50) { 1 } else { chance.between(1, size.jobs.max(1)) };
        let jobs: Vec<_> =
            (0..n_jobs).map(|_| (Arc::new(plan(&mut chance, n_hosts, size)), chance.below(60_000))).collect();
        let jobs = if size.crowd { vec![(Arc::new(crowd(&mut chance, n_hosts, size)), 0)] } else { jobs };
        let n_jobs = u32::try_from(jobs.len()).unwrap_or(1);
        let harm = size.failures && chance.percent(if size.crowd { 25 } else { 75 });
        let mut danger = |most| if harm && chance.percent(60) { chance.below(most) } else { 0 };
        let (unreachable, fails, hangs, lost) = (danger(30), danger(50), danger(20), danger(15));
        let delay_ms = match chance.below(3) {
            0 => 0,
            1 => chance.below(20.min(size.delay_ms) + 1),
            _ => chance.below(size.delay_ms + 1),
        };
        let commands = if chance.percent(50) { chance.between(0, size.commands) } else { 0 };
        let mut crashes = Vec::new();
        if size.crashes && chance.percent(25) {
            for _ in 0..chance.between(1, 2) {
                crashes
                    .push((usize::try_from(chance.below(n_jobs.into())).unwrap_or(0), chance.below(400_000)));
            }
        }
        let run_ms =
            if size.crowd { 120_000 } else { chance.pick(&[5_000, 60_000, 200_000]).unwrap_or(5_000) };
        let sharing = size.shared.then(|| sharing(&mut chance, n_jobs, size));
        Self {
            seed,
            jobs,
            n_hosts,
            unreachable,
            fails,
            hangs,
            lost,
            run_ms,
            delay_ms,
            commands,
            crashes,
            sharing,
        }
    }
}

fn sharing(chance: &mut Chance, n_jobs: u32, size: Size) -> Sharing {
    let mut processes = vec![1];
    let mut last = 1;
    for _ in 1..n_jobs {
        last += usize::from(chance.percent(75));
        processes.push(last);
    }
    let (crash_percent, crashes) = if size.crashes && chance.percent(60) {
        (chance.between(1, 10).into(), chance.between(1, 4))
    } else {
        (0, 0)
    };
    let lost_wakeups = if chance.percent(50) { 1 + chance.below(60) } else { 0 };
    Sharing { processes, crash_percent, crashes, lost_wakeups }
}

fn plan(chance: &mut Chance, n_hosts: u32, size: Size) -> Plan {
    let mut hosts = HostTable::new();
    let is_shouted = chance.percent(10);
    let mut numbers: Vec<u32> = (0..n_hosts).collect();
    for at in (1..numbers.len()).rev() {
        let other = usize::try_from(chance.below(at as u64 + 1)).unwrap_or(0);
        numbers.swap(at, other);
    }
    let all: Vec<HostIdx> = numbers
        .iter()
        .filter_map(|number| {
            let name = if is_shouted { format!("H{number}") } else { format!("h{number}") };
            hosts.intern(&name).map(|interned| interned.host)
        })
        .collect();
    let share = chance.pick(&[100, 100, 60]).unwrap_or(100);
    let mut targets: Vec<HostIdx> = all.iter().copied().filter(|_| chance.percent(share)).collect();
    if targets.is_empty() {
        targets.extend(all.first());
    }
    let threads = threads(chance, &targets, size);
    let n_limits = if chance.percent(20) { 0 } else { chance.between(0, size.limits) };
    let limits = (0..n_limits).map(|number| limit(chance, number, &all)).collect();
    let job = job(chance, u32::try_from(targets.len()).unwrap_or(1));
    Plan { namespace: "default".to_owned(), hosts, targets, threads, limits, job, origin: Origin::default() }
}

/// A plan in which a few hosts are in all limits, and each of the others in one. No limit lets more than one or two go, so the
/// few wait until all limits happen to have room, or until they go first.
fn crowd(chance: &mut Chance, n_hosts: u32, size: Size) -> Plan {
    let mut plan = plan(chance, n_hosts, Size { threads: 0, ..size });
    let n_limits = chance.between(2, size.limits.max(2)) as usize;
    let wide = chance.between(1, 2) as usize;
    let mut members = vec![Vec::new(); n_limits];
    for (at, &host) in plan.targets.iter().enumerate() {
        for (number, members) in members.iter_mut().enumerate() {
            if (2..2 + wide).contains(&at) || at % n_limits == number {
                members.push(host);
            }
        }
    }
    members.iter_mut().for_each(|members| members.sort_unstable());
    plan.limits = (0u32..)
        .zip(members)
        .map(|(number, members)| {
            let max_parallel = if chance.percent(75) { 1 } else { 2 };
            let group_size = u32::try_from(members.len()).unwrap_or(1);
            let (id, declared) = (format!("$l{number}"), max_parallel.to_string());
            Limit { id, max_parallel, declared, group_size, members, at: None }
        })
        .collect();
    plan.job = Job {
        timeout_ms: 600_000,
        retry: plan.job.retry,
        on_failure: OnFailure::Continue,
        concurrent: plan.job.concurrent.map(|most| most.max(4)),
        ..plain_job()
    };
    plan
}

/// Threads whose order over all hosts has no circle: each thread goes through the hosts in one common order.
fn threads(chance: &mut Chance, targets: &[HostIdx], size: Size) -> Vec<Thread> {
    let mut threads = Vec::new();
    let mut in_thread = vec![false; targets.len()];
    for number in 0..chance.between(0, size.threads) {
        let n_slots = chance.between(1, 3);
        let mut slots: Vec<Slot> =
            (0..n_slots).map(|slot| blank_slot(chance, format!("t{number}.s{slot}"))).collect();
        let mut at = 0;
        for (&host, seen) in targets.iter().zip(&mut in_thread) {
            if chance.percent(35) && at + 1 < slots.len() {
                at += 1;
            }
            if chance.percent(60) {
                *seen = true;
                if let Some(slot) = slots.get_mut(at) {
                    slot.hosts.push(host);
                }
            }
        }
        threads.push(Thread { id: format!("t{number}"), slots });
    }
    let mut slot = blank_slot(chance, "unconstrained".to_owned());
    slot.hosts = targets.iter().zip(&in_thread).filter(|(_, seen)| !**seen).map(|(&host, _)| host).collect();
    threads.push(Thread { id: "unconstrained".to_owned(), slots: vec![slot] });
    threads
}

fn blank_slot(chance: &mut Chance, id: String) -> Slot {
    let pause_after_ms = chance.percent(20).then(|| chance.below(120_000));
    let max_failures = chance.percent(10).then(|| chance.between(0, 2));
    Slot { id, hosts: Vec::new(), pause_after_ms, max_failures, at: None }
}

fn limit(chance: &mut Chance, number: u32, all: &[HostIdx]) -> Limit {
    let share = chance.pick(&[100, 70, 40]).unwrap_or(100);
    let mut members: Vec<HostIdx> = all.iter().copied().filter(|_| chance.percent(share)).collect();
    if members.is_empty() {
        members.extend(all.first());
    }
    members.sort_unstable();
    let group_size = u32::try_from(members.len()).unwrap_or(1);
    let max_parallel = chance.between(1, group_size.div_ceil(2).max(1));
    Limit {
        id: format!("$l{number}"),
        max_parallel,
        declared: max_parallel.to_string(),
        group_size,
        members,
        at: None,
    }
}

fn job(chance: &mut Chance, n_targets: u32) -> Job {
    let all = [RetryOn::Unreachable, RetryOn::Timeout, RetryOn::Exit];
    let retry_on = if chance.percent(50) { vec![RetryOn::Unreachable] } else { all.to_vec() };
    let attempts = if chance.percent(50) { 0 } else { chance.between(1, 3) };
    let verify = chance.percent(30).then(|| Verify {
        command: "true".to_owned(),
        interval_ms: 1_000,
        timeout_ms: 30_000,
        successes: 1,
    });
    let ramp = if chance.percent(25) {
        (0..chance.between(1, 3)).map(|_| chance.between(1, n_targets.max(1))).collect()
    } else {
        Vec::new()
    };
    Job {
        verify,
        timeout_ms: chance.pick(&[30_000, 600_000]).unwrap_or(30_000),
        job_timeout_ms: chance.percent(10).then(|| 1 + chance.below(2_000_000)),
        retry: Retry { attempts, backoff_ms: 1_000 + chance.below(20_000), max_backoff_ms: 30_000, retry_on },
        concurrent: chance.percent(30).then(|| chance.between(1, n_targets.max(1))),
        ramp,
        stagger_ms: if chance.percent(20) { 1 + chance.below(30_000) } else { 0 },
        on_failure: chance
            .pick(&[OnFailure::Hold, OnFailure::Hold, OnFailure::Continue, OnFailure::Halt])
            .unwrap_or(OnFailure::Hold),
        max_failures: chance.percent(15).then(|| chance.between(0, n_targets)),
        recover: chance.percent(15),
        ..plain_job()
    }
}

/// A job with nothing set that matters to scheduling.
#[must_use]
pub fn plain_job() -> Job {
    Job { command: Some("true".to_owned()), transport: Transport::Local, ..Job::default() }
}
