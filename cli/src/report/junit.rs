//! JUnit XML: one test suite a file, one test case a finding; only errors are failures.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Write as _};
use std::io::{self, Write};

use pogo_compiler::diagnostics::Severity;

use super::{Finding, shown_path};

/// Writes all findings; a file without any is a test case that passed.
pub(super) fn write(findings: &[Finding<'_>], inputs: &[&str], to: &mut dyn Write) -> io::Result<()> {
    let mut files: BTreeMap<&str, Vec<&Finding<'_>>> =
        inputs.iter().map(|&path| (shown_path(path), vec![])).collect();
    for finding in findings {
        files.entry(finding.path).or_default().push(finding);
    }
    let tests = |findings: &[&Finding<'_>]| findings.len().max(1);
    let failures =
        |findings: &[&Finding<'_>]| findings.iter().filter(|it| it.severity == Severity::Error).count();
    let all_tests: usize = files.values().map(|findings| tests(findings)).sum();
    let all_failures: usize = files.values().map(|findings| failures(findings)).sum();

    writeln!(to, r#"<?xml version="1.0" encoding="UTF-8"?>"#)?;
    writeln!(
        to,
        r#"<testsuites name="pogo check" tests="{all_tests}" failures="{all_failures}" errors="0">"#
    )?;
    for (path, findings) in &files {
        let (path, tests, failures) = (Xml(path), tests(findings), failures(findings));
        writeln!(to, r#"  <testsuite name="{path}" tests="{tests}" failures="{failures}" errors="0">"#)?;
        if findings.is_empty() {
            writeln!(to, r#"    <testcase classname="{path}" name="no findings"/>"#)?;
        }
        for finding in findings {
            case(finding, to)?;
        }
        writeln!(to, "  </testsuite>")?;
    }
    writeln!(to, "</testsuites>")
}

fn case(finding: &Finding<'_>, to: &mut dyn Write) -> io::Result<()> {
    let (path, code, severity) = (Xml(finding.path), finding.diagnostic.code.id, finding.severity.as_str());
    let place = finding.place.map(|place| format!(":{}:{}", place.start.line, place.start.column));
    let place = place.unwrap_or_default();
    let message = Xml(&finding.diagnostic.message);
    write!(to, r#"    <testcase classname="{path}" name="{code}{place}">"#)?;
    let element = match finding.severity {
        Severity::Error => {
            write!(to, r#"<failure type="{code}" message="{message}">"#)?;
            "failure"
        }
        Severity::Warning | Severity::Note => {
            write!(to, "<system-out>")?;
            "system-out"
        }
    };
    write!(to, "{path}{place}: {severity}[{code}]: {message}")?;
    if let Some(help) = &finding.diagnostic.help {
        write!(to, "\nhelp: {}", Xml(help))?;
    }
    writeln!(to, "</{element}></testcase>")
}

/// Text inside an element or an attribute. Characters that XML cannot hold become U+FFFD.
pub(crate) struct Xml<'a>(pub(crate) &'a str);

impl Display for Xml<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&apos;")?,
                '\t' | '\n' | '\r' => write!(f, "&#{};", u32::from(c))?,
                c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => f.write_char('\u{fffd}')?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use snapbox::{IntoData as _, str};

    use super::super::testing::rendered;
    use super::Xml;
    use crate::args::ReportFormat;

    #[test]
    fn one_suite_a_file() {
        snapbox::assert_data_eq!(rendered(ReportFormat::Junit), str![[r#"
<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="pogo check" tests="6" failures="2" errors="0">
  <testsuite name="clean.cfg" tests="1" failures="0" errors="0">
    <testcase classname="clean.cfg" name="no findings"/>
  </testsuite>
  <testsuite name="common,50%:é.cfg" tests="1" failures="0" errors="0">
    <testcase classname="common,50%:é.cfg" name="pogo::check::aside:3:11"><system-out>common,50%:é.cfg:3:11: note[pogo::check::aside]: seen in the other file</system-out></testcase>
  </testsuite>
  <testsuite name="specs/a b.cfg" tests="4" failures="2" errors="0">
    <testcase classname="specs/a b.cfg" name="pogo::resolve::unknown_tag:7:5"><failure type="pogo::resolve::unknown_tag" message="`$colo` has no value `eats`">specs/a b.cfg:7:5: error[pogo::resolve::unknown_tag]: `$colo` has no value `eats`
help: did you mean `$colo.east`?</failure></testcase>
    <testcase classname="specs/a b.cfg" name="pogo::check::odd:8:18"><system-out>specs/a b.cfg:8:18: warning[pogo::check::odd]: 100% odd: &lt;&amp;&gt; &quot;x&quot;, �[31m</system-out></testcase>
    <testcase classname="specs/a b.cfg" name="pogo::check::odd:2:3"><system-out>specs/a b.cfg:2:3: warning[pogo::check::odd]: two lines</system-out></testcase>
    <testcase classname="specs/a b.cfg" name="pogo::resolve::unknown_tag"><failure type="pogo::resolve::unknown_tag" message="the whole file is wrong">specs/a b.cfg: error[pogo::resolve::unknown_tag]: the whole file is wrong
help: write another</failure></testcase>
  </testsuite>
</testsuites>

"#]].raw());
    }

    #[test]
    fn text_stays_text() {
        let text = Xml("<a href=\"x\">'&\n\u{1b}\u{ffff}").to_string();
        assert_eq!(text, "&lt;a href=&quot;x&quot;&gt;&apos;&amp;&#10;\u{fffd}\u{fffd}");
    }
}
