//! Lines and columns of findings, in one pass over each text.

use std::cell::Cell;

use pogo_compiler::source::{Position, Source, SourceMap, Span};

/// Where a finding begins and ends. Lines and columns from 1, columns in characters, the end is exclusive.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Place {
    /// First character.
    pub(crate) start: Position,
    /// First character after.
    pub(crate) end: Position,
}

/// Finds places. Findings come sorted, so counting goes on from the place before where that is on the same line; else a
/// text that is one long line would be counted from its start for each finding.
#[derive(Default)]
pub(crate) struct Locator {
    last: Cell<Option<Last>>,
}

#[derive(Clone, Copy)]
struct Last {
    /// Address and length of the text, which tell texts of different maps apart.
    text: (usize, usize),
    offset: u32,
    position: Position,
}

impl Locator {
    /// The place of a span.
    pub(crate) fn place(&self, sources: &SourceMap, span: Span) -> Option<Place> {
        let source = sources.get(span.source)?;
        let start = self.position(source, span.start);
        let end = self.count(source, span.end.max(span.start), Some((span.start, start)));
        Some(Place { start, end })
    }

    /// The position of an offset.
    pub(crate) fn position(&self, source: &Source, offset: u32) -> Position {
        let text = (source.text().as_ptr() as usize, source.text().len());
        let last = self.last.get().filter(|last| last.text == text).map(|last| (last.offset, last.position));
        let position = self.count(source, offset, last);
        self.last.set(Some(Last { text, offset, position }));
        position
    }

    fn count(&self, source: &Source, offset: u32, known: Option<(u32, Position)>) -> Position {
        let starts = source.line_starts();
        let line = starts.partition_point(|&start| start <= offset).max(1);
        let line_start = starts.get(line - 1).copied().unwrap_or(0);
        #[expect(clippy::cast_possible_truncation, reason = "a source is shorter than 4 GiB")]
        let line = line as u32;
        let (from, column) = match known {
            Some((at, position)) if position.line == line && at <= offset => (at, position.column),
            _ => (line_start, 1),
        };
        let between = source.text().get(from as usize..offset as usize).unwrap_or("");
        #[expect(clippy::cast_possible_truncation, reason = "a source is shorter than 4 GiB")]
        Position { line, column: column + between.chars().count() as u32 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_agree_with_the_source_in_any_order() {
        let mut sources = SourceMap::default();
        let text = "aé: 日本\n\n  b: x\n";
        let id = sources.add("a.cfg", text.to_owned(), pogo_compiler::source::SourceKind::File).unwrap();
        let source = sources.get(id).unwrap();
        let locator = Locator::default();
        let offsets: Vec<u32> =
            text.char_indices().map(|(at, _)| at as u32).chain([text.len() as u32]).collect();
        for &offset in offsets.iter().chain(offsets.iter().rev()) {
            assert_eq!(locator.position(source, offset), source.position(offset), "{offset}");
        }
        let place = locator.place(&sources, Span::new(id, 5, 12)).unwrap();
        assert_eq!(place.start, source.position(5));
        assert_eq!(place.end, source.position(12));
    }
}
