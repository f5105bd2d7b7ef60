//! A connection for one attempt: its session is that of the ssh process itself.
//!
//! A connection that further attempts are to use goes to the background, and each session is handed to it over its socket.
//! That costs the client two milliseconds or so for each host. Where no other attempt on the host can follow, ssh stays in the
//! foreground, runs the wrapper, and leaves with it. It serves its socket all the same, for a kill from another session.
//!
//! What ssh itself has to say goes to a file, because the session has its standard error.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tokio::process::{ChildStderr, ChildStdin, ChildStdout};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep, timeout};

use super::askpass::Desk;
use super::failure::{Failure, HostKeyProblem, Kind};
use super::master::{Call, LEAVE, Master, NoMaster, is_killed, serve};
use super::process::Process;
use super::session::{Parts, Session};
use crate::wrapper::Request;

/// How often is looked whether ssh has logged in, where others wait for that or the time is over.
const LOOK: Duration = Duration::from_millis(100);

/// The most of ssh's words that is read, in bytes.
const WORDS: u64 = 16 * 1024;

/// The status with which ssh ends when it is ssh that failed.
const FAILED: i32 = 255;

/// What a connection for one attempt has beyond others.
pub(super) struct Own<'a> {
    /// What the session runs.
    pub(super) request: Request,
    /// The file for ssh's words.
    pub(super) words: PathBuf,
    /// What undoes settings of the user's that would spoil the session.
    pub(super) options: &'a BTreeSet<&'static str>,
    /// A place in front of a jump host; it is given back when ssh has logged in.
    pub(super) place: &'a mut Option<OwnedSemaphorePermit>,
}

/// Makes a connection with a session in which the script is up, or has ended before it was. Dropping this in between leaves no
/// process behind.
pub(super) async fn open(call: Call<'_>, own: Own<'_>) -> Result<(Master, Session), NoMaster> {
    let host = call.host;
    let local = |error: io::Error| NoMaster::local(host, &error);
    let desk = call.desk().map_err(local)?;
    let Own { request, words, options, place } = own;
    let words = Words(words);
    let Spawned { process, stdin, stdout, stderr } =
        spawn(&call, &request, &words.0, options, desk.as_ref()).map_err(local)?;
    let process = Arc::new(process);
    let master = Master::of(Arc::clone(&process), call.socket.clone());
    let pid = process.pid();
    tracing::trace!(host, pid, "ssh started");
    let exit = {
        let process = Arc::clone(&process);
        async move {
            // How it ended is not asked: the script says that itself.
            let _ended = process.ended().await;
        }
    };
    let mut session = Session::over(request, Parts { stdin, stdout, stderr, exit, is_own_process: true });
    let answers = serve(desk.as_ref(), pid);
    let late = login_is_late(&call.socket, call.until, place);
    let reached = tokio::select! {
        biased;
        is_up = session.is_up() => if is_up { Reached::Up } else { Reached::Over },
        () = late => Reached::Late,
        never = answers => match never {},
    };
    let is_late = matches!(reached, Reached::Late);
    let status = match reached {
        Reached::Up => return Ok((master, session)),
        Reached::Over => timeout(LEAVE, process.ended()).await.ok().flatten(),
        Reached::Late => {
            process.kill();
            // What it has said by now is read.
            let _over = timeout(LEAVE, session.ended()).await;
            timeout(LEAVE, process.ended()).await.ok().flatten()
        }
    };
    let said = words.read();
    let is_killed = status.is_some_and(is_killed);
    // The script's shell may have ended so, or the server has another command for this user: ssh did what it was to do.
    let is_of_host =
        !is_killed && (status.and_then(|status| status.code()) != Some(FAILED) || said.is_empty());
    if is_of_host && !is_late {
        return Ok((master, session));
    }
    let noise = session.noise();
    let all = [noise.as_bytes(), b"\n", &said].concat();
    drop(session);
    master.end().await;
    let mut failure = Failure::read(host, &all);
    let is_silent = said.is_empty() && noise.is_empty();
    // What it had said by then may be no more than a warning.
    if (is_late && failure.kind == Kind::Other) || (is_silent && is_killed) {
        failure.kind = Kind::TimedOut;
    }
    Err(NoMaster { failure, key: HostKeyProblem::read(host, &all) })
}

enum Reached {
    /// The script has said its first word.
    Up,
    /// The session has ended before.
    Over,
    /// ssh has not logged in in time.
    Late,
}

/// Ends if ssh has not logged in in time. It has when its socket is there.
async fn login_is_late(socket: &Path, until: Instant, place: &mut Option<OwnedSemaphorePermit>) {
    while !socket.exists() {
        let now = Instant::now();
        if now >= until {
            return;
        }
        // Nobody but who waits for the place wants to know sooner.
        let pause = until.saturating_duration_since(now);
        sleep(if place.is_some() { pause.min(LOOK) } else { pause }).await;
    }
    *place = None;
    std::future::pending::<()>().await;
}

struct Spawned {
    process: Process,
    stdin: ChildStdin,
    stdout: ChildStdout,
    stderr: ChildStderr,
}

fn spawn(
    call: &Call<'_>,
    request: &Request,
    words: &Path,
    options: &BTreeSet<&'static str>,
    desk: Option<&Desk>,
) -> io::Result<Spawned> {
    let mut command = call.command(desk);
    command
        // No agent and no display of the user's for a command, as over a connection in the background.
        .args(["-a", "-x", "-o", "ControlPersist=no", "-E"])
        .arg(words)
        .args(options.iter().flat_map(|option| ["-o", option]))
        .args(call.arguments)
        .args(["--", call.host, request.command_line()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let streams = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (Some(stdin), Some(stdout), Some(stderr)) = streams else {
        return Err(io::ErrorKind::BrokenPipe.into());
    };
    Ok(Spawned { process: Process::new(child), stdin, stdout, stderr })
}

/// The file for ssh's words; dropped, it is removed.
struct Words(PathBuf);

impl Words {
    /// The last of them.
    fn read(&self) -> Vec<u8> {
        let read = || {
            use std::io::{Read, Seek, SeekFrom};
            let mut file = std::fs::File::open(&self.0)?;
            let length = file.metadata()?.len();
            file.seek(SeekFrom::Start(length.saturating_sub(WORDS)))?;
            let mut words = Vec::new();
            file.take(WORDS).read_to_end(&mut words)?;
            io::Result::Ok(words)
        };
        // Without the file ssh has said nothing.
        read().unwrap_or_default()
    }
}

impl Drop for Words {
    fn drop(&mut self) {
        let _none = std::fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::Semaphore;

    use super::*;

    #[tokio::test]
    async fn a_place_is_given_back_at_login_and_time_is_no_matter_after_it() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("s");
        let places = Arc::new(Semaphore::new(1));
        let mut place = Some(Arc::clone(&places).try_acquire_owned().unwrap());
        login_is_late(&socket, Instant::now(), &mut place).await;
        assert_eq!(places.available_permits(), 0, "nobody has logged in");
        std::fs::write(&socket, "").unwrap();
        tokio::select! {
            biased;
            () = login_is_late(&socket, Instant::now(), &mut place) => panic!("it is not late"),
            () = std::future::ready(()) => {}
        }
        assert_eq!(places.available_permits(), 1);
    }

    #[test]
    fn the_last_words_of_many_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let words = Words(folder.path().join("w"));
        assert_eq!(words.read(), b"");
        std::fs::write(&words.0, [vec![b'x'; 100_000], b"end".to_vec()].concat()).unwrap();
        let read = words.read();
        assert!(read.ends_with(b"xend") && read.len() == 16 * 1024);
        drop(words);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
