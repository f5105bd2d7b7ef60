//! What an attempt says while it runs, how it hears that its end is on record, and how it is told to stop.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use pogo_plan::event::Stream;
use pogo_plan::outcome::{Outcome, Phase};
use tokio::sync::{Notify, oneshot};

/// Something that an attempt says.
#[derive(Debug)]
pub enum Said {
    /// The command may have started.
    Started,
    /// A part of the attempt begins.
    Phase(Phase),
    /// Output.
    Output {
        /// Which stream.
        stream: Stream,
        /// The bytes; cut between characters if they are UTF-8.
        bytes: Vec<u8>,
        /// Bytes that were dropped before these.
        dropped_bytes: u64,
    },
    /// The attempt has ended, and the host waits to hear that this is on record. What is left to do there takes a bounded
    /// time.
    Ended {
        /// How.
        outcome: Outcome,
        /// Where to say that it is on record. Dropped, it says that it will not be.
        recorded: Recorded,
    },
}

/// Tells an attempt that its end is on record.
#[derive(Debug)]
pub struct Recorded(oneshot::Sender<()>);

impl Recorded {
    /// The end is on record.
    pub fn tell(self) {
        // It has waited for long enough, and has left.
        let _left = self.0.send(());
    }
}

/// Where an attempt says how far it is.
pub struct Progress {
    say: Box<dyn Fn(Said) + Send + Sync>,
    window: Arc<Window>,
}

impl Progress {
    /// Hands everything to `say`. Output is read only while `window` is open.
    #[must_use]
    pub fn new(window: Arc<Window>, say: impl Fn(Said) + Send + Sync + 'static) -> Self {
        Self { say: Box::new(say), window }
    }

    /// The command may have started: from now on its end is a fact that somebody must have seen.
    pub fn started(&self) {
        (self.say)(Said::Started);
    }

    /// A part of the attempt begins.
    pub fn phase(&self, phase: Phase) {
        (self.say)(Said::Phase(phase));
    }

    /// The attempt has ended. Waits until somebody says that this is on record, and says whether somebody did in `most`.
    pub async fn ended(&self, outcome: Outcome, most: Duration) -> bool {
        let (recorded, told) = oneshot::channel();
        (self.say)(Said::Ended { outcome, recorded: Recorded(recorded) });
        matches!(tokio::time::timeout(most, told).await, Ok(Ok(())))
    }

    /// Output. Call [`Progress::ready`] before reading it: then nothing is lost when the attempt ends in between.
    pub fn output(&self, stream: Stream, bytes: Vec<u8>, dropped_bytes: u64) {
        self.window.take(bytes.len());
        (self.say)(Said::Output { stream, bytes, dropped_bytes });
    }

    /// Waits until more output is welcome.
    pub async fn ready(&self) {
        self.window.open().await;
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Progress").finish_non_exhaustive()
    }
}

/// How many bytes of output may be on their way. Shared by the attempts of a worker, so that readers who are slower than
/// the commands slow these down and cost no memory. The last output may go beyond it.
#[derive(Debug)]
pub struct Window {
    free: AtomicI64,
    opened: Notify,
}

impl Window {
    /// A window of so many bytes.
    #[must_use]
    pub fn new(bytes: usize) -> Self {
        Self { free: AtomicI64::new(signed(bytes)), opened: Notify::new() }
    }

    /// These bytes have arrived.
    pub fn give_back(&self, bytes: usize) {
        self.free.fetch_add(signed(bytes), Ordering::AcqRel);
        self.opened.notify_waiters();
    }

    fn take(&self, bytes: usize) {
        self.free.fetch_sub(signed(bytes), Ordering::AcqRel);
    }

    async fn open(&self) {
        loop {
            let opened = self.opened.notified();
            tokio::pin!(opened);
            // Registered before the look, so that nothing given back in between is missed.
            opened.as_mut().enable();
            if self.free.load(Ordering::Acquire) > 0 {
                return;
            }
            opened.await;
        }
    }
}

fn signed(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

/// Tells a running attempt to end.
#[derive(Debug)]
pub struct StopSender(Arc<Flag>);

/// What an attempt listens to: once raised it stays so.
#[derive(Clone, Debug)]
pub struct Stop(Arc<Flag>);

/// Raised once and for all.
#[derive(Debug, Default)]
struct Flag {
    is_raised: AtomicBool,
    raised: Notify,
}

/// Both ends.
#[must_use]
pub fn stop() -> (StopSender, Stop) {
    let flag = Arc::new(Flag::default());
    (StopSender(Arc::clone(&flag)), Stop(flag))
}

impl StopSender {
    /// End the attempt.
    pub fn stop(&self) {
        self.0.is_raised.store(true, Ordering::Release);
        self.0.raised.notify_waiters();
    }
}

impl Stop {
    /// Whether the attempt is to end.
    #[must_use]
    pub fn is_raised(&self) -> bool {
        self.0.is_raised.load(Ordering::Acquire)
    }

    /// Waits until the attempt is to end. An attempt whose owner is gone is not told to: it runs on.
    pub async fn raised(&mut self) {
        while !self.is_raised() {
            let raised = self.0.raised.notified();
            tokio::pin!(raised);
            // Registered before the look, so that no call in between is missed.
            raised.as_mut().enable();
            if !self.is_raised() {
                raised.await;
            }
        }
    }
}
