//! A plan of so many hosts, and a transport that does nothing.

use std::path::Path;
use std::sync::Arc;

use pogo_actors::{Ended, Keeping, NoJournal, RunOptions, Stored, Subscriber, control, run_with};
use pogo_plan::event::JobId;
use pogo_plan::job::{Job, Retry, Transport as Kind};
use pogo_plan::outcome::{JobState, Outcome, Phase};
use pogo_plan::plan::Origin;
use pogo_plan::{HostTable, Limit, Plan, Slot, Thread};
use pogo_store::Store;
use pogo_transport::{Attempt, Progress, Refused, Running, Stop, Transport};

/// Hosts that do at once what they are told.
pub(crate) struct Nothing;

impl Transport for Nothing {
    fn check(&self, _: &Job) -> Result<(), Refused> {
        Ok(())
    }

    fn attempt(&self, _: Attempt, progress: Progress, _: Stop) -> Running {
        Box::pin(async move {
            progress.started();
            progress.phase(Phase::Command);
            Outcome::Succeeded
        })
    }
}

fn job() -> Job {
    Job {
        command: Some("true".to_owned()),
        retry: Retry { retry_on: Vec::new(), ..Retry::default() },
        max_output_bytes: 1024,
        transport: Kind::Local,
        ..Job::default()
    }
}

/// So many hosts in ten slots of one thread, each host in one of a hundred groups of which a tenth may be out of service.
pub(crate) fn plan(n_hosts: u32) -> Plan {
    let mut hosts = HostTable::new();
    let targets: Vec<_> = (0..n_hosts)
        .filter_map(|number| Some(hosts.intern(&format!("web{number:07}.east.example.net"))?.host))
        .collect();
    let slots = targets.chunks(targets.len().div_ceil(10).max(1)).enumerate();
    let slots = slots.map(|(at, hosts)| Slot {
        id: format!("rollout.{at}"),
        hosts: hosts.to_vec(),
        pause_after_ms: None,
        max_failures: None,
        at: None,
    });
    let threads = vec![Thread { id: "rollout".to_owned(), slots: slots.collect() }];
    let limits = (0..100).map(|group| {
        let members: Vec<_> = targets.iter().skip(group).step_by(100).copied().collect();
        let group_size = u32::try_from(members.len()).unwrap_or(u32::MAX);
        let max_parallel = (group_size / 10).max(1);
        let id = format!("$group.{group}");
        Limit { id, max_parallel, declared: "10%".to_owned(), group_size, members, at: None }
    });
    let limits = limits.collect();
    Plan {
        namespace: "default".to_owned(),
        hosts,
        targets,
        threads,
        limits,
        job: job(),
        origin: Origin::default(),
    }
}

/// Runs it to its end, in memory.
pub(crate) fn run(plan: Plan, fanout: usize, subscribers: Vec<Box<dyn Subscriber>>) -> Ended {
    run_kept(plan, fanout, Keeping::Memory(Box::new(NoJournal)), subscribers)
}

/// Runs it to its end, in a new store in this folder.
pub(crate) fn run_stored(
    plan: Plan,
    fanout: usize,
    folder: &Path,
    subscribers: Vec<Box<dyn Subscriber>>,
) -> Ended {
    let store = match Store::open(folder) {
        Ok(store) => store,
        Err(error) => panic!("the store cannot be used: {error}"),
    };
    let stored = Stored { store, summary: "benchmark".to_owned() };
    run_kept(plan, fanout, Keeping::Stored(stored), subscribers)
}

fn run_kept(plan: Plan, fanout: usize, keeping: Keeping, subscribers: Vec<Box<dyn Subscriber>>) -> Ended {
    let (_sender, receiver) = control();
    let options = RunOptions { fanout, max_connecting: fanout, ..RunOptions::new(JobId::from_bits(1), 1) };
    match run_with(plan, options, Arc::new(Nothing), keeping, receiver, subscribers) {
        Ok(ended) if ended.state == JobState::Succeeded => ended,
        other => panic!("the run did not succeed: {:?}", other.map(|ended| ended.state)),
    }
}
