//! What the user's configuration files say that has to be known before ssh reads them: which blocks apply to a host.

use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

/// How deep configuration files may include each other; ssh has the same limit.
const DEPTH: usize = 16;

/// What decides which hosts have jump hosts, the lines `Host`, and what else must be known before ssh is started.
#[derive(Clone, Debug, Default)]
pub(super) struct Blocks {
    hosts: Vec<Vec<String>>,
    has_jump: bool,
    /// What a `Match` looks at cannot be told from the name.
    has_match: bool,
    /// The second of those [`SESSION_OPTIONS`] that they set for some host.
    session_options: BTreeSet<&'static str>,
}

/// Options that change what an ssh process does with a session of its own, and what undoes them. Older ones do not know all of
/// them, so they are set only against a file that does.
const SESSION_OPTIONS: [(&str, &str); 3] = [
    ("forkafterauthentication", "ForkAfterAuthentication=no"),
    ("sessiontype", "SessionType=default"),
    ("stdinnull", "StdinNull=no"),
];

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
                    let known = SESSION_OPTIONS.into_iter().find(|(known, _)| *known == option);
                    self.session_options.extend(known.map(|(_, undo)| undo));
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

    /// What undoes settings that would spoil an ssh process's own session, as values of `-o`.
    pub(super) const fn session_options(&self) -> &BTreeSet<&'static str> {
        &self.session_options
    }

    /// Which blocks apply to the host, as far as jump hosts are possible at all.
    pub(super) fn for_host(&self, host: &str) -> Option<Vec<bool>> {
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
