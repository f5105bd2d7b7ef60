//! Hosts over OpenSSH: the user's own ssh, with everything that it is configured to do.
//!
//! | file | what it knows |
//! | --- | --- |
//! | `mod` | what can be run here at all |
//! | `folder`, `limits` | the folder of control sockets; file descriptors |
//! | `settings`, `class` | how hosts are reached, as a configuration file and arguments |
//! | `master`, `mux` | one connection: its process, from login to its end |
//! | `askpass` | passwords and passphrases, for those who ask rightly |
//! | `bastion` | not too many at once through one jump host |
//! | `reach` | a connection that is open, or a new one, and another try where that helps |
//! | `failure` | what ssh says, told apart |
//!
//! A host has one connection at a time, an ssh process that has gone to the background. Everything of an attempt goes over
//! it, and what follows if the attempt may be made again. With that attempt it ends; when this process is killed, it ends
//! after an idle time by itself.

pub mod askpass;
mod bastion;
mod class;
mod failure;
mod folder;
mod limits;
mod master;
mod mux;
mod reach;
mod settings;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub use askpass::Askpass;
pub use failure::{Failure, HostKeyProblem, KeyProblem, Kind};
pub use folder::{FolderError, MAX_SOCKET_PATH};
pub use limits::most_attempts;

use reach::Shared;

/// How long a connection without a session stays when this process is gone.
const PERSIST: Duration = Duration::from_secs(30);

/// What a plan does not say.
#[derive(Clone, Debug)]
pub struct SshOptions {
    /// Who answers when ssh asks for a password or a passphrase; without it, ssh asks nobody.
    pub askpass: Option<Askpass>,
    /// The program; `ssh` in `PATH` if absent.
    pub program: Option<PathBuf>,
    /// Where the folder for control sockets is made: a folder of this user's, closed to others. The user's runtime
    /// directory if absent.
    pub folder: Option<PathBuf>,
    /// How long a connection without a session stays when this process is gone; at least a second.
    pub persist: Duration,
}

impl SshOptions {
    /// The usual ones.
    #[must_use]
    pub const fn new() -> Self {
        Self { askpass: None, program: None, folder: None, persist: PERSIST }
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
}
