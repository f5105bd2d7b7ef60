//! A job in a store: beginning it, taking it up again, and doing what an operator says to one that nobody runs.
//!
//! A job is taken up in these steps. Its owner's lock is taken, and with that the ledger is put right. The facts are
//! folded. The transport is asked about attempts of which nobody saw the end. Then an interrupted job goes on where it was,
//! and one that has ended is resumed. An operator's word to a job that was interrupted halts it first: its attempts without
//! an end become `unknown`, and nothing new starts.

use std::collections::{BTreeMap, VecDeque};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use pogo_plan::event::{Author, Command, Fact, JobId, Verdict};
use pogo_plan::outcome::{Attempt, HostState, JobState, Outcome};
use pogo_plan::worker::AttemptKey;
use pogo_plan::{HostIdx, Plan};
use pogo_schedule::fault::Faults;
use pogo_schedule::ids::Slots;
use pogo_schedule::job::{Action, Event, Machine, Refusal};
use pogo_schedule::ledger::Op;
use pogo_schedule::time::Monotonic;
use pogo_store::{Batch, NewJob, OutputWriter, Owned, Session, Store, StoreError, Told};
use pogo_transport::{Attempt as Asked, JobContext, Learned, Secret, Transport};
use tokio::task::JoinSet;

use crate::bus::Subscriber;
use crate::control::ControlReceiver;
use crate::job::{Held, Records};
use crate::keeping::{Relay, SESSION, Stored};
use crate::ledger::event_of;
use crate::output::OutputKeeper;
use crate::run::{self, Begin, Ended, Kept, RunError, RunOptions};

/// A host that is asked about an attempt has this long beyond the time to reach it.
const PROBE: Duration = Duration::from_secs(20);

/// A job that nobody runs, and who takes it up.
#[derive(Clone, Debug)]
pub struct TakeUp {
    /// Where it is kept.
    pub store: Store,
    /// Its namespace.
    pub namespace: String,
    /// Who takes it up, and why.
    pub by: Author,
}

/// Goes on with a job: with what was interrupted, or, if it has ended, with what is left of it. The job is
/// [`RunOptions::job`], and `transport` must be one for its plan.
///
/// # Errors
///
/// [`RunError::Keeping`] with [`StoreError::Owned`] if another process runs the job; [`RunError::Order`] if nothing is left
/// to do; else as [`crate::run_with`].
pub fn resume(
    at: &TakeUp,
    options: RunOptions,
    transport: Arc<dyn Transport>,
    control: ControlReceiver,
    subscribers: Vec<Box<dyn Subscriber>>,
) -> Result<Ended, RunError> {
    again(at, None, options, transport, control, subscribers)
}

/// Runs bad hosts of a job again, and goes on with the job as [`resume`] does. Without `hosts` those are all bad hosts but
/// the ones of which nobody knows the end.
///
/// # Errors
///
/// [`RunError::Order`] if one of the hosts cannot be run again: then nothing has changed; else as [`resume`].
pub fn retry(
    at: &TakeUp,
    hosts: &[String],
    options: RunOptions,
    transport: Arc<dyn Transport>,
    control: ControlReceiver,
    subscribers: Vec<Box<dyn Subscriber>>,
) -> Result<Ended, RunError> {
    again(at, Some(hosts.to_vec()), options, transport, control, subscribers)
}

fn again(
    at: &TakeUp,
    retry: Option<Vec<String>>,
    options: RunOptions,
    transport: Arc<dyn Transport>,
    control: ControlReceiver,
    subscribers: Vec<Box<dyn Subscriber>>,
) -> Result<Ended, RunError> {
    let taken = TakenUp::own(at, options.job, options.seed)?;
    JobContext::new(taken.plan.job.clone(), &options.secrets)?;
    transport.check(&taken.plan.job)?;
    let again = Again { by: at.by.clone(), retry };
    run::drive(Kept::Stored(Box::new(taken)), Some(again), options, transport, control, subscribers)
}

/// Carries out what an operator says to a job that nobody runs, all or nothing, and lets go of it. Gives the state of the
/// job. A job whose process is gone is halted by that. To go on with it is the business of [`resume`].
///
/// # Errors
///
/// [`RunError::Keeping`] with [`StoreError::Owned`] if a process runs the job: then it is that process that must be told;
/// [`RunError::Order`] with the first of the commands that makes no sense.
pub fn operate(at: &TakeUp, job: JobId, commands: Vec<Command>) -> Result<JobState, RunError> {
    let mut taken = TakenUp::own(at, job, 0)?;
    let was_running = !taken.machine.state().has_ended();
    taken.halt(&at.by)?;
    // That is what just happened.
    let is_done = |command: &Command| was_running && matches!(command, Command::Halt { .. });
    let commands: Vec<Command> = commands.into_iter().filter(|command| !is_done(command)).collect();
    let refuse = |host: Option<String>, why| RunError::Order { job, host, why };
    let mut said = Vec::new();
    for command in commands {
        if matches!(command, Command::Resume) {
            return Err(refuse(None, Refusal::NotNow));
        }
        let mut named = None;
        let known = command.try_map_host(|host| {
            let known = taken.plan.hosts.get(&host);
            named = Some(host);
            known
        });
        said.push(known.ok_or_else(|| refuse(named, Refusal::NotATarget))?);
    }
    taken.carry_out(&said, &at.by)?;
    Ok(taken.machine.state())
}

/// Asks hosts of a job that nobody runs how the attempts on them ended of which nobody saw the end, and puts what they know
/// on record: as their end if the job was interrupted, and else as a decision. Gives what was learned, by host; a host that
/// is not in it does not know, was not reached, or its attempt still runs. Without `hosts`, all are asked.
///
/// # Errors
///
/// As [`operate`]; [`RunError::Context`] without the job's secrets.
pub fn probe(
    at: &TakeUp,
    hosts: &[String],
    options: &RunOptions,
    transport: &Arc<dyn Transport>,
) -> Result<Vec<(String, Outcome)>, RunError> {
    let mut taken = TakenUp::own(at, options.job, options.seed)?;
    let wanted = taken.named(hosts)?;
    actix::System::new().block_on(async {
        let before = taken.hosts_in(HostState::Running);
        taken.probe(transport, &options.secrets, options.max_connecting).await?;
        let mut learned = Vec::new();
        for (host, attempt) in before {
            let end = taken.facts.iter().rev().find_map(|fact| match fact {
                Fact::Ended { host: of, attempt: which, outcome, .. } if (*of, *which) == (host, attempt) => {
                    Some(*outcome)
                }
                _ => None,
            });
            learned.extend(end.map(|outcome| (host, outcome)));
        }
        taken.halt(&at.by)?;
        let mut open = taken.hosts_in(HostState::Unknown);
        open.retain(|(host, _)| wanted.is_empty() || wanted.contains(host));
        let mut asking = taken.ask(open, transport, &options.secrets, options.max_connecting)?;
        while let Some(known) = asking.some().await {
            let decide = |(host, _, learned): &Answer| {
                let verdict = match learned.outcome() {
                    Outcome::Succeeded => Verdict::Succeeded,
                    _ => Verdict::Failed,
                };
                Command::Decide { host: *host, verdict }
            };
            let commands: Vec<_> = known.iter().map(decide).collect();
            taken.carry_out(&commands, &at.by)?;
            learned.extend(known.iter().map(|(host, _, learned)| (*host, learned.outcome())));
            on_record(known).await;
        }
        Ok(learned.into_iter().map(|(host, end)| (taken.plan.hosts.name(host).to_owned(), end)).collect())
    })
}

/// How a job is taken up.
#[derive(Debug)]
pub(crate) struct Again {
    by: Author,
    /// Hosts to be run again; all that can be, if the list is empty.
    retry: Option<Vec<String>>,
}

/// What the session told before there was an actor to read it.
pub(crate) struct Early {
    pub(crate) relay: Relay,
    pub(crate) unread: Vec<Told>,
}

/// A job that this process owns, before its actors are there.
pub(crate) struct TakenUp {
    store: Store,
    session: Arc<Session>,
    relay: Relay,
    id: JobId,
    plan: Arc<Plan>,
    slots: Arc<Slots>,
    seed: u64,
    facts: Vec<Fact<HostIdx>>,
    /// For how long it has run before.
    ran_ms: u64,
    machine: Machine,
    /// The last batch.
    ticket: u64,
    /// Operators' words, for later.
    unread: Vec<Told>,
}

impl TakenUp {
    /// Puts a new job on record.
    pub(crate) fn begin(stored: &Stored, plan: Plan, options: &RunOptions) -> Result<Self, RunError> {
        let namespace = plan.namespace.clone();
        let new = NewJob { id: options.job, plan: Arc::new(plan), summary: stored.summary.clone() };
        Self::with(&stored.store, &namespace, options.seed, |session| session.begin(new))
    }

    /// Takes up a job that nobody runs.
    pub(crate) fn own(at: &TakeUp, job: JobId, seed: u64) -> Result<Self, RunError> {
        Self::with(&at.store, &at.namespace, seed, |session| session.own(job))
    }

    fn with(
        store: &Store,
        namespace: &str,
        seed: u64,
        take: impl FnOnce(&Session) -> Result<Owned, StoreError>,
    ) -> Result<Self, RunError> {
        let failed = |error| RunError::Keeping(Box::new(error));
        let relay = Relay::new();
        let session = Session::open(store, namespace, relay.tell()).map_err(failed)?;
        let Owned { id, plan, facts, ran_ms, .. } = take(&session).map_err(failed)?;
        let slots = Arc::new(Slots::new(&plan));
        let machine = fold(id, &plan, &slots, seed, &facts).after_ms(ran_ms);
        let (session, store) = (Arc::new(session), store.clone());
        let (ticket, unread) = (0, Vec::new());
        Ok(Self { store, session, relay, id, plan, slots, seed, facts, ran_ms, machine, ticket, unread })
    }

    pub(crate) fn plan(&self) -> Arc<Plan> {
        Arc::clone(&self.plan)
    }

    pub(crate) fn session(&self) -> Arc<Session> {
        Arc::clone(&self.session)
    }

    pub(crate) fn output(&self) -> Result<OutputKeeper, RunError> {
        let writer = OutputWriter::open(&self.store, self.id);
        Ok(OutputKeeper::new(writer.map_err(|error| RunError::Keeping(Box::new(error)))?))
    }

    /// What an actor goes on with.
    pub(crate) fn hand_over(self) -> (Machine, Records, Early) {
        let held = Held::new(self.id, self.session, self.ticket);
        (self.machine, Records::Stored(held), Early { relay: self.relay, unread: self.unread })
    }

    /// Makes the job ready to go on, and says what it begins with.
    pub(crate) async fn go_on(
        &mut self,
        again: Again,
        transport: &Arc<dyn Transport>,
        options: &RunOptions,
    ) -> Result<Begin, RunError> {
        let Again { by, retry } = again;
        self.probe(transport, &options.secrets, options.max_connecting).await?;
        if let Some(names) = retry {
            self.halt(&by)?;
            let hosts = self.to_retry(&names)?;
            let commands: Vec<_> = hosts.into_iter().map(|host| Command::Retry { host }).collect();
            self.carry_out(&commands, &by)?;
        }
        if self.machine.state() == JobState::Halting {
            self.halt(&by)?;
        }
        Ok(if self.machine.state().has_ended() { Begin::Resume(by) } else { Begin::Start })
    }

    fn to_retry(&self, names: &[String]) -> Result<Vec<HostIdx>, RunError> {
        if names.is_empty() {
            let is_bad = |host: &&HostIdx| {
                let state = self.machine.host(**host).map(|(state, _)| state);
                state.is_some_and(|state| state.is_bad() && state != HostState::Unknown)
            };
            return Ok(self.plan.targets.iter().filter(is_bad).copied().collect());
        }
        self.named(names)
    }

    fn named(&self, names: &[String]) -> Result<Vec<HostIdx>, RunError> {
        let refused = |name: &String| RunError::Order {
            job: self.id,
            host: Some(name.clone()),
            why: Refusal::NotATarget,
        };
        names.iter().map(|name| self.plan.hosts.get(name).ok_or_else(|| refused(name))).collect()
    }

    /// Asks the hosts about attempts that have no end on record. What they say goes there.
    async fn probe(
        &mut self,
        transport: &Arc<dyn Transport>,
        secrets: &BTreeMap<String, Secret>,
        at_once: usize,
    ) -> Result<(), RunError> {
        let open = self.hosts_in(HostState::Running);
        let mut asking = self.ask(open, transport, secrets, at_once)?;
        while let Some(known) = asking.some().await {
            let (mut facts, mut ops) = (Vec::new(), Vec::new());
            for (host, attempt, learned) in &known {
                let (host, attempt, outcome) = (*host, *attempt, learned.outcome());
                facts.push(Fact::Ended { host, attempt, outcome, again: false });
                ops.push(Op::End { job: self.id, host, attempt, outcome });
            }
            self.amend(facts, ops)?;
            on_record(known).await;
        }
        Ok(())
    }

    fn hosts_in(&self, wanted: HostState) -> VecDeque<(HostIdx, Attempt)> {
        let fits = |&host: &HostIdx| {
            let (state, attempt) = self.machine.host(host)?;
            (state == wanted).then_some((host, attempt))
        };
        self.plan.targets.iter().filter_map(fits).collect()
    }

    /// Asks what the hosts know of these attempts.
    fn ask(
        &self,
        open: VecDeque<(HostIdx, Attempt)>,
        transport: &Arc<dyn Transport>,
        secrets: &BTreeMap<String, Secret>,
        at_once: usize,
    ) -> Result<Asking, RunError> {
        if open.is_empty() {
            return Ok(Asking { open: VecDeque::new(), asked: JoinSet::new(), at_once: 1 });
        }
        let job = Arc::new(JobContext::new(self.plan.job.clone(), secrets)?);
        let most = Duration::from_millis(self.plan.job.connect_timeout_ms).saturating_add(PROBE);
        let question = |(host, attempt)| {
            let name = |slot| self.slots.name(&self.plan, slot).to_owned();
            let slots = self.slots.of(host).map(name).collect();
            let key = AttemptKey { job: self.id, host: self.plan.hosts.name(host).into(), attempt };
            let (transport, job) = (Arc::clone(transport), Arc::clone(&job));
            let answer: Question = Box::pin(async move {
                let answer = transport.probe(Asked { key, slots, job });
                let learned = tokio::time::timeout(most, answer).await.ok().flatten()?;
                (learned.outcome() != Outcome::Unknown).then_some((host, attempt, learned))
            });
            answer
        };
        let open = open.into_iter().map(question).collect();
        Ok(Asking { open, asked: JoinSet::new(), at_once: at_once.max(1) })
    }

    /// Puts facts on record that the machine did not decide, and folds all of them anew.
    fn amend(&mut self, facts: Vec<Fact<HostIdx>>, ops: Vec<Op>) -> Result<(), RunError> {
        self.facts.extend(facts.iter().cloned());
        let machine = fold(self.id, &self.plan, &self.slots, self.seed, &self.facts);
        self.machine = machine.after_ms(self.ran_ms);
        let _nothing_registered = self.record(facts, ops)?;
        Ok(())
    }

    /// Brings a job to its end that was interrupted: nothing new starts, and attempts without an end are `unknown`.
    fn halt(&mut self, by: &Author) -> Result<(), RunError> {
        if self.machine.state() == JobState::Running {
            let command = Command::Halt { stop_running: false };
            let facts = vec![
                Fact::Commanded { command, by: Box::new(by.clone()) },
                Fact::JobState { state: JobState::Halting },
            ];
            self.amend(facts, Vec::new())?;
        }
        if self.machine.state() == JobState::Halting {
            self.step(vec![Event::Start])?;
        }
        Ok(())
    }

    /// Carries out all of the commands, or none.
    fn carry_out(&mut self, commands: &[Command<HostIdx>], by: &Author) -> Result<(), RunError> {
        let mut trial = self.machine.clone();
        let mut actions = Vec::new();
        let event = |command: &Command<HostIdx>| {
            let by = Box::new(by.clone());
            Event::Command { command: command.clone(), by }
        };
        for command in commands {
            actions.clear();
            trial.handle(Monotonic(0), event(command), &mut actions);
            let refusal = actions.iter().find_map(|action| match action {
                Action::Refused { why, .. } => Some(*why),
                _ => None,
            });
            if let Some(why) = refusal {
                let host = host_of(command).map(|host| self.plan.hosts.name(host).to_owned());
                return Err(RunError::Order { job: self.id, host, why });
            }
        }
        self.step(commands.iter().map(event).collect())
    }

    /// Lets the machine decide on events and on what the ledger says to that, until all of it is on record.
    fn step(&mut self, mut events: Vec<Event>) -> Result<(), RunError> {
        while !events.is_empty() {
            let mut actions = Vec::new();
            for event in events.drain(..) {
                // Nothing that happens here looks at the time.
                self.machine.handle(Monotonic(0), event, &mut actions);
            }
            let (mut facts, mut ops) = (Vec::new(), Vec::new());
            for action in actions {
                match action {
                    Action::Record(fact) => facts.push(fact),
                    Action::Ledger(op) => ops.push(op),
                    // An ended job has no threads, slots or tasks, and a halting one begins none.
                    _ => {}
                }
            }
            self.facts.extend(facts.iter().cloned());
            if !facts.is_empty() || !ops.is_empty() {
                events = self.record(facts, ops)?;
            }
            // The ledger's last word to a job that halts.
            while events.is_empty() && self.machine.state() == JobState::Halting {
                events = self.hear(None)?;
            }
        }
        Ok(())
    }

    /// Puts something on record, and gives what the ledger said in the meantime.
    fn record(&mut self, facts: Vec<Fact<HostIdx>>, ops: Vec<Op>) -> Result<Vec<Event>, RunError> {
        self.ticket += 1;
        let (ticket, job) = (self.ticket, Some(self.id));
        let (counts, answers) = (Some(self.machine.counts()), Vec::new());
        self.session.submit(Batch { ticket, job, facts, ops, counts, answers, can_wait: false });
        self.hear(Some(ticket))
    }

    /// Listens until a batch is on record, or until the ledger says something.
    fn hear(&mut self, until: Option<u64>) -> Result<Vec<Event>, RunError> {
        let mut events = Vec::new();
        loop {
            match self.relay.next().ok_or(RunError::Lost(SESSION))? {
                Told::Committed { ticket } if Some(ticket) == until => return Ok(events),
                Told::Committed { .. } | Told::Limits(_) => {}
                Told::Effects(effects) => {
                    events.extend(effects.into_iter().filter_map(event_of).map(|(_, event)| event));
                    if until.is_none() {
                        return Ok(events);
                    }
                }
                command @ Told::Command { .. } => self.unread.push(command),
                Told::Failed(error) => {
                    return Err(RunError::Store { source: Box::new(error), left_running: 0 });
                }
            }
        }
    }
}

/// What a host knows of an attempt.
type Answer = (HostIdx, Attempt, Learned);

type Question = Pin<Box<dyn Future<Output = Option<Answer>> + Send>>;

/// Hosts that are asked, so many at once.
struct Asking {
    open: VecDeque<Question>,
    asked: JoinSet<Option<Answer>>,
    at_once: usize,
}

impl Asking {
    /// Some of the answers, so that they can go on record before the rest of the hosts is asked: hosts that know something
    /// wait for that. Nothing when there are no more.
    async fn some(&mut self) -> Option<Vec<Answer>> {
        let mut known = Vec::new();
        while known.len() < self.at_once {
            while self.asked.len() < self.at_once
                && let Some(question) = self.open.pop_front()
            {
                self.asked.spawn(question);
            }
            let Some(answer) = self.asked.join_next().await else { break };
            // A transport that panics does not know.
            known.extend(answer.ok().flatten());
        }
        (!known.is_empty()).then_some(known)
    }
}

/// The hosts may forget what they knew.
async fn on_record(known: Vec<Answer>) {
    let told: JoinSet<()> = known.into_iter().map(|(_, _, learned)| learned.on_record()).collect();
    told.join_all().await;
}

fn fold(id: JobId, plan: &Arc<Plan>, slots: &Arc<Slots>, seed: u64, facts: &[Fact<HostIdx>]) -> Machine {
    let (plan, slots) = (Arc::clone(plan), Arc::clone(slots));
    Machine::recover(id, plan, slots, seed, Faults::default(), facts.iter().cloned())
}

const fn host_of(command: &Command<HostIdx>) -> Option<HostIdx> {
    match command {
        Command::Stop { host }
        | Command::Skip { host }
        | Command::Retry { host }
        | Command::Decide { host, .. } => Some(*host),
        _ => None,
    }
}
