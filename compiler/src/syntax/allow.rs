//! `# pogo: allow(code)`: comments that silence warnings and notes on their line, or on the next line with text.

use granit_parser::{Event, Options, Parser};

use crate::source::{Source, SourceId, SourceMap, Span};

/// A code that is silenced on a line.
#[derive(Clone, Debug)]
pub(crate) struct Allow {
    /// The line, from 1.
    pub(crate) line: u32,
    /// A whole code, or the last part of one.
    pub(crate) code: String,
    /// Where the code stands.
    pub(crate) span: Span,
}

/// Finds the comments. Texts that do not speak of pogo, which is nearly all, cost one search.
pub(crate) fn find(sources: &SourceMap, id: SourceId) -> Vec<Allow> {
    let Some(source) = sources.get(id) else { return Vec::new() };
    let text = source.text();
    if memchr::memmem::find(text.as_bytes(), b"pogo:").is_none() {
        return Vec::new();
    }
    let mut options = Options::default();
    options.set_emit_comments(true);
    options.max_buffered_comment_events = usize::MAX;
    let mut parser = Parser::new_from_str_with_options(text, options);
    let mut allows = Vec::new();
    // What follows a syntax error is not read, and has no findings to silence either.
    while let Some(Ok((event, span))) = parser.next_event() {
        if let Event::Comment(..) = event
            && let Some(range) = span.byte_range()
        {
            comment(source, id, range.start, text.get(range).unwrap_or(""), &mut allows);
        }
    }
    allows
}

fn comment(source: &Source, id: SourceId, start: usize, text: &str, allows: &mut Vec<Allow>) {
    let body = text.trim_start_matches('#').trim_start();
    let Some(list) =
        body.strip_prefix("pogo:").map(str::trim_start).and_then(|rest| rest.strip_prefix("allow("))
    else {
        return;
    };
    let Some((list, _)) = list.split_once(')') else { return };
    let line = line_of(source, start);
    for code in list.split(',') {
        let code = code.trim();
        // `code` is a part of `text`, so the difference of their places is its offset.
        let offset = start + (code.as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
        #[expect(clippy::cast_possible_truncation, reason = "`SourceMap::add` refuses texts of 4 GiB")]
        let span = Span::new(id, offset as u32, (offset + code.len()) as u32);
        allows.push(Allow { line, code: code.to_owned(), span });
    }
}

/// The line that a comment speaks of: its own if something stands before it, else the next that is no comment.
fn line_of(source: &Source, start: usize) -> u32 {
    #[expect(clippy::cast_possible_truncation, reason = "`SourceMap::add` refuses texts of 4 GiB")]
    let own = source.position(start as u32).line;
    let text = source.text();
    let starts = source.line_starts();
    let line_text = |line: u32| {
        let from = starts.get(line as usize - 1).copied()? as usize;
        let to = starts.get(line as usize).map_or(text.len(), |&end| end as usize);
        text.get(from..to).map(str::trim)
    };
    if line_text(own).is_some_and(|line| !line.starts_with('#')) {
        return own;
    }
    let mut line = own + 1;
    while line_text(line).is_some_and(|text| text.is_empty() || text.starts_with('#')) {
        line += 1;
    }
    line
}
