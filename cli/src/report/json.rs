//! `pogo.diagnostics/1`: JSON lines, a header and one object a finding.

use std::io::{self, Write};

use serde::Serialize;

use super::{Finding, Locator, Place, shown_path};

#[derive(Serialize)]
struct Header {
    format: &'static str,
}

#[derive(Serialize)]
struct Line<'a> {
    code: &'static str,
    severity: &'static str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<&'a str>,
    labels: Vec<Label<'a>>,
}

#[derive(Serialize)]
struct Label<'a> {
    primary: bool,
    path: &'a str,
    line: u32,
    column: u32,
    end_line: u32,
    end_column: u32,
    text: &'a str,
}

/// Writes all findings.
pub(super) fn write(findings: &[Finding<'_>], to: &mut dyn Write) -> io::Result<()> {
    let locator = Locator::default();
    serde_json::to_writer(&mut *to, &Header { format: "pogo.diagnostics/1" })?;
    to.write_all(b"\n")?;
    for finding in findings {
        let diagnostic = finding.diagnostic;
        let labels = diagnostic.labels.iter().filter_map(|label| {
            let place =
                if label.primary { finding.place } else { locator.place(finding.sources, label.span) };
            let Place { start, end } = place?;
            Some(Label {
                primary: label.primary,
                path: shown_path(finding.sources.path(label.span.source)),
                line: start.line,
                column: start.column,
                end_line: end.line,
                end_column: end.column,
                text: &label.text,
            })
        });
        let line = Line {
            code: diagnostic.code.id,
            severity: finding.severity.as_str(),
            message: &diagnostic.message,
            help: diagnostic.help.as_deref(),
            labels: labels.collect(),
        };
        serde_json::to_writer(&mut *to, &line)?;
        to.write_all(b"\n")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use snapbox::{IntoData as _, str};

    use super::super::testing::rendered;
    use crate::args::ReportFormat;

    #[test]
    fn one_object_a_line() {
        let text = rendered(ReportFormat::Json);
        for line in text.lines() {
            serde_json::from_str::<serde_json::Value>(line).unwrap();
        }
        snapbox::assert_data_eq!(text, str![[r#"
{"format":"pogo.diagnostics/1"}
{"code":"pogo::resolve::unknown_tag","severity":"error","message":"`$colo` has no value `eats`","help":"did you mean `$colo.east`?","labels":[{"primary":true,"path":"specs/a b.cfg","line":7,"column":5,"end_line":7,"end_column":15,"text":"not a value of `colo`"},{"primary":false,"path":"specs/a b.cfg","line":2,"column":3,"end_line":2,"end_column":8,"text":"`colo` is defined here"},{"primary":false,"path":"common,50%:é.cfg","line":2,"column":3,"end_line":2,"end_column":8,"text":"and here"}]}
{"code":"pogo::check::odd","severity":"warning","message":"100% odd: <&> \"x\", \u001b[31m","labels":[{"primary":true,"path":"specs/a b.cfg","line":8,"column":18,"end_line":8,"end_column":22,"text":""}]}
{"code":"pogo::check::odd","severity":"warning","message":"two lines","labels":[{"primary":true,"path":"specs/a b.cfg","line":2,"column":3,"end_line":3,"end_column":9,"text":""}]}
{"code":"pogo::check::aside","severity":"note","message":"seen in the other file","labels":[{"primary":true,"path":"common,50%:é.cfg","line":3,"column":11,"end_line":3,"end_column":15,"text":"here"}]}
{"code":"pogo::resolve::unknown_tag","severity":"error","message":"the whole file is wrong","help":"write another","labels":[]}

"#]].raw());
    }
}
