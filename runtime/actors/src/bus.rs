//! The event bus: what readers of a run are told, in one order, on a thread of its own.
//!
//! A slow reader delays no start. Steps are never dropped: they wait. Output waits too, and as it is acknowledged only
//! when it has been read, a slow reader at last slows down the commands that write it.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use pogo_plan::event::{Event, EventKind, Stream};
use pogo_plan::outcome::Attempt;
use pogo_plan::{HostIdx, Plan};
use pogo_schedule::ids::Slots;
use pogo_schedule::ledger::LimitUse;
use pogo_schedule::notice::Notice;

use crate::links::Token;
use crate::output::OutputKeeper;

/// Who listens to a run. Called on one thread, in order; no event is left out.
pub trait Subscriber: Send {
    /// Takes one event.
    ///
    /// # Errors
    ///
    /// Why it can take no more: it gets none from then on. The run is not affected.
    fn event(&mut self, event: &Event) -> Result<(), SubscriberError>;
}

/// A subscriber cannot go on.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SubscriberError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

pub(crate) enum News {
    Notice(Notice),
    Limits(Vec<LimitUse>),
    Output { host: HostIdx, attempt: Attempt, piece: Piece, token: Token },
    End,
}

/// A piece of an attempt's output.
#[derive(Debug)]
pub(crate) struct Piece {
    pub(crate) stream: Stream,
    pub(crate) bytes: Vec<u8>,
    /// Bytes beyond `max_output` that were dropped behind these.
    pub(crate) dropped_bytes: u64,
}

/// The sending side of a bus.
#[derive(Clone, Debug)]
pub(crate) struct Bus(Option<Sender<(Timestamp, News)>>);

/// The thread that calls the subscribers.
#[derive(Debug)]
pub(crate) struct BusThread(Option<JoinHandle<()>>);

/// Starts a bus. Without anybody who listens there is nothing to start, and nothing is sent.
pub(crate) fn start(
    plan: Arc<Plan>,
    slots: Arc<Slots>,
    subscribers: Vec<Box<dyn Subscriber>>,
    output: Option<OutputKeeper>,
) -> std::io::Result<(Bus, BusThread)> {
    if subscribers.is_empty() && output.is_none() {
        return Ok((Bus(None), BusThread(None)));
    }
    let (sender, receiver) = channel();
    let reader = Reader { plan, slots, subscribers, output, seq: 0 };
    let thread = std::thread::Builder::new().name("pogo-events".to_owned());
    let thread = thread.spawn(move || reader.run(&receiver))?;
    Ok((Bus(Some(sender)), BusThread(Some(thread))))
}

impl Bus {
    pub(crate) fn send(&self, news: News) {
        if let Some(sender) = &self.0 {
            // The thread is gone only if a subscriber panicked, which is said where that is noticed.
            let _gone = sender.send((Timestamp::now(), news));
        }
    }

    pub(crate) const fn has_readers(&self) -> bool {
        self.0.is_some()
    }
}

impl BusThread {
    /// Waits until the subscribers have had everything; call it after [`News::End`].
    pub(crate) fn join(self) {
        if let Some(thread) = self.0
            && thread.join().is_err()
        {
            tracing::warn!("a subscriber panicked; no events were told from then on");
        }
    }
}

struct Reader {
    plan: Arc<Plan>,
    slots: Arc<Slots>,
    subscribers: Vec<Box<dyn Subscriber>>,
    output: Option<OutputKeeper>,
    seq: u64,
}

impl Reader {
    fn run(mut self, receiver: &Receiver<(Timestamp, News)>) {
        while let Ok((time, news)) = receiver.recv() {
            match news {
                News::Notice(notice) => {
                    if let (Some(output), Notice::AttemptEnded { host, attempt, .. }) =
                        (&mut self.output, &notice)
                    {
                        output.ended(*host, *attempt);
                    }
                    if self.subscribers.is_empty() {
                        continue;
                    }
                    let (plan, slots) = (Arc::clone(&self.plan), Arc::clone(&self.slots));
                    notice.events(&plan, &slots, |kind| self.tell(time, kind));
                }
                News::Limits(limits) => {
                    for limit in limits {
                        self.tell(time, limit.into());
                    }
                }
                News::Output { host, attempt, piece, token } => {
                    if let Some(output) = &mut self.output {
                        output.keep(host, attempt, &piece);
                    }
                    if self.subscribers.is_empty() {
                        continue;
                    }
                    let Piece { stream, bytes, dropped_bytes } = piece;
                    let host = self.plan.hosts.name(host).to_owned();
                    let (text, base64) = match String::from_utf8(bytes) {
                        Ok(text) => (Some(text), None),
                        Err(error) => (None, Some(STANDARD.encode(error.as_bytes()))),
                    };
                    self.tell(time, EventKind::Output { host, attempt, stream, text, base64, dropped_bytes });
                    drop(token);
                }
                News::End => return,
            }
        }
    }

    fn tell(&mut self, time: Timestamp, kind: EventKind) {
        self.seq += 1;
        let event = Event { seq: self.seq, time: format!("{time:.6}"), kind };
        self.subscribers.retain_mut(|subscriber| match subscriber.event(&event) {
            Ok(()) => true,
            Err(error) => {
                tracing::warn!(%error, "a subscriber of the events cannot go on");
                false
            }
        });
    }
}
