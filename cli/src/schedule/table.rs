//! Tables of wrapped cells, drawn as the original drew them.

use std::io::{self, Write};

use crate::terminal::{Style, columns};

/// The characters of a table's lines.
struct Lines {
    horizontal: char,
    vertical: char,
    /// Left, middle and right: of the top line, of inner lines, of the last line.
    top: [char; 3],
    below_title: [char; 3],
    inner: [char; 3],
    bottom: [char; 3],
}

const ASCII: Lines = Lines {
    horizontal: '-',
    vertical: '|',
    top: ['.', '-', '.'],
    below_title: ['+', '+', '+'],
    inner: ['+', '+', '+'],
    bottom: ['\'', '+', '\''],
};

const UNICODE: Lines = Lines {
    horizontal: '─',
    vertical: '│',
    top: ['╭', '─', '╮'],
    below_title: ['├', '┬', '┤'],
    inner: ['├', '┼', '┤'],
    bottom: ['╰', '┴', '╯'],
};

/// A cell: its lines, already of the width of its column.
pub(super) type Cell = Vec<String>;

/// A table with a title across. The first row is the header.
pub(super) struct Table {
    pub(super) title: String,
    pub(super) rows: Vec<Vec<Cell>>,
    /// Whether a line is drawn between all rows, or only below the header.
    pub(super) ruled: bool,
}

/// Columns that a table needs beside its cells' text.
pub(super) const fn frame(columns: usize) -> usize {
    3 * columns + 1
}

impl Table {
    /// Draws the table as wide as its cells.
    pub(super) fn write(&self, style: Style, to: &mut dyn Write) -> io::Result<()> {
        let lines = if style.unicode { UNICODE } else { ASCII };
        let n = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let mut widths = vec![0; n];
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.iter().map(|line| columns(line)).fold(*width, usize::max);
            }
        }
        let text_width = widths.iter().sum::<usize>() + frame(n) - 4;
        let short = columns(&self.title).saturating_sub(text_width);
        if let Some(last) = widths.last_mut() {
            *last += short;
        }
        let text_width = text_width + short;

        rule(&lines, lines.top, &[text_width], to)?;
        let left = (text_width - columns(&self.title)) / 2;
        let right = text_width - columns(&self.title) - left;
        let (v, title) = (lines.vertical, style.bold(&self.title));
        writeln!(to, "{v} {:left$}{title}{:right$} {v}", "", "")?;
        rule(&lines, lines.below_title, &widths, to)?;
        for (at, row) in self.rows.iter().enumerate() {
            if at == 1 || (at > 1 && self.ruled) {
                rule(&lines, lines.inner, &widths, to)?;
            }
            let height = row.iter().map(Vec::len).max().unwrap_or(0).max(1);
            for line in 0..height {
                write!(to, "{v}")?;
                for (at, &width) in widths.iter().enumerate() {
                    let text = row.get(at).and_then(|cell| cell.get(line)).map_or("", String::as_str);
                    write!(to, " {text}{:pad$} {v}", "", pad = width - columns(text))?;
                }
                writeln!(to)?;
            }
        }
        rule(&lines, lines.bottom, &widths, to)
    }
}

fn rule(
    lines: &Lines,
    [left, middle, right]: [char; 3],
    widths: &[usize],
    to: &mut dyn Write,
) -> io::Result<()> {
    let mut text = String::from(left);
    for (at, width) in widths.iter().enumerate() {
        if at > 0 {
            text.push(middle);
        }
        text.extend(std::iter::repeat_n(lines.horizontal, width + 2));
    }
    text.push(right);
    writeln!(to, "{text}")
}

/// Breaks words, joined by a space, into lines of at most `width` columns. A word that is longer is broken where it has a
/// comma, else anywhere.
pub(super) fn wrap<'a>(words: impl IntoIterator<Item = &'a str>, width: usize) -> Cell {
    let width = width.max(8);
    let mut lines: Cell = Vec::new();
    for word in words {
        let fits = lines.last().is_some_and(|line| columns(line) + 1 + columns(word) <= width);
        match lines.last_mut() {
            Some(line) if fits => {
                line.push(' ');
                line.push_str(word);
            }
            _ => {
                let mut rest = word;
                while columns(rest) > width {
                    let (line, after) = rest.split_at(break_at(rest, width));
                    lines.push(line.to_owned());
                    rest = after;
                }
                lines.push(rest.to_owned());
            }
        }
    }
    lines
}

/// Where to break a text that is wider than `width`: always behind its first character.
fn break_at(text: &str, width: usize) -> usize {
    let (mut column, mut hard, mut comma) = (0, 0, 0);
    for (at, c) in text.char_indices() {
        column += columns(c.encode_utf8(&mut [0; 4]));
        if column > width && hard > 0 {
            break;
        }
        hard = at + c.len_utf8();
        if c == ',' {
            comma = hard;
        }
    }
    if comma > 0 { comma } else { hard }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_wrapped_and_long_ones_broken() {
        assert_eq!(wrap(["web[1-3],", "db1,", "db2"], 13), ["web[1-3],", "db1, db2"]);
        assert_eq!(wrap(["web[1,3,5,7,9]"], 10), ["web[1,3,5,", "7,9]"]);
        assert_eq!(wrap(["0123456789abc"], 10), ["0123456789", "abc"]);
        assert_eq!(wrap(["日本日本日本"], 8), ["日本日本", "日本"]);
        assert_eq!(wrap([], 8), Vec::<String>::new());
    }
}
