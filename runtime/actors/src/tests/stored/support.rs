//! A store in a folder of its own, and a transport that follows a script and keeps a log.

use std::collections::BTreeSet;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pogo_plan::event::{Author, Event, JobId};
use pogo_plan::outcome::Outcome;
use pogo_plan::{Job, Plan, Slot, Thread};
use pogo_store::Store;
use pogo_transport::{Attempt, Learned, Probing, Progress, Refused, Running, Stop, Transport};

use crate::tests::support::Seen;
use crate::{ControlReceiver, Ended, Keeping, RunError, RunOptions, Stored, TakeUp};

/// What a host does in an attempt.
pub(super) enum Act {
    End(Outcome),
    /// Runs until it is stopped.
    Hang,
}

pub(super) type Plot = Box<dyn Fn(&str, u32) -> Act + Send + Sync>;

/// What happened on the hosts, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line {
    Begin(String, u32),
    End(String, Outcome),
}

/// A transport that follows a plot.
pub(super) struct Script {
    plot: Plot,
    /// What the hosts say afterwards about attempts that nobody saw end.
    knows: Option<Outcome>,
    pub(super) log: Mutex<Vec<Line>>,
    /// Hosts that have heard whether their end is on record.
    pub(super) recorded: Mutex<Vec<(String, bool)>>,
    /// The time that each attempt had, in milliseconds.
    pub(super) timeouts: Mutex<Vec<(String, u64)>>,
    begun: Mutex<Sender<String>>,
}

impl Script {
    pub(super) fn new(
        plot: impl Fn(&str, u32) -> Act + Send + Sync + 'static,
    ) -> (Arc<Self>, Receiver<String>) {
        let (begun, hears) = channel();
        let (plot, log, begun) = (Box::new(plot) as Plot, Mutex::default(), Mutex::new(begun));
        let (recorded, timeouts) = (Mutex::default(), Mutex::default());
        (Arc::new(Self { plot, knows: None, log, recorded, timeouts, begun }), hears)
    }

    /// Everything succeeds.
    pub(super) fn good() -> Arc<Self> {
        Self::new(|_, _| Act::End(Outcome::Succeeded)).0
    }

    /// Everything succeeds, and so did what nobody saw end.
    pub(super) fn that_knows(outcome: Outcome) -> Arc<Self> {
        let (script, _) = Self::new(|_, _| Act::End(Outcome::Succeeded));
        let mut script = Arc::into_inner(script).unwrap();
        script.knows = Some(outcome);
        Arc::new(script)
    }

    pub(super) fn begun(&self) -> Vec<(String, u32)> {
        let log = self.log.lock().unwrap();
        let begun = log.iter().filter_map(|line| match line {
            Line::Begin(host, attempt) => Some((host.clone(), *attempt)),
            Line::End(..) => None,
        });
        begun.collect()
    }

    pub(super) fn hosts(&self) -> Vec<String> {
        self.begun().into_iter().map(|(host, _)| host).collect()
    }

    fn end(self: &Arc<Self>, host: &str, outcome: Outcome) -> Outcome {
        self.log.lock().unwrap().push(Line::End(host.to_owned(), outcome));
        outcome
    }
}

/// The script as a transport.
pub(super) struct Hosts(pub(super) Arc<Script>);

impl Transport for Hosts {
    fn check(&self, _: &Job) -> Result<(), Refused> {
        Ok(())
    }

    fn attempt(&self, attempt: Attempt, progress: Progress, mut stop: Stop) -> Running {
        let script = Arc::clone(&self.0);
        Box::pin(async move {
            let (host, number) = (attempt.key.host.to_string(), attempt.key.attempt.0);
            script.log.lock().unwrap().push(Line::Begin(host.clone(), number));
            script.timeouts.lock().unwrap().push((host.clone(), attempt.job.run().timeout_ms));
            let act = (script.plot)(&host, number);
            progress.started();
            let _nobody_listens = script.begun.lock().unwrap().send(host.clone());
            progress.output(
                pogo_plan::event::Stream::Stdout,
                format!("{host} says {number}\n").into_bytes(),
                0,
            );
            for _ in 0..3 {
                tokio::task::yield_now().await;
            }
            match act {
                Act::End(outcome) => {
                    script.end(&host, outcome);
                    let is_on_record = progress.ended(outcome, Duration::from_secs(600)).await;
                    script.recorded.lock().unwrap().push((host, is_on_record));
                    outcome
                }
                Act::Hang => {
                    stop.raised().await;
                    script.end(&host, Outcome::Stopped)
                }
            }
        })
    }

    fn probe(&self, _: Attempt) -> Probing {
        Box::pin(std::future::ready(self.0.knows.map(Learned::new)))
    }
}

/// A store in a folder that goes with it.
pub(super) struct Home {
    pub(super) folder: tempfile::TempDir,
    pub(super) store: Store,
}

impl Home {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        Self { folder, store }
    }

    pub(super) fn run(&self, id: u64, plan: Plan, script: &Arc<Script>) -> Result<Ended, RunError> {
        let (_sender, receiver) = crate::control();
        self.run_with(id, plan, script, receiver)
    }

    pub(super) fn run_with(
        &self,
        id: u64,
        plan: Plan,
        script: &Arc<Script>,
        control: ControlReceiver,
    ) -> Result<Ended, RunError> {
        let stored = Stored { store: self.store.clone(), summary: "apply test.cfg".to_owned() };
        let transport = Arc::new(Hosts(Arc::clone(script)));
        crate::run_with(whole(plan), options(id), transport, Keeping::Stored(stored), control, Vec::new())
    }

    pub(super) fn transport(&self, script: &Arc<Script>) -> Arc<dyn Transport> {
        Arc::new(Hosts(Arc::clone(script)))
    }

    pub(super) fn take_up(&self) -> TakeUp {
        let by = Author { name: "olga".to_owned(), reason: Some("it is late".to_owned()) };
        TakeUp { store: self.store.clone(), namespace: "default".to_owned(), by }
    }

    pub(super) fn resume(&self, id: u64, script: &Arc<Script>) -> Result<Ended, RunError> {
        self.resume_seen(id, script).0
    }

    pub(super) fn resume_seen(&self, id: u64, script: &Arc<Script>) -> (Result<Ended, RunError>, Vec<Event>) {
        let (_sender, receiver) = crate::control();
        let seen = Seen::default();
        let transport = self.transport(script);
        let subscribers = vec![Box::new(seen.clone()) as _];
        let ended = crate::resume(&self.take_up(), options(id), transport, receiver, subscribers);
        let events = seen.0.lock().unwrap().clone();
        (ended, events)
    }

    pub(super) fn retry(&self, id: u64, hosts: &[&str], script: &Arc<Script>) -> Result<Ended, RunError> {
        let (_sender, receiver) = crate::control();
        let transport = self.transport(script);
        let hosts: Vec<String> = hosts.iter().map(|&host| host.to_owned()).collect();
        crate::retry(&self.take_up(), &hosts, options(id), transport, receiver, Vec::new())
    }
}

pub(super) fn options(id: u64) -> RunOptions {
    RunOptions::new(JobId::from_bits(id), 1)
}

/// The most hosts that were out of service at once, as the hosts themselves saw it: from their first beginning until they
/// succeeded, or until a decision said that they had.
pub(super) fn most_out(log: &[Line]) -> usize {
    let mut out = BTreeSet::new();
    let mut most = 0;
    for line in log {
        match line {
            Line::Begin(host, _) => {
                out.insert(host.clone());
            }
            Line::End(host, Outcome::Succeeded) => {
                out.remove(host);
            }
            Line::End(..) => {}
        }
        most = most.max(out.len());
    }
    most
}

/// A plan on record has a last thread for hosts that are in no other, empty or not.
pub(super) fn whole(mut plan: Plan) -> Plan {
    let id = || "unconstrained".to_owned();
    let slot = Slot { id: id(), hosts: Vec::new(), pause_after_ms: None, max_failures: None, at: None };
    plan.threads.push(Thread { id: id(), slots: vec![slot] });
    plan
}
