//! The texts that a compilation reads, and places in them.

use std::sync::{Arc, OnceLock};

/// One text of a [`SourceMap`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SourceId(u32);

impl SourceId {
    /// The position among the sources of its map, from 0 (the spec itself).
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A range of bytes in a source. `Copy`, and ordered by source, then by place.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Span {
    /// The text.
    pub source: SourceId,
    /// First byte.
    pub start: u32,
    /// First byte after.
    pub end: u32,
}

impl Span {
    /// The range from `start` up to, not including, `end` of `source`.
    #[must_use]
    pub const fn new(source: SourceId, start: u32, end: u32) -> Self {
        Self { source, start, end }
    }

    /// The smallest range that holds both; `self` where they are in different sources.
    #[must_use]
    pub fn to(self, other: Self) -> Self {
        if self.source != other.source {
            return self;
        }
        Self::new(self.source, self.start.min(other.start), self.end.max(other.end))
    }
}

/// A line and a column, both from 1, the column in characters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Position {
    /// From 1.
    pub line: u32,
    /// In characters, from 1.
    pub column: u32,
}

/// Where a text is from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SourceKind {
    /// A file, or standard input.
    File,
    /// An expression of the command line.
    Flag,
}

/// A text and the name under which people know it.
#[derive(Debug)]
pub struct Source {
    path: String,
    text: Arc<String>,
    kind: SourceKind,
    line_starts: OnceLock<Vec<u32>>,
}

impl Source {
    /// The name under which people know it: a path, or `--targets` for an expression of the command line.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The text. Bytes that are not UTF-8 stand as U+FFFD, and then the source has a diagnostic that says so.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text, shared.
    pub(crate) fn shared_text(&self) -> Arc<String> {
        Arc::clone(&self.text)
    }

    /// Where the text is from.
    #[must_use]
    pub fn kind(&self) -> SourceKind {
        self.kind
    }

    /// The byte offset at which each line starts.
    pub fn line_starts(&self) -> &[u32] {
        self.line_starts.get_or_init(|| {
            let ends = memchr::memchr_iter(b'\n', self.text.as_bytes());
            #[expect(clippy::cast_possible_truncation, reason = "`SourceMap::add` refuses texts of 4 GiB")]
            std::iter::once(0).chain(ends.map(|at| at as u32 + 1)).collect()
        })
    }

    /// Line and column of a byte offset.
    #[must_use]
    pub fn position(&self, offset: u32) -> Position {
        let starts = self.line_starts();
        let line = starts.partition_point(|&start| start <= offset).max(1);
        let start = starts.get(line - 1).copied().unwrap_or(0);
        let before = self.text.get(start as usize..offset as usize).unwrap_or("");
        #[expect(clippy::cast_possible_truncation, reason = "`SourceMap::add` refuses texts of 4 GiB")]
        Position { line: line as u32, column: before.chars().count() as u32 + 1 }
    }
}

/// The texts of one compilation: the spec, what it includes, and what the command line added.
#[derive(Debug, Default)]
pub struct SourceMap {
    sources: Vec<Source>,
}

impl SourceMap {
    /// Takes in a text; `None` if it is 4 GiB or more.
    pub fn add(&mut self, path: impl Into<String>, text: String, kind: SourceKind) -> Option<SourceId> {
        u32::try_from(text.len()).ok()?;
        let id = SourceId(u32::try_from(self.sources.len()).ok()?);
        self.sources.push(Source {
            path: path.into(),
            text: Arc::new(text),
            kind,
            line_starts: OnceLock::new(),
        });
        Some(id)
    }

    /// The source with this id; `None` for one of another map.
    #[must_use]
    pub fn get(&self, id: SourceId) -> Option<&Source> {
        self.sources.get(id.index())
    }

    /// All sources, in the order in which they were read.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (SourceId, &Source)> {
        #[expect(clippy::cast_possible_truncation, reason = "`add` counts in u32")]
        self.sources.iter().enumerate().map(|(index, source)| (SourceId(index as u32), source))
    }

    /// The name of a source as people know it.
    #[must_use]
    pub fn path(&self, id: SourceId) -> &str {
        self.get(id).map_or("", Source::path)
    }

    /// The characters at `span`.
    #[must_use]
    pub fn slice(&self, span: Span) -> &str {
        self.get(span.source)
            .and_then(|source| source.text.get(span.start as usize..span.end as usize))
            .unwrap_or("")
    }
}
