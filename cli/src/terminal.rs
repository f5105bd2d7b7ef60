//! What the program may draw: colors, characters, columns.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::os::fd::AsFd;

use unicode_width::UnicodeWidthChar as _;

use crate::args::Color;

/// Columns where there is no terminal to ask.
pub(crate) const DEFAULT_WIDTH: usize = 100;

/// How to draw on one stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Style {
    /// Whether escape sequences for colors and bold are wanted.
    pub(crate) color: bool,
    /// Whether characters beyond ASCII are wanted for lines and marks.
    pub(crate) unicode: bool,
    /// Columns.
    pub(crate) width: usize,
}

impl Style {
    /// Neither color nor anything beyond ASCII.
    #[cfg(test)]
    pub(crate) const PLAIN: Self = Self { color: false, unicode: false, width: DEFAULT_WIDTH };

    /// `text` in bold.
    #[must_use]
    pub(crate) fn bold<'a>(self, text: &'a str) -> Cow<'a, str> {
        self.escape("1", text)
    }

    /// `text` in a faint color.
    #[must_use]
    pub(crate) fn dim<'a>(self, text: &'a str) -> Cow<'a, str> {
        self.escape("2", text)
    }

    /// `text` in the color of what is well.
    #[must_use]
    pub(crate) fn green<'a>(self, text: &'a str) -> Cow<'a, str> {
        self.escape("32", text)
    }

    /// `text` in the color of what needs patience.
    #[must_use]
    pub(crate) fn yellow<'a>(self, text: &'a str) -> Cow<'a, str> {
        self.escape("33", text)
    }

    /// `text` in the color of what is wrong.
    #[must_use]
    pub(crate) fn red<'a>(self, text: &'a str) -> Cow<'a, str> {
        self.escape("31", text)
    }

    fn escape<'a>(self, code: &str, text: &'a str) -> Cow<'a, str> {
        if self.color { Cow::Owned(format!("\u{1b}[{code}m{text}\u{1b}[0m")) } else { Cow::Borrowed(text) }
    }

    /// What stands for characters that were left out.
    #[must_use]
    pub(crate) const fn ellipsis(self) -> &'static str {
        if self.unicode { "…" } else { "..." }
    }
}

/// The two streams that the program writes to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terminal {
    /// Standard output.
    pub(crate) stdout: Style,
    /// Standard error.
    pub(crate) stderr: Style,
}

impl Terminal {
    /// Looks at the streams and at the environment.
    #[must_use]
    pub(crate) fn detect(color: Color, width: Option<u16>, ascii: bool) -> Self {
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        let utf8 = ["LC_ALL", "LC_CTYPE", "LANG"]
            .iter()
            .filter_map(std::env::var_os)
            .find(|value| !value.is_empty())
            .is_some_and(|value| is_utf8(&value));
        let style = |is_terminal: bool, columns: Option<usize>| Style {
            color: match color {
                Color::Always => true,
                Color::Never => false,
                Color::Auto => is_terminal && !no_color && !dumb,
            },
            unicode: is_terminal && utf8 && !ascii,
            width: width
                .map_or_else(|| columns.map_or(DEFAULT_WIDTH, |columns| columns.max(40)), usize::from),
        };
        let (stdout, stderr) = (std::io::stdout(), std::io::stderr());
        Self {
            stdout: style(stdout.is_terminal(), columns_of(&stdout)),
            stderr: style(stderr.is_terminal(), columns_of(&stderr)),
        }
    }
}

fn columns_of(stream: impl AsFd) -> Option<usize> {
    terminal_size::terminal_size_of(stream).map(|(columns, _)| usize::from(columns.0))
}

fn is_utf8(locale: &OsStr) -> bool {
    let locale = locale.to_string_lossy().to_ascii_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

/// Whether a terminal would act on this character, or show the text around it in another order, rather than show it.
#[must_use]
pub(crate) fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Writes `c` so that it can be seen: `\u{1b}`.
pub(crate) fn push_visible(to: &mut String, c: char) {
    match c {
        '\n' => to.push_str("\\n"),
        '\r' => to.push_str("\\r"),
        '\t' => to.push_str("\\t"),
        c if is_unsafe(c) => {
            // Writing to a string cannot fail.
            let _ = write!(to, "\\u{{{:x}}}", u32::from(c));
        }
        c => to.push(c),
    }
}

/// `text` on one line, with nothing in it that a terminal would act on.
#[must_use]
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    text.chars().for_each(|c| push_visible(&mut shown, c));
    Cow::Owned(shown)
}

/// Columns that `text` takes.
#[must_use]
pub(crate) fn columns(text: &str) -> usize {
    text.chars().map(|c| c.width().unwrap_or(0)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_reaches_the_terminal_as_a_command() {
        assert_eq!(visible("web1"), "web1");
        assert_eq!(visible("a\u{1b}[31mb\tc\nd\u{202e}e\u{9b}"), r"a\u{1b}[31mb\tc\nd\u{202e}e\u{9b}");
    }

    #[test]
    fn wide_characters_take_two_columns() {
        assert_eq!(columns("日本a"), 5);
    }
}
