//! One attempt: reach the host, start the wrapper, and go with it to its end.

use std::sync::Arc;
use std::time::Duration;

use pogo_plan::event::Stream;
use pogo_plan::job::RetryOn;
use pogo_plan::outcome::Outcome;
use tokio::time::{Instant, sleep_until};

use super::class::Class;
use super::end;
use super::failure::{Failure, Kind};
use super::lost;
use super::master::Master;
use super::reach::{Place, Shared};
use super::request;
use super::session::{Next, Reads, Session};
use super::settings::Settings;
use crate::capture::Capture;
use crate::wrapper::{ACKNOWLEDGE, Ended, Event, STOP, Traces};
use crate::{Attempt, Progress, Stop};

/// How long the end may take to be on record here, before the host is left to keep its own record. The wrapper waits for
/// five seconds: what is sent then is heard.
const RECORD_TIME: Duration = Duration::from_secs(4);

/// How long an acknowledged session may take to close.
const CLOSE_TIME: Duration = Duration::from_secs(3);

/// An attempt under way.
pub(super) struct Run<'a> {
    pub(super) shared: &'a Shared,
    pub(super) class: Arc<Class>,
    pub(super) attempt: &'a Attempt,
    pub(super) progress: &'a Progress,
    pub(super) stop: Stop,
    stdout: Capture,
    stderr: Capture,
    /// What the attempt said of itself last. Once there is any, it has started.
    pub(super) traces: Option<Traces>,
}

/// How a session with the wrapper ended.
pub(super) enum Over {
    /// The wrapper said so.
    Ended(Ended),
    /// Nothing was started.
    NotStarted(String),
    /// It does not answer to a stop.
    Deaf,
    /// Nobody knows: the connection was lost, or the wrapper was killed.
    Lost,
}

pub(super) async fn run(shared: Arc<Shared>, attempt: Attempt, progress: Progress, stop: Stop) -> Outcome {
    let job = attempt.job.run();
    let class = match shared.class(Settings::new(job, shared.may_ask())) {
        Ok(class) => class,
        Err(error) => {
            say(&progress, &format!("cannot write the configuration for ssh: {error}"));
            return Outcome::Unreachable;
        }
    };
    let most = job.max_output_bytes;
    let mut run = Run {
        shared: &shared,
        class,
        attempt: &attempt,
        progress: &progress,
        stop,
        stdout: Capture::new(Stream::Stdout, most),
        stderr: Capture::new(Stream::Stderr, most),
        traces: None,
    };
    let outcome = run.all().await;
    run.stdout.finish(&progress);
    run.stderr.finish(&progress);
    outcome
}

impl Run<'_> {
    async fn all(&mut self) -> Outcome {
        if self.stop.is_raised() {
            return Outcome::Unreachable;
        }
        let (master, session) = match self.open().await {
            Ok(both) => both,
            Err(failure) => {
                self.say(&failure.to_string());
                return Outcome::Unreachable;
            }
        };
        self.go(master, session).await
    }

    /// A connection and a session over it.
    async fn open(&mut self) -> Result<(Master, Session), Failure> {
        let host = &self.attempt.key.host;
        let request = || request::attempt(self.attempt, self.shared).map_err(|error| failed(host, &error));
        // One that an earlier attempt has left may be gone by now, and its session then cannot be opened.
        if let Some(master) = self.shared.parked(host, &self.class).await {
            match Session::open(&master, request()?).await {
                Ok(session) => return Ok((master, session)),
                Err(error) => {
                    tracing::debug!(
                        error = error_text(&error),
                        "a kept connection gives no session any more"
                    );
                    master.end().await;
                }
            }
        }
        if !self.may_be_followed() {
            return self.shared.connect_for(host, &self.class, &mut self.stop, &request).await;
        }
        let master = self.shared.connect(host, &self.class, Some(&mut self.stop)).await?;
        match Session::open(&master, request()?).await {
            Ok(session) => Ok((master, session)),
            Err(error) => {
                master.end().await;
                let said = vec![error_text(&error)];
                Err(Failure { said, ..Failure::new(host, Kind::NoSession) })
            }
        }
    }

    /// With the wrapper to the end of the attempt, whatever comes in between.
    pub(super) async fn go(&mut self, master: Master, mut session: Session) -> Outcome {
        let over = self.follow(&mut session).await;
        match over {
            Over::Ended(ended) => {
                let outcome = self.ended(&ended);
                // Before the end is known, because another attempt may begin at once.
                let place = self.place(outcome);
                self.acknowledge(session, outcome).await;
                match place {
                    Some(place) => place.fill(master).await,
                    None => master.end().await,
                }
                outcome
            }
            Over::NotStarted(why) => {
                drop(session);
                self.say(&why);
                master.end().await;
                Outcome::Unreachable
            }
            Over::Deaf => {
                self.say(
                    "the host does not answer to a stop: what runs there is killed over another session",
                );
                let is_gone = end::kill(self, Some(&master)).await;
                drop(session);
                master.end().await;
                if is_gone { Outcome::Stopped } else { Outcome::Unknown }
            }
            Over::Lost => {
                drop(session);
                master.end().await;
                lost::after(self).await
            }
        }
    }

    /// Reads what the wrapper says until it says no more.
    pub(super) async fn follow(&mut self, session: &mut Session) -> Over {
        let mut deaf_at: Option<Instant> = None;
        loop {
            let reads = Reads {
                progress: Some(self.progress),
                stdout_has_room: self.stdout.has_room(),
                stderr_has_room: self.stderr.has_room(),
            };
            let is_stopping = deaf_at.is_some();
            let next = tokio::select! {
                next = session.next(&reads) => next,
                () = self.stop.raised(), if !is_stopping => {
                    if !session.may_have_started() {
                        return Over::NotStarted("stopped before the command was started".to_owned());
                    }
                    session.write(STOP);
                    deaf_at = Some(Instant::now() + self.shared.options.stop_time);
                    continue;
                }
                () = until(deaf_at), if is_stopping => return Over::Deaf,
            };
            match next {
                Next::Event(event) => {
                    if let Some(over) = self.hear(event) {
                        return over;
                    }
                }
                Next::Over => {
                    return if session.may_have_started() {
                        Over::Lost
                    } else {
                        Over::NotStarted(session.why_not_up())
                    };
                }
            }
        }
    }

    fn hear(&mut self, event: Event) -> Option<Over> {
        match event {
            Event::Started(traces) => {
                let is_first = self.traces.replace(traces).is_none();
                // After a restart of the host the rest of the attempt says so again.
                if is_first {
                    self.progress.started();
                }
            }
            Event::Phase(phase, traces) => {
                self.traces = Some(traces);
                self.progress.phase(phase);
            }
            Event::Output(Stream::Stdout, bytes) => self.stdout.keep(&bytes, self.progress),
            Event::Output(Stream::Stderr, bytes) => self.stderr.keep(&bytes, self.progress),
            Event::Ended(ended) => return Some(Over::Ended(ended)),
            _ => {}
        }
        None
    }

    fn ended(&mut self, ended: &Ended) -> Outcome {
        if let Some(message) = &ended.message {
            self.say(message);
        }
        ended.outcome
    }

    /// Tells the host that the end is on record here, once it is. Else the host keeps its own record, which a later probe
    /// finds.
    pub(super) async fn acknowledge(&mut self, mut session: Session, outcome: Outcome) {
        if self.is_on_record(outcome).await {
            session.write(ACKNOWLEDGE);
            close(session).await;
        }
    }

    /// Says how the attempt ended, and waits until that is on record.
    pub(super) async fn is_on_record(&mut self, outcome: Outcome) -> bool {
        // Output that comes after the end is nobody's.
        self.stdout.finish(self.progress);
        self.stderr.finish(self.progress);
        self.progress.ended(outcome, RECORD_TIME).await
    }

    /// A place for the connection, if another attempt may follow.
    fn place(&self, outcome: Outcome) -> Option<Place> {
        let follows = self.may_follow(outcome) && !self.stop.is_raised();
        follows.then(|| self.shared.park(&self.attempt.key.host, &self.class))
    }

    fn may_follow(&self, outcome: Outcome) -> bool {
        let on = match outcome {
            Outcome::Failed { .. } => RetryOn::Exit,
            Outcome::TimedOut => RetryOn::Timeout,
            _ => return false,
        };
        self.follows_on(on)
    }

    /// Whether another attempt may follow over the same connection, however this one ends.
    fn may_be_followed(&self) -> bool {
        [RetryOn::Exit, RetryOn::Timeout].into_iter().any(|on| self.follows_on(on))
    }

    fn follows_on(&self, on: RetryOn) -> bool {
        let retry = &self.attempt.job.run().retry;
        retry.retry_on.contains(&on) && self.attempt.key.attempt.0 <= retry.attempts
    }

    /// Tells the reader of the attempt's output.
    pub(super) fn say(&mut self, text: &str) {
        self.stdout.flush(self.progress);
        self.stderr.flush(self.progress);
        say(self.progress, text);
    }
}

fn say(progress: &Progress, text: &str) {
    progress.output(Stream::Stderr, format!("pogo: {text}\n").into_bytes(), 0);
}

/// Waits until the script of the acknowledged session has ended, so that it has heard.
pub(super) async fn close(mut session: Session) {
    if tokio::time::timeout(CLOSE_TIME, session.ended()).await.is_err() {
        tracing::debug!("a session does not close");
    }
}

pub(super) fn failed(host: &str, error: &dyn std::error::Error) -> Failure {
    Failure { said: vec![error_text(error)], ..Failure::new(host, Kind::Other) }
}

/// An error with what caused it.
pub(super) fn error_text(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

async fn until(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => std::future::pending().await,
    }
}
