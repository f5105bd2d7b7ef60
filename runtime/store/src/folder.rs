//! The folder of a store: where its parts lie, who may write them, and whether it is still the same.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::sys::statvfs::statvfs;
use pogo_plan::event::JobId;

use crate::error::StoreError;
use crate::place;

/// The places of a store's parts.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    root: PathBuf,
    /// What every new file of the folder may be read and written by.
    mode: u32,
}

/// Which file the database is: another one of the same name is another store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    device: u64,
    inode: u64,
}

impl Folder {
    /// Makes what is missing, and refuses a place where locks do not hold.
    pub(crate) fn prepare(root: &Path) -> Result<Self, StoreError> {
        let failed = |path: &Path, error| StoreError::io("cannot make the folder", path, error);
        fs::create_dir_all(root).map_err(|error| failed(root, error))?;
        let root = root.canonicalize().map_err(|error| failed(root, error))?;
        if let Some(kind) = place::network(&root).map_err(|error| failed(&root, error))? {
            return Err(StoreError::NetworkFileSystem { path: root, kind });
        }
        let own = fs::metadata(&root).map_err(|error| failed(&root, error))?.mode();
        // A file gets what the folder gives its group; others get nothing.
        let group = (own & 0o070) >> 3;
        let mode = 0o600 | (group & 0o6) << 3;
        let folder = Self { root, mode };
        for part in [folder.locks(), folder.output(), folder.wake()] {
            if part.is_dir() {
                continue;
            }
            match fs::create_dir(&part) {
                Ok(()) => {
                    let mode = 0o700 | (group << 3) | (own & 0o2000);
                    let _ = fs::set_permissions(&part, fs::Permissions::from_mode(mode));
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(failed(&part, error)),
            }
        }
        Ok(folder)
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) const fn is_shared(&self) -> bool {
        self.mode & 0o020 != 0
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.root.join("pogo.db")
    }

    fn locks(&self) -> PathBuf {
        self.root.join("locks")
    }

    pub(crate) fn output(&self) -> PathBuf {
        self.root.join("output")
    }

    pub(crate) fn wake(&self) -> PathBuf {
        self.root.join("wake")
    }

    /// The lock for making the store and for changing its form.
    pub(crate) fn form_lock(&self) -> PathBuf {
        self.locks().join("form")
    }

    /// A namespace's name may be anything that a spec allows, so its file is named by its digits.
    pub(crate) fn namespace_lock(&self, namespace: i64) -> PathBuf {
        self.locks().join(format!("namespace-{namespace}"))
    }

    pub(crate) fn job_lock(&self, job: JobId) -> PathBuf {
        self.locks().join(format!("{job}.lock"))
    }

    pub(crate) fn output_of(&self, job: JobId) -> PathBuf {
        self.output().join(job.to_string())
    }

    pub(crate) fn socket(&self, job: JobId) -> PathBuf {
        self.wake().join(job.to_string())
    }

    /// Opens a file for reading and writing, and makes it as the folder's group may use it.
    pub(crate) fn open(&self, path: &Path) -> Result<File, StoreError> {
        let failed = |error| StoreError::io("cannot open", path, error);
        let open =
            |create| OpenOptions::new().read(true).write(true).create_new(create).mode(self.mode).open(path);
        loop {
            match open(false) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                other => return other.map_err(failed),
            }
            match open(true) {
                // Somebody else made it in between.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(failed(error)),
                Ok(file) => {
                    // The process's mask may have taken the group's bits away.
                    file.set_permissions(fs::Permissions::from_mode(self.mode)).map_err(failed)?;
                    return Ok(file);
                }
            }
        }
    }

    /// Lets the group use a folder or file that was made by path.
    pub(crate) fn share(&self, path: &Path, is_folder: bool) {
        let mode = if is_folder { self.mode | (self.mode & 0o440) >> 2 } else { self.mode };
        // Who does not own it cannot and need not.
        let _ = fs::set_permissions(path, fs::Permissions::from_mode(mode));
    }

    /// Which file the database is now; `None` if there is none.
    pub(crate) fn identity(&self) -> Option<Identity> {
        let found = fs::metadata(self.database()).ok()?;
        Some(Identity { device: found.dev(), inode: found.ino() })
    }
}

/// Whether the disk under a path has next to no room left.
pub(crate) fn is_full(path: &Path) -> bool {
    statvfs(path)
        .is_ok_and(|found| found.blocks_available().saturating_mul(found.fragment_size()) < 256 * 1024)
}

/// Whether nothing is left at the path.
pub(crate) fn is_gone(path: &Path) -> bool {
    matches!(path.join("pogo.db").try_exists(), Ok(false))
}
