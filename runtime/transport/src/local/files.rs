//! Command and script as private files.
//!
//! A command is handed to its shell as a file and not with `-c`: an argument is limited to 128 KiB and is there for
//! everybody to read in the list of processes.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// The files of an attempt: a folder that only this user may look into, removed when this is dropped.
pub(super) struct Files {
    folder: TempDir,
    count: u32,
}

impl Files {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self { folder: tempfile::Builder::new().prefix("pogo-").tempdir()?, count: 0 })
    }

    /// Writes a command for a shell to read.
    pub(super) fn command(&mut self, name: &str, text: &str) -> io::Result<PathBuf> {
        self.count += 1;
        let path = self.folder.path().join(format!("{name}-{}", self.count));
        write(&path, 0o600, text.as_bytes())?;
        Ok(path)
    }

    /// Writes a script to be executed. Only the last part of its name is used.
    pub(super) fn script(&self, name: &str, bytes: &[u8]) -> io::Result<PathBuf> {
        let name = Path::new(name).file_name().unwrap_or("script".as_ref());
        let folder = self.folder.path().join("script");
        fs::create_dir(&folder)?;
        let path = folder.join(name);
        write(&path, 0o700, bytes)?;
        Ok(path)
    }
}

fn write(path: &Path, mode: u32, bytes: &[u8]) -> io::Result<()> {
    OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?.write_all(bytes)
}
