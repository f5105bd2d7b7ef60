//! A file for each host and stream.

use std::collections::HashMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use pogo_plan::event::{Event, EventKind, Stream};
use pogo_plan::outcome::Attempt;

use super::Reporter;
use super::words::bytes_of;
use crate::failure::Failure;

/// A folder that fills with output.
pub(crate) struct OutputDir {
    folder: PathBuf,
    /// Open files of hosts that run: each attempt has at most one of each stream.
    open: HashMap<(String, &'static str), File>,
    /// The attempt to which the files of a host belong.
    attempts: HashMap<String, Attempt>,
}

impl OutputDir {
    /// Takes an empty folder, or makes it.
    ///
    /// # Errors
    /// If it holds something, or cannot be made.
    pub(crate) fn new(folder: &Path) -> Result<Self, Failure> {
        let failed = |error: &io::Error| Failure::file("use", folder.display(), error);
        match fs::read_dir(folder) {
            Ok(mut entries) => {
                if entries.next().is_some() {
                    return Err(Failure::with_help(
                        format!("the folder `{}` is not empty", folder.display()),
                        "name a new folder, so that the output of one run is not taken for that of another",
                    ));
                }
            }
            // What commands say is nobody else's business.
            Err(error) if error.kind() == io::ErrorKind::NotFound => DirBuilder::new()
                .mode(0o700)
                .recursive(true)
                .create(folder)
                .map_err(|error| failed(&error))?,
            Err(error) => return Err(failed(&error)),
        }
        Ok(Self { folder: folder.to_path_buf(), open: HashMap::new(), attempts: HashMap::new() })
    }

    fn path(&self, host: &str, stream: &str) -> io::Result<PathBuf> {
        // The plan allows no such names; a stream that is shown again may come from anywhere.
        if host.is_empty() || host.contains(['/', '\0']) || host.starts_with('.') {
            return Err(io::Error::other(format!("`{host}` is no name for a file")));
        }
        Ok(self.folder.join(format!("{host}.{stream}")))
    }

    fn write(&mut self, host: &str, stream: &'static str, bytes: &[u8]) -> io::Result<()> {
        let key = (host.to_owned(), stream);
        if !self.open.contains_key(&key) {
            let path = self.path(host, stream)?;
            let file = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
            self.open.insert(key.clone(), file);
        }
        self.open.get_mut(&key).map_or(Ok(()), |file| file.write_all(bytes))
    }

    fn close(&mut self, host: &str) {
        for stream in ["stdout", "stderr"] {
            self.open.remove(&(host.to_owned(), stream));
        }
    }

    /// Puts the files of an earlier attempt aside.
    fn begin(&mut self, host: &str, attempt: Attempt) -> io::Result<()> {
        match self.attempts.insert(host.to_owned(), attempt) {
            Some(before) if before != attempt => {
                self.close(host);
                for stream in ["stdout", "stderr"] {
                    // `~` is in no host's name, so this is nobody else's file.
                    let aside = self.path(&format!("{host}~{}", before.0), stream)?;
                    match fs::rename(self.path(host, stream)?, aside) {
                        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                        _ => {}
                    }
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

impl Reporter for OutputDir {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        match &event.kind {
            EventKind::AttemptStarted { host, attempt } => self.begin(host, *attempt),
            EventKind::Output { host, attempt, stream, .. } => {
                self.begin(host, *attempt)?;
                let stream = if *stream == Stream::Stdout { "stdout" } else { "stderr" };
                self.write(host, stream, &bytes_of(&event.kind))
            }
            EventKind::AttemptEnded { host, .. } => {
                self.close(host);
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use pogo_plan::outcome::Outcome;

    use super::super::testing::Run;
    use super::*;

    #[test]
    fn one_file_a_host_and_stream_and_earlier_attempts_aside() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().join("a/b");
        let mut run = Run::new();
        run.started("web1").output("web1", Stream::Stdout, "one\n").output("web1", Stream::Stderr, "oh\n");
        run.attempt_ended("web1", Outcome::Unknown).attempt(2).started("web1");
        run.output("web1", Stream::Stdout, "two\n").output("web1", Stream::Stdout, "three");
        run.ended("web1", Outcome::Succeeded);
        let mut reporter = OutputDir::new(&at).unwrap();
        run.to(&mut reporter);
        assert!(reporter.open.is_empty());
        let mut files: Vec<(String, String)> = fs::read_dir(&at)
            .unwrap()
            .map(|entry| entry.unwrap())
            .map(|entry| {
                (entry.file_name().into_string().unwrap(), fs::read_to_string(entry.path()).unwrap())
            })
            .collect();
        files.sort();
        let expected = [("web1.stdout", "two\nthree"), ("web1~1.stderr", "oh\n"), ("web1~1.stdout", "one\n")];
        assert_eq!(files, expected.map(|(name, text)| (name.to_owned(), text.to_owned())));
        assert!(OutputDir::new(&at).is_err(), "it is not empty any more");
    }

    #[test]
    fn no_name_leads_out_of_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let mut reporter = OutputDir::new(folder.path()).unwrap();
        for name in ["../x", "/x", "", "."] {
            let mut run = Run::new();
            run.output(name, Stream::Stdout, "x");
            assert!(run.events.iter().any(|event| reporter.event(event).is_err()), "{name}");
        }
    }
}
