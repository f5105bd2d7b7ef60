//! A connection: an ssh process that has logged in and serves sessions on a socket.
//!
//! The process is started here and not by a library, because then everything about it is known: what it says, its process
//! group (with the proxy commands and jump hosts in it), and its end. Once logged in it goes to the background; with its
//! idle time it leaves by itself when this process is gone and nothing runs over it any more.

use std::convert::Infallible;
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::{self, Receiver};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::askpass::{Askpass, Desk};
use super::failure::{Failure, HostKeyProblem, Kind};
use super::mux;
use super::process::Process;

/// The most of ssh's words that is kept, in bytes. A server may have much to say.
const WORDS: usize = 16 * 1024;

/// How long a master may take to leave when it is told to.
pub(super) const LEAVE: Duration = Duration::from_secs(3);

/// How often is looked whether it has.
const LOOK: Duration = Duration::from_millis(5);

/// What a connection is made with.
pub(super) struct Call<'a> {
    pub(super) program: &'a Path,
    pub(super) host: &'a str,
    pub(super) config: &'a Path,
    pub(super) arguments: &'a [std::ffi::OsString],
    /// The socket to be.
    pub(super) socket: PathBuf,
    /// After so long without a session the process leaves.
    pub(super) persist: Duration,
    pub(super) askpass: Option<&'a Askpass>,
    pub(super) until: Instant,
}

/// Why there is no connection.
#[derive(Debug)]
pub(super) struct NoMaster {
    pub(super) failure: Failure,
    pub(super) key: Option<HostKeyProblem>,
}

/// A connection. Dropping it ends it, with whatever runs over it.
#[derive(Debug)]
pub(super) struct Master {
    socket: PathBuf,
    /// Its process, where that is a child of this one and not in the background.
    process: Option<Arc<Process>>,
    has_ended: bool,
}

impl Master {
    /// Makes a connection. Dropping this in between leaves no process behind.
    pub(super) async fn start(call: Call<'_>) -> Result<Self, NoMaster> {
        let host = call.host;
        let local = |error: io::Error| NoMaster::local(host, &error);
        let desk = call.desk().map_err(local)?;
        let (words, child) = spawn(&call, desk.as_ref()).map_err(local)?;
        let mut starting = Starting { process: Process::new(child), socket: &call.socket, is_over: false };
        let mut stderr = Vec::new();
        let ended = {
            let talk = listen(&words, &mut stderr);
            let pid = starting.process.pid();
            let answers = serve(desk.as_ref(), pid);
            tracing::trace!(host, pid, "ssh started");
            tokio::pin!(talk, answers);
            let work = async {
                let wait = starting.process.ended();
                tokio::pin!(wait);
                tokio::select! {
                    biased;
                    status = &mut wait => Some(status),
                    () = &mut talk => Some(wait.await),
                    never = &mut answers => match never {},
                }
            };
            timeout_at(call.until, work).await.unwrap_or(None)
        };
        drain(&words, &mut stderr);
        let is_late = ended.is_none();
        let ended = match ended {
            Some(ended) => Some(ended),
            None => starting.end().await,
        };
        starting.is_over = true;
        let status = ended.flatten();
        let is_up = status.is_some_and(|status| status.success());
        if is_up {
            return Ok(Self { socket: call.socket.clone(), process: None, has_ended: false });
        }
        let _none = std::fs::remove_file(&call.socket);
        let mut failure = Failure::read(host, &stderr);
        let is_silent = stderr.is_empty() && status.is_none_or(is_killed);
        // What it had said by then may be no more than a warning.
        if is_silent || (is_late && failure.kind == Kind::Other) {
            failure.kind = Kind::TimedOut;
        }
        Err(NoMaster { failure, key: HostKeyProblem::read(host, &stderr) })
    }

    /// A connection whose process is a child of this one.
    pub(super) const fn of(process: Arc<Process>, socket: PathBuf) -> Self {
        Self { socket, process: Some(process), has_ended: false }
    }

    pub(super) fn socket(&self) -> &Path {
        &self.socket
    }

    /// Ends the connection, and waits until its process is gone.
    pub(super) async fn end(mut self) {
        self.has_ended = true;
        match &self.process {
            Some(process) => {
                process.end().await;
                let _gone = std::fs::remove_file(&self.socket);
            }
            None => end(&self.socket).await,
        }
    }
}

impl Call<'_> {
    /// Who answers what ssh asks, if somebody does.
    pub(super) fn desk(&self) -> io::Result<Option<Desk>> {
        self.askpass.map(|askpass| askpass.open(&self.socket)).transpose()
    }

    /// An ssh that serves sessions on its socket, without what makes it go to the background or not, and without the host.
    pub(super) fn command(&self, desk: Option<&Desk>) -> Command {
        let mut command = Command::new(self.program);
        command
            .arg("-F")
            .arg(self.config)
            .args(["-T", "-o", "ControlMaster=yes", "-o"])
            .arg(control_path(&self.socket))
            .process_group(0);
        match desk {
            Some(desk) => desk.tell(&mut command),
            None => {
                command.env("SSH_ASKPASS_REQUIRE", "never");
            }
        }
        command
    }
}

impl NoMaster {
    /// ssh could not even be started.
    pub(super) fn local(host: &str, error: &io::Error) -> Self {
        let kind = if error.kind() == io::ErrorKind::NotFound { Kind::NoProgram } else { Kind::Other };
        let mut failure = Failure::new(host, kind);
        if failure.kind == Kind::Other {
            failure.said.push(error.to_string());
        }
        Self { failure, key: None }
    }
}

impl Drop for Master {
    fn drop(&mut self) {
        if self.has_ended {
            return;
        }
        match &self.process {
            Some(process) => process.kill(),
            None => {
                // Gone already is as good.
                let _gone = mux::terminate_now(&self.socket);
            }
        }
        let _gone = std::fs::remove_file(&self.socket);
    }
}

/// Ends whoever listens on this socket, and waits until it is gone.
pub(super) async fn end(socket: &Path) {
    let said = timeout(LEAVE, mux::terminate(socket)).await;
    let pid = match said {
        Ok(Ok(pid)) => pid,
        // Nobody listens any more.
        Ok(Err(_)) => None,
        Err(_) => owner(socket),
    };
    if let Some(pid) = pid {
        let has_left = timeout(LEAVE, left(pid, socket)).await.is_ok();
        if !has_left {
            tracing::debug!(pid, "a master of ssh does not leave and is killed");
            signal(pid, socket);
            let _gone = timeout(LEAVE, left(pid, socket)).await;
        }
    }
    let _gone = std::fs::remove_file(socket);
}

/// Waits until the process is gone. It is not ours, so it cannot be waited for.
async fn left(pid: u32, socket: &Path) {
    while is_master(pid, socket) {
        sleep(LOOK).await;
    }
}

fn signal(pid: u32, socket: &Path) {
    if let (true, Ok(pid)) = (is_master(pid, socket), i32::try_from(pid)) {
        // It may be gone by now.
        let _gone = kill(Pid::from_raw(pid), Signal::SIGKILL);
    }
}

/// Whether this process still is the master of this socket: its number may be another's by now. Where no list of processes
/// tells, it counts as gone: it has closed its socket.
fn is_master(pid: u32, socket: &Path) -> bool {
    let Ok(line) = std::fs::read(format!("/proc/{pid}/cmdline")) else { return false };
    let wanted = socket.as_os_str().as_encoded_bytes();
    line.windows(wanted.len()).any(|part| part == wanted)
}

/// The master of a socket that does not answer.
fn owner(socket: &Path) -> Option<u32> {
    let entries = std::fs::read_dir("/proc").ok()?.flatten();
    let mut pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.find(|&pid| is_master(pid, socket))
}

fn spawn(call: &Call<'_>, desk: Option<&Desk>) -> io::Result<(Receiver, Child)> {
    let (sender, receiver) = pipe::pipe()?;
    let mut command = call.command(desk);
    command
        .args(["-N", "-o"])
        .arg(format!("ControlPersist={}", call.persist.as_secs().max(1)))
        .args(call.arguments)
        .args([OsStr::new("--"), OsStr::new(call.host)])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(sender.into_blocking_fd()?)
        .kill_on_drop(true);
    Ok((receiver, command.spawn()?))
}

/// Answers what an ssh asks, if somebody does, for as long as this is polled.
pub(super) async fn serve(desk: Option<&Desk>, ssh: Option<u32>) -> Infallible {
    match desk {
        Some(desk) => desk.serve(ssh).await,
        None => std::future::pending().await,
    }
}

/// The path as an option: `%` stands for something there.
fn control_path(socket: &Path) -> String {
    format!("ControlPath=\"{}\"", socket.to_string_lossy().replace('%', "%%"))
}

/// An ssh that has not gone to the background yet: dropped, its whole group ends.
struct Starting<'a> {
    process: Process,
    socket: &'a Path,
    is_over: bool,
}

impl Starting<'_> {
    /// Ends it. It may have gone to the background in the last moment: then it is a connection after all.
    async fn end(&self) -> Option<Option<ExitStatus>> {
        self.process.kill();
        timeout(LEAVE, self.process.ended()).await.ok()
    }
}

impl Drop for Starting<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            self.process.kill();
            let _gone = mux::terminate_now(self.socket);
            let _none = std::fs::remove_file(self.socket);
        }
    }
}

pub(super) fn is_killed(status: ExitStatus) -> bool {
    std::os::unix::process::ExitStatusExt::signal(&status).is_some()
}

/// Reads to the end and keeps the first of it. Dropping this in between loses nothing.
async fn listen(words: &Receiver, to: &mut Vec<u8>) {
    loop {
        if words.readable().await.is_err() {
            return;
        }
        if let Rest::Nothing = drain(words, to) {
            return;
        }
    }
}

enum Rest {
    /// The other end is closed.
    Nothing,
    /// Somebody still holds it.
    More,
}

/// Reads what is there.
fn drain(words: &Receiver, to: &mut Vec<u8>) -> Rest {
    let mut chunk = [0; 4096];
    loop {
        match words.try_read(&mut chunk) {
            Ok(0) => return Rest::Nothing,
            Ok(n) => {
                to.extend_from_slice(chunk.get(..n).unwrap_or_default());
                // The first and the last of it say why; a server's greeting in between may be long.
                if let Some(excess) = to.len().checked_sub(WORDS) {
                    to.drain(WORDS / 2..WORDS / 2 + excess);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Rest::More,
            Err(_) => return Rest::Nothing,
        }
    }
}

/// Runs ssh to its end for what it prints, with an end to the time and to the words.
pub(super) async fn ask(mut command: Command, until: Instant) -> io::Result<(ExitStatus, Vec<u8>, Vec<u8>)> {
    const MOST: u64 = 256 * 1024;
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    let mut child = command.spawn()?;
    let pid = child.id().and_then(|pid| i32::try_from(pid).ok());
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let work = async {
        if let (Some(out), Some(err)) = (out, err) {
            let (mut out, mut err) = (out.take(MOST), err.take(MOST));
            tokio::try_join!(out.read_to_end(&mut stdout), err.read_to_end(&mut stderr))?;
        }
        child.wait().await
    };
    let ended = timeout_at(until, work).await;
    let status = match ended {
        Ok(status) => status?,
        Err(_) => {
            if let Some(pid) = pid {
                let _gone = killpg(Pid::from_raw(pid), Signal::SIGKILL);
            }
            return Err(io::ErrorKind::TimedOut.into());
        }
    };
    Ok((status, stdout, stderr))
}
