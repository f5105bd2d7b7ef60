//! Hosts over OpenSSH: the user's own ssh, with everything that it is configured to do.
//!
//! | file | what it knows |
//! | --- | --- |
//! | `mod` | what can be run here at all |
//! | `folder`, `limits` | the folder of control sockets; file descriptors |
//! | `settings`, `class` | how hosts are reached, as a configuration file and arguments |
//! | `master`, `mux` | one connection: its process, from login to its end |
//! | `direct`, `process` | one connection that serves one attempt, and ends with it |
//! | `askpass` | passwords and passphrases, for those who ask rightly |
//! | `blocks` | what of the user's configuration must be known before ssh reads it |
//! | `bastion` | not too many at once through one jump host |
//! | `reach` | a connection that is open, or a new one, and another try where that helps |
//! | `failure` | what ssh says, told apart |
//! | `request`, `session` | what a session runs; writing to it and reading from it |
//! | `run` | an attempt, from reaching its host to its end |
//! | `end`, `lost` | making sure that nobody is left; what became of an attempt whose connection was lost |
//! | `knock` | going to a host as far as the login |
//! | `trust` | host keys: fetched and put on record |
//!
//! A host has one connection at a time, and everything of an attempt goes over it. If the attempt may be made again, that is
//! an ssh process that has gone to the background, and what follows uses it too; when this process is killed, it ends after
//! an idle time by itself. Else it is an ssh process with the attempt's own session, and ends with that.

pub mod askpass;
mod bastion;
mod blocks;
mod class;
mod direct;
mod end;
mod failure;
mod folder;
mod knock;
mod limits;
mod lost;
mod master;
mod mux;
mod process;
mod reach;
mod request;
mod run;
mod session;
mod settings;
#[cfg(test)]
mod tests;
mod trust;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub use askpass::Askpass;
pub use failure::{Failure, HostKeyProblem, KeyProblem, Kind};
pub use folder::{FolderError, MAX_SOCKET_PATH};
pub use limits::most_attempts;
pub use trust::{HostKey, Shown, TrustError};

use pogo_plan::Job;
use pogo_plan::worker::AttemptKey;

use crate::wrapper::{Probed, Traces};
use crate::{Attempt, Closing, Learned, Probing, Progress, Refused, Running, Secret, Stop, Transport};
use end::Answer;
use master::Master;
use reach::Shared;
use settings::Settings;

/// How long a connection without a session stays when this process is gone.
const PERSIST: Duration = Duration::from_secs(30);

/// The wrapper's TERM, grace time and KILL, and the same for `finally` with its last words.
const STOP_TIME: Duration = Duration::from_secs(50);

/// What a plan does not say.
#[derive(Clone, Debug)]
pub struct SshOptions {
    /// Who answers when ssh asks for a password or a passphrase; without it, ssh asks nobody.
    pub askpass: Option<Askpass>,
    /// For sudo on the hosts, if it asks.
    pub sudo_password: Option<Secret>,
    /// The program; `ssh` in `PATH` if absent.
    pub program: Option<PathBuf>,
    /// Where the folder for control sockets is made: a folder of this user's, closed to others. The user's runtime
    /// directory if absent.
    pub folder: Option<PathBuf>,
    /// How long a connection without a session stays when this process is gone; at least a second.
    pub persist: Duration,
    /// How long the host may take to end an attempt when it is told to, `finally` included, before it is taken for deaf.
    /// What comes after that must end before the job takes the attempt for lost.
    pub stop_time: Duration,
}

impl SshOptions {
    /// The usual ones.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            askpass: None,
            sudo_password: None,
            program: None,
            folder: None,
            persist: PERSIST,
            stop_time: STOP_TIME,
        }
    }
}

impl Default for SshOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// Hosts cannot be reached over ssh at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SshError {
    /// No folder for control sockets.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// No ssh.
    #[error("there is no `ssh` program in PATH; install the OpenSSH client")]
    NoProgram,
}

/// The transport `ssh`.
#[derive(Clone, Debug)]
pub struct Ssh {
    shared: Arc<Shared>,
}

impl Ssh {
    /// For one run. Its folder is removed when the last clone is dropped.
    ///
    /// # Errors
    ///
    /// If nothing can be reached this way, whatever the host.
    pub fn new(options: SshOptions) -> Result<Self, SshError> {
        Ok(Self { shared: Arc::new(Shared::new(options)?) })
    }

    /// The hosts so far whose keys ssh did not accept, in order, each once.
    #[must_use]
    pub fn host_key_problems(&self) -> Vec<HostKeyProblem> {
        self.shared.problems()
    }

    /// Asks a host what became of an attempt, reached as for an attempt of this job. `traces` are what it said of itself
    /// last, if that is on record; without them only the host's own record can tell. The host forgets an end that it has
    /// told.
    ///
    /// # Errors
    ///
    /// If the host cannot be reached, or gives no answer.
    pub async fn probe(
        &self,
        key: &AttemptKey,
        job: &Job,
        traces: Option<Traces>,
    ) -> Result<Probed, Failure> {
        let (master, probed) = self.ask(key, job, traces).await?;
        let probed = match probed {
            Ok((probed, answer)) => {
                answer.acknowledge().await;
                Ok(probed)
            }
            Err(failure) => Err(failure),
        };
        master.end().await;
        probed
    }

    /// The same, but the host forgets nothing: for who puts nothing on record, or has not yet.
    ///
    /// # Errors
    ///
    /// As [`Self::probe`].
    pub async fn look(&self, key: &AttemptKey, job: &Job) -> Result<Probed, Failure> {
        let (master, probed) = self.ask(key, job, None).await?;
        // Without a word at the end the host keeps what it has.
        let probed = probed.map(|(probed, answer)| {
            drop(answer);
            probed
        });
        master.end().await;
        probed
    }

    /// The answer, and the connection over which it came.
    async fn ask(&self, key: &AttemptKey, job: &Job, traces: Option<Traces>) -> Result<Asked, Failure> {
        let shared = &self.shared;
        let class = shared.class(Settings::new(job, shared.may_ask()));
        let class = class.map_err(|error| run::failed(&key.host, &error))?;
        let request =
            request::probe(key, job, shared, traces).map_err(|error| run::failed(&key.host, &error))?;
        let master = shared.connect(&key.host, &class, None).await?;
        let probed = end::probe_over(&key.host, &master, request).await;
        Ok((master, probed))
    }
}

/// A connection, and what was said over it.
type Asked = (Master, Result<(Probed, Answer), Failure>);

impl Transport for Ssh {
    fn check(&self, job: &Job) -> Result<(), Refused> {
        if job.shell.split_whitespace().next().is_none() {
            return Err(Refused::NoShell);
        }
        for name in job.ssh.options.keys() {
            if let Some(why) = settings::refusal(name) {
                return Err(Refused::SshOption { name: name.clone(), why });
            }
        }
        let value = job.ssh.jump.iter().chain(&job.ssh.identity).chain(&job.user);
        let mut values = job.ssh.options.values();
        let bad = value.into_iter().find(|value| value.contains(['\n', '\0']) || value.starts_with('-'));
        let bad = bad.or_else(|| values.find(|value| value.contains(['\n', '\0'])));
        if let Some(bad) = bad {
            return Err(Refused::SshValue { value: bad.clone() });
        }
        if let Some(path) = &job.ssh.config
            && let Err(error) = std::fs::File::open(path)
        {
            return Err(Refused::SshConfig { path: path.clone(), why: error.to_string() });
        }
        Ok(())
    }

    fn attempt(&self, attempt: Attempt, progress: Progress, stop: Stop) -> Running {
        Box::pin(run::run(Arc::clone(&self.shared), attempt, progress, stop))
    }

    fn probe(&self, attempt: Attempt) -> Probing {
        let ssh = self.clone();
        Box::pin(async move {
            let (master, probed) = match ssh.ask(&attempt.key, attempt.job.run(), None).await {
                Ok(asked) => asked,
                Err(failure) => {
                    tracing::warn!(host = %attempt.key.host, %failure, "cannot be asked how an attempt ended");
                    return None;
                }
            };
            match probed {
                Ok((Probed::Ended(outcome), answer)) => {
                    let acknowledge = async move {
                        answer.acknowledge().await;
                        master.end().await;
                    };
                    return Some(Learned::until(outcome, Box::pin(acknowledge)));
                }
                // What it has on record stays there for whoever asks again.
                Ok((probed, answer)) => {
                    drop(answer);
                    tracing::info!(host = %attempt.key.host, ?probed, "the end of an attempt is not known");
                }
                Err(failure) => {
                    tracing::warn!(host = %attempt.key.host, %failure, "cannot be asked how an attempt ended");
                }
            }
            master.end().await;
            None
        })
    }

    fn close(&self) -> Closing {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move { shared.close().await })
    }
}
