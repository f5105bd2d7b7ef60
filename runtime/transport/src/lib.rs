//! How pogo reaches a host and makes an attempt there.
//!
//! A [`Transport`] makes one attempt from its first process to its last and says how it ended. It decides nothing: not
//! whether there is another attempt, not what a bad host holds up. What it says must be true, though: [`Outcome::TimedOut`]
//! and [`Outcome::Stopped`] only when nobody of the attempt is left, [`Outcome::Unreachable`] only when the command
//! provably never started, and otherwise [`Outcome::Unknown`].

mod capture;
mod context;
pub mod local;
mod probe;
mod progress;
pub mod ssh;
pub mod wrapper;

use std::pin::Pin;
use std::sync::Arc;

use pogo_plan::Job;
use pogo_plan::outcome::Outcome;
use pogo_plan::worker::AttemptKey;

pub use context::{ContextError, JobContext, Secret};
pub use local::Local;
pub use probe::{Learned, Probing};
pub use progress::{Progress, Recorded, Said, Stop, StopSender, Window, stop};

/// One attempt, as a transport is asked to make it.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// Which.
    pub key: AttemptKey,
    /// The ids of the host's slots, for `POGO_SLOT`.
    pub slots: Arc<[String]>,
    /// What to run and how.
    pub job: Arc<JobContext>,
}

/// The work of one attempt. Dropping it leaves what runs on the host as it is; to end that, use [`StopSender::stop`].
pub type Running = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// The work of letting go of everything.
pub type Closing = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A way to reach hosts.
pub trait Transport: Send + Sync {
    /// Whether this transport can run the job at all; asked before anything starts.
    ///
    /// # Errors
    ///
    /// What of the job it cannot do.
    fn check(&self, job: &Job) -> Result<(), Refused>;

    /// Makes the attempt. The returned work tells `progress` what happens: [`Progress::started`] as soon as the command
    /// may have started, never after its end, and [`Progress::ended`] if the host waits to hear that the end is on record
    /// here; the same outcome is then that of the work. When `stop` is raised it ends the attempt, makes sure that it is gone, and
    /// ends with [`Outcome::Stopped`].
    fn attempt(&self, attempt: Attempt, progress: Progress, stop: Stop) -> Running;

    /// Lets go of what is kept for further attempts, at the end of a run.
    fn close(&self) -> Closing {
        Box::pin(std::future::ready(()))
    }

    /// Asks the host how an attempt ended of which nobody here saw the end, in a bounded time. Nothing if the host does not
    /// know, cannot be reached, or the attempt still runs. A transport that cannot ask says nothing. The host keeps what it
    /// knows until [`Learned::on_record`].
    fn probe(&self, attempt: Attempt) -> Probing {
        drop(attempt);
        Box::pin(std::future::ready(None))
    }
}

/// A job that a transport cannot run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// A setting that needs a login or another user on the host.
    #[error(
        "`{key}: {user}` cannot be had with `transport: local`, which runs everything as the present user (`{present}`)"
    )]
    User {
        /// The setting.
        key: &'static str,
        /// The user it names.
        user: String,
        /// The user of this process.
        present: String,
    },
    /// An option of ssh that is not for the user to set, or is none.
    #[error("`job.ssh.options.{name}` cannot be set: {why}")]
    SshOption {
        /// The option.
        name: String,
        /// What to do instead.
        why: &'static str,
    },
    /// A value that would be taken for something else.
    #[error("`{value}` cannot be handed to ssh: it begins with `-` or has a line break in it")]
    SshValue {
        /// The value.
        value: String,
    },
    /// A configuration of ssh that cannot be read.
    #[error("`job.ssh.config`: cannot read `{path}`: {why}")]
    SshConfig {
        /// The file.
        path: String,
        /// Why.
        why: String,
    },
    /// A shell without a name.
    #[error("`shell` is empty")]
    NoShell,
}
