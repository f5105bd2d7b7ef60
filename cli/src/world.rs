//! The compiler's world: files relative to whoever names them, and the programs of external groups.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs::File as OpenFile;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use pogo_compiler::world::{File, GroupAnswer, World, WorldError};

use crate::failure::plain_words;
use crate::resolver::Resolvers;

/// The largest file of use: places in a text are counted in 32 bits.
const MAX_FILE_BYTES: u64 = u32::MAX as u64;

/// What one run of the program has seen of the world.
pub(crate) struct Files {
    /// The folder of each file that was read, by the name under which people know it.
    folders: RefCell<HashMap<String, PathBuf>>,
    /// The first name of each file, by its identity: one file has one name in all findings.
    names: RefCell<HashMap<PathBuf, String>>,
    resolvers: Option<Resolvers>,
}

impl Files {
    /// A world in which external groups are asked for if there are `resolvers`.
    #[must_use]
    pub(crate) fn new(resolvers: Option<Resolvers>) -> Self {
        Self { folders: RefCell::default(), names: RefCell::default(), resolvers }
    }

    /// Reads a file that the command line names; `-` is standard input.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(crate) fn open(&self, path: &Path) -> Result<File, WorldError> {
        if path == Path::new("-") {
            let mut bytes = Vec::new();
            io::stdin().lock().read_to_end(&mut bytes).map_err(|error| cannot(&error))?;
            return Ok(File { identity: "-".to_owned(), path: "-".to_owned(), bytes });
        }
        self.read(path, MAX_FILE_BYTES)
    }

    fn folder_of(&self, from: Option<&str>) -> PathBuf {
        // What is no file, such as standard input, is at home in the working folder.
        from.and_then(|from| self.folders.borrow().get(from).cloned()).unwrap_or_default()
    }

    fn read(&self, path: &Path, limit: u64) -> Result<File, WorldError> {
        let bytes = read_bytes(path, limit)?;
        // A pipe that a shell offers as a file has no canonical path.
        let identity = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
        let name = self
            .names
            .borrow_mut()
            .entry(identity.clone())
            .or_insert_with(|| path.to_string_lossy().into_owned())
            .clone();
        let folder = path.parent().unwrap_or(Path::new("")).to_path_buf();
        self.folders.borrow_mut().entry(name.clone()).or_insert(folder);
        Ok(File { identity: identity.to_string_lossy().into_owned(), path: name, bytes })
    }
}

impl World for Files {
    fn include(&self, from: &str, path: &str) -> Result<File, WorldError> {
        self.read(&self.folder_of(Some(from)).join(path), MAX_FILE_BYTES)
    }

    fn host_file(&self, from: Option<&str>, path: &str) -> Result<File, WorldError> {
        self.read(&self.folder_of(from).join(path), MAX_FILE_BYTES)
    }

    fn script(&self, from: Option<&str>, path: &str, limit: usize) -> Result<File, WorldError> {
        let limit = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
        self.read(&self.folder_of(from).join(path), limit)
    }

    fn external_group(&self, name: &str, args: &[String]) -> GroupAnswer {
        self.resolvers.as_ref().map_or(GroupAnswer::NotAsked, |resolvers| resolvers.ask(name, args))
    }
}

fn read_bytes(path: &Path, limit: u64) -> Result<Vec<u8>, WorldError> {
    let file = OpenFile::open(path).map_err(|error| cannot(&error))?;
    let metadata = file.metadata().map_err(|error| cannot(&error))?;
    if metadata.is_dir() {
        return Err(cannot(&io::ErrorKind::IsADirectory.into()));
    }
    let mut bytes =
        Vec::with_capacity(usize::try_from(metadata.len().min(limit)).unwrap_or(0).saturating_add(1));
    file.take(limit).read_to_end(&mut bytes).map_err(|error| cannot(&error))?;
    Ok(bytes)
}

fn cannot(error: &io::Error) -> WorldError {
    let help = match error.kind() {
        io::ErrorKind::NotFound => "the path is relative to the file that names it",
        io::ErrorKind::PermissionDenied => "make the file readable for the user that runs pogo",
        io::ErrorKind::IsADirectory => "name a file in that folder",
        _ => return WorldError { message: plain_words(error), help: None },
    };
    WorldError { message: plain_words(error), help: Some(help.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_relative_to_whoever_names_them_and_have_one_name() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("sub")).unwrap();
        std::fs::write(at("site.cfg"), "site").unwrap();
        std::fs::write(at("sub/tags.cfg"), "tags").unwrap();
        let files = Files::new(None);
        let site = files.open(&at("site.cfg")).unwrap();
        let tags = files.include(&site.path, "sub/tags.cfg").unwrap();
        assert_eq!(tags.bytes, b"tags");
        let again = files.include(&tags.path, "../sub/tags.cfg").unwrap();
        assert_eq!((again.identity, again.path), (tags.identity, tags.path.clone()));
        assert_eq!(files.include(&tags.path, "../site.cfg").unwrap().path, site.path);
        assert_eq!(files.script(Some(&site.path), "site.cfg", 1).unwrap().bytes, b"si");
        assert_eq!(files.include(&site.path, "none").unwrap_err().message, "no such file");
        assert_eq!(files.include(&site.path, "sub").unwrap_err().message, "is a folder");
        assert_eq!(
            files.include(&site.path, "site.cfg/x").unwrap_err().message,
            "a part of the path is not a folder"
        );
        assert!(matches!(files.external_group("consul", &[]), GroupAnswer::NotAsked));
    }
}
