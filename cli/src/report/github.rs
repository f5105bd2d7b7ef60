//! Annotations of GitHub Actions: `::error file=…,line=…::message`.

use std::borrow::Cow;
use std::io::{self, Write};

use pogo_compiler::diagnostics::Severity;

use super::Finding;
use crate::terminal::visible;

/// Writes all findings.
pub(super) fn write(findings: &[Finding<'_>], to: &mut dyn Write) -> io::Result<()> {
    for finding in findings {
        let kind = match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "notice",
        };
        write!(to, "::{kind} file={}", property(finding.path.trim_start_matches("./")))?;
        if let Some(place) = finding.place {
            write!(to, ",line={},endLine={}", place.start.line, place.end.line)?;
            // Columns of a mark over several lines would not be understood.
            if place.start.line == place.end.line {
                write!(to, ",col={},endColumn={}", place.start.column, place.end.column)?;
            }
        }
        let diagnostic = finding.diagnostic;
        write!(to, ",title={}::{}", property(diagnostic.code.id), data(&visible(&diagnostic.message)))?;
        if let Some(help) = &diagnostic.help {
            write!(to, "%0Ahelp: {}", data(&visible(help)))?;
        }
        writeln!(to)?;
    }
    Ok(())
}

fn data(text: &str) -> Cow<'_, str> {
    escape(text, &['%', '\r', '\n'])
}

fn property(text: &str) -> Cow<'_, str> {
    escape(text, &['%', '\r', '\n', ':', ','])
}

/// Percent signs first: the others are written with one.
fn escape<'a>(text: &'a str, special: &[char]) -> Cow<'a, str> {
    if !text.contains(special) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '%' => escaped.push_str("%25"),
            '\r' => escaped.push_str("%0D"),
            '\n' => escaped.push_str("%0A"),
            ':' if special.contains(&c) => escaped.push_str("%3A"),
            ',' if special.contains(&c) => escaped.push_str("%2C"),
            c => escaped.push(c),
        }
    }
    Cow::Owned(escaped)
}

#[cfg(test)]
mod tests {
    use snapbox::{IntoData as _, str};

    use super::super::testing::rendered;
    use crate::args::ReportFormat;

    #[test]
    fn one_annotation_a_finding() {
        snapbox::assert_data_eq!(rendered(ReportFormat::Github), str![[r#"
::error file=specs/a b.cfg,line=7,endLine=7,col=5,endColumn=15,title=pogo%3A%3Aresolve%3A%3Aunknown_tag::`$colo` has no value `eats`%0Ahelp: did you mean `$colo.east`?
::warning file=specs/a b.cfg,line=8,endLine=8,col=18,endColumn=22,title=pogo%3A%3Acheck%3A%3Aodd::100%25 odd: <&> "x", \u{1b}[31m
::warning file=specs/a b.cfg,line=2,endLine=3,title=pogo%3A%3Acheck%3A%3Aodd::two lines
::notice file=common%2C50%25%3Aé.cfg,line=3,endLine=3,col=11,endColumn=15,title=pogo%3A%3Acheck%3A%3Aaside::seen in the other file
::error file=specs/a b.cfg,title=pogo%3A%3Aresolve%3A%3Aunknown_tag::the whole file is wrong%0Ahelp: write another

"#]].raw());
    }

    #[test]
    fn nothing_breaks_out_of_an_annotation() {
        assert_eq!(super::property("a:b,c%\r\n"), "a%3Ab%2Cc%25%0D%0A");
        assert_eq!(super::data("50%: a,b\n::error::x"), "50%25: a,b%0A::error::x");
    }
}
