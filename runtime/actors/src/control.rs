//! How other threads tell a run to halt.

use pogo_plan::event::Command;
use tokio::sync::mpsc;

/// Tells a run what to do. Never blocks; without effect on a run that has ended.
#[derive(Clone, Debug)]
pub struct ControlSender(mpsc::UnboundedSender<bool>);

/// What a run listens to.
#[derive(Debug)]
pub struct ControlReceiver(mpsc::UnboundedReceiver<bool>);

/// Both ends.
#[must_use]
pub fn control() -> (ControlSender, ControlReceiver) {
    let (sender, receiver) = mpsc::unbounded_channel();
    (ControlSender(sender), ControlReceiver(receiver))
}

impl ControlSender {
    /// No new start; what runs goes on to its end.
    pub fn halt(&self) {
        self.send(false);
    }

    /// No new start, and what runs is ended.
    pub fn stop(&self) {
        self.send(true);
    }

    fn send(&self, stop_running: bool) {
        // A run that has ended is halted already.
        let _ended = self.0.send(stop_running);
    }
}

impl ControlReceiver {
    /// The next command; never comes back once nobody can give any.
    pub(crate) async fn next<H>(&mut self) -> Command<H> {
        match self.0.recv().await {
            Some(stop_running) => Command::Halt { stop_running },
            None => std::future::pending().await,
        }
    }
}
