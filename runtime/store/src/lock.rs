//! Locks between processes, which the kernel gives back when a process dies.
//!
//! They belong to an open file, not to a process, so two sessions of one process exclude each other as well; and a lock can
//! be asked about without being taken, so nobody is refused because somebody looked.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;

use crate::error::StoreError;
use crate::folder::Folder;

#[derive(Clone, Copy)]
enum Kind {
    Shared,
    Exclusive,
    Free,
}

fn range(kind: Kind, start: i64, length: i64) -> libc::flock {
    let kind = match kind {
        Kind::Shared => libc::F_RDLCK,
        Kind::Exclusive => libc::F_WRLCK,
        Kind::Free => libc::F_UNLCK,
    };
    // The kernel's fields are narrower than its constants.
    #[expect(clippy::cast_possible_truncation, reason = "small constants")]
    libc::flock {
        l_type: kind as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: start,
        l_len: length,
        l_pid: 0,
    }
}

/// Takes a range, or says that somebody else has a part of it.
fn try_lock(file: &File, kind: Kind, start: i64, length: i64) -> Result<bool, Errno> {
    match fcntl(file, FcntlArg::F_OFD_SETLK(&range(kind, start, length))) {
        Ok(_) => Ok(true),
        Err(Errno::EAGAIN | Errno::EACCES) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Whether nobody else holds a part of the range.
fn is_free(file: &File, start: i64, length: i64) -> Result<bool, Errno> {
    let mut found = range(Kind::Exclusive, start, length);
    fcntl(file, FcntlArg::F_OFD_GETLK(&mut found))?;
    Ok(i32::from(found.l_type) == libc::F_UNLCK)
}

/// A lock held by whoever runs a job, for as long as its process lives.
#[derive(Debug)]
pub(crate) struct OwnerLock {
    file: File,
}

impl OwnerLock {
    /// Takes it; `None` if another process has it.
    pub(crate) fn take(folder: &Folder, path: &Path) -> Result<Option<Self>, StoreError> {
        let file = folder.open(path)?;
        let taken = try_lock(&file, Kind::Exclusive, 0, 1);
        let taken = taken.map_err(|error| StoreError::io("cannot lock", path, error.into()))?;
        Ok(taken.then_some(Self { file }))
    }
}

impl Drop for OwnerLock {
    fn drop(&mut self) {
        // Said, not left to the closing of the file: a process that is just being started may have a copy of it.
        let _ = try_lock(&self.file, Kind::Free, 0, 1);
    }
}

/// Looks at another's [`OwnerLock`] without taking it.
#[derive(Debug)]
pub(crate) enum OwnerProbe {
    /// Nobody has ever run the job, or it is gone.
    NoFile,
    /// To be asked.
    File(File),
    /// Not to be asked by this user.
    Closed,
}

impl OwnerProbe {
    pub(crate) fn new(path: &Path) -> Self {
        // Asking for a lock for writing needs no more than a file that can be read.
        match File::open(path) {
            Ok(file) => Self::File(file),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Self::NoFile,
            Err(_) => Self::Closed,
        }
    }

    /// Whether some process holds the lock. A lock that cannot be asked about counts as held: nobody is taken for dead
    /// without evidence.
    pub(crate) fn is_alive(&self) -> bool {
        match self {
            Self::NoFile => false,
            Self::File(file) => !is_free(file, 0, 1).unwrap_or(false),
            Self::Closed => true,
        }
    }
}

/// Before all tickets: held by whoever found nobody in line, and drew none.
const FIRST: i64 = 64;
/// Above this no ticket is drawn.
const LAST: i64 = i64::MAX / 2;
/// After all tickets: the byte that is held while one is drawn.
const DRAWING: i64 = LAST + 1;
/// From the first sleep to the longest while waiting for a turn.
const SLEEPS: (Duration, Duration) = (Duration::from_micros(30), Duration::from_millis(1));

/// A lock that is given in the order in which it was asked for.
///
/// Its file is a line of bytes. Whoever comes draws the next number (kept at the beginning of the file), locks the byte of
/// that number, and goes when no byte before it is locked any more. Whoever finds no byte locked at all, not even that of somebody
/// who draws, goes at once, with the byte before all numbers. A process that dies leaves the line at once, wherever it stood. Only
/// fairness rests on this: who writes is settled by the database's own lock.
#[derive(Debug)]
pub(crate) struct FairLock {
    file: File,
    path: PathBuf,
}

/// The turn of one process; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    lock: Arc<FairLock>,
}

impl FairLock {
    pub(crate) fn open(folder: &Folder, path: &Path) -> Result<Self, StoreError> {
        Ok(Self { file: folder.open(path)?, path: path.to_owned() })
    }

    /// Waits for its turn. `waiting` is told from time to time for how long it has been, and by whom the lock is held.
    pub(crate) fn wait(
        self: &Arc<Self>,
        mut waiting: impl FnMut(Duration, Option<u32>),
    ) -> Result<Turn, StoreError> {
        let failed = |error: Errno| StoreError::io("cannot lock", &self.path, error.into());
        if try_lock(&self.file, Kind::Exclusive, FIRST, DRAWING - FIRST + 1).map_err(failed)? {
            let turn = Turn { lock: Arc::clone(self) };
            try_lock(&self.file, Kind::Free, FIRST + 1, DRAWING - FIRST).map_err(failed)?;
            self.sign();
            return Ok(turn);
        }
        let start = Instant::now();
        let mut sleep = SLEEPS.0;
        while !try_lock(&self.file, Kind::Exclusive, DRAWING, 1).map_err(failed)? {
            pause(&mut sleep);
            waiting(start.elapsed(), self.holder());
        }
        let ticket = self.draw();
        let turn = Turn { lock: Arc::clone(self) };
        let is_mine = try_lock(&self.file, Kind::Exclusive, ticket, 1);
        let drawn = try_lock(&self.file, Kind::Free, DRAWING, 1);
        is_mine.and(drawn).map_err(failed)?;
        sleep = SLEEPS.0;
        while !try_lock(&self.file, Kind::Shared, FIRST, ticket - FIRST).map_err(failed)? {
            pause(&mut sleep);
            waiting(start.elapsed(), self.holder());
        }
        self.sign();
        Ok(turn)
    }

    /// For whoever wonders who holds it up.
    fn sign(&self) {
        let _ = self.file.write_all_at(&std::process::id().to_le_bytes(), 8);
    }

    /// The next number. What cannot be read or written costs fairness, and nothing else.
    fn draw(&self) -> i64 {
        let mut bytes = [0; 8];
        let _ = self.file.read_exact_at(&mut bytes, 0);
        // From the beginning again, if ever somebody wrote nonsense.
        let drawn = i64::from_le_bytes(bytes);
        let ticket = if (FIRST..LAST).contains(&drawn) { drawn + 1 } else { FIRST + 1 };
        let _ = self.file.write_all_at(&ticket.to_le_bytes(), 0);
        ticket
    }

    fn holder(&self) -> Option<u32> {
        let mut bytes = [0; 4];
        self.file.read_exact_at(&mut bytes, 8).ok()?;
        Some(u32::from_le_bytes(bytes)).filter(|&pid| pid != 0)
    }
}

fn pause(sleep: &mut Duration) {
    thread::sleep(*sleep);
    *sleep = (*sleep * 2).min(SLEEPS.1);
}

impl Drop for Turn {
    fn drop(&mut self) {
        // Whatever it has: an open file holds no more than one turn.
        let _ = try_lock(&self.lock.file, Kind::Free, FIRST, DRAWING - FIRST + 1);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::mpsc::channel;

    use pogo_plan::event::JobId;

    use super::*;

    #[test]
    fn turns_come_in_the_order_in_which_they_were_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let folder = Folder::prepare(folder.path()).unwrap();
        let path = folder.namespace_lock(1);
        let open = || Arc::new(FairLock::open(&folder, &path).unwrap());
        let order = Arc::new(Mutex::new(Vec::new()));
        let first = open().wait(|_, _| panic!("nobody else is there")).unwrap();
        let mut threads = Vec::new();
        for name in 0..4 {
            let (lock, order) = (open(), Arc::clone(&order));
            let (says, waits) = channel();
            threads.push(thread::spawn(move || {
                let turn = lock
                    .wait(|_, _| {
                        let _ = says.send(());
                    })
                    .unwrap();
                order.lock().unwrap().push(name);
                drop(turn);
            }));
            // The next one comes when this one stands in line.
            waits.recv().unwrap();
        }
        drop(first);
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(*order.lock().unwrap(), [0, 1, 2, 3]);
    }

    #[test]
    fn a_lock_is_asked_about_without_being_taken_and_ends_with_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let folder = Folder::prepare(folder.path()).unwrap();
        let path = folder.job_lock(JobId::from_bits(1));
        assert!(!OwnerProbe::new(&path).is_alive());
        let lock = OwnerLock::take(&folder, &path).unwrap();
        let probe = OwnerProbe::new(&path);
        assert!(lock.is_some() && probe.is_alive());
        assert!(OwnerLock::take(&folder, &path).unwrap().is_none());
        drop(lock);
        assert!(!probe.is_alive());
    }
}
