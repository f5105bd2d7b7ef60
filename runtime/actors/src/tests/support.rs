//! Plans made by hand, and runs of them.

use std::sync::{Arc, Mutex};

use pogo_plan::event::{Event, JobId};
use pogo_plan::job::{Job, Retry, Transport as Kind};
use pogo_plan::outcome::{HostState, JobState};
use pogo_plan::plan::Origin;
use pogo_plan::{HostIdx, HostTable, Limit, Plan, Slot, Thread};

use crate::{Ended, RunOptions, Subscriber, SubscriberError};

/// A job that runs this command here.
pub(crate) fn job(command: &str) -> Job {
    Job {
        command: Some(command.to_owned()),
        retry: Retry { backoff_ms: 1, max_backoff_ms: 1, ..Retry::default() },
        transport: Kind::Local,
        ..Job::default()
    }
}

/// A plan with these threads of slots, named `THREAD.SLOT` by their numbers, and these limits.
pub(crate) fn plan(job: Job, threads: &[&[&[&str]]], limits: &[(u32, &[&str])]) -> Plan {
    let mut hosts = HostTable::new();
    let mut targets = Vec::new();
    let mut number = |name: &&str| {
        let interned = hosts.intern(name).unwrap();
        if interned.is_new {
            targets.push(interned.host);
        }
        interned.host
    };
    let mut all = Vec::new();
    for (t, slots) in threads.iter().enumerate() {
        let slot = |(s, hosts): (usize, &&[&str])| Slot {
            id: format!("{t}.{s}"),
            hosts: hosts.iter().map(&mut number).collect(),
            pause_after_ms: None,
            max_failures: None,
            at: None,
        };
        all.push(Thread { id: t.to_string(), slots: slots.iter().enumerate().map(slot).collect() });
    }
    let limits = limits
        .iter()
        .enumerate()
        .map(|(at, (max, members))| Limit {
            id: format!("$limit{at}"),
            max_parallel: *max,
            declared: max.to_string(),
            group_size: u32::try_from(members.len()).unwrap(),
            members: members.iter().map(&mut number).collect(),
            at: None,
        })
        .collect();
    Plan {
        namespace: "default".to_owned(),
        hosts,
        targets,
        threads: all,
        limits,
        job,
        origin: Origin::default(),
    }
}

pub(crate) fn options() -> RunOptions {
    RunOptions::new(JobId::from_bits(7), 1)
}

/// Keeps all events.
#[derive(Clone, Default)]
pub(crate) struct Seen(pub(crate) Arc<Mutex<Vec<Event>>>);

impl Subscriber for Seen {
    fn event(&mut self, event: &Event) -> Result<(), SubscriberError> {
        self.0.lock().unwrap().push(event.clone());
        Ok(())
    }
}

/// Runs a plan with processes on this machine.
pub(crate) fn run(plan: Plan) -> (Ended, Vec<Event>) {
    let seen = Seen::default();
    let (_sender, receiver) = crate::control();
    let ended = crate::run(plan, options(), receiver, vec![Box::new(seen.clone())]).unwrap();
    let events = seen.0.lock().unwrap().clone();
    (ended, events)
}

pub(crate) fn states(ended: &Ended) -> Vec<HostState> {
    ended.hosts.iter().map(|&(_, state)| state).collect()
}

pub(crate) fn succeeded(ended: &Ended) -> bool {
    ended.state == JobState::Succeeded && ended.hosts.iter().all(|&(_, state)| state == HostState::Succeeded)
}

pub(crate) fn host(at: usize) -> HostIdx {
    HostIdx::from_index(at).unwrap()
}
