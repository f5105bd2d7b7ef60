//! Hand-made findings for the tests of the formats.

use pogo_compiler::diagnostics::{Code, Diagnostic, Severity};
use pogo_compiler::source::{SourceId, SourceMap, Span};

use super::{Finding, Locator, write};
use crate::args::ReportFormat;
use crate::terminal::Style;

static UNKNOWN: Code = Code {
    id: "pogo::resolve::unknown_tag",
    severity: Severity::Error,
    page: "# A tag that is not defined\n\nWhat and why.\n",
};
static ODD: Code = Code { id: "pogo::check::odd", severity: Severity::Warning, page: "# Odd\n" };
static ASIDE: Code = Code { id: "pogo::check::aside", severity: Severity::Note, page: "# Aside\n" };

/// Sources and diagnostics.
pub(super) struct Bench {
    sources: SourceMap,
    diagnostics: Vec<Diagnostic>,
}

fn find(sources: &SourceMap, id: SourceId, word: &str) -> Span {
    let start = sources.get(id).unwrap().text().find(word).unwrap();
    Span::new(id, start as u32, (start + word.len()) as u32)
}

impl Bench {
    /// One error in one text.
    pub(super) fn one(
        text: &str,
        mark: impl FnOnce(Diagnostic, &dyn Fn(&str) -> Span) -> Diagnostic,
    ) -> Self {
        let mut sources = SourceMap::default();
        let id = sources.add("a.cfg", text.to_owned(), pogo_compiler::source::SourceKind::File).unwrap();
        let diagnostic = mark(Diagnostic::new(&UNKNOWN, "what is wrong"), &|word| find(&sources, id, word));
        Self { sources, diagnostics: vec![diagnostic] }
    }

    /// An empty mark behind the last character.
    pub(super) fn at_end(text: &str) -> Self {
        let end = text.len() as u32;
        let mut bench = Self::one(text, |d, _| d);
        let id = bench.sources.iter().next().unwrap().0;
        bench.diagnostics = vec![Diagnostic::new(&UNKNOWN, "ends").primary(Span::new(id, end, end), "here")];
        bench
    }

    /// A mark on the first character of each line.
    pub(super) fn every_line(text: &str) -> Self {
        let mut bench = Self::one(text, |d, _| d);
        let (id, source) = bench.sources.iter().next().unwrap();
        let mut diagnostic = Diagnostic::new(&UNKNOWN, "many");
        for (at, line) in source.line_starts().iter().enumerate().filter(|(_, at)| **at < text.len() as u32) {
            let span = Span::new(id, *line, line + 1);
            diagnostic = if at == 0 { diagnostic.primary(span, "") } else { diagnostic.secondary(span, "") };
        }
        bench.diagnostics = vec![diagnostic];
        bench
    }

    /// Two files, three severities, all that a finding can have.
    pub(super) fn full() -> Self {
        let mut sources = SourceMap::default();
        let spec = "tag:\n  colo:\n    east: [web1]\n\n\nsequence:\n  - $colo.eats\n  - $colo.west & x<y>\n";
        let a =
            sources.add("specs/a b.cfg", spec.to_owned(), pogo_compiler::source::SourceKind::File).unwrap();
        let b = sources
            .add(
                "common,50%:é.cfg",
                "tag:\n  colo:\n    west: web2\n".to_owned(),
                pogo_compiler::source::SourceKind::File,
            )
            .unwrap();
        let diagnostics = vec![
            Diagnostic::new(&UNKNOWN, "`$colo` has no value `eats`")
                .primary(find(&sources, a, "$colo.eats"), "not a value of `colo`")
                .secondary(find(&sources, a, "colo:"), "`colo` is defined here")
                .secondary(find(&sources, b, "colo:"), "and here")
                .help("did you mean `$colo.east`?"),
            Diagnostic::new(&ODD, "100% odd: <&> \"x\", \u{1b}[31m").primary(find(&sources, a, "x<y>"), ""),
            Diagnostic::new(&ODD, "two lines").primary(find(&sources, a, "colo:\n    east"), ""),
            Diagnostic::new(&ASIDE, "seen in the other file").primary(find(&sources, b, "web2"), "here"),
            Diagnostic::new(&UNKNOWN, "the whole file is wrong").help("write another"),
        ];
        Self { sources, diagnostics }
    }

    fn findings(&self) -> Vec<Finding<'_>> {
        let locator = Locator::default();
        let place = |d| Finding::new(d, d.severity, &self.sources, "specs/a b.cfg", &locator);
        self.diagnostics.iter().map(place).collect()
    }

    pub(super) fn write(&self, format: ReportFormat, style: Style) -> String {
        let mut out = Vec::new();
        write(format, &self.findings(), &["specs/a b.cfg", "clean.cfg"], style, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    pub(super) fn human(&self, style: Style) -> String {
        self.write(ReportFormat::Human, style)
    }
}

/// The full set in one format.
pub(super) fn rendered(format: ReportFormat) -> String {
    Bench::full().write(format, Style::PLAIN)
}
