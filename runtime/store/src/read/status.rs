//! How a job and its hosts stand, and what waits for what.

use std::collections::BTreeMap;
use std::sync::Arc;

use pogo_plan::event::{Fact, JobId, WaitsFor};
use pogo_plan::outcome::{Attempt, HostState};
use pogo_plan::{HostIdx, Plan};
use pogo_schedule::fault::Faults;
use pogo_schedule::ids::Slots;
use pogo_schedule::job::{Counts, Machine};
use pogo_schedule::ledger::On;

use super::out::limits_of;
use super::{JobRow, Reader};
use crate::error::StoreError;
use crate::replica::Following;

/// How a job stands.
#[derive(Clone, Debug)]
pub struct Status {
    /// The job.
    pub job: JobRow,
    /// How many hosts are in which state, counted from all that is on record.
    pub counts: Counts,
    /// The hosts that are bad, running or about to be retried, in plan order. Attempts of a job without an owner that are
    /// shown as running have no end on record: nobody knows.
    pub hosts: Vec<HostRow>,
    /// What waiting hosts wait for, hosts with the same reason together.
    pub waits: Vec<Wait>,
}

/// A host that is not simply waiting or done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostRow {
    /// Its name.
    pub host: String,
    /// Its state in the job.
    pub state: HostState,
    /// Its last attempt.
    pub attempt: Attempt,
}

/// Hosts that wait for the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// The hosts, in plan order.
    pub hosts: Vec<String>,
    /// What for.
    pub on: WaitsFor,
    /// Who takes the places of the limit that they wait for.
    pub holders: Vec<Holder>,
}

/// A host that takes a place in a limit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Holder {
    /// The host.
    pub host: String,
    /// The job that runs on it or left it bad.
    pub job: JobId,
    /// Whether the job runs on it now.
    pub is_running: bool,
}

impl Reader {
    /// How a job stands, by its id, a beginning of it, or `last`.
    ///
    /// # Errors
    ///
    /// As [`Self::job`].
    pub fn status(&mut self, text: &str) -> Result<Status, StoreError> {
        let job = self.job(text)?;
        let plan = Arc::new(self.plan(job.id)?);
        let slots = Arc::new(Slots::new(&plan));
        let mut opened = vec![false; slots.len()];
        let mut failed = None;
        let facts = self.facts(job.id).map_while(|entry| entry.map_err(|error| failed = Some(error)).ok());
        let facts = facts.flat_map(|entry| entry.facts).inspect(|fact| {
            if let Fact::SlotOpened { slot } = fact
                && let Some(opened) = opened.get_mut(*slot as usize)
            {
                *opened = true;
            }
        });
        let machine =
            Machine::recover(job.id, Arc::clone(&plan), Arc::clone(&slots), 0, Faults::default(), facts);
        if let Some(error) = failed {
            return Err(error);
        }
        let row = |&host: &HostIdx| {
            let (state, attempt) = machine.host(host)?;
            let is_shown = state.is_bad() || state.is_active();
            is_shown.then(|| HostRow { host: plan.hosts.name(host).to_owned(), state, attempt })
        };
        let hosts = plan.targets.iter().filter_map(row).collect();
        let mut waits = Vec::new();
        if !job.state.has_ended()
            && machine.counts().waiting > 0
            && let Some((_, replica)) = self.replica(&job.namespace)?
        {
            let is_waiting =
                |host: &HostIdx| machine.host(*host).is_some_and(|(state, _)| state == HostState::Waiting);
            let waiting = plan.targets.iter().copied().filter(is_waiting);
            waits = waits_of(&job, &plan, &slots, &opened, &replica, waiting);
        }
        Ok(Status { counts: machine.counts(), job, hosts, waits })
    }
}

fn waits_of(
    job: &JobRow,
    plan: &Plan,
    slots: &Slots,
    opened: &[bool],
    replica: &Following,
    waiting: impl Iterator<Item = HostIdx>,
) -> Vec<Wait> {
    // Hosts with the same closed slots have one list between them.
    let mut by_slots: BTreeMap<Vec<u32>, Vec<String>> = BTreeMap::new();
    let mut waits: Vec<Wait> = Vec::new();
    for host in waiting {
        let name = plan.hosts.name(host).to_owned();
        let closed: Vec<u32> = slots
            .of(host)
            .filter(|slot| !opened.get(slot.0 as usize).copied().unwrap_or(true))
            .map(|slot| slot.0)
            .collect();
        if !closed.is_empty() && job.owner.is_some() {
            by_slots.entry(closed).or_default().push(name);
            continue;
        }
        let on = replica.ledger().waits_for(job.id, host);
        let on = on.as_ref().map_or(WaitsFor::Job, |on: &On| on.into());
        match waits.iter_mut().find(|wait| wait.on == on) {
            Some(wait) => wait.hosts.push(name),
            None => waits.push(Wait { hosts: vec![name], holders: holders(replica, &on), on }),
        }
    }
    waits.extend(by_slots.into_iter().map(|(closed, hosts)| {
        let name = |&slot: &u32| slots.name(plan, pogo_schedule::ids::SlotIdx(slot)).to_owned();
        Wait { hosts, on: WaitsFor::Slots { slots: closed.iter().map(name).collect() }, holders: Vec::new() }
    }));
    waits
}

fn holders(replica: &Following, on: &WaitsFor) -> Vec<Holder> {
    let (WaitsFor::Limit { limit } | WaitsFor::Turn { limit }) = on else { return Vec::new() };
    let limits = limits_of(replica);
    let mut holders = Vec::new();
    for out in replica.ledger().out_of_service() {
        if !limits.get(out.host).is_some_and(|limits| limits.iter().any(|of| of.limit == *limit)) {
            continue;
        }
        let host = || out.host.to_owned();
        holders.extend(out.running.map(|(job, _)| Holder { host: host(), job, is_running: true }));
        holders.extend(out.bad.iter().map(|&(job, ..)| Holder { host: host(), job, is_running: false }));
    }
    holders.sort_unstable();
    holders
}
