//! What a worker knows and decides: which attempts it has, and which may begin.

use std::collections::VecDeque;
use std::sync::Arc;

use hashbrown::HashMap;
use pogo_plan::event::JobId;
use pogo_plan::outcome::{Attempt, Outcome, Phase};
use pogo_plan::worker::{AttemptKey, WorkerReport, WorkerRequest};
use pogo_transport::{JobContext, Said, Stop, StopSender, stop};

/// What a worker is to do.
#[derive(Debug)]
pub(super) enum Action {
    /// Make this attempt.
    Begin { attempt: pogo_transport::Attempt, stop: Stop },
    /// Tell this.
    Report(WorkerReport),
}

/// At most so much at once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Caps {
    /// Attempts under way.
    pub(super) fanout: usize,
    /// Of those, attempts that have not started on their hosts yet.
    pub(super) connecting: usize,
}

#[derive(Debug)]
pub(super) struct Core {
    caps: Caps,
    jobs: HashMap<JobId, Job>,
    queue: VecDeque<AttemptKey>,
    running: usize,
    connecting: usize,
    /// Attempts that have ended, and whose hosts are not let go of yet: with the next one on the same host, which waits.
    /// They count as running.
    leaving: HashMap<AttemptKey, Option<AttemptKey>>,
}

#[derive(Debug)]
struct Job {
    context: Arc<JobContext>,
    /// The latest attempt on each host. Kept until the job is forgotten, so that none is made twice.
    hosts: HashMap<Arc<str>, Record>,
}

#[derive(Debug)]
struct Record {
    attempt: Attempt,
    state: State,
    /// Whether the attempt was last in its verify command.
    is_verifying: bool,
}

#[derive(Debug)]
enum State {
    /// With the job as it was when the attempt was asked for.
    Queued {
        slots: Arc<[String]>,
        context: Arc<JobContext>,
    },
    Connecting(StopSender),
    Running(StopSender),
    Ended(Outcome),
}

impl Core {
    pub(super) fn new(caps: Caps) -> Self {
        let caps = Caps { fanout: caps.fanout.max(1), connecting: caps.connecting.max(1) };
        Self {
            caps,
            jobs: HashMap::new(),
            queue: VecDeque::new(),
            running: 0,
            connecting: 0,
            leaving: HashMap::new(),
        }
    }

    /// The attempts of this job run this from now on.
    pub(super) fn set_job(&mut self, job: JobId, context: Arc<JobContext>) {
        match self.jobs.get_mut(&job) {
            Some(known) => known.context = context,
            None => {
                self.jobs.insert(job, Job { context, hosts: HashMap::new() });
            }
        }
    }

    pub(super) fn request(&mut self, request: &WorkerRequest, out: &mut Vec<Action>) {
        match request {
            WorkerRequest::Start { attempt, slots } => self.start(attempt, slots, out),
            WorkerRequest::Stop { attempt } => self.stop(attempt, out),
            WorkerRequest::Forget { job } => {
                // What still runs goes on, and its end is of no interest to anybody.
                if let Some(job) = self.jobs.remove(job) {
                    for record in job.hosts.into_values() {
                        self.leaves(&record.state);
                    }
                }
                self.begin_next(out);
            }
            // `Job` needs what is not in the message.
            _ => {}
        }
    }

    fn start(&mut self, key: &AttemptKey, slots: &Arc<[String]>, out: &mut Vec<Action>) {
        let Some(job) = self.jobs.get_mut(&key.job) else {
            // Its job could not be read here, or was forgotten: nothing has been started.
            return out.push(ended(key, Outcome::Unreachable));
        };
        let context = &job.context;
        let new = || Record {
            attempt: key.attempt,
            state: State::Queued { slots: Arc::clone(slots), context: Arc::clone(context) },
            is_verifying: false,
        };
        match job.hosts.get_mut(&key.host) {
            None => {
                job.hosts.insert(Arc::clone(&key.host), new());
            }
            Some(record) if record.attempt == key.attempt => {
                match record.state {
                    State::Queued { .. } | State::Connecting(_) => {}
                    State::Running(_) => out.push(started(key)),
                    State::Ended(outcome) => out.push(ended(key, outcome)),
                }
                return;
            }
            Some(record) if record.attempt > key.attempt => return,
            Some(record) if matches!(record.state, State::Ended(_)) => {
                let last = AttemptKey { attempt: record.attempt, ..key.clone() };
                *record = new();
                if let Some(next) = self.leaving.get_mut(&last) {
                    // It may have the connection for this one.
                    *next = Some(key.clone());
                    return;
                }
            }
            // An earlier attempt is still under way here: two at once on one host are never wanted.
            Some(_) => return out.push(ended(key, Outcome::Unreachable)),
        }
        self.queue.push_back(key.clone());
        self.begin_next(out);
    }

    fn stop(&mut self, key: &AttemptKey, out: &mut Vec<Action>) {
        let Some(job) = self.jobs.get_mut(&key.job) else {
            return out.push(ended(key, Outcome::Unreachable));
        };
        let never =
            Record { attempt: key.attempt, state: State::Ended(Outcome::Unreachable), is_verifying: false };
        match job.hosts.get_mut(&key.host) {
            None => {
                job.hosts.insert(Arc::clone(&key.host), never);
                out.push(ended(key, Outcome::Unreachable));
            }
            Some(record) if record.attempt == key.attempt => match &record.state {
                State::Queued { .. } => {
                    *record = never;
                    out.push(ended(key, Outcome::Unreachable));
                }
                State::Connecting(stop) | State::Running(stop) => stop.stop(),
                State::Ended(outcome) => out.push(ended(key, *outcome)),
            },
            Some(record) if record.attempt > key.attempt => {}
            Some(record) => {
                if matches!(record.state, State::Ended(_)) {
                    *record = never;
                }
                out.push(ended(key, Outcome::Unreachable));
            }
        }
    }

    /// From a transport.
    pub(super) fn said(&mut self, key: &AttemptKey, said: Said, out: &mut Vec<Action>) {
        let Some(record) = self.record(key) else { return };
        match said {
            Said::Started => {
                let state = std::mem::replace(&mut record.state, State::Ended(Outcome::Unknown));
                if let State::Connecting(stop) = state {
                    record.state = State::Running(stop);
                    self.connecting -= 1;
                    out.push(started(key));
                    self.begin_next(out);
                } else {
                    record.state = state;
                }
            }
            // Only the way into `verify` and out of it moves a deadline; the other parts are nobody's business.
            Said::Phase(phase) => {
                let is_verifying = phase == Phase::Verify;
                if record.is_verifying != is_verifying && matches!(record.state, State::Running(_)) {
                    record.is_verifying = is_verifying;
                    out.push(Action::Report(WorkerReport::Phase { attempt: key.clone(), phase }));
                }
            }
            Said::Output { stream, bytes, dropped_bytes } => {
                let attempt = key.clone();
                out.push(Action::Report(WorkerReport::Output { attempt, stream, bytes, dropped_bytes }));
            }
            // Not from here: see `leaving`.
            Said::Ended { .. } => {}
        }
    }

    /// From a transport: the attempt has ended, and its host waits to hear that this is on record. Says whether that is news.
    pub(super) fn leaving(&mut self, key: &AttemptKey, outcome: Outcome, out: &mut Vec<Action>) -> bool {
        let Some(record) = self.record(key) else { return false };
        let outcome = seen_from(&record.state, outcome);
        match std::mem::replace(&mut record.state, State::Ended(outcome)) {
            State::Connecting(_) => self.connecting -= 1,
            State::Running(_) => {}
            other => {
                record.state = other;
                return false;
            }
        }
        self.leaving.insert(key.clone(), None);
        let attempt = key.clone();
        out.push(Action::Report(WorkerReport::Ended { attempt, outcome, is_waiting: true }));
        self.begin_next(out);
        true
    }

    /// Whether all hosts have been let go of.
    pub(super) fn has_left(&self) -> bool {
        self.leaving.is_empty()
    }

    /// From a transport: the attempt has ended; with nothing, the transport itself broke off.
    pub(super) fn finished(&mut self, key: &AttemptKey, outcome: Option<Outcome>, out: &mut Vec<Action>) {
        if let Some(next) = self.leaving.remove(key) {
            self.running -= 1;
            self.queue.extend(next);
            return self.begin_next(out);
        }
        let Some(record) = self.record(key) else { return };
        let outcome = match (outcome, &record.state) {
            (None, _) => Outcome::Unknown,
            (Some(outcome), state) => seen_from(state, outcome),
        };
        let state = std::mem::replace(&mut record.state, State::Ended(outcome));
        if let State::Ended(first) = state {
            record.state = State::Ended(first);
            return;
        }
        self.leaves(&state);
        out.push(ended(key, outcome));
        self.begin_next(out);
    }

    fn leaves(&mut self, state: &State) {
        match state {
            State::Connecting(_) => {
                self.connecting -= 1;
                self.running -= 1;
            }
            State::Running(_) => self.running -= 1,
            State::Queued { .. } | State::Ended(_) => {}
        }
    }

    fn record(&mut self, key: &AttemptKey) -> Option<&mut Record> {
        let record = self.jobs.get_mut(&key.job)?.hosts.get_mut(&key.host)?;
        (record.attempt == key.attempt).then_some(record)
    }

    fn begin_next(&mut self, out: &mut Vec<Action>) {
        while self.running < self.caps.fanout && self.connecting < self.caps.connecting {
            let Some(key) = self.queue.pop_front() else { return };
            let Some(job) = self.jobs.get_mut(&key.job) else { continue };
            let Some(record) = job.hosts.get_mut(&key.host) else { continue };
            // It may have been called off while it waited.
            let (State::Queued { slots, context }, true) = (&mut record.state, record.attempt == key.attempt)
            else {
                continue;
            };
            let (slots, job) = (Arc::clone(slots), Arc::clone(context));
            let (sender, stop) = stop();
            record.state = State::Connecting(sender);
            self.running += 1;
            self.connecting += 1;
            out.push(Action::Begin { attempt: pogo_transport::Attempt { key, slots, job }, stop });
        }
    }
}

/// What has started was reached, whatever the transport says.
const fn seen_from(state: &State, outcome: Outcome) -> Outcome {
    match (outcome, state) {
        (Outcome::Unreachable, State::Running(_)) => Outcome::Unknown,
        _ => outcome,
    }
}

fn started(key: &AttemptKey) -> Action {
    Action::Report(WorkerReport::Started { attempt: key.clone() })
}

fn ended(key: &AttemptKey, outcome: Outcome) -> Action {
    Action::Report(WorkerReport::Ended { attempt: key.clone(), outcome, is_waiting: false })
}
