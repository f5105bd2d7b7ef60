//! The lines around the marks of one finding, ready to be drawn: clipped to the width, with nothing in them that a
//! terminal would act on, and the marks moved to where their characters went.

use miette::{MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents};
use pogo_compiler::diagnostics::Label;
use pogo_compiler::source::{Source, SourceId, SourceMap};
use unicode_width::UnicodeWidthChar as _;

use super::{Locator, Place, shown_path};
use crate::terminal::{Style, is_unsafe, push_visible, visible};

/// Lines shown before and after a marked one.
pub(super) const CONTEXT: usize = 1;
/// Most marks that are drawn for one finding.
const MAX_MARKS: usize = 24;
const TAB: usize = 4;

/// A text to draw, made of pieces of one or several sources.
#[derive(Debug)]
pub(super) struct Snippet {
    text: String,
    blocks: Vec<Block>,
    /// What to mark, in places of `text`.
    pub(super) marks: Vec<Mark>,
    /// How many marks were left out.
    pub(super) hidden: usize,
}

/// Consecutive lines of one source.
#[derive(Debug)]
struct Block {
    path: String,
    /// The first line's number, from 0.
    first_line: usize,
    /// Where in the text each line starts, and where the last one ends.
    starts: Vec<usize>,
}

/// A mark in the text of a snippet.
#[derive(Debug)]
pub(super) struct Mark {
    pub(super) start: usize,
    pub(super) len: usize,
    pub(super) text: String,
    pub(super) primary: bool,
    /// In the source, in characters from 0.
    column: usize,
}

/// A mark on one line of a source.
struct Spot<'a> {
    source: SourceId,
    line: usize,
    /// Bytes from the start of the line.
    start: usize,
    end: usize,
    text: String,
    label: &'a Label,
    drawn: Option<(usize, usize)>,
}

impl Snippet {
    /// The lines around `labels`; `place` is the known place of the primary one, `locator` finds the others.
    pub(super) fn new(
        labels: &[Label],
        sources: &SourceMap,
        place: Option<Place>,
        locator: &Locator,
        style: Style,
    ) -> Self {
        let mut spots = spots(labels, sources);
        let mut snippet = Self { text: String::new(), blocks: Vec::new(), marks: Vec::new(), hidden: 0 };
        let mut ids: Vec<SourceId> = Vec::new();
        for spot in &spots {
            if !ids.contains(&spot.source) {
                ids.push(spot.source);
            }
        }
        for id in ids {
            let Some(source) = sources.get(id) else { continue };
            let mut own: Vec<&mut Spot<'_>> = spots.iter_mut().filter(|spot| spot.source == id).collect();
            snippet.add_source(source, &mut own, style);
        }
        for spot in spots {
            let (Some((start, end)), Some(source)) = (spot.drawn, sources.get(spot.source)) else { continue };
            let column = match place.filter(|_| spot.label.primary) {
                Some(place) => place.start.column,
                None => locator.position(source, spot.label.span.start).column,
            };
            snippet.marks.push(Mark {
                start,
                len: end - start,
                text: spot.text,
                primary: spot.label.primary,
                column: (column as usize).saturating_sub(1),
            });
        }
        snippet.hidden = labels.len().saturating_sub(snippet.marks.len().max(labels.len().min(MAX_MARKS)));
        snippet
    }

    fn add_source(&mut self, source: &Source, spots: &mut [&mut Spot<'_>], style: Style) {
        let last = source.line_starts().len().saturating_sub(1);
        let mut lines: Vec<usize> = spots
            .iter()
            .flat_map(|spot| spot.line.saturating_sub(CONTEXT)..=spot.line.saturating_add(CONTEXT).min(last))
            .collect();
        lines.sort_unstable();
        lines.dedup();
        let digits = lines.last().map_or(1, |line| (line + 1).to_string().len());
        let width = style.width.saturating_sub(digits + 5).max(20);
        let mut before = None;
        for line in lines {
            // The empty line behind the last line break is shown only if something on it is marked.
            let content = line_text(source, line);
            let marked = spots.iter().any(|spot| spot.line == line);
            if line == last && content.is_empty() && !marked {
                continue;
            }
            if before.is_none_or(|before| before + 1 != line) {
                let path = visible(shown_path(source.path())).into_owned();
                self.blocks.push(Block { path, first_line: line, starts: vec![self.text.len()] });
            }
            before = Some(line);
            let mut own: Vec<&mut Spot<'_>> =
                spots.iter_mut().filter(|spot| spot.line == line).map(|spot| &mut **spot).collect();
            self.add_line(content, &mut own, width, style);
            let end = self.text.len();
            if let Some(block) = self.blocks.last_mut() {
                block.starts.push(end);
            }
        }
    }

    fn add_line(&mut self, content: &str, spots: &mut [&mut Spot<'_>], width: usize, style: Style) {
        let focus =
            spots.iter().find(|spot| spot.label.primary).or(spots.first()).map_or(0, |spot| spot.start);
        let (from, until) = window(content, focus, width);
        if from > 0 {
            self.text.push_str(style.ellipsis());
        }
        let mut column = 0;
        for (at, c) in content.get(from..until).unwrap_or("").char_indices() {
            let here = self.text.len();
            for spot in spots.iter_mut() {
                reach(spot, from + at, from, here);
            }
            if c == '\t' {
                let spaces = TAB - column % TAB;
                self.text.extend(std::iter::repeat_n(' ', spaces));
                column += spaces;
            } else {
                push_visible(&mut self.text, c);
                column += char_columns(c);
            }
        }
        let here = self.text.len();
        let mut past_end = false;
        for spot in spots.iter_mut() {
            reach(spot, until, from, here);
            if let Some((start, end)) = &mut spot.drawn {
                // A mark that goes on beyond the window ends with it.
                *end = if *end == usize::MAX { here } else { *end };
                past_end |= *start >= here;
            }
        }
        if until < content.len() {
            self.text.push_str(style.ellipsis());
        }
        if past_end {
            self.text.push(' ');
        }
        self.text.push('\n');
    }
}

/// Tells a spot that the character at `at` of its line is drawn at `here`.
fn reach(spot: &mut Spot<'_>, at: usize, from: usize, here: usize) {
    match &mut spot.drawn {
        None if at >= spot.start && spot.end >= from => {
            let end = if at >= spot.end { here } else { usize::MAX };
            spot.drawn = Some((here, end));
        }
        Some((_, end)) if *end == usize::MAX && at >= spot.end => *end = here,
        _ => {}
    }
}

/// The marks, each on one line, no two of them over the same characters.
fn spots<'a>(labels: &'a [Label], sources: &SourceMap) -> Vec<Spot<'a>> {
    let mut spots: Vec<Spot<'a>> = Vec::new();
    for label in labels.iter().take(MAX_MARKS) {
        let Some(source) = sources.get(label.span.source) else { continue };
        let starts = source.line_starts();
        let line = starts.partition_point(|&start| start <= label.span.start).saturating_sub(1);
        let line_start = starts.get(line).copied().unwrap_or(0);
        let length = line_text(source, line).len();
        let start = (label.span.start.saturating_sub(line_start) as usize).min(length);
        // What goes on over several lines is marked on its first.
        let end = (label.span.end.saturating_sub(line_start) as usize).clamp(start, length);
        let text = visible(&label.text).into_owned();
        let other = spots.iter_mut().find(|other| {
            other.source == label.span.source
                && other.line == line
                && (start == other.start || (start < other.end && other.start < end))
        });
        match other {
            Some(other) if text.is_empty() || other.text == text => {}
            Some(other) if other.text.is_empty() => other.text = text,
            Some(other) => {
                other.text.push_str("; ");
                other.text.push_str(&text);
            }
            None => {
                spots.push(Spot { source: label.span.source, line, start, end, text, label, drawn: None });
            }
        }
    }
    spots
}

/// A line without its end.
fn line_text(source: &Source, line: usize) -> &str {
    let starts = source.line_starts();
    let start = starts.get(line).map_or(source.text().len(), |&start| start as usize);
    let end = starts.get(line + 1).map_or(source.text().len(), |&end| end as usize);
    let text = source.text().get(start..end).unwrap_or("");
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.strip_suffix('\r').unwrap_or(text)
}

fn char_columns(c: char) -> usize {
    if is_unsafe(c) {
        let mut shown = String::new();
        push_visible(&mut shown, c);
        return shown.len();
    }
    c.width().unwrap_or(0)
}

/// The part of a line to show, in bytes. Looks only at characters near `focus`: a line may have a hundred megabytes.
fn window(content: &str, focus: usize, width: usize) -> (usize, usize) {
    let advance =
        |column: usize, c: char| column + if c == '\t' { TAB - column % TAB } else { char_columns(c) };
    let fit = |from: usize, width: usize| {
        let mut column = 0;
        for (at, c) in content.get(from..).unwrap_or("").char_indices() {
            column = advance(column, c);
            if column > width {
                return from + at;
            }
        }
        content.len()
    };
    let all = fit(0, width);
    // Room for an ellipsis on both sides.
    let room = width.saturating_sub(6);
    if all == content.len() {
        return (0, all);
    }
    let mut from = focus.min(content.len());
    while !content.is_char_boundary(from) {
        from -= 1;
    }
    let mut column = 0;
    for (at, c) in content.get(..from).unwrap_or("").char_indices().rev() {
        column = advance(column, c);
        if column > room / 3 {
            break;
        }
        from = at;
    }
    (from, fit(from, room))
}

impl SourceCode for Snippet {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let (start, end) = (span.offset(), span.offset() + span.len());
        let block = self.blocks.iter().find(|block| {
            block.starts.first().is_some_and(|&first| first <= start)
                && block.starts.last().is_some_and(|&last| start < last && end <= last)
        });
        let block = block.ok_or(MietteError::OutOfBounds)?;
        let line_of = |at: usize| block.starts.partition_point(|&start| start <= at).saturating_sub(1);
        let (first, last) = (line_of(start), line_of(end.saturating_sub(1).max(start)));
        let contents = |from: usize, to: usize, line: usize, column: usize, lines: usize| {
            let data = self.text.as_bytes().get(from..to).ok_or(MietteError::OutOfBounds)?;
            let span = SourceSpan::from((from, to - from));
            let (path, line) = (block.path.clone(), block.first_line + line);
            Ok(Box::new(MietteSpanContents::new_named(path, data, span, line, column, lines))
                as Box<dyn SpanContents<'a>>)
        };
        if before == 0 && after == 0 {
            let column = self.marks.iter().find(|mark| mark.start == start).map_or(0, |mark| mark.column);
            return contents(start, end, first, column, 1);
        }
        let first = first.saturating_sub(before);
        let last = (last + after).min(block.starts.len().saturating_sub(2));
        let from = block.starts.get(first).copied().ok_or(MietteError::OutOfBounds)?;
        let to = block.starts.get(last + 1).copied().ok_or(MietteError::OutOfBounds)?;
        contents(from, to, first, 0, last + 1 - first)
    }
}
