//! Jobs run through real sessions, with commands that do nothing but say when they begin and end.

use std::collections::VecDeque;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use pogo_plan::event::{Command, JobId};
use pogo_plan::job::*;
use pogo_plan::outcome::{HostState, JobState, Outcome};
use pogo_plan::{HostIdx, HostTable, Limit, Origin, Plan, Slot, Thread};
use pogo_schedule::ledger::Effect;
use pogo_schedule::time::Monotonic;
use pogo_schedule::{host_task, job};
use pogo_store::{Answer, Batch, NewJob, Owned, Session, Store, StoreError, Told};

use crate::engine::{Engine, Input, Wanted, event_of};

/// A limit: its members, as places in a plan's hosts, and how many of them may be out.
pub(crate) type LimitOf<'a> = (&'a str, std::ops::Range<usize>, u32);

/// A plan of one thread with one slot: the first hosts are targets, all are known.
pub(crate) fn plan(hosts: &[String], targets: std::ops::Range<usize>, limits: &[LimitOf<'_>]) -> Arc<Plan> {
    let mut table = HostTable::new();
    let ids: Vec<HostIdx> = hosts.iter().map(|host| table.intern(host).unwrap().host).collect();
    // A plan has no limits without targets.
    let concerns =
        |members: &std::ops::Range<usize>| members.start < targets.end && targets.start < members.end;
    let limits: Vec<_> = limits.iter().filter(|(_, members, _)| concerns(members)).collect();
    let targets = ids[targets].to_vec();
    let slot =
        |id: &str, hosts| Slot { id: id.into(), hosts, pause_after_ms: None, max_failures: None, at: None };
    let threads =
        vec![Thread { id: "unconstrained".into(), slots: vec![slot("unconstrained", targets.clone())] }];
    let limits = limits
        .iter()
        .map(|(id, members, max)| Limit {
            id: (*id).into(),
            max_parallel: *max,
            declared: max.to_string(),
            group_size: members.len() as u32,
            members: ids[members.clone()].to_vec(),
            at: None,
        })
        .collect();
    let job = Job {
        command: Some("true".into()),
        retry: Retry { retry_on: vec![], ..Retry::default() },
        max_output_bytes: 0,
        transport: Transport::Local,
        ..Job::default()
    };
    let (namespace, origin) = ("default".into(), Origin::default());
    Arc::new(Plan { namespace, hosts: table, targets, threads, limits, job, origin })
}

pub(crate) fn names(count: usize) -> Vec<String> {
    (1..=count).map(|number| format!("host{number}")).collect()
}

/// Where the commands of the hosts write when they begin and end.
pub(crate) struct Log(std::fs::File);

impl Log {
    pub(crate) fn open(path: &Path) -> Self {
        Self(OpenOptions::new().create(true).append(true).open(path).unwrap())
    }

    /// One write each, so lines of several processes never mix, and their order is the order of the writes.
    fn say(&mut self, what: &str, host: &str, job: JobId) {
        self.0.write_all(format!("{what} {host} {job}\n").as_bytes()).unwrap();
    }
}

/// One job in a session.
pub(crate) struct Rig {
    pub(crate) session: Session,
    pub(crate) told: Receiver<Told>,
    engine: Engine,
    plan: Arc<Plan>,
    id: JobId,
    ticket: u64,
    /// Submitted and not told as committed.
    under_way: VecDeque<(u64, Instant)>,
    /// The longest time from a submission to its commit.
    worst: Duration,
    start: Instant,
    /// Begun commands that have not ended.
    running: Vec<(HostIdx, pogo_plan::outcome::Attempt)>,
    log: Option<Log>,
    fails: fn(&str) -> Outcome,
    /// Stops as soon as a claimed host has to wait.
    pub(crate) cut_on_wait: bool,
    /// Stops as if killed when so many batches are on record.
    pub(crate) cut_after: Option<u64>,
    pub(crate) started: usize,
    /// Stops as if killed when so many commands have begun.
    pub(crate) cut_after_starts: Option<usize>,
    /// Says on standard output what begins.
    pub(crate) is_loud: bool,
}

/// How a run ended.
#[derive(Debug)]
pub(crate) enum End {
    State(JobState),
    Failed(StoreError),
    Cut,
}

pub(crate) fn open(store: &Store) -> (Session, Receiver<Told>) {
    let (tell, told) = channel();
    let session = Session::open(store, "default", Box::new(move |word| drop(tell.send(word))));
    (session.unwrap(), told)
}

impl Rig {
    pub(crate) fn begin(store: &Store, id: u64, plan: Arc<Plan>, log: Option<Log>) -> Self {
        let (session, told) = open(store);
        let new = NewJob { id: JobId::from_bits(id), plan, summary: "apply test.cfg".into() };
        let owned = session.begin(new).unwrap();
        Self::of(session, told, owned, log)
    }

    pub(crate) fn of(session: Session, told: Receiver<Told>, owned: Owned, log: Option<Log>) -> Self {
        let engine = Engine::new(owned.id, &owned.plan, owned.facts);
        let (plan, id) = (owned.plan, owned.id);
        let (ticket, start, running, started) = (0, Instant::now(), Vec::new(), 0);
        let fails = |_: &str| Outcome::Succeeded;
        Self {
            session,
            told,
            engine,
            plan,
            id,
            ticket,
            under_way: VecDeque::new(),
            worst: Duration::ZERO,
            start,
            running,
            log,
            fails,
            cut_after: None,
            cut_on_wait: false,
            started,
            cut_after_starts: None,
            is_loud: false,
        }
    }

    pub(crate) fn failing(mut self, fails: fn(&str) -> Outcome) -> Self {
        self.fails = fails;
        self
    }

    /// Takes up a job; whoever cannot says why.
    pub(crate) fn resume(store: &Store, id: u64, log: Option<Log>) -> Result<Self, StoreError> {
        let (session, told) = open(store);
        let owned = session.own(JobId::from_bits(id))?;
        Ok(Self::of(session, told, owned, log))
    }

    /// Goes on after a crash, or after the job had ended otherwise than well.
    pub(crate) fn go_on(&mut self) -> End {
        match self.engine.job.state() {
            JobState::Succeeded => End::State(JobState::Succeeded),
            state if state.has_ended() => {
                let (command, by) = (Command::Resume, Box::default());
                self.run_after(job::Event::Command { command, by })
            }
            _ => self.run(),
        }
    }

    /// The hosts of which nobody saw the end.
    pub(crate) fn unknown(&self) -> Vec<String> {
        let is_unknown = |host: &&HostIdx| {
            self.engine.job.host(**host).is_some_and(|(state, _)| state == HostState::Unknown)
        };
        self.plan
            .targets
            .iter()
            .filter(is_unknown)
            .map(|&host| self.plan.hosts.name(host).to_owned())
            .collect()
    }

    fn now(&self) -> Monotonic {
        Monotonic(self.start.elapsed().as_nanos() as u64)
    }

    /// Facts and operations go to the session; commands begin at once, since the grant that they follow is on record.
    fn submit(&mut self, wanted: Wanted, answers: Vec<(pogo_store::CommandId, Answer)>) {
        for &(host, attempt) in &wanted.starts {
            if let Some(log) = &mut self.log {
                log.say("begin", self.plan.hosts.name(host), self.id);
            }
            self.started += 1;
            if self.is_loud {
                println!("begin {}", self.plan.hosts.name(host));
            }
            self.running.push((host, attempt));
        }
        if wanted.facts.is_empty() && wanted.ops.is_empty() && answers.is_empty() {
            return;
        }
        self.ticket += 1;
        self.under_way.push_back((self.ticket, Instant::now()));
        self.session.submit(Batch {
            ticket: self.ticket,
            job: Some(self.id),
            facts: wanted.facts,
            ops: wanted.ops,
            counts: Some(self.engine.job.counts()),
            answers,
            can_wait: false,
        });
    }

    fn note_wait(&mut self, committed: u64) {
        while let Some((_, since)) = self.under_way.pop_front_if(|(ticket, _)| *ticket <= committed) {
            if since.elapsed() > self.worst {
                self.worst = since.elapsed();
                if self.is_loud {
                    println!("wait {}", self.worst.as_micros());
                }
            }
        }
    }

    /// Runs until the job has ended and that is on record, or the session has failed.
    pub(crate) fn run(&mut self) -> End {
        self.run_after(job::Event::Start)
    }

    pub(crate) fn run_after(&mut self, first: job::Event) -> End {
        let mut wanted = Wanted::default();
        let now = self.now();
        self.engine.step(now, Input::Job(first), &mut wanted);
        self.submit(wanted, Vec::new());
        let mut committed = 0;
        loop {
            let state = self.engine.job.state();
            if state.has_ended() && committed == self.ticket {
                return End::State(state);
            }
            if self.cut_after.is_some_and(|most| committed >= most)
                || self.cut_after_starts.is_some_and(|most| self.started >= most)
            {
                return End::Cut;
            }
            let mut wanted = Wanted::default();
            let mut answers = Vec::new();
            // What has been told, then the ends of all that runs: as many as there are go into one batch.
            let first =
                if self.running.is_empty() { self.told.recv().ok() } else { self.told.try_recv().ok() };
            let mut next = first;
            while let Some(word) = next.take() {
                let now = self.now();
                match word {
                    Told::Committed { ticket } => {
                        committed = ticket;
                        self.note_wait(ticket);
                    }
                    Told::Effects(effects) => {
                        let is_waiting = |effect: &Effect| matches!(effect, Effect::Waiting { .. });
                        if self.cut_on_wait && effects.iter().any(is_waiting) {
                            return End::Cut;
                        }
                        for event in effects.into_iter().filter_map(event_of) {
                            self.engine.step(now, Input::Job(event), &mut wanted);
                        }
                    }
                    Told::Command { id, command, author, .. } => {
                        self.engine.step(
                            now,
                            Input::Job(job::Event::Command { command, by: Box::new(author) }),
                            &mut wanted,
                        );
                        let why = wanted.refused.take();
                        answers.push((
                            id,
                            match why {
                                None => Answer::Done,
                                Some(why) => Answer::Refused { why: format!("{why:?}") },
                            },
                        ));
                    }
                    Told::Failed(error) => return End::Failed(error),
                    Told::Limits(_) => {}
                }
                next = self.told.try_recv().ok();
            }
            let now = self.now();
            for (host, attempt) in std::mem::take(&mut self.running) {
                let name = self.plan.hosts.name(host);
                let outcome = (self.fails)(name);
                if let Some(log) = &mut self.log {
                    log.say("end", name, self.id);
                }
                let ended = host_task::Event::Ended { attempt, outcome };
                self.engine.step(now, Input::Task(host, ended), &mut wanted);
            }
            self.submit(wanted, answers);
        }
    }
}
