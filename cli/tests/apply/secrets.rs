//! Secrets that are asked for on the terminal.

use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Stdio};

use crate::Home;

fn with_secrets() -> Home {
    let home = Home::new();
    let command = r#"printf "%s-%s" "$FIRST" "$SECOND" | cksum"#;
    std::fs::write(
        home.path().join("a.cfg"),
        format!("tag: {{all: [h1]}}\njob:\n  transport: local\n  secrets: {{FIRST: prompt, SECOND: prompt}}\n  command: '{command}'\n"),
    )
    .unwrap();
    home
}

#[test]
fn a_secret_is_asked_for_and_shown_nowhere() {
    let home = with_secrets();
    let mut terminal =
        home.on_terminal(&["apply", "a.cfg", "--events", "events", "-vv", "--output-dir", "out"]);
    terminal.wait_for("secret FIRST: ");
    assert!(!terminal.echoes(), "the question is shown before the echo is off");
    terminal.press("hunter2\n");
    terminal.wait_for("secret SECOND: ");
    terminal.press("wrong\u{15}correct horsé\n");
    terminal.wait_for("h1 succeeded");
    assert!(terminal.echoes(), "it is left silent");
    let (status, shown) = terminal.end();
    assert_eq!(status.code(), Some(0), "{shown}");
    let read = |name: &str| std::fs::read_to_string(home.path().join(name)).unwrap();
    // The command got both: their checksum, and how many bytes they are.
    let mut cksum = Command::new("cksum").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    cksum.stdin.take().unwrap().write_all("hunter2-correct horsé".as_bytes()).unwrap();
    let sum = String::from_utf8(cksum.wait_with_output().unwrap().stdout).unwrap();
    assert_eq!(read("out/h1.stdout"), sum, "{shown}");
    let told = shown + &read("events");
    assert!(told.contains(sum.trim()), "{told}");
    for part in ["hunter2", "correct", "hors", "wrong"] {
        assert!(!told.contains(part), "{told}");
    }
}

#[test]
fn an_interrupted_question_leaves_the_terminal_as_it_was() {
    let home = with_secrets();
    let mut terminal = home.on_terminal(&["apply", "a.cfg", "--events", "events"]);
    terminal.wait_for("secret FIRST: ");
    terminal.press("hunt\u{3}");
    // Its end is waited for first: the terminal is the test's to look at as long as this end of it is open.
    let status = terminal.child.wait().unwrap();
    assert_eq!(status.signal(), Some(2), "{status:?}");
    assert!(terminal.echoes(), "it is left silent");
    let (_, shown) = terminal.end();
    assert_eq!(shown, "secret FIRST: \r\n");
    assert!(!home.path().join("events").exists(), "something was started");
}

#[test]
fn no_answer_is_wrong_usage() {
    let home = with_secrets();
    let mut terminal = home.on_terminal(&["apply", "a.cfg"]);
    terminal.wait_for("secret FIRST: ");
    terminal.press("\u{4}");
    let (status, shown) = terminal.end();
    assert_eq!(status.code(), Some(2), "{shown}");
    assert!(shown.contains("cannot ask for secret `FIRST`: nothing was typed"), "{shown}");
}
