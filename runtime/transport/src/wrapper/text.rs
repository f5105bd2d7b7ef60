//! A script as one constant command line that every login shell takes.
//!
//! The sources are ordinary shell files with comments. Here they become one line between single quotes, because csh takes no
//! newline there, fish takes `\\` and `\'` as escapes, and csh may replace `!` even there unless a space follows.

use std::sync::LazyLock;

/// A script in both forms.
pub(super) struct Script {
    command_line: String,
    line: String,
}

impl Script {
    /// The command line, and the script alone.
    pub(super) fn as_parts(&self) -> (&str, &str) {
        (&self.command_line, &self.line)
    }

    fn new(sources: &[&str]) -> Self {
        let line = one_line(&sources.concat());
        Self { command_line: format!("exec /bin/sh -c '{line}'"), line }
    }
}

const PROLOGUE: &str = include_str!("prologue.sh");
const LIB: &str = include_str!("lib.sh");
const WRAPPER_OPENING: &str = include_str!("wrapper.sh");
const KEEPER: &str = include_str!("keeper.sh");

pub(super) static WRAPPER: LazyLock<Script> =
    LazyLock::new(|| Script::new(&[PROLOGUE, LIB, WRAPPER_OPENING, KEEPER, include_str!("listener.sh")]));
pub(super) static KILL: LazyLock<Script> =
    LazyLock::new(|| Script::new(&[PROLOGUE, LIB, include_str!("kill.sh")]));
pub(super) static PROBE: LazyLock<Script> =
    LazyLock::new(|| Script::new(&[PROLOGUE, LIB, include_str!("probe.sh")]));

/// Drops comments and joins lines, with a semicolon where a newline ended a command.
fn one_line(source: &str) -> String {
    let mut all = String::with_capacity(source.len());
    for line in source.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        all.push_str(line);
        all.push_str(if goes_on(line) {
            " "
        } else if line.ends_with('!') {
            " ; "
        } else {
            "; "
        });
    }
    all.truncate(all.trim_end_matches([' ', ';']).len());
    all
}

/// Whether a command does not end where the line does.
fn goes_on(line: &str) -> bool {
    let last = line.rsplit(' ').next().unwrap_or(line);
    let is_pattern = line.ends_with(')') && !line.contains(['(', '=']);
    is_pattern || matches!(last, "then" | "do" | "else" | "{" | "in" | "&" | "&&" | "||" | "|" | ";;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_joined_as_sh_means_them() {
        let source = "# why\nif a; then\n  b &\nc=$(d)\nfi\ncase $x in\n\"$y\"|?*)\ne ;;\nesac\n\n";
        assert_eq!(one_line(source), "if a; then b & c=$(d); fi; case $x in \"$y\"|?*) e ;; esac");
    }

    #[test]
    fn nothing_in_a_script_means_anything_to_a_login_shell() {
        for script in [&WRAPPER, &KILL, &PROBE] {
            let (command_line, line) = script.as_parts();
            assert!(line.bytes().all(|byte| matches!(byte, b' '..=b'~')), "printable, on one line");
            for trap in ["'", "\\\\"] {
                assert!(!line.contains(trap), "{trap} in {line}");
            }
            assert!(line.split('!').skip(1).all(|after| after.starts_with(' ')), "history in {line}");
            assert!(command_line.len() < 32 * 1024, "{}", command_line.len());
        }
    }
}
