//! Columns for people: as wide as what stands in them, without lines.

use std::borrow::Cow;
use std::io::{self, IsTerminal as _, Write};

use crate::terminal::{Style, columns, visible};

/// A color of a style.
pub(crate) type Paint = fn(Style, &str) -> Cow<'_, str>;

/// What stands in a column of a row.
pub(crate) struct Cell {
    text: String,
    paint: Paint,
}

impl Cell {
    /// As it is.
    pub(crate) fn plain(text: impl AsRef<str>) -> Self {
        Self::painted(text, |_, text| Cow::Borrowed(text))
    }

    /// In a color of the style.
    pub(crate) fn painted(text: impl AsRef<str>, paint: Paint) -> Self {
        Self { text: visible(text.as_ref()).into_owned(), paint }
    }
}

/// Writes a header and rows. On a terminal what is too long for a line is cut at its end.
///
/// # Errors
/// If `to` cannot be written to.
pub(crate) fn write<const N: usize>(
    header: [&str; N],
    rows: &[[Cell; N]],
    style: Style,
    to: &mut dyn Write,
) -> io::Result<()> {
    let mut widths = header.map(columns);
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = columns(&cell.text).max(*width);
        }
    }
    let most = if io::stdout().is_terminal() { style.width } else { usize::MAX };
    let header = header.map(|text| Cell::painted(text, Style::bold));
    for row in std::iter::once(&header).chain(rows) {
        let mut line = String::new();
        let mut used = 0;
        for (at, (cell, width)) in row.iter().zip(widths).enumerate() {
            let room = most.saturating_sub(used);
            let text = cut(&cell.text, room, style);
            let pad = if at + 1 == N { 0 } else { width.saturating_sub(columns(&text)) + 2 };
            used += columns(&text) + pad;
            line.push_str(&(cell.paint)(style, &text));
            line.extend(std::iter::repeat_n(' ', pad));
        }
        writeln!(to, "{}", line.trim_end())?;
    }
    Ok(())
}

fn cut<'a>(text: &'a str, room: usize, style: Style) -> Cow<'a, str> {
    if columns(text) <= room {
        return Cow::Borrowed(text);
    }
    let mut short = String::new();
    for c in text.chars() {
        if columns(&short) + columns(c.encode_utf8(&mut [0; 4])) + columns(style.ellipsis()) > room {
            break;
        }
        short.push(c);
    }
    if room >= columns(style.ellipsis()) {
        short.push_str(style.ellipsis());
    }
    Cow::Owned(short)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_is_cut() {
        assert_eq!(cut("quickstart", 10, Style::PLAIN), "quickstart");
        assert_eq!(cut("quickstart", 8, Style::PLAIN), "quick...");
        assert_eq!(cut("quickstart", 2, Style::PLAIN), "");
    }

    #[test]
    fn columns_are_as_wide_as_what_stands_in_them() {
        let rows = [[Cell::plain("a"), Cell::plain("bcd")], [Cell::plain("efghij"), Cell::plain("")]];
        let mut out = Vec::new();
        write(["JOB", "HOSTS"], &rows, Style::PLAIN, &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "JOB     HOSTS\na       bcd\nefghij\n");
    }
}
