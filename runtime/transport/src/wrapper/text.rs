//! A script as one constant command line that every login shell takes.
//!
//! The sources are ordinary shell files with comments. Here they become one line between single quotes, because csh takes no
//! newline there, fish takes `\\` and `\'` as escapes, and csh may replace `!` even there unless a space follows.
//!
//! Every host parses the line twice for every attempt, so it is made short: [`one_line`] drops what separates nothing, and
//! [`Names`] gives names of one or two letters after their `p_`.

use std::collections::BTreeMap;
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
        let line = shortened(&sources.concat());
        Self { command_line: format!("exec /bin/sh -c '{line}'"), line }
    }
}

const PROLOGUE: &str = include_str!("prologue.sh");
const LIB: &str = include_str!("lib.sh");
/// The opening comes after the functions: what it reads may define some of them anew.
const WRAPPER_SOURCES: [&str; 5] =
    [PROLOGUE, LIB, include_str!("keeper.sh"), include_str!("wrapper.sh"), include_str!("listener.sh")];
const KILL_SOURCE: &str = include_str!("kill.sh");
const PROBE_SOURCE: &str = include_str!("probe.sh");
const SENT_SOURCES: [&str; 4] = [PARTS_SOURCE, VERIFY_SOURCE, SCRIPT_SOURCE, BYTES_SOURCE];
const PARTS_SOURCE: &str = include_str!("parts.sh");
const VERIFY_SOURCE: &str = include_str!("verify.sh");
const SCRIPT_SOURCE: &str = include_str!("script.sh");
const BYTES_SOURCE: &str = include_str!("bytes.sh");

pub(super) static WRAPPER: LazyLock<Script> = LazyLock::new(|| Script::new(&WRAPPER_SOURCES));
pub(super) static KILL: LazyLock<Script> = LazyLock::new(|| Script::new(&[PROLOGUE, LIB, KILL_SOURCE]));
pub(super) static PROBE: LazyLock<Script> = LazyLock::new(|| Script::new(&[PROLOGUE, LIB, PROBE_SOURCE]));

/// What is sent only with a job that needs it, each as one line of its configuration: of more than a command; with `verify`;
/// with a script; with something large or binary.
pub(super) static PARTS: LazyLock<String> = LazyLock::new(|| shortened(PARTS_SOURCE));
pub(super) static VERIFY: LazyLock<String> = LazyLock::new(|| shortened(VERIFY_SOURCE));
pub(super) static SCRIPT: LazyLock<String> = LazyLock::new(|| shortened(SCRIPT_SOURCE));
pub(super) static BYTES: LazyLock<String> = LazyLock::new(|| shortened(BYTES_SOURCE));

/// The name that `long`, of the sources, has on the host.
pub(super) fn name(long: &'static str) -> &'static str {
    NAMES.short_of(long)
}

fn shortened(source: &str) -> String {
    NAMES.applied(&one_line(source))
}

/// Drops comments, joins lines, and puts a semicolon where a newline ended a command.
fn one_line(source: &str) -> String {
    let mut all = String::with_capacity(source.len());
    for line in source.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if line.starts_with(";;") {
            all.truncate(all.trim_end_matches(';').len());
        }
        all.push_str(line);
        all.push_str(match Ending::of(line) {
            Ending::Command if line.ends_with('!') => " ;",
            Ending::Command => ";",
            Ending::Word => " ",
            Ending::Operator => "",
        });
    }
    all.truncate(all.trim_end_matches([' ', ';']).len());
    // The last `;;` of a `case` can be `;`, unless there is no command before it.
    let parts: Vec<_> = tightened(&all).split(";;esac").map(str::to_owned).collect();
    parts
        .into_iter()
        .reduce(|all, next| {
            let end = if all.ends_with([')', '&']) { ";;esac" } else { ";esac" };
            all + end + &next
        })
        .unwrap_or_default()
}

/// What stands at the end of a line, and so what has to come between it and the next one.
enum Ending {
    Command,
    Word,
    Operator,
}

impl Ending {
    fn of(line: &str) -> Self {
        let is_pattern = line.ends_with(')') && !line.contains(['(', '=']);
        match line.rsplit(' ').next().unwrap_or(line) {
            "then" | "do" | "else" | "{" | "in" => Self::Word,
            "&" | "&&" | "||" | "|" | ";;" => Self::Operator,
            _ if is_pattern => Self::Operator,
            _ if line.ends_with("(){") => Self::Word,
            _ => Self::Command,
        }
    }
}

/// Drops the spaces on both sides of operators outside of quotes.
fn tightened(line: &str) -> String {
    let mut all = String::with_capacity(line.len());
    let mut chars = line.chars().peekable();
    let mut is_quoted = false;
    // As an operator; what a backslash precedes is none.
    let mut before = ' ';
    while let Some(char) = chars.next() {
        match char {
            '\\' => {
                all.push(char);
                all.extend(chars.next());
                before = char;
                continue;
            }
            '"' => is_quoted = !is_quoted,
            ' ' if !is_quoted => {
                let after = chars.peek().copied().unwrap_or(' ');
                // Two of them side by side might be another one, and `!` must be followed by a space.
                let is_operator = |char| matches!(char, ';' | '&' | '|');
                let drops = match (before, after) {
                    ('!', _) => false,
                    (before, after) if is_operator(before) => !is_operator(after) && after != '>',
                    // `()` of a function; else a word may follow a substitution.
                    (')', '{') => all.ends_with("()"),
                    ('(', after) => after != '(',
                    (_, after) => is_operator(after) || after == ')',
                };
                if drops {
                    continue;
                }
            }
            _ => {}
        }
        all.push(char);
        before = char;
    }
    all
}

/// Which name of the sources becomes which on the host: one letter after `p_` for the most frequent, two for the others.
struct Names(BTreeMap<&'static str, String>);

static NAMES: LazyLock<Names> = LazyLock::new(Names::new);

const LETTERS: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

impl Names {
    fn new() -> Self {
        // The line that every attempt has to have parsed comes first.
        let mut counts: BTreeMap<&'static str, (usize, usize)> = BTreeMap::new();
        for (sources, is_wrapper) in
            [(&WRAPPER_SOURCES[..], true), (&SENT_SOURCES, false), (&[KILL_SOURCE, PROBE_SOURCE], false)]
        {
            let lines = sources.iter().flat_map(|source| source.lines());
            for line in lines.filter(|line| !line.trim_start().starts_with('#')) {
                for name in words(line).filter(|word| is_name(word)) {
                    let (wrapper, others) = counts.entry(name).or_default();
                    *(if is_wrapper { wrapper } else { others }) += 1;
                }
            }
        }
        let mut names: Vec<_> = counts.into_iter().collect();
        names.sort_by_key(|&(name, count)| (std::cmp::Reverse(count), name));
        let ones = LETTERS.chars().map(|letter| format!("p_{letter}"));
        let twos =
            LETTERS.chars().flat_map(|first| LETTERS.chars().map(move |second| format!("p_{first}{second}")));
        Self(names.into_iter().map(|(name, _)| name).zip(ones.chain(twos)).collect())
    }

    fn short_of(&self, long: &'static str) -> &str {
        self.0.get(long).map_or(long, String::as_str)
    }

    fn applied(&self, line: &str) -> String {
        words(line).map(|word| self.0.get(word).map_or(word, String::as_str)).collect()
    }
}

/// The text in pieces: words as a shell has them for names, and what is between them. A name that is only begun, as in
/// `p_text_$p_phase`, is a word too: so all that are made from it begin alike.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let is_word = |char: char| char.is_ascii_alphanumeric() || char == '_';
    let mut rest = text;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let end = rest.find(|char| is_word(char) != is_word(first)).unwrap_or(rest.len());
        let (word, after) = rest.split_at_checked(end)?;
        rest = after;
        Some(word)
    })
}

fn is_name(word: &str) -> bool {
    word.starts_with("p_")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::process::Command;

    use super::*;

    fn assembled() -> [&'static str; 7] {
        let [wrapper, kill, probe] = [&WRAPPER, &KILL, &PROBE].map(|script| script.as_parts().1);
        [wrapper, kill, probe, &PARTS, &VERIFY, &SCRIPT, &BYTES]
    }

    #[test]
    fn lines_are_joined_as_sh_means_them() {
        let source = "# why\nif a; then\n  b &\nc=$(d) || { e; }\nfi\nf() {\ncase $x in\n\"$y ; z\"|?*)\ne ;;\n*) ;;\nesac\n}\n\n";
        let line = "if a;then b&c=$(d)||{ e;};fi;f(){ case $x in \"$y ; z\"|?*)e;;*);;esac;}";
        assert_eq!(one_line(source), line);
    }

    #[test]
    fn one_line_says_to_a_shell_what_the_lines_say() {
        let meaning = |text: &str| {
            let script = format!("f() {{\n{text}\n}}\ndeclare -f f");
            let output = Command::new("bash").arg("-c").arg(&script).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8(output.stdout).unwrap()
        };
        let sources = WRAPPER_SOURCES.into_iter().chain(SENT_SOURCES).chain([KILL_SOURCE, PROBE_SOURCE]);
        for source in sources {
            let (lines, line) = (meaning(source), meaning(&one_line(source)));
            let other = lines.lines().zip(line.lines()).find(|(lines, line)| lines != line);
            assert_eq!((lines.lines().count(), None), (line.lines().count(), other));
        }
    }

    #[test]
    fn names_are_short_and_each_is_another() {
        let short: BTreeSet<&str> = NAMES.0.values().map(String::as_str).collect();
        assert_eq!(short.len(), NAMES.0.len(), "two names have become one");
        for text in assembled() {
            for name in words(text).filter(|word| is_name(word)) {
                assert!(short.contains(name), "{name} is not one of the short names, in {text}");
                assert!(name.len() <= "p_xy".len(), "{name}");
            }
        }
        // What eval makes of one that is only begun can be no other one.
        assert!(NAMES.0.keys().filter(|name| name.ends_with('_')).eq([&"p_text_"]));
    }

    #[test]
    fn every_name_in_use_is_defined() {
        let settings = [
            "p_job",
            "p_host",
            "p_number",
            "p_tag",
            "p_timeout",
            "p_blobs",
            "p_slot",
            "p_script",
            "p_args",
            "p_verify_timeout",
            "p_verify_interval",
            "p_verify_rest",
            "p_verify_successes",
        ];
        let all: Vec<_> =
            WRAPPER_SOURCES.into_iter().chain(SENT_SOURCES).chain([KILL_SOURCE, PROBE_SOURCE]).collect();
        let all = all.concat();
        let code: Vec<_> = all.lines().filter(|line| !line.starts_with('#')).collect();
        for name in NAMES.0.keys() {
            let is_set = |line: &&str| {
                let pieces: Vec<_> = words(line).collect();
                pieces.iter().enumerate().any(|(at, piece)| {
                    let after = pieces.get(at + 1).copied().unwrap_or_default();
                    let before = at.checked_sub(1).and_then(|at| pieces.get(at)).copied().unwrap_or_default();
                    let is_read = line.contains("read -r ") && !before.ends_with(['$', '{']);
                    let is_looped = line.starts_with("for ") && !before.ends_with('$');
                    piece == name
                        && (after.starts_with(['=', '(']) || is_read || is_looped || name.ends_with('_'))
                        && !before.ends_with('$')
                })
            };
            assert!(settings.contains(name) || code.iter().any(is_set), "{name} is defined nowhere");
        }
        for name in settings {
            assert_ne!(super::name(name), name, "{name} is used nowhere");
        }
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
            assert!(command_line.len() < 12 * 1024, "{}", command_line.len());
        }
    }
}
