//! One part of an attempt: its process, its output, and what ends it.

use std::ffi::OsStr;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use pogo_plan::event::Stream;
use pogo_plan::outcome::Exit;
use secrecy::ExposeSecret;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, sleep_until};

use super::group::Group;
use crate::capture::Capture;
use crate::{Attempt, Progress, Stop};

/// How a part ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// By itself.
    Exited(Exit),
    /// At its deadline; nobody of the attempt is left.
    Deadline,
    /// By an operator; nobody of the attempt is left.
    Stopped,
    /// Somebody of the attempt may be left, or nobody knows.
    Unknown,
}

impl End {
    pub(super) const SUCCESS: Self = Self::Exited(Exit::Status(0));
}

/// What the parts of an attempt share.
pub(super) struct Parts<'a> {
    pub(super) attempt: &'a Attempt,
    pub(super) group: &'a Group,
    pub(super) grace: Duration,
    pub(super) progress: &'a Progress,
    pub(super) stdout: Capture,
    pub(super) stderr: Capture,
}

/// Another thread that starts a process at the same moment may hold a script open for writing for an instant.
const BUSY_TRIES: u32 = 100;

impl Parts<'_> {
    /// A command line in the attempt's group and environment. Secrets are in its environment, which only the same user
    /// may read.
    pub(super) fn program(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        for (name, _) in std::env::vars_os() {
            if name.as_encoded_bytes().starts_with(b"POGO_") {
                command.env_remove(name);
            }
        }
        let context = &self.attempt.job;
        command.envs(&context.run().env);
        command.envs(context.secrets().iter().map(|(name, value)| (name, value.expose_secret())));
        let key = &self.attempt.key;
        command
            .env("POGO_JOB_ID", key.job.to_string())
            .env("POGO_HOST", &*key.host)
            .env("POGO_SLOT", self.attempt.slots.join(","))
            .env("POGO_ATTEMPT", key.attempt.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(self.group.id());
        command
    }

    /// The job's shell with a file to read.
    pub(super) fn shell(&self, file: &Path) -> Command {
        let mut words = self.attempt.job.run().shell.split_whitespace();
        let mut command = self.program(words.next().unwrap_or("sh"));
        command.args(words).arg(file);
        command
    }

    /// Starts a process.
    pub(super) async fn spawn(&self, mut command: Command) -> io::Result<Child> {
        let mut tries = 0;
        loop {
            match command.spawn() {
                Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy && tries < BUSY_TRIES => {
                    tries += 1;
                    sleep(Duration::from_millis(1)).await;
                }
                other => return other,
            }
        }
    }

    /// Waits for the end of a process, whatever ends it, and takes its output.
    pub(super) async fn wait(&mut self, mut child: Child, deadline: Instant, stop: Option<&mut Stop>) -> End {
        let (mut stdout, mut stderr) = (child.stdout.take(), child.stderr.take());
        let progress = self.progress;
        let end = {
            let pump = async {
                let out = async {
                    if let Some(pipe) = &mut stdout {
                        complain(self.stdout.pump(pipe, progress).await);
                    }
                };
                let err = async {
                    if let Some(pipe) = &mut stderr {
                        complain(self.stderr.pump(pipe, progress).await);
                    }
                };
                tokio::join!(out, err);
                // The end of the output is not the end of the process.
                std::future::pending::<()>().await;
            };
            let stopped = async {
                match stop {
                    Some(stop) => stop.raised().await,
                    None => std::future::pending().await,
                }
            };
            tokio::pin!(pump);
            // While the group is being ended its output is still read: it may have something to say at TERM.
            let work = async {
                let cause = tokio::select! {
                    biased;
                    status = child.wait() => return exited(&status),
                    () = stopped => End::Stopped,
                    () = sleep_until(deadline) => End::Deadline,
                };
                if self.group.end(&mut child, self.grace).await { cause } else { End::Unknown }
            };
            tokio::select! {
                biased;
                end = work => end,
                () = &mut pump => End::Unknown,
            }
        };
        if let Some(pipe) = stdout.and_then(|pipe| pipe.into_owned_fd().ok()) {
            self.stdout.drain(&pipe, progress);
        }
        if let Some(pipe) = stderr.and_then(|pipe| pipe.into_owned_fd().ok()) {
            self.stderr.drain(&pipe, progress);
        }
        self.stdout.flush(progress);
        self.stderr.flush(progress);
        end
    }

    /// Tells the reader of the attempt's output that a part could not be started. The status is a shell's for that.
    pub(super) fn not_started(&self, what: &str, error: &io::Error) -> End {
        let text = format!("pogo: cannot start {what}: {error}\n");
        self.progress.output(Stream::Stderr, text.into_bytes(), 0);
        End::Exited(Exit::Status(if error.kind() == io::ErrorKind::NotFound { 127 } else { 126 }))
    }
}

fn exited(status: &io::Result<ExitStatus>) -> End {
    let small = |number: i32| u8::try_from(number).ok();
    let Ok(status) = status else { return End::Unknown };
    let code = status.code().and_then(small).map(Exit::Status);
    code.or_else(|| status.signal().and_then(small).map(Exit::Signal)).map_or(End::Unknown, End::Exited)
}

fn complain(read: io::Result<()>) {
    if let Err(error) = read {
        tracing::warn!(%error, "cannot read output");
    }
}
