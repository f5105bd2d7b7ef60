//! Findings in the forms that people and programs read: one file a format.

mod github;
mod human;
mod json;
mod junit;
mod place;
mod sarif;
mod short;
mod snippet;
#[cfg(test)]
mod testing;

use std::io::{self, Write};

use pogo_compiler::diagnostics::{Diagnostic, Severity};
use pogo_compiler::source::SourceMap;

use crate::args::{MessageFormat, ReportFormat};
use crate::terminal::Style;

pub(crate) use junit::Xml;
pub(crate) use place::{Locator, Place};

/// A finding as it is reported.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Finding<'a> {
    /// What the compiler says.
    pub(crate) diagnostic: &'a Diagnostic,
    /// How bad it is here: `--deny` makes errors of other findings.
    pub(crate) severity: Severity,
    /// The texts that its labels point into.
    pub(crate) sources: &'a SourceMap,
    /// The file to change.
    pub(crate) path: &'a str,
    /// The place to change; `None` if the finding is about no place in particular.
    pub(crate) place: Option<Place>,
}

impl<'a> Finding<'a> {
    /// Places a diagnostic; `input` is the file it belongs to if it has no labels.
    #[must_use]
    pub(crate) fn new(
        diagnostic: &'a Diagnostic,
        severity: Severity,
        sources: &'a SourceMap,
        input: &'a str,
        locator: &Locator,
    ) -> Self {
        let span = diagnostic.primary_span();
        let path = span.and_then(|span| sources.get(span.source)).map_or(input, |source| source.path());
        Self {
            diagnostic,
            severity,
            sources,
            path: shown_path(path),
            place: span.and_then(|span| locator.place(sources, span)),
        }
    }
}

/// The name of a source for people.
#[must_use]
pub(crate) fn shown_path(path: &str) -> &str {
    if path == "-" { "<stdin>" } else { path }
}

/// Writes a report. `findings` are sorted; `inputs` are all files that were looked at.
///
/// # Errors
/// If `to` cannot be written to.
pub(crate) fn write(
    format: ReportFormat,
    findings: &[Finding<'_>],
    inputs: &[&str],
    style: Style,
    to: &mut dyn Write,
) -> io::Result<()> {
    match format {
        ReportFormat::Human => human::write(findings, style, to),
        ReportFormat::Short => short::write(findings, to),
        ReportFormat::Json => json::write(findings, to),
        ReportFormat::Github => github::write(findings, to),
        ReportFormat::Sarif => sarif::write(findings, to),
        ReportFormat::Junit => junit::write(findings, inputs, to),
    }
}

impl From<MessageFormat> for ReportFormat {
    fn from(format: MessageFormat) -> Self {
        match format {
            MessageFormat::Human => Self::Human,
            MessageFormat::Short => Self::Short,
            MessageFormat::Json => Self::Json,
        }
    }
}

/// `3 errors, 1 warning`; empty for no findings.
#[must_use]
pub(crate) fn counts(findings: &[Finding<'_>]) -> String {
    let words = [Severity::Error, Severity::Warning, Severity::Note].map(|severity| {
        let n = findings.iter().filter(|finding| finding.severity == severity).count();
        (n > 0).then(|| plural(n, severity.as_str()))
    });
    words.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// `1 error`, `2 errors`.
#[must_use]
pub(crate) fn plural(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

/// The first line of a page, without the sign of a heading.
#[must_use]
pub(crate) fn title(page: &str) -> &str {
    page.lines().map(|line| line.trim_start_matches('#').trim()).find(|line| !line.is_empty()).unwrap_or("")
}
