//! Waking other processes after a commit: a datagram to the socket of each job that it concerns.
//!
//! A datagram says nothing but "look". One that is lost costs time only: everybody also looks now and then.

use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use pogo_plan::event::JobId;

use crate::folder::Folder;

/// The longest path that a socket may have, with the byte that ends it.
const LONGEST: usize = 107;

/// The socket of a session. Each of its jobs has a link to it, so whoever knows the job finds who runs it.
#[derive(Debug)]
pub(crate) struct Ear {
    socket: tokio::net::UnixDatagram,
    path: PathBuf,
}

static SESSIONS: AtomicU32 = AtomicU32::new(0);

impl Ear {
    /// Listens; `None` where that cannot be: looking now and then does without.
    pub(crate) fn open(folder: &Folder) -> Option<Self> {
        let number = SESSIONS.fetch_add(1, Ordering::Relaxed);
        let path = folder.wake().join(format!("session-{}-{number}", std::process::id()));
        let bind = || {
            let _ = std::fs::remove_file(&path);
            let socket = at_short_path(&path, |path| UnixDatagram::bind(path))?;
            folder.share(&path, false);
            socket.set_nonblocking(true)?;
            tokio::net::UnixDatagram::from_std(socket)
        };
        let socket = bind().inspect_err(|error| tracing::debug!(%error, "no socket to be woken by")).ok()?;
        Some(Self { socket, path })
    }

    /// Is called for a job as well from now on.
    pub(crate) fn listen_for(&self, folder: &Folder, job: JobId) {
        let link = folder.socket(job);
        let _ = std::fs::remove_file(&link);
        if let Some(name) = self.path.file_name() {
            let _ = std::os::unix::fs::symlink(name, link);
        }
    }

    /// Until somebody calls.
    pub(crate) async fn hear(&self) {
        let mut bytes = [0; 8];
        if self.socket.recv(&mut bytes).await.is_err() {
            std::future::pending::<()>().await;
        }
        // One look serves all who called.
        while self.socket.try_recv(&mut bytes).is_ok() {}
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// What wakes others.
#[derive(Debug)]
pub(crate) struct Voice(Option<UnixDatagram>);

impl Voice {
    pub(crate) fn new() -> Self {
        let socket = UnixDatagram::unbound().and_then(|socket| {
            socket.set_nonblocking(true)?;
            Ok(socket)
        });
        Self(socket.ok())
    }

    /// Wakes whoever runs the job.
    pub(crate) fn wake(&self, folder: &Folder, job: JobId) {
        let Some(socket) = &self.0 else { return };
        let path = folder.socket(job);
        let sent = at_short_path(&path, |path| socket.send_to(&[1], path));
        // Nobody listens there any more. A full queue means that it has enough to wake up for.
        if sent.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused) {
            if let Ok(name) = std::fs::read_link(&path) {
                let _ = std::fs::remove_file(folder.wake().join(name));
            }
            let _ = std::fs::remove_file(&path);
        }
    }
}

/// A path that is too long for a socket is reached through its opened folder.
fn at_short_path<T>(path: &Path, act: impl FnOnce(&Path) -> io::Result<T>) -> io::Result<T> {
    if path.as_os_str().len() <= LONGEST {
        return act(path);
    }
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let parent = std::fs::File::open(parent)?;
    act(&Path::new("/proc/self/fd").join(parent.as_raw_fd().to_string()).join(name))
}
