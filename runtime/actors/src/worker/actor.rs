//! The actor around a worker's core: mailboxes, the transport, and noticing that it broke off.

use std::collections::BTreeMap;
use std::sync::Arc;

use actix::{Actor, AsyncContext, Context, Handler, Message};
use hashbrown::HashMap;
use pogo_plan::outcome::Outcome;
use pogo_plan::worker::{AttemptKey, Numbered, WorkerReport, WorkerRequest};
use pogo_transport::{JobContext, Progress, Recorded, Said, Secret, Stop, Transport, Window};
use tokio::sync::oneshot;
use tracing::Instrument;

use super::core::{Action, Caps, Core};
use crate::post::{Collect, Mail, Post, Reads};
use crate::shutdown::stops_on_shutdown;
use crate::stream::{Inbox, Outbox};

/// How much output of one worker may be under way to its readers, in bytes.
const WINDOW: usize = 4 * 1024 * 1024;

/// Where reports go. Comes to nothing when the other side is gone: then they are kept until there is another one.
///
/// Takes all reports out of the list that it is given.
pub(crate) type Outlet = Box<dyn Fn(&mut Vec<Arc<Numbered<WorkerReport>>>) + Send>;

/// What a worker works with.
pub(crate) struct WorkerOptions {
    pub(crate) transport: Arc<dyn Transport>,
    /// Attempts that run at once.
    pub(crate) fanout: usize,
    /// Attempts that have not reached their hosts yet.
    pub(crate) max_connecting: usize,
    /// The values of secrets, which no message carries.
    pub(crate) secrets: BTreeMap<String, Secret>,
    /// Called when the worker is gone, whatever ended it.
    pub(crate) gone: Box<dyn Fn() + Send>,
}

pub(crate) struct Worker {
    core: Core,
    transport: Arc<dyn Transport>,
    secrets: BTreeMap<String, Secret>,
    outlet: Option<Outlet>,
    outbox: Outbox<WorkerReport>,
    inbox: Inbox,
    window: Arc<Window>,
    actions: Vec<Action>,
    /// Reports that go out together.
    outgoing: Vec<Arc<Numbered<WorkerReport>>>,
    mail: Mail<Letter>,
    /// Attempts whose hosts wait to hear that their end is on record.
    waiting: HashMap<AttemptKey, Recorded>,
    /// Who waits until all hosts have been let go of.
    settling: Vec<oneshot::Sender<()>>,
    /// The way to this worker itself.
    me: Post<Self>,
    /// Last, so that it is the last to be dropped.
    _gone: Gone,
}

struct Gone(Box<dyn Fn() + Send>);

impl Drop for Gone {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// What a worker reads.
pub(crate) enum Letter {
    /// Something to do.
    Request(Arc<Numbered<WorkerRequest>>),
    /// From a transport.
    Said(AttemptKey, Said),
    /// The attempt has ended; with nothing, the transport broke off.
    Finished(AttemptKey, Option<Outcome>),
    /// Tell when all hosts of attempts that have ended have been let go of, which takes a bounded time.
    Settle(oneshot::Sender<()>),
}

/// From now on reports go there; what may not have arrived goes there first.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Attach(pub(crate) Outlet);

impl Worker {
    pub(crate) fn new(options: WorkerOptions, mail: Mail<Letter>, ctx: &Context<Self>) -> Self {
        let me = mail.post(ctx.address());
        Self {
            core: Core::new(Caps { fanout: options.fanout, connecting: options.max_connecting }),
            transport: options.transport,
            secrets: options.secrets,
            outlet: None,
            outbox: Outbox::default(),
            inbox: Inbox::default(),
            window: Arc::new(Window::new(WINDOW)),
            actions: Vec::new(),
            outgoing: Vec::new(),
            mail,
            waiting: HashMap::new(),
            settling: Vec::new(),
            me,
            _gone: Gone(options.gone),
        }
    }

    fn act(&mut self) {
        let mut actions = std::mem::take(&mut self.actions);
        for action in actions.drain(..) {
            match action {
                Action::Begin { attempt, stop } => self.begin(attempt, stop),
                Action::Report(report) => self.report(report),
            }
        }
        self.actions = actions;
    }

    fn report(&mut self, report: WorkerReport) {
        let acknowledged = self.inbox.acknowledge(self.inbox.received());
        let report = self.outbox.push(acknowledged, report);
        if self.outlet.is_some() {
            self.outgoing.push(report);
        }
    }

    /// What is to go out goes.
    fn flush(&mut self) {
        if let (Some(outlet), false) = (&self.outlet, self.outgoing.is_empty()) {
            outlet(&mut self.outgoing);
        }
    }

    fn begin(&self, attempt: pogo_transport::Attempt, stop: Stop) {
        let key = attempt.key.clone();
        let span = tracing::info_span!("attempt", job = %key.job, host = %key.host, attempt = %key.attempt);
        let progress = {
            let (key, worker) = (key.clone(), self.me.clone());
            Progress::new(Arc::clone(&self.window), move |said| {
                worker.send(Letter::Said(key.clone(), said));
            })
        };
        let end = End { key, worker: self.me.clone(), outcome: None };
        let transport = Arc::clone(&self.transport);
        let work = async move {
            // The whole of it, and not only its outcome: what counts is that it is dropped.
            let mut end = end;
            end.outcome = Some(transport.attempt(attempt, progress, stop).await);
        };
        actix::spawn(work.instrument(span));
    }
}

/// Tells the worker that an attempt has ended, also when the transport panics.
struct End {
    key: AttemptKey,
    worker: Post<Worker>,
    outcome: Option<Outcome>,
}

impl Drop for End {
    fn drop(&mut self) {
        self.worker.send(Letter::Finished(self.key.clone(), self.outcome));
    }
}

impl Actor for Worker {
    type Context = Context<Self>;
}

impl Reads for Worker {
    type Letter = Letter;
}

impl Handler<Collect> for Worker {
    type Result = ();

    fn handle(&mut self, _: Collect, _: &mut Self::Context) {
        let mut letters = self.mail.take();
        for letter in letters.drain(..) {
            match letter {
                Letter::Request(request) => self.request(&request),
                Letter::Said(key, Said::Ended { outcome, recorded }) => {
                    if self.core.leaving(&key, outcome, &mut self.actions) {
                        self.waiting.insert(key, recorded);
                    }
                }
                Letter::Said(key, said) => self.core.said(&key, said, &mut self.actions),
                Letter::Finished(key, outcome) => {
                    if !self.waiting.is_empty() {
                        self.waiting.remove(&key);
                    }
                    self.core.finished(&key, outcome, &mut self.actions);
                }
                Letter::Settle(settled) => self.settling.push(settled),
            }
            self.act();
        }
        self.mail.read(letters);
        if self.inbox.is_due(self.inbox.received()) {
            self.report(WorkerReport::Acknowledge);
        }
        self.flush();
        if self.core.has_left() {
            for settled in self.settling.drain(..) {
                // Nobody waits for it any more.
                let _gone = settled.send(());
            }
        }
    }
}

impl Worker {
    fn request(&mut self, request: &Numbered<WorkerRequest>) {
        let window = &self.window;
        self.outbox.acknowledged(request.acknowledged, |report| {
            if let WorkerReport::Output { bytes, .. } = report {
                window.give_back(bytes.len());
            }
        });
        if !self.inbox.accept(request.seq) {
            return;
        }
        match &request.message {
            WorkerRequest::Job { job, run } => match JobContext::new((**run).clone(), &self.secrets) {
                Ok(context) => self.core.set_job(*job, Arc::new(context)),
                Err(error) => tracing::error!(%job, %error, "cannot make attempts of a job"),
            },
            WorkerRequest::Recorded { attempt } => {
                if let Some(recorded) = self.waiting.remove(attempt) {
                    recorded.tell();
                }
            }
            other => self.core.request(other, &mut self.actions),
        }
    }
}

impl Handler<Attach> for Worker {
    type Result = ();

    fn handle(&mut self, Attach(outlet): Attach, _: &mut Self::Context) {
        let acknowledged = self.inbox.acknowledge(self.inbox.received());
        self.outgoing.clear();
        self.outgoing.extend(self.outbox.again(acknowledged));
        self.outlet = Some(outlet);
        if self.outbox.is_empty() && self.inbox.received() > 0 {
            self.report(WorkerReport::Acknowledge);
        }
        self.flush();
    }
}

stops_on_shutdown!(Worker);
