//! One input as a spec and the answers of the world outside.
//!
//! A line `#@ NAME` ends a part, and names the next one; the first part is the spec. A part answers the `include`, host
//! file, script or external group of its name. The answer of a group that starts with `?` is that nobody asked, one
//! that starts with `!` that it failed. Some names change what is asked of the compiler: `--set KEY`, `--text KEY`,
//! `--expr`, `--allow-unknown-hosts`.

use pogo_compiler::world::{File, GroupAnswer, World, WorldError};
use pogo_compiler::{Input, Options, Override, OverrideValue};

/// Patterns of more hosts than this are too large, so that inputs stay fast.
const MAX_PATTERN_HOSTS: u64 = 10_000;

/// A spec, the world it is read in, and what is asked of the compiler.
pub(crate) struct Case<'i> {
    spec: &'i [u8],
    parts: Vec<(String, &'i [u8])>,
}

impl<'i> Case<'i> {
    pub(crate) fn new(input: &'i [u8]) -> Self {
        let mut case = Self { spec: input, parts: Vec::new() };
        let (mut name, mut start, mut at) = (None, 0, 0);
        for line in input.split_inclusive(|&byte| byte == b'\n') {
            if let Some(next) = line.strip_prefix(b"#@ ") {
                case.end_part(name, input.get(start..at).unwrap_or_default());
                name = Some(String::from_utf8_lossy(next).trim().to_owned());
                start = at + line.len();
            }
            at += line.len();
        }
        case.end_part(name, input.get(start..).unwrap_or_default());
        case
    }

    fn end_part(&mut self, name: Option<String>, part: &'i [u8]) {
        match name {
            None => self.spec = part,
            Some(name) => self.parts.push((name, part)),
        }
    }

    pub(crate) fn input(&self) -> Input {
        Input { path: "spec.cfg".to_owned(), identity: "spec.cfg".to_owned(), bytes: self.spec.to_vec() }
    }

    pub(crate) fn options(&self) -> Options {
        let overrides = self.parts.iter().filter_map(|(name, part)| {
            let text = String::from_utf8_lossy(part).into_owned();
            let (key, value) = match name.strip_prefix("--set ") {
                Some(key) => (key, OverrideValue::Yaml(text)),
                None => (name.strip_prefix("--text ")?, OverrideValue::Text(text)),
            };
            Some(Override { key: key.to_owned(), value, flag: name.clone() })
        });
        Options {
            overrides: overrides.collect(),
            allow_unknown_hosts: self.part("--allow-unknown-hosts").is_some(),
            max_pattern_hosts: MAX_PATTERN_HOSTS,
            ..Options::default()
        }
    }

    /// A set expression to ask for afterwards.
    pub(crate) fn expression(&self) -> Option<String> {
        self.part("--expr").map(|part| String::from_utf8_lossy(part).into_owned())
    }

    fn part(&self, name: &str) -> Option<&'i [u8]> {
        self.parts.iter().find(|(known, _)| known == name).map(|(_, part)| *part)
    }

    fn file(&self, path: &str) -> Result<File, WorldError> {
        let no_such = || WorldError { message: "no such file".to_owned(), help: None };
        let bytes = self.part(path).ok_or_else(no_such)?.to_vec();
        Ok(File { identity: path.to_owned(), path: path.to_owned(), bytes })
    }
}

impl World for Case<'_> {
    fn include(&self, _: &str, path: &str) -> Result<File, WorldError> {
        // The spec itself can be reached as well.
        let spec = self.input();
        if path == spec.path {
            return Ok(File { identity: spec.identity, path: spec.path, bytes: spec.bytes });
        }
        self.file(path)
    }

    fn host_file(&self, _: Option<&str>, path: &str) -> Result<File, WorldError> {
        self.file(path)
    }

    fn script(&self, _: Option<&str>, path: &str, _: usize) -> Result<File, WorldError> {
        self.file(path)
    }

    fn external_group(&self, name: &str, _: &[String]) -> GroupAnswer {
        match self.part(name) {
            None => GroupAnswer::NotFound { searched: vec!["/usr/lib/pogo/resolvers".to_owned()] },
            Some([b'?', ..]) => GroupAnswer::NotAsked,
            Some([b'!', stderr @ ..]) => GroupAnswer::Failed {
                reason: "exit status 1".to_owned(),
                stderr: String::from_utf8_lossy(stderr).into_owned(),
            },
            Some(printed) => GroupAnswer::Printed(printed.to_vec()),
        }
    }
}
