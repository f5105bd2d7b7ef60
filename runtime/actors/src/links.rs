//! The job's side of its workers: which attempt is with which worker, and the numbered messages to and from each.

use std::collections::VecDeque;
use std::sync::Arc;

use actix::{Actor, Addr, AsyncContext, Context, Handler, Message};
use hashbrown::HashMap;
use pogo_plan::event::JobId;
use pogo_plan::outcome::{Attempt, Outcome};
use pogo_plan::worker::{AttemptKey, Numbered, WorkerReport, WorkerRequest};
use pogo_plan::{HostIdx, Plan};
use pogo_schedule::host_task::Event;
use pogo_schedule::ids::{SlotIdx, Slots};

use crate::bus::Piece;
use crate::host_task::{HostTask, TaskOutput, Tell};
use crate::job::{self, Job};
use crate::post::{Collect, Mail, Post, Reads};
use crate::shutdown::stops_on_shutdown;
use crate::stream::{Inbox, Outbox};

/// Where requests to a worker go.
///
/// Takes all requests out of the list that it is given.
pub(crate) type Outlet = Box<dyn Fn(&mut Vec<Arc<Numbered<WorkerRequest>>>) + Send>;

pub(crate) struct Links {
    job: JobId,
    plan: Arc<Plan>,
    slots: Arc<Slots>,
    links: Vec<Link>,
    attempts: HashMap<HostIdx, UnderWay>,
    /// Attempts whose ends are to be on record first, and then told to their workers.
    unrecorded: HashMap<(HostIdx, Attempt), usize>,
    owner: Option<Post<Job>>,
    mail: Mail<Letter>,
    names: SlotNames,
}

/// The ids of slots, one list for all hosts of the same slots.
#[derive(Default)]
struct SlotNames {
    known: HashMap<Vec<SlotIdx>, Arc<[String]>>,
    /// The slots that are looked up.
    wanted: Vec<SlotIdx>,
}

struct Link {
    outlet: Outlet,
    outbox: Outbox<WorkerRequest>,
    /// Requests that go out together.
    outgoing: Vec<Arc<Numbered<WorkerRequest>>>,
    inbox: Inbox,
    /// Output that the readers have not read, by its numbers. What came after it is not acknowledged either.
    unread: VecDeque<u64>,
    under_way: usize,
    /// Of the job as the worker knows it.
    timeout_ms: u64,
    is_gone: bool,
}

struct UnderWay {
    attempt: Attempt,
    link: usize,
    task: Arc<Addr<HostTask>>,
}

/// Whose attempts these are.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Own(pub(crate) Post<Job>);

/// Adds a worker.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct AddWorker(pub(crate) Outlet);

/// The way to a worker is another one: what may not have arrived goes there first.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Reattach(pub(crate) usize, pub(crate) Outlet);

/// What the links read.
pub(crate) enum Letter {
    /// From a host task: make this attempt.
    Start { host: HostIdx, attempt: Attempt, timeout_ms: u64, task: Arc<Addr<HostTask>> },
    /// From a host task: end this attempt.
    Kill { host: HostIdx, attempt: Attempt },
    /// From the job: the end of this attempt is on record.
    Recorded { host: HostIdx, attempt: Attempt },
    /// From a worker.
    Report(usize, Arc<Numbered<WorkerReport>>),
}

/// A worker is gone and will not report.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct WorkerGone(pub(crate) usize);

/// Output has been read.
#[derive(Message)]
#[rtype(result = "()")]
struct Read(usize, u64);

/// Goes along with output; dropping it says that the output has been read.
pub(crate) struct Token {
    links: Addr<Links>,
    link: usize,
    seq: u64,
}

impl Drop for Token {
    fn drop(&mut self) {
        self.links.do_send(Read(self.link, self.seq));
    }
}

impl Links {
    pub(crate) fn new(job: JobId, plan: Arc<Plan>, slots: Arc<Slots>, mail: Mail<Letter>) -> Self {
        let (links, attempts, names) = (Vec::new(), HashMap::new(), SlotNames::default());
        let unrecorded = HashMap::new();
        Self { job, plan, slots, links, attempts, unrecorded, owner: None, mail, names }
    }

    fn key(&self, host: HostIdx, attempt: Attempt) -> AttemptKey {
        AttemptKey { job: self.job, host: self.plan.hosts.name(host).into(), attempt }
    }

    fn forward(&self, host: HostIdx, attempt: Attempt, event: Event) {
        if let Some(under_way) = self.attempts.get(&host).filter(|known| known.attempt == attempt) {
            under_way.task.do_send(Tell(event));
        }
    }

    fn ended(&mut self, host: HostIdx, attempt: Attempt, outcome: Outcome) {
        if self.attempts.get(&host).is_none_or(|known| known.attempt != attempt) {
            return;
        }
        if let Some(under_way) = self.attempts.remove(&host) {
            if let Some(link) = self.links.get_mut(under_way.link) {
                link.under_way = link.under_way.saturating_sub(1);
            }
            under_way.task.do_send(Tell(Event::Ended { attempt, outcome }));
        }
    }
}

impl SlotNames {
    fn of(&mut self, host: HostIdx, slots: &Slots, plan: &Plan) -> Arc<[String]> {
        self.wanted.clear();
        self.wanted.extend(slots.of(host));
        if let Some(names) = self.known.get(&self.wanted) {
            return Arc::clone(names);
        }
        let names: Arc<[String]> =
            self.wanted.iter().map(|&slot| slots.name(plan, slot).to_owned()).collect();
        self.known.insert(self.wanted.clone(), Arc::clone(&names));
        names
    }
}

impl Link {
    fn send(&mut self, request: WorkerRequest) {
        if !self.is_gone {
            let acknowledged = self.inbox.acknowledge(self.settled());
            self.outgoing.push(self.outbox.push(acknowledged, request));
        }
    }

    /// What is to go out goes.
    fn flush(&mut self) {
        if !self.outgoing.is_empty() {
            (self.outlet)(&mut self.outgoing);
        }
    }

    /// The number up to which everything has been dealt with.
    fn settled(&self) -> u64 {
        self.unread.front().map_or(self.inbox.received(), |seq| seq.saturating_sub(1))
    }

    fn acknowledge_if_due(&mut self) {
        if self.inbox.is_due(self.settled()) {
            self.send(WorkerRequest::Acknowledge);
        }
    }
}

impl Drop for Links {
    fn drop(&mut self) {
        if let Some(job) = &self.owner {
            job.send(job::Letter::PartGone("links"));
        }
    }
}

impl Actor for Links {
    type Context = Context<Self>;
}

stops_on_shutdown!(Links);

impl Handler<Own> for Links {
    type Result = ();

    fn handle(&mut self, Own(job): Own, _: &mut Self::Context) {
        self.owner = Some(job);
    }
}

impl Handler<AddWorker> for Links {
    type Result = ();

    fn handle(&mut self, AddWorker(outlet): AddWorker, _: &mut Self::Context) {
        let (outbox, inbox) = (Outbox::default(), Inbox::default());
        let mut link = Link {
            outlet,
            outbox,
            outgoing: Vec::new(),
            inbox,
            unread: VecDeque::new(),
            under_way: 0,
            timeout_ms: self.plan.job.timeout_ms,
            is_gone: false,
        };
        link.send(WorkerRequest::Job { job: self.job, run: Box::new(self.plan.job.clone()) });
        link.flush();
        self.links.push(link);
    }
}

impl Handler<Reattach> for Links {
    type Result = ();

    fn handle(&mut self, Reattach(at, outlet): Reattach, _: &mut Self::Context) {
        let Some(link) = self.links.get_mut(at) else { return };
        link.outlet = outlet;
        link.outgoing.clear();
        if link.outbox.is_empty() {
            link.send(WorkerRequest::Acknowledge);
        } else {
            let acknowledged = link.inbox.acknowledge(link.settled());
            link.outgoing.extend(link.outbox.again(acknowledged));
        }
        link.flush();
    }
}

impl Reads for Links {
    type Letter = Letter;
}

impl Handler<Collect> for Links {
    type Result = ();

    fn handle(&mut self, _: Collect, ctx: &mut Self::Context) {
        let _in_span = tracing::debug_span!("links").entered();
        let mut letters = self.mail.take();
        for letter in letters.drain(..) {
            match letter {
                Letter::Start { host, attempt, timeout_ms, task } => {
                    self.start(host, attempt, timeout_ms, task);
                }
                Letter::Kill { host, attempt } => self.kill(host, attempt),
                Letter::Recorded { host, attempt } => self.recorded(host, attempt),
                Letter::Report(at, report) => self.report(at, &report, ctx),
            }
        }
        self.mail.read(letters);
        for link in &mut self.links {
            link.acknowledge_if_due();
            link.flush();
        }
    }
}

impl Links {
    fn start(&mut self, host: HostIdx, attempt: Attempt, timeout_ms: u64, task: Arc<Addr<HostTask>>) {
        let attempt_key = self.key(host, attempt);
        let slots = self.names.of(host, &self.slots, &self.plan);
        let alive = self.links.iter_mut().enumerate().filter(|(_, link)| !link.is_gone);
        let Some((at, link)) = alive.min_by_key(|(_, link)| link.under_way) else {
            // No worker has ever heard of this attempt.
            return task.do_send(Tell(Event::Ended { attempt, outcome: Outcome::Unreachable }));
        };
        link.under_way += 1;
        // An operator may have altered it; hosts that began before keep what they had.
        if std::mem::replace(&mut link.timeout_ms, timeout_ms) != timeout_ms {
            let run = pogo_plan::Job { timeout_ms, ..self.plan.job.clone() };
            link.send(WorkerRequest::Job { job: self.job, run: Box::new(run) });
        }
        link.send(WorkerRequest::Start { attempt: attempt_key, slots });
        self.attempts.insert(host, UnderWay { attempt, link: at, task });
    }

    fn kill(&mut self, host: HostIdx, attempt: Attempt) {
        let attempt_key = self.key(host, attempt);
        let under_way = self.attempts.get(&host).filter(|known| known.attempt == attempt);
        if let Some(link) = under_way.and_then(|under_way| self.links.get_mut(under_way.link)) {
            link.send(WorkerRequest::Stop { attempt: attempt_key });
        }
    }

    fn recorded(&mut self, host: HostIdx, attempt: Attempt) {
        if self.unrecorded.is_empty() {
            return;
        }
        let attempt_key = self.key(host, attempt);
        let link = self.unrecorded.remove(&(host, attempt));
        if let Some(link) = link.and_then(|at| self.links.get_mut(at)) {
            link.send(WorkerRequest::Recorded { attempt: attempt_key });
        }
    }

    fn report(&mut self, at: usize, report: &Numbered<WorkerReport>, ctx: &Context<Self>) {
        let Some(link) = self.links.get_mut(at) else { return };
        link.outbox.acknowledged(report.acknowledged, |_| {});
        if !link.inbox.accept(report.seq) {
            return;
        }
        let key = report.message.attempt().filter(|key| key.job == self.job);
        let host = key.and_then(|key| Some((self.plan.hosts.get(&key.host)?, key.attempt)));
        if let Some((host, attempt)) = host {
            match &report.message {
                WorkerReport::Started { .. } => self.forward(host, attempt, Event::Started { attempt }),
                WorkerReport::Phase { phase, .. } => {
                    self.forward(host, attempt, Event::Phase { attempt, phase: *phase });
                }
                WorkerReport::Ended { outcome, is_waiting, .. } => {
                    if *is_waiting {
                        self.unrecorded.insert((host, attempt), at);
                    }
                    self.ended(host, attempt, *outcome);
                }
                WorkerReport::Output { stream, bytes, dropped_bytes, .. } => {
                    let under_way = self.attempts.get(&host).filter(|known| known.attempt == attempt);
                    let is_news = !bytes.is_empty() || *dropped_bytes > 0;
                    if let (Some(under_way), true) = (under_way, is_news) {
                        link.unread.push_back(report.seq);
                        let token = Token { links: ctx.address(), link: at, seq: report.seq };
                        let piece =
                            Piece { stream: *stream, bytes: bytes.clone(), dropped_bytes: *dropped_bytes };
                        under_way.task.do_send(TaskOutput { attempt, piece, token });
                    }
                }
                _ => {}
            }
        }
    }
}

impl Handler<WorkerGone> for Links {
    type Result = ();

    fn handle(&mut self, WorkerGone(at): WorkerGone, _: &mut Self::Context) {
        let Some(link) = self.links.get_mut(at) else { return };
        link.is_gone = true;
        let lost = self.attempts.extract_if(|_, under_way| under_way.link == at);
        for (_, UnderWay { attempt, task, .. }) in lost {
            task.do_send(Tell(Event::Lost { attempt }));
        }
    }
}

impl Handler<Read> for Links {
    type Result = ();

    fn handle(&mut self, Read(at, seq): Read, _: &mut Self::Context) {
        if let Some(link) = self.links.get_mut(at) {
            // Nearly always the first: readers read in order.
            link.unread.retain(|&unread| unread != seq);
            link.acknowledge_if_due();
            link.flush();
        }
    }
}
