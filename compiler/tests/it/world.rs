//! A world in memory: files and programs that are only texts.

use std::collections::BTreeMap;

use pogo_compiler::world::{File, GroupAnswer, World, WorldError};

/// The folder that the searched-for programs are not in.
pub(crate) const RESOLVERS: &str = "/etc/pogo/resolvers";

/// Files by their path, and what programs print by their command line.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory {
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    /// `pogo-tag-cmdb web`, and what comes of it.
    pub(crate) programs: BTreeMap<String, GroupAnswer>,
    /// Whether external groups are left open.
    pub(crate) asks_no_programs: bool,
}

impl Memory {
    pub(crate) fn with_file(mut self, path: &str, text: &str) -> Self {
        self.files.insert(path.to_owned(), text.as_bytes().to_vec());
        self
    }

    pub(crate) fn with_program(mut self, command: &str, prints: &str) -> Self {
        self.programs.insert(command.to_owned(), GroupAnswer::Printed(prints.as_bytes().to_vec()));
        self
    }

    fn read(&self, from: &str, path: &str) -> Result<File, WorldError> {
        let path = beside(from, path);
        match self.files.get(&path) {
            Some(bytes) => Ok(File { identity: format!("/{path}"), path, bytes: bytes.clone() }),
            None => Err(WorldError { message: "no such file".to_owned(), help: None }),
        }
    }
}

/// `path` seen from the folder of `from`.
fn beside(from: &str, path: &str) -> String {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            "." | "" => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

impl World for Memory {
    fn include(&self, from: &str, path: &str) -> Result<File, WorldError> {
        self.read(from, path)
    }

    fn host_file(&self, from: Option<&str>, path: &str) -> Result<File, WorldError> {
        self.read(from.unwrap_or(""), path)
    }

    fn script(&self, from: Option<&str>, path: &str, _limit: usize) -> Result<File, WorldError> {
        self.read(from.unwrap_or(""), path)
    }

    fn external_group(&self, name: &str, args: &[String]) -> GroupAnswer {
        if self.asks_no_programs {
            return GroupAnswer::NotAsked;
        }
        let mut command = format!("pogo-tag-{name}");
        for arg in args {
            command.push(' ');
            command.push_str(arg);
        }
        let answer = self.programs.get(&command).cloned();
        answer.unwrap_or_else(|| GroupAnswer::NotFound { searched: vec![RESOLVERS.to_owned()] })
    }
}
