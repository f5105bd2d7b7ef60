//! Places inside a scalar: from an offset in its decoded text to the characters in the file.

use std::ops::Range;

use super::tree::{Document, Kind, NodeId, Style};
use crate::source::{SourceId, Span};

/// A text that an expression is parsed from, and where it stands.
#[derive(Clone, Copy)]
pub(crate) enum Embedded<'d> {
    /// A scalar of a document.
    Scalar(&'d Document, NodeId),
    /// A source that is an expression from its first to its last character.
    Whole(SourceId, &'d str),
    /// A piece of a source, character for character.
    Piece { source: SourceId, start: u32, text: &'d str },
}

impl<'d> Embedded<'d> {
    /// The decoded text; empty for a collection.
    pub(crate) fn text(self) -> &'d str {
        match self {
            Self::Scalar(document, id) => document.scalar(id).unwrap_or(""),
            Self::Whole(_, text) | Self::Piece { text, .. } => text,
        }
    }

    /// All of it, quotes included.
    pub(crate) fn span(self) -> Span {
        match self {
            Self::Scalar(document, id) => document.span(id),
            Self::Whole(source, text) => Self::Piece { source, start: 0, text }.span(),
            Self::Piece { source, start, text } => {
                Span::new(source, start, start.saturating_add(u32::try_from(text.len()).unwrap_or(u32::MAX)))
            }
        }
    }

    /// Where the bytes `span` of the decoded text stand in the file. The whole scalar, if that cannot be told.
    pub(crate) fn locate(self, span: pogo_grammar::Span) -> Span {
        let whole = self.span();
        let Self::Scalar(document, id) = self else {
            let place = |offset: u32| whole.start.saturating_add(offset).min(whole.end);
            return Span::new(whole.source, place(span.start), place(span.end));
        };
        if let Some(start) = document.verbatim_start(id) {
            return Span::new(whole.source, start + span.start, start + span.end);
        }
        let raw = document.text().get(whole.start as usize..whole.end as usize).unwrap_or("");
        let Kind::Scalar(style) = document.kind(id) else { return whole };
        match align(raw, self.text(), style, span.start as usize..span.end as usize) {
            #[expect(clippy::cast_possible_truncation, reason = "`SourceMap::add` refuses texts of 4 GiB")]
            Some(found) => {
                Span::new(whole.source, whole.start + found.start as u32, whole.start + found.end as u32)
            }
            None => whole,
        }
    }
}

/// Walks the raw and the decoded text of a scalar side by side, and gives the raw range behind the decoded one.
///
/// Runs of white space count as one step: what folding made of line breaks, indentation and blank lines is never what
/// a mark is about. `None` if the two drift apart.
fn align(raw: &str, decoded: &str, style: Style, wanted: Range<usize>) -> Option<Range<usize>> {
    let (mut raw_at, inner_end) = match style {
        Style::SingleQuoted | Style::DoubleQuoted => (1, raw.len().checked_sub(1)?),
        Style::Plain | Style::Literal | Style::Folded => (0, raw.len()),
    };
    let mut decoded_at = 0;
    let (mut start, mut end) = (None, None);
    let leading = decoded.len() - decoded.trim_start().len();
    if leading > 0 && style != Style::DoubleQuoted {
        // Indentation that is part of the value: the two line up at the first visible character.
        let raw_leading = raw.get(raw_at..)?.len() - raw.get(raw_at..)?.trim_start().len();
        raw_at += raw_leading;
        decoded_at = leading;
    }
    loop {
        if start.is_none() && decoded_at >= wanted.start {
            start = Some(raw_at);
        }
        if end.is_none() && decoded_at >= wanted.end {
            end = Some(raw_at);
        }
        if let (Some(start), Some(end)) = (start, end) {
            return Some(start..end.max(start));
        }
        let decoded_char = decoded.get(decoded_at..)?.chars().next();
        let step = raw_step(raw.get(raw_at..inner_end)?, style);
        match (decoded_char, step) {
            (None, None) => {
                return Some(start.unwrap_or(raw_at)..end.unwrap_or(raw_at).max(start.unwrap_or(raw_at)));
            }
            (decoded_char, Some(Step { space: true, length, .. })) => {
                raw_at += length;
                let _ = decoded_char;
                let rest = decoded.get(decoded_at..)?;
                decoded_at += rest.len() - rest.trim_start().len();
            }
            (Some(found), Some(Step { value: Some(value), length, .. })) if found == value => {
                raw_at += length;
                decoded_at += found.len_utf8();
            }
            _ => return None,
        }
    }
}

/// One unit of raw text: a run of white space, or what stands for one visible character.
struct Step {
    length: usize,
    space: bool,
    value: Option<char>,
}

fn raw_step(raw: &str, style: Style) -> Option<Step> {
    let mut length = 0;
    // Escapes for white space and escaped line breaks belong to the run around them.
    while let Some(c) = raw.get(length..)?.chars().next() {
        if c.is_whitespace() {
            length += c.len_utf8();
        } else if style == Style::DoubleQuoted
            && let Some((escape, value)) = escape(raw.get(length..)?)
            && value.is_none_or(char::is_whitespace)
        {
            length += escape;
        } else {
            break;
        }
    }
    if length > 0 {
        return Some(Step { length, space: true, value: None });
    }
    let c = raw.chars().next()?;
    let (length, value) = match style {
        Style::DoubleQuoted if c == '\\' => escape(raw)?,
        Style::SingleQuoted if c == '\'' => (2, Some('\'')),
        _ => (c.len_utf8(), Some(c)),
    };
    Some(Step { length, space: false, value })
}

/// The length of the escape that `raw` starts with, and what it stands for; nothing for an escaped line break.
fn escape(raw: &str) -> Option<(usize, Option<char>)> {
    let code = raw.strip_prefix('\\')?.chars().next()?;
    let hex = |digits: usize| {
        let value = u32::from_str_radix(raw.get(2..2 + digits)?, 16).ok()?;
        Some((2 + digits, Some(char::from_u32(value)?)))
    };
    let value = match code {
        'x' => return hex(2),
        'u' => return hex(4),
        'U' => return hex(8),
        '\n' => return Some((2, None)),
        '0' => '\0',
        'a' => '\x07',
        'b' => '\x08',
        't' | '\t' => '\t',
        'n' => '\n',
        'v' => '\x0b',
        'f' => '\x0c',
        'r' => '\r',
        'e' => '\x1b',
        'N' => '\u{85}',
        '_' => '\u{a0}',
        'L' => '\u{2028}',
        'P' => '\u{2029}',
        other => other,
    };
    Some((1 + code.len_utf8(), Some(value)))
}
