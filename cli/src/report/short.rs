//! `path:line:col: severity[code]: message`, one line a finding.

use std::io::{self, Write};

use super::Finding;
use crate::terminal::visible;

/// Writes all findings.
pub(super) fn write(findings: &[Finding<'_>], to: &mut dyn Write) -> io::Result<()> {
    for finding in findings {
        write!(to, "{}:", visible(finding.path))?;
        if let Some(place) = finding.place {
            write!(to, "{}:{}:", place.start.line, place.start.column)?;
        }
        let (severity, code) = (finding.severity.as_str(), finding.diagnostic.code.id);
        writeln!(to, " {severity}[{code}]: {}", visible(&finding.diagnostic.message))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use snapbox::{IntoData as _, str};

    use super::super::testing::rendered;
    use crate::args::ReportFormat;

    #[test]
    fn one_line_a_finding() {
        snapbox::assert_data_eq!(
            rendered(ReportFormat::Short),
            str![[r#"
specs/a b.cfg:7:5: error[pogo::resolve::unknown_tag]: `$colo` has no value `eats`
specs/a b.cfg:8:18: warning[pogo::check::odd]: 100% odd: <&> "x", \u{1b}[31m
specs/a b.cfg:2:3: warning[pogo::check::odd]: two lines
common,50%:é.cfg:3:11: note[pogo::check::aside]: seen in the other file
specs/a b.cfg: error[pogo::resolve::unknown_tag]: the whole file is wrong

"#]]
            .raw()
        );
    }
}
