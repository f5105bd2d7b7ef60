//! Where data goes: standard output, or a file that is replaced as a whole or not at all.

use std::fs::{self, File, Permissions};
use std::io::{self, BufWriter, StdoutLock, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::failure::Failure;

/// An open output. What is written to a file shows only after [`Output::commit`].
pub(crate) struct Output {
    to: To,
}

enum To {
    Stdout(BufWriter<StdoutLock<'static>>),
    /// A device or a pipe, which cannot be replaced.
    Special(BufWriter<File>, PathBuf),
    File(BufWriter<NamedTempFile>, PathBuf),
}

impl Output {
    /// Standard output.
    #[must_use]
    pub(crate) fn stdout() -> Self {
        Self { to: To::Stdout(BufWriter::with_capacity(1 << 16, io::stdout().lock())) }
    }

    /// A file, or standard output for `None` and `-`.
    ///
    /// # Errors
    /// If the file cannot be made.
    pub(crate) fn open(path: Option<&Path>) -> Result<Self, Failure> {
        let Some(path) = path.filter(|path| *path != Path::new("-")) else { return Ok(Self::stdout()) };
        let failed = |error: &io::Error| Failure::file("write", path.display(), error);
        // A link stays a link: what it leads to is replaced.
        let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
        let mode = match fs::metadata(&real) {
            Ok(it) if it.is_dir() => return Err(failed(&io::ErrorKind::IsADirectory.into())),
            Ok(it) if !it.is_file() => {
                let file = File::options().write(true).open(&real).map_err(|error| failed(&error))?;
                return Ok(Self { to: To::Special(BufWriter::new(file), path.to_path_buf()) });
            }
            Ok(it) => Some(it.permissions()),
            Err(_) => None,
        };
        let folder = real.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let temporary = tempfile::Builder::new()
            .prefix(".pogo-")
            .permissions(Permissions::from_mode(0o666))
            .tempfile_in(folder)
            .map_err(|error| failed(&error))?;
        if let Some(mode) = mode {
            temporary.as_file().set_permissions(mode).map_err(|error| failed(&error))?;
        }
        Ok(Self { to: To::File(BufWriter::with_capacity(1 << 16, temporary), real) })
    }

    /// Makes what was written stand.
    ///
    /// # Errors
    /// If it cannot be written out.
    pub(crate) fn commit(self) -> Result<(), Failure> {
        match self.to {
            To::Stdout(mut stdout) => Ok(stdout.flush()?),
            To::Special(mut file, path) => {
                file.flush().map_err(|error| Failure::file("write", path.display(), &error))
            }
            To::File(file, path) => {
                let failed = |error: &io::Error| Failure::file("write", path.display(), error);
                let file = file.into_inner().map_err(|error| failed(error.error()))?;
                file.as_file().sync_all().map_err(|error| failed(&error))?;
                file.persist(&path).map_err(|error| failed(&error.error))?;
                Ok(())
            }
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.to {
            To::Stdout(to) => to.write(bytes),
            To::Special(to, _) => to.write(bytes),
            To::File(to, _) => to.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.to {
            To::Stdout(to) => to.flush(),
            To::Special(to, _) => to.flush(),
            To::File(to, _) => to.flush(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_shows_only_when_it_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plan.json");
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();

        let mut dropped = Output::open(Some(&path)).unwrap();
        dropped.write_all(b"half").unwrap();
        drop(dropped);
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");

        let mut whole = Output::open(Some(&path)).unwrap();
        whole.write_all(b"new").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        whole.commit().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_link_stays_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("a"), folder.path().join("b"));
        fs::write(&path, "old").unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        let mut output = Output::open(Some(&link)).unwrap();
        output.write_all(b"new").unwrap();
        output.commit().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    }
}
