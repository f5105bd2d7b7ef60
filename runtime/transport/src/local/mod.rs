//! Processes on this machine: every host is one.
//!
//! | file | what it knows |
//! | --- | --- |
//! | `mod` | what can be run here at all |
//! | `run` | the parts of an attempt, in order, and their time |
//! | `part` | one part: its process, its output, and what ends it |
//! | `group` | the process group of an attempt, and that nobody of it is left |
//! | `files` | command and script as private files |
//!
//! The rules are those of a remote host. An attempt has a process group of its own, is ended as a group, and is over when
//! the part that runs is over: what it left in the background stays, and does not hold the attempt up by holding its
//! output open. What makes a session of its own is outside pogo's reach.
//!
//! Commands run in the present folder with the present environment, without its `POGO_` variables.

mod files;
mod group;
mod part;
mod run;
#[cfg(test)]
mod tests;

use std::time::Duration;

use nix::unistd::{Uid, User};
use pogo_plan::Job;

use crate::{Attempt, Progress, Refused, Running, Stop, Transport};

/// The transport `local`.
#[derive(Clone, Copy, Debug)]
pub struct Local {
    grace: Duration,
    last_words: Duration,
}

/// From TERM to KILL.
const GRACE: Duration = Duration::from_secs(5);

/// What `finally` has at least, after a deadline or a stop. With the grace times before and after it stays below the time
/// after which the job takes the attempt for lost.
const LAST_WORDS: Duration = Duration::from_secs(10);

impl Default for Local {
    fn default() -> Self {
        Self { grace: GRACE, last_words: LAST_WORDS }
    }
}

impl Local {
    /// With the usual times.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives processes this long between TERM and KILL.
    #[must_use]
    pub const fn with_grace(self, grace: Duration) -> Self {
        Self { grace, ..self }
    }
}

impl Transport for Local {
    fn check(&self, job: &Job) -> Result<(), Refused> {
        if job.shell.split_whitespace().next().is_none() {
            return Err(Refused::NoShell);
        }
        let wanted = [("user", &job.user), ("run_as", &job.run_as)];
        for (key, user) in wanted.into_iter().filter_map(|(key, user)| Some((key, user.as_ref()?))) {
            if !is_present(user) {
                return Err(Refused::User { key, user: user.clone(), present: present() });
            }
        }
        Ok(())
    }

    fn attempt(&self, attempt: Attempt, progress: Progress, stop: Stop) -> Running {
        Box::pin(run::run(*self, attempt, progress, stop))
    }
}

/// Whether that is a name or the number of the user of this process. A name that cannot be looked up is not.
fn is_present(user: &str) -> bool {
    let me = Uid::effective();
    let named = User::from_name(user).ok().flatten();
    named.is_some_and(|user| user.uid == me) || user.parse() == Ok(me.as_raw())
}

fn present() -> String {
    let me = Uid::effective();
    User::from_uid(me).ok().flatten().map_or_else(|| me.to_string(), |user| user.name)
}
