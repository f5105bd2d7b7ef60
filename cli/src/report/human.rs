//! The graphical report for people: the spec's lines with marks, and what to write instead.

use std::fmt;
use std::io::{self, Write};

use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, Severity as Level, SourceCode,
    ThemeCharacters, ThemeStyles,
};
use pogo_compiler::diagnostics::Severity;

use super::snippet::{CONTEXT, Snippet};
use super::{Finding, Locator, plural};
use crate::terminal::{Style, visible};

/// Writes all findings.
pub(super) fn write(findings: &[Finding<'_>], style: Style, to: &mut dyn Write) -> io::Result<()> {
    let theme = GraphicalTheme {
        characters: if style.unicode { ThemeCharacters::unicode() } else { ThemeCharacters::ascii() },
        styles: if style.color { ThemeStyles::ansi() } else { ThemeStyles::none() },
    };
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_width(style.width)
        .with_links(false)
        .with_context_lines(CONTEXT);
    let locator = Locator::default();
    let mut text = String::new();
    for finding in findings {
        text.clear();
        let report = Report::new(finding, &locator, style);
        handler.render_report(&mut text, &report).map_err(io::Error::other)?;
        // Lines of white space are of no use, and would not survive an editor.
        for line in text.lines() {
            writeln!(to, "{}", line.trim_end())?;
        }
        if !text.ends_with("\n\n") {
            writeln!(to)?;
        }
    }
    Ok(())
}

/// One finding as miette draws it.
#[derive(Debug)]
struct Report {
    code: &'static str,
    severity: Level,
    message: String,
    help: Option<String>,
    snippet: Snippet,
}

impl Report {
    fn new(finding: &Finding<'_>, locator: &Locator, style: Style) -> Self {
        let diagnostic = finding.diagnostic;
        let snippet = Snippet::new(&diagnostic.labels, finding.sources, finding.place, locator, style);
        let message = visible(&diagnostic.message);
        let message = if snippet.marks.is_empty() {
            format!("{}: {message}", visible(finding.path))
        } else {
            message.into_owned()
        };
        let more =
            (snippet.hidden > 0).then(|| format!("{} not shown", plural(snippet.hidden, "more place")));
        let help = diagnostic.help.as_deref().map(|help| visible(help).into_owned());
        let help: Vec<String> = help.into_iter().chain(more).collect();
        Self {
            code: diagnostic.code.id,
            severity: match finding.severity {
                Severity::Error => Level::Error,
                Severity::Warning => Level::Warning,
                Severity::Note => Level::Advice,
            },
            message,
            help: (!help.is_empty()).then(|| help.join("\n")),
            snippet,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Report {}

impl Diagnostic for Report {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        let severity = match self.severity {
            Level::Error => Severity::Error,
            Level::Warning => Severity::Warning,
            Level::Advice => Severity::Note,
        };
        Some(Box::new(format!("{}[{}]", severity.as_str(), self.code)))
    }

    fn severity(&self) -> Option<Level> {
        Some(self.severity)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        (!self.snippet.marks.is_empty()).then_some(&self.snippet as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        if self.snippet.marks.is_empty() {
            return None;
        }
        Some(Box::new(self.snippet.marks.iter().map(|mark| {
            let text = (!mark.text.is_empty()).then(|| mark.text.clone());
            let span = (mark.start, mark.len);
            if mark.primary {
                LabeledSpan::new_primary_with_span(text, span)
            } else {
                LabeledSpan::new_with_span(text, span)
            }
        })))
    }
}

#[cfg(test)]
mod tests {
    use snapbox::{IntoData as _, str};

    use super::super::testing::{Bench, rendered};
    use crate::args::ReportFormat;
    use crate::terminal::Style;

    #[test]
    fn plain() {
        snapbox::assert_data_eq!(
            rendered(ReportFormat::Human),
            str![[r#"
error[pogo::resolve::unknown_tag]

  x `$colo` has no value `eats`
   ,-[specs/a b.cfg:2:3]
 1 | tag:
 2 |   colo:
   :   ^^|^^
   :     `-- `colo` is defined here
 3 |     east: [web1]
   `----
   ,-[specs/a b.cfg:7:5]
 6 | sequence:
 7 |   - $colo.eats
   :     ^^^^^|^^^^
   :          `-- not a value of `colo`
 8 |   - $colo.west & x<y>
   `----
   ,-[common,50%:é.cfg:2:3]
 1 | tag:
 2 |   colo:
   :   ^^|^^
   :     `-- and here
 3 |     west: web2
   `----
  help: did you mean `$colo.east`?

warning[pogo::check::odd]

  ! 100% odd: <&> "x", \u{1b}[31m
   ,-[specs/a b.cfg:8:18]
 7 |   - $colo.eats
 8 |   - $colo.west & x<y>
   :                  ^^^^
   `----

warning[pogo::check::odd]

  ! two lines
   ,-[specs/a b.cfg:2:3]
 1 | tag:
 2 |   colo:
   :   ^^^^^
 3 |     east: [web1]
   `----

note[pogo::check::aside]

  > seen in the other file
   ,-[common,50%:é.cfg:3:11]
 2 |   colo:
 3 |     west: web2
   :           ^^|^
   :             `-- here
   `----

error[pogo::resolve::unknown_tag]

  x specs/a b.cfg: the whole file is wrong
  help: write another


"#]]
            .raw()
        );
    }

    #[test]
    fn with_unicode_and_color() {
        let style = Style { color: true, unicode: true, width: 60 };
        let text = Bench::one("colo: eats\n", |d, at| d.primary(at("eats"), "not a value")).human(style);
        snapbox::assert_data_eq!(text.escape_debug().to_string(), str![[r#"\u{1b}[31merror[pogo::resolve::unknown_tag]\u{1b}[0m\n\n  \u{1b}[31m×\u{1b}[0m what is wrong\n   ╭─[\u{1b}[36;1;4ma.cfg:1:7\u{1b}[0m]\n \u{1b}[2m1\u{1b}[0m │ colo: eats\n   · \u{1b}[35;1m      ──┬─\u{1b}[0m\n   ·         \u{1b}[35;1m╰── \u{1b}[35;1mnot a value\u{1b}[0m\u{1b}[0m\n   ╰────\n\n"#]].raw());
    }

    #[test]
    fn a_long_line_is_clipped_around_its_marks() {
        let long = format!("{}, wrong, {}\n", "web1, ".repeat(1000), "web2, ".repeat(1000));
        let text = Bench::one(&long, |d, at| d.primary(at("wrong"), "here"))
            .human(Style { width: 60, ..Style::PLAIN });
        assert!(text.lines().all(|line| line.len() <= 60), "{text}");
        snapbox::assert_data_eq!(
            text,
            str![[r#"
error[pogo::resolve::unknown_tag]

  x what is wrong
   ,-[a.cfg:1:6003]
 1 | ..., web1, web1, , wrong, web2, web2, web2, web2, w...
   :                    ^^|^^
   :                      `-- here
   `----


"#]]
            .raw()
        );
    }

    #[test]
    fn tabs_wide_and_dangerous_characters_keep_marks_in_place() {
        let text = "\tx: \u{1b}[31m日本 wrong\u{202e} # \u{9b}31m\n";
        let text = Bench::one(text, |d, at| d.primary(at("wrong"), "\u{1b}here")).human(Style::PLAIN);
        assert!(!text.contains(['\u{1b}', '\u{202e}', '\u{9b}']));
        snapbox::assert_data_eq!(
            text,
            str![[r#"
error[pogo::resolve::unknown_tag]

  x what is wrong
   ,-[a.cfg:1:13]
 1 |     x: \u{1b}[31m日本 wrong\u{202e} # \u{9b}31m
   :                       ^^|^^
   :                         `-- \u{1b}here
   `----


"#]]
            .raw()
        );
    }

    #[test]
    fn marks_over_the_same_characters_become_one() {
        let bench = Bench::one("a: bcd\n", |d, at| {
            d.primary(at("bcd"), "first").secondary(at("cd"), "second").secondary(at("a"), "third")
        });
        snapbox::assert_data_eq!(
            bench.human(Style::PLAIN),
            str![[r#"
error[pogo::resolve::unknown_tag]

  x what is wrong
   ,-[a.cfg:1:4]
 1 | a: bcd
   : |  ^|^
   : |   `-- first; second
   : `-- third
   `----


"#]]
            .raw()
        );
    }

    #[test]
    fn the_ends_of_texts_can_be_marked() {
        for text in ["", "a", "a\n", "a\r\n", "\u{feff}"] {
            let shown = Bench::at_end(text).human(Style::PLAIN);
            assert!(shown.contains("here"), "{text:?}: {shown}");
        }
    }

    #[test]
    fn many_marks_are_cut() {
        let text = "x\n".repeat(100);
        let shown = Bench::every_line(&text).human(Style::PLAIN);
        assert!(shown.contains("76 more places not shown"), "{shown}");
    }
}
