//! What the verbs that reach hosts over ssh share.

pub(crate) mod askpass;
pub(super) mod keys;
pub(super) mod many;
pub(super) mod passwords;
pub(crate) mod targets;

use std::path::PathBuf;

use pogo_plan::Job;
use pogo_transport::Transport as _;
use pogo_transport::ssh::{Askpass, Ssh, SshOptions};

use self::passwords::Passwords;
use crate::failure::{Failure, plain_words};

/// The transport for one run.
///
/// # Errors
/// If no host of this job can be reached this way.
pub(super) fn open(job: &Job, passwords: Passwords) -> Result<Ssh, Failure> {
    let Passwords { login, key, sudo } = passwords;
    let askpass = match (login, key) {
        (None, None) => None,
        (password, passphrase) => Some(Askpass { program: this_program()?, password, passphrase }),
    };
    let options = SshOptions { askpass, sudo_password: sudo, ..SshOptions::new() };
    let ssh = Ssh::new(options).map_err(|error| Failure::usage(super::apply::chain(&error)))?;
    ssh.check(job).map_err(|refused| Failure::usage(refused.to_string()))?;
    Ok(ssh)
}

/// ssh starts it again to ask for a password.
fn this_program() -> Result<PathBuf, Failure> {
    std::env::current_exe().map_err(|error| {
        Failure::Internal(format!("cannot find the program's own file: {}", plain_words(&error)))
    })
}

/// Does asynchronous work to its end on this thread.
///
/// # Errors
/// If the system gives no means for it.
pub(super) fn block_on<T>(work: impl Future<Output = T>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::Internal(format!("cannot wait for hosts: {error}")))?;
    Ok(runtime.block_on(work))
}
