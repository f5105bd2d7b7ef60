//! Not too many at once through one jump host: a stock sshd refuses what comes too fast (`MaxStartups 10:30:100`).
//!
//! The jump host of a target is what ssh says it is (`ssh -G`). That costs a process, so it is asked only where a jump host
//! is possible at all, and once for all hosts to which the same blocks of the configuration apply.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::process::Command;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::class::Class;
use super::master;

/// Connections that are being made through one jump host at once.
const PER_BASTION: usize = 8;

/// How deep configuration files may include each other; ssh has the same limit.
const DEPTH: usize = 16;

/// Hosts of one class to which the same blocks apply.
type Alike = (u32, Vec<bool>);

/// What is known of jump hosts.
#[derive(Debug, Default)]
pub(super) struct Bastions {
    /// The jump host of the hosts to which these blocks apply.
    known: Mutex<HashMap<Alike, Option<String>>>,
    gates: Mutex<HashMap<String, Arc<Semaphore>>>,
}

impl Bastions {
    /// Waits for a place in front of the host's jump host, if it has one. Keep it until the host is reached.
    pub(super) async fn enter(
        &self,
        program: &Path,
        host: &str,
        class: &Class,
        until: Instant,
    ) -> Option<OwnedSemaphorePermit> {
        let bastion = match class.jump() {
            Some(jump) => jump,
            None => self.resolve(program, host, class, until).await?,
        };
        let gate = {
            let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(gates.entry(bastion).or_insert_with(|| Arc::new(Semaphore::new(PER_BASTION))))
        };
        gate.acquire_owned().await.ok()
    }

    async fn resolve(&self, program: &Path, host: &str, class: &Class, until: Instant) -> Option<String> {
        let blocks = class.blocks().for_host(host)?;
        let key = (class.number(), blocks);
        if let Some(known) = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return known.clone();
        }
        let mut command = Command::new(program);
        command.arg("-G").arg("-F").arg(class.config()).args(class.arguments()).args(["--", host]);
        let jump = match master::ask(command, until).await {
            Ok((_, stdout, _)) => option(&stdout, "proxyjump"),
            Err(error) => {
                tracing::debug!(host, %error, "ssh does not say what its jump host is");
                None
            }
        };
        let jump = jump.filter(|jump| jump != "none");
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(key, jump.clone());
        jump
    }
}

/// The value of an option in what `ssh -G` prints.
pub(super) fn option(printed: &[u8], name: &str) -> Option<String> {
    let text = String::from_utf8_lossy(printed);
    text.lines().find_map(|line| Some(line.strip_prefix(name)?.strip_prefix(' ')?.to_owned()))
}

/// What of configuration files decides which hosts have jump hosts: the lines `Host`.
#[derive(Clone, Debug, Default)]
pub(super) struct Blocks {
    hosts: Vec<Vec<String>>,
    has_jump: bool,
    /// What a `Match` looks at cannot be told from the name.
    has_match: bool,
    /// Which of [`SESSION_OPTIONS`] they set for some host.
    session_options: BTreeSet<&'static str>,
}

/// Options that change what an ssh process does with a session of its own. Older ones do not know all of them, so they are
/// set only against a file that does.
const SESSION_OPTIONS: [&str; 3] = ["forkafterauthentication", "sessiontype", "stdinnull"];

impl Blocks {
    /// Reads configuration files and what they include.
    pub(super) fn read(files: &[PathBuf]) -> Self {
        let mut blocks = Self::default();
        let mut seen = HashSet::new();
        for file in files {
            blocks.add(file, &mut seen, DEPTH);
        }
        blocks
    }

    fn add(&mut self, file: &Path, seen: &mut HashSet<PathBuf>, depth: usize) {
        if depth == 0 || !seen.insert(file.to_owned()) {
            return;
        }
        // ssh complains of a file that it cannot read.
        let Ok(text) = fs::read_to_string(file) else { return };
        for line in text.lines() {
            let mut words =
                line.split(|c: char| c.is_whitespace() || c == '=').filter(|word| !word.is_empty());
            let Some(keyword) = words.next() else { continue };
            let words = words.map(|word| word.trim_matches('"').to_owned());
            match keyword.to_ascii_lowercase().as_str() {
                "proxyjump" => self.has_jump = true,
                "match" => self.has_match = true,
                "host" => self.hosts.push(words.collect()),
                "include" => {
                    for word in words {
                        // A pattern may include anything.
                        match include(&word) {
                            Some(path) => self.add(&path, seen, depth - 1),
                            None => self.add_folder(&word, seen, depth - 1),
                        }
                    }
                }
                option => {
                    let known = SESSION_OPTIONS.into_iter().find(|known| *known == option);
                    self.session_options.extend(known);
                }
            }
        }
    }

    /// `folder/*.conf` and the like: reads every file of the folder, which is no fewer than ssh does.
    fn add_folder(&mut self, pattern: &str, seen: &mut HashSet<PathBuf>, depth: usize) {
        let Some((folder, _)) = pattern.rsplit_once('/') else { return };
        let Some(folder) = include(folder) else {
            // A pattern of folders: to be asked for every host.
            self.has_jump = true;
            self.has_match = true;
            return;
        };
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            self.add(&entry.path(), seen, depth);
        }
    }

    /// Whether the files set this option for some host.
    pub(super) fn sets(&self, option: &str) -> bool {
        self.session_options.contains(option)
    }

    /// Which blocks apply to the host, as far as jump hosts are possible at all.
    fn for_host(&self, host: &str) -> Option<Vec<bool>> {
        if !self.has_jump {
            return None;
        }
        if self.has_match {
            // One class a host.
            return Some(host.bytes().flat_map(|byte| (0..8).map(move |bit| byte >> bit & 1 == 1)).collect());
        }
        Some(self.hosts.iter().map(|patterns| applies(patterns, host)).collect())
    }
}

/// The path of an `Include`, unless it is a pattern.
fn include(word: &str) -> Option<PathBuf> {
    if word.contains(['*', '?', '[']) {
        return None;
    }
    let home = || std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    Some(match word.strip_prefix("~/") {
        Some(rest) => home().join(rest),
        None if word.starts_with('/') => PathBuf::from(word),
        None => home().join(".ssh").join(word),
    })
}

/// Whether a line `Host` applies: one pattern does, and none with `!` does.
fn applies(patterns: &[String], host: &str) -> bool {
    let not = |pattern: &String| pattern.strip_prefix('!').is_some_and(|rest| is_like(rest, host));
    patterns.iter().any(|pattern| !pattern.starts_with('!') && is_like(pattern, host))
        && !patterns.iter().any(not)
}

/// `*` and `?`, without regard to case.
fn is_like(pattern: &str, host: &str) -> bool {
    let (pattern, host) = (pattern.as_bytes(), host.as_bytes());
    let (mut at, mut here) = (0, 0);
    let mut again: Option<(usize, usize)> = None;
    while let Some(&byte) = host.get(here) {
        match pattern.get(at) {
            Some(b'*') => {
                again = Some((at + 1, here));
                at += 1;
            }
            Some(&wanted) if wanted == b'?' || wanted.eq_ignore_ascii_case(&byte) => {
                at += 1;
                here += 1;
            }
            _ => match &mut again {
                Some((after, from)) => {
                    *from += 1;
                    (at, here) = (*after, *from);
                }
                None => return false,
            },
        }
    }
    pattern.get(at..).is_some_and(|rest| rest.iter().all(|&byte| byte == b'*'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_those_of_ssh() {
        for (pattern, host, is) in [
            ("*", "web1", true),
            ("web*", "web1", true),
            ("web*.x", "web.a.x.y", false),
            ("*.x", "a.x.b.x", true),
            ("web?", "web12", false),
            ("WEB1", "web1", true),
            ("", "web1", false),
        ] {
            assert_eq!(is_like(pattern, host), is, "{pattern} {host}");
        }
        let patterns = ["*.x".to_owned(), "!b.x".to_owned()];
        assert!(applies(&patterns, "a.x") && !applies(&patterns, "b.x"));
    }

    #[test]
    fn nobody_is_asked_where_no_jump_host_is_possible() {
        let folder = tempfile::tempdir().unwrap();
        let (first, second) = (folder.path().join("config"), folder.path().join("d/x.conf"));
        fs::create_dir(folder.path().join("d")).unwrap();
        fs::write(&second, "Host *.far\n  User jo\n").unwrap();
        fs::write(&first, format!("Include {}/d/*.conf\nHost a\n", folder.path().display())).unwrap();
        assert_eq!(Blocks::read(std::slice::from_ref(&first)).for_host("a"), None);
        fs::write(&second, "Host *.far\n  ProxyJump bastion\n").unwrap();
        let blocks = Blocks::read(std::slice::from_ref(&first));
        assert_eq!(blocks.for_host("a"), Some(vec![false, true]));
        assert_eq!(blocks.for_host("b.far"), blocks.for_host("c.far"));
        fs::write(&second, "Match exec true\n  ProxyJump bastion\n").unwrap();
        let blocks = Blocks::read(&[first]);
        assert_ne!(blocks.for_host("b.far"), blocks.for_host("c.far"));
    }
}
