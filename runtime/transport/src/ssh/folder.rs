//! The folder of one run: its control sockets and its configuration files.
//!
//! A control socket's path is limited by the system to about a hundred bytes, of which OpenSSH wants seventeen for a
//! temporary name. So the folder is in the user's runtime directory, or in `/tmp` where there is none or its path is long.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use nix::fcntl::{Flock, FlockArg};
use nix::unistd::Uid;
use tempfile::TempDir;

/// The longest path of a control socket, in bytes: OpenSSH adds 17 while it makes one, and some systems allow 104.
pub const MAX_SOCKET_PATH: usize = 86;

/// The longest name of a socket in the folder.
const NAME: usize = 10;

const PREFIX: &str = "r-";
const LOCK: &str = "lock";

/// No folder for control sockets.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FolderError {
    /// None of the places can be used.
    #[error(
        "cannot make a folder for the control sockets of ssh in {tried}; set XDG_RUNTIME_DIR to a local folder of yours"
    )]
    NoPlace {
        /// Where it was tried.
        tried: String,
        /// Why the last of them did not do.
        source: io::Error,
    },
}

/// A folder that only this user may look into, removed when dropped.
#[derive(Debug)]
pub(super) struct Folder {
    folder: TempDir,
    next: AtomicU64,
    /// Held as long as the run lasts; whoever finds it free may remove the folder.
    _lock: Flock<File>,
}

impl Folder {
    /// In the user's runtime directory, else in `/tmp`.
    pub(super) fn new() -> Result<Self, FolderError> {
        let uid = Uid::effective();
        let runtime = std::env::var_os("XDG_RUNTIME_DIR").filter(|path| !path.is_empty());
        let runtime = runtime.map_or_else(|| PathBuf::from(format!("/run/user/{uid}")), PathBuf::from);
        Self::in_one_of(&[runtime.join("pogo"), PathBuf::from(format!("/tmp/pogo-{uid}"))])
    }

    /// In the first of these places that will do.
    pub(super) fn in_one_of(places: &[PathBuf]) -> Result<Self, FolderError> {
        let mut last = io::Error::from(io::ErrorKind::NotFound);
        for place in places {
            match Self::within(place) {
                Ok(folder) => return Ok(folder),
                Err(error) => {
                    tracing::debug!(place = %place.display(), %error, "no place for control sockets");
                    last = error;
                }
            }
        }
        let tried: Vec<String> = places.iter().map(|place| format!("`{}`", place.display())).collect();
        Err(FolderError::NoPlace { tried: tried.join(" or "), source: last })
    }

    fn within(place: &Path) -> io::Result<Self> {
        if !place.is_absolute() {
            return Err(io::Error::other("not an absolute path"));
        }
        match DirBuilder::new().mode(0o700).create(place) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        // Not followed if it is a link: in `/tmp` anybody may have put it there.
        let about = fs::symlink_metadata(place)?;
        if !about.is_dir() || about.uid() != Uid::effective().as_raw() || about.mode() & 0o077 != 0 {
            return Err(io::Error::other("not a folder of this user that is closed to others"));
        }
        let closed = Permissions::from_mode(0o700);
        let folder =
            tempfile::Builder::new().prefix(PREFIX).rand_bytes(6).permissions(closed).tempdir_in(place)?;
        let length = folder.path().as_os_str().len() + 1 + NAME;
        if length > MAX_SOCKET_PATH {
            let text = format!(
                "its control sockets would have paths of {length} bytes, at most {MAX_SOCKET_PATH} are possible"
            );
            return Err(io::Error::other(text));
        }
        // Not every file system has sockets.
        let trial = folder.path().join("trial");
        drop(UnixListener::bind(&trial)?);
        fs::remove_file(&trial)?;
        let lock =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(folder.path().join(LOCK))?;
        let lock = Flock::lock(lock, FlockArg::LockExclusiveNonblock).map_err(|(_, errno)| errno)?;
        remove_left_behind(place, folder.path());
        Ok(Self { folder, next: AtomicU64::new(0), _lock: lock })
    }

    #[cfg(test)]
    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A path in the folder that nobody has used yet, of at most eight bytes; there is room for two more behind it.
    pub(super) fn name(&self, kind: char) -> PathBuf {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.folder.path().join(format!("{kind}{number:x}"))
    }
}

/// Removes the folders of runs that ended without doing so, as far as their masters have left too.
fn remove_left_behind(place: &Path, ours: &Path) {
    for entry in fs::read_dir(place).into_iter().flatten().flatten() {
        let path = entry.path();
        if path == ours || !entry.file_name().as_encoded_bytes().starts_with(PREFIX.as_bytes()) {
            continue;
        }
        let Ok(lock) = OpenOptions::new().write(true).open(path.join(LOCK)) else { continue };
        let Ok(_lock) = Flock::lock(lock, FlockArg::LockExclusiveNonblock) else { continue };
        if !has_living_master(&path) {
            let _next_time = fs::remove_dir_all(&path);
        }
    }
}

/// A master that is alive listens on its socket.
fn has_living_master(folder: &Path) -> bool {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.into_iter().any(|entry| std::os::unix::net::UnixStream::connect(entry.path()).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_place_is_passed_over() {
        let root = tempfile::tempdir().unwrap();
        let long = root.path().join("x".repeat(80));
        let short = root.path().join("s");
        let folder = Folder::in_one_of(&[long.clone(), short.clone()]).unwrap();
        assert!(folder.path().starts_with(&short));
        assert!(folder.name('c').as_os_str().len() <= MAX_SOCKET_PATH);
        let error = Folder::in_one_of(&[long]).unwrap_err();
        assert!(error.to_string().contains("XDG_RUNTIME_DIR"), "{error}");
    }

    #[test]
    fn a_place_of_somebody_else_is_not_used() {
        let root = tempfile::tempdir().unwrap();
        let (open, link) = (root.path().join("o"), root.path().join("l"));
        fs::create_dir(&open).unwrap();
        fs::set_permissions(&open, std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
        std::os::unix::fs::symlink("/tmp", &link).unwrap();
        assert!(Folder::within(&open).is_err());
        assert!(Folder::within(&link).is_err());
    }

    #[test]
    fn what_a_dead_run_left_is_removed_by_the_next() {
        let root = tempfile::tempdir().unwrap();
        let place = root.path().join("p");
        let living = Folder::within(&place).unwrap();
        let dead = place.join("r-dead");
        fs::create_dir(&dead).unwrap();
        fs::write(dead.join(LOCK), "").unwrap();
        let next = Folder::within(&place).unwrap();
        assert!(living.path().exists() && next.path().exists() && !dead.exists());
    }
}
