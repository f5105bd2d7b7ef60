//! What is told of a run, and readers that go away.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Stdio;

use serde_json::Value;

use crate::Home;

const TWO: &str = "tag: {all: ['h[1-2]']}\nsequence: {t: [h1, h2]}";

fn two(work: &str) -> Home {
    let home = Home::new();
    home.spec(TWO, work, "");
    home
}

#[test]
fn every_line_of_a_stream_is_as_the_schema_says() {
    let home = two("echo out; echo err >&2; printf '\\377'; [ $POGO_HOST = h1 ]");
    assert_eq!(home.apply(&["a.cfg", "--events", "events"]).code, 1);
    let schema: Value = serde_json::from_str(&home.run(&["schema", "events"]).stdout).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    let text = home.read("events");
    assert!(text.lines().count() > 15, "{text}");
    for line in text.lines() {
        let value: Value = serde_json::from_str(line).unwrap();
        assert!(validator.is_valid(&value), "{line}");
    }
    assert!(text.contains("\"base64\":"), "{text}");
}

#[test]
fn every_summary_is_as_the_schema_says() {
    let home = two("[ $POGO_HOST$POGO_ATTEMPT = h12 ]");
    let printed = home.run(&["schema", "summary"]).stdout;
    assert_eq!(printed, pogo_plan::SUMMARY_SCHEMA, "it is what every summary here is held against");
    for (args, code, state) in [
        (&[][..], 1, "blocked"),
        (&["--retry", "{attempts: 1, backoff: 1ms, retry_on: [exit]}"], 1, "failed"),
        (&["--on-failure", "halt"], 4, "halted"),
        (&["--run-command", "true"], 0, "succeeded"),
        (&["--run-command", "kill -9 $$", "--on-failure", "continue"], 1, "failed"),
    ] {
        let (got, summary) = home.summary(args);
        assert_eq!((got, &summary["state"]), (code, &Value::from(state)), "{summary}");
        assert_eq!(summary["exit_code"], code, "{summary}");
    }
}

#[test]
fn a_log_with_a_summary_for_people() {
    let home = two("echo up");
    let ran = home.apply(&["a.cfg"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{ran:?}");
    assert!(ran.stdout.contains("Z h1 | up\n"), "{ran:?}");
    assert!(ran.stdout.contains("\nh[1-2] succeeded: up\n"), "{ran:?}");
    assert!(!ran.stdout.contains('\u{1b}'), "no colors outside of a terminal: {ran:?}");
    let last = ran.stdout.lines().last().unwrap();
    assert!(last.ends_with(": 2 succeeded of 2 hosts"), "{last}");
    let quiet = home.apply(&["a.cfg", "--quiet"]);
    assert!(!quiet.stdout.contains("| up") && quiet.stdout.contains("h[1-2] succeeded: up"), "{quiet:?}");
}

#[test]
fn a_junit_report_and_files_of_output() {
    let home = two("echo up; echo oh >&2; [ $POGO_HOST = h1 ]");
    let ran = home.apply(&["a.cfg", "--junit", "report.xml", "--output-dir", "out", "--quiet"]);
    assert_eq!(ran.code, 1);
    let xml = home.read("report.xml");
    assert!(xml.contains(r#"tests="2" failures="1" errors="0" skipped="0""#), "{xml}");
    assert!(xml.contains(r#"message="exit status 1""#), "{xml}");
    assert_eq!(
        (home.read("out/h1.stdout"), home.read("out/h2.stderr")),
        ("up\n".to_owned(), "oh\n".to_owned())
    );
    let again = home.apply(&["a.cfg", "--output-dir", "out"]);
    assert_eq!(again.code, 2);
    assert!(again.stderr.contains("`out` is not empty"), "{again:?}");
}

#[test]
fn a_reader_of_standard_output_that_leaves_does_not_touch_the_job() {
    let home = two("[ $POGO_HOST = h2 ] || read go < gate");
    home.gate("gate");
    let path = std::env::var_os("PATH").unwrap();
    let mut child = home
        .command(&["apply", "a.cfg"])
        .env("PATH", path)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut line = || lines.next().unwrap().unwrap();
    let (place, title) = (line(), line());
    assert!(place.starts_with("kept in ") && title.starts_with("job "), "{place} {title}");
    drop(lines);
    home.open_gate("gate");
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{stderr}");
    assert!(stderr.contains("the log: nobody reads it any more"), "{stderr}");
    assert_eq!(home.log().len(), 4, "both hosts ran to their end");
}

#[test]
fn nothing_starts_if_nobody_ever_listened_or_a_report_cannot_begin() {
    let home = two("true");
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let path = std::env::var_os("PATH").unwrap();
    let output = home.command(&["apply", "a.cfg"]).env("PATH", path).stdout(writer).output().unwrap();
    assert_eq!(output.status.code(), Some(141));
    let full = home.apply(&["a.cfg", "--events", "/dev/full"]);
    assert_eq!(full.code, 2);
    assert!(full.stderr.contains("cannot write `/dev/full`: no space left on device"), "{full:?}");
    for report in ["--events", "--junit", "--output-dir"] {
        assert_eq!(home.apply(&["a.cfg", report, "a.cfg/none"]).code, 2, "{report}");
    }
    assert_eq!(home.log(), [""; 0]);
}

#[test]
fn a_report_that_breaks_is_given_up_aloud_and_named_in_the_summary() {
    // The first host takes the folder away that the second one's output is to go to.
    let home = two("if [ $POGO_HOST = h1 ]; then rm -r out; else echo up; fi");
    let (code, summary) = home.summary(&["--output-dir", "out"]);
    assert_eq!(code, 0, "the job is what counts");
    assert_eq!(summary["reports_lost"][0]["report"], "--output-dir out");
    assert_eq!(summary["reports_lost"][0]["problem"], "no such file");

    let home = two("[ $POGO_HOST = h2 ] || read go < gate");
    home.gate("gate");
    home.gate("events");
    let path = std::env::var_os("PATH").unwrap();
    let child = home
        .command(&["apply", "a.cfg", "--events", "events", "--format", "json", "--quiet"])
        .env("PATH", path)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut events = BufReader::new(std::fs::File::open(home.file("events")).unwrap());
    events.read_line(&mut String::new()).unwrap();
    drop(events);
    home.open_gate("gate");
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    assert!(
        stderr.contains("--events events: nobody reads it any more: this report is not complete"),
        "{stderr}"
    );
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(summary["reports_lost"][0]["report"], "--events events");
}
