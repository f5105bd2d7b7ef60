//! An ssh that is a child of this process for as long as it lives.

use std::pin::pin;
use std::process::ExitStatus;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Poll, ready};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::process::Child;
use tokio::time::timeout;

use super::master::LEAVE;

/// How long an ssh that has nothing to do any more may take to leave by itself, which it does faster than it can be told to.
const MOMENT: Duration = Duration::from_millis(200);

/// The leader of a process group of its own, in which are its proxy commands and jump hosts too.
#[derive(Debug)]
pub(super) struct Process(Mutex<Child>);

impl Process {
    pub(super) const fn new(child: Child) -> Self {
        Self(Mutex::new(child))
    }

    fn child(&self) -> MutexGuard<'_, Child> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn pid(&self) -> Option<u32> {
        self.child().id()
    }

    /// Until it has ended; several may wait, and ask again. `None` if the system does not say how it ended.
    pub(super) async fn ended(&self) -> Option<ExitStatus> {
        std::future::poll_fn(|context| {
            let mut child = self.child();
            let status = ready!(pin!(child.wait()).poll(context));
            Poll::Ready(status.ok())
        })
        .await
    }

    /// Ends the whole group.
    pub(super) fn kill(&self) {
        // Its number is its own as long as nobody has waited for it, which takes the lock.
        let child = self.child();
        if let Some(pid) = child.id().and_then(|pid| i32::try_from(pid).ok()) {
            let _gone = killpg(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }

    /// Lets it leave, or ends it, and waits until it is gone.
    pub(super) async fn end(&self) {
        if timeout(MOMENT, self.ended()).await.is_err() {
            self.kill();
            let _gone = timeout(LEAVE, self.ended()).await;
        }
    }
}
