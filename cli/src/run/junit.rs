//! JUnit XML: one test suite for the job, one test case for each host.

use std::io::{self, Write};

use pogo_plan::event::JobId;
use pogo_plan::outcome::HostState;

use super::tally::{Host, Tally};
use super::words;
use crate::report::Xml;

/// Writes the report. A host that failed is a failure, one that is bad in another way an error, and one that did not
/// run was skipped.
///
/// # Errors
/// If `to` cannot be written to.
pub(crate) fn write(job: JobId, tally: &Tally, to: &mut dyn Write) -> io::Result<()> {
    let count = |wanted: fn(HostState) -> bool| tally.hosts().filter(|(_, host)| wanted(host.state)).count();
    let (tests, failures, errors, skipped) =
        (tally.hosts().len(), count(is_failure), count(is_error), count(is_skipped));
    let attributes = format!(
        r#"tests="{tests}" failures="{failures}" errors="{errors}" skipped="{skipped}" time="{}""#,
        seconds(tally.elapsed_ms())
    );
    writeln!(to, r#"<?xml version="1.0" encoding="UTF-8"?>"#)?;
    writeln!(to, r#"<testsuites name="pogo apply" {attributes}>"#)?;
    writeln!(to, r#"  <testsuite name="job {job}" {attributes}>"#)?;
    for (name, host) in tally.hosts() {
        case(name, host, tally, to)?;
    }
    writeln!(to, "  </testsuite>")?;
    writeln!(to, "</testsuites>")
}

const fn is_failure(state: HostState) -> bool {
    matches!(state, HostState::Failed)
}

const fn is_error(state: HostState) -> bool {
    state.is_bad() && !is_failure(state)
}

const fn is_skipped(state: HostState) -> bool {
    !state.is_bad() && !matches!(state, HostState::Succeeded)
}

fn case(name: &str, host: &Host, tally: &Tally, to: &mut dyn Write) -> io::Result<()> {
    let state = words::host_state(host.state);
    write!(
        to,
        r#"    <testcase classname="pogo" name="{}" time="{}""#,
        Xml(name),
        seconds(host.duration_ms)
    )?;
    let output = host.output.and_then(|number| tally.output(number));
    let output = output.map(|output| String::from_utf8_lossy(&output.tail)).unwrap_or_default();
    let element = if is_failure(host.state) {
        "failure"
    } else if is_error(host.state) {
        "error"
    } else if is_skipped(host.state) {
        let why = host.waits_for.as_ref().map(|waits| words::waits_for(waits, |limit| tally.limit(limit)));
        let why = why.map_or_else(|| state.to_owned(), |why| format!("{state} for {why}"));
        return writeln!(to, r#"><skipped message="{}"/></testcase>"#, Xml(&why));
    } else if output.is_empty() {
        return writeln!(to, "/>");
    } else {
        return writeln!(to, "><system-out>{}</system-out></testcase>", Xml(&output));
    };
    let why = host.outcome.and_then(words::outcome).unwrap_or_else(|| state.to_owned());
    let id = words::host_state_id(host.state);
    writeln!(to, r#"><{element} type="{id}" message="{}">{}</{element}></testcase>"#, Xml(&why), Xml(&output))
}

fn seconds(ms: u64) -> String {
    format!("{}.{:03}", ms / 1000, ms % 1000)
}

#[cfg(test)]
mod tests {
    use pogo_plan::event::Stream;
    use pogo_plan::outcome::{Exit, JobState, Outcome, Phase};
    use snapbox::{IntoData as _, str};

    use super::super::testing::Run;
    use super::*;

    #[test]
    fn a_case_for_each_host() {
        let mut run = Run::new();
        run.job(JobState::Running).ran("web1", Outcome::Succeeded);
        run.started("web2").output("web2", Stream::Stderr, "<oh>\n");
        run.ended("web2", Outcome::Failed { exit: Exit::Signal(9), phase: Phase::Command });
        run.ran("web3", Outcome::Unknown).state("web4", HostState::Cancelled);
        run.started("web5").output("web5", Stream::Stdout, "up").ended("web5", Outcome::Succeeded);
        let mut out = Vec::new();
        write(JobId::from_bits(7), &run.tally(), &mut out).unwrap();
        snapbox::assert_data_eq!(String::from_utf8(out).unwrap(), str![[r#"
<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="pogo apply" tests="5" failures="1" errors="1" skipped="1" time="19.000">
  <testsuite name="job 00000007" tests="5" failures="1" errors="1" skipped="1" time="19.000">
    <testcase classname="pogo" name="web1" time="1.200"/>
    <testcase classname="pogo" name="web2" time="1.200"><failure type="failed" message="ended by signal 9">&lt;oh&gt;&#10;</failure></testcase>
    <testcase classname="pogo" name="web3" time="1.200"><error type="unknown" message="it may still run: nobody saw its end"></error></testcase>
    <testcase classname="pogo" name="web4" time="0.000"><skipped message="cancelled"/></testcase>
    <testcase classname="pogo" name="web5" time="1.200"><system-out>up</system-out></testcase>
  </testsuite>
</testsuites>

"#]].raw());
    }
}
