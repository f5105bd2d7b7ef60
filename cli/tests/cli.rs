//! The program as it is called: exit codes and which stream says what. What the compiler finds is tested elsewhere.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod apply;
mod kept;
mod ssh;
mod support;

use std::path::Path;
use std::process::{Command, Output, Stdio};

/// The program in a folder of its own, with nothing of this machine's environment.
struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pogo"));
        command.args(args).env_clear().env("HOME", self.path()).current_dir(self.path()).stdin(Stdio::null());
        command
    }

    fn run(&self, args: &[&str]) -> Ran {
        Ran::from(self.command(args).output().unwrap())
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Ran {
    code: i32,
    stdout: String,
    stderr: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

#[test]
fn help_is_data_and_wrong_usage_is_not() {
    let home = Home::new();
    for verb in [
        "check",
        "compile",
        "schedule",
        "apply",
        "one",
        "trust",
        "probe",
        "jobs",
        "status",
        "log",
        "output",
        "resume",
        "retry",
        "skip",
        "halt",
        "stop",
        "alter",
        "out",
        "release",
        "decide",
        "prune",
        "replay",
        "explain",
        "why",
        "hosts",
        "schema",
        "settings",
        "completions",
        "man",
    ] {
        let help = home.run(&[verb, "--help"]);
        assert_eq!((help.code, help.stderr.as_str()), (0, ""), "{verb}");
        assert!(help.stdout.contains("Examples:"), "{verb} has an example");
        assert!(help.stdout.contains("Exit codes"), "{verb} says its exit codes");
    }
    for wrong in [&["chekc"][..], &["check"], &["check", "--formt", "x", "a"], &["schema", "speck"], &[]] {
        let ran = home.run(wrong);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{wrong:?}");
        assert!(!ran.stderr.is_empty(), "{wrong:?}");
    }
}

#[test]
fn wrong_usage_and_help_are_colored_as_wanted() {
    let home = Home::new();
    let is_colored = |args: &[&str], setting: &str| {
        let ran = Ran::from(home.command(args).env("POGO_COLOR", setting).output().unwrap());
        (ran.stdout + &ran.stderr).contains('\u{1b}')
    };
    for args in [
        &["chekc"][..],
        &["check", "--formt", "x"],
        &["check", "a.cfg", "--width", "1"],
        &["check", "--help"],
    ] {
        let with = |color: &'static str| [args, &[color]].concat();
        assert!(!is_colored(args, ""), "{args:?}");
        assert!(is_colored(args, "always"), "{args:?}");
        assert!(!is_colored(args, "no such color"), "{args:?}");
        if !args.contains(&"--help") {
            assert!(is_colored(&with("--color=always"), ""), "{args:?}");
        }
        assert!(!is_colored(&with("--color=never"), "always"), "{args:?}");
        assert!(is_colored(&[&["--color", "always"], args].concat(), "never"), "{args:?}");
    }
    assert!(!is_colored(&["chekc", "--", "--color=always"], ""));
}

#[test]
fn what_cannot_be_read_is_exit_code_2_and_leaves_no_file() {
    let home = Home::new();
    std::fs::create_dir(home.path().join("empty")).unwrap();
    let ran = home.run(&["check", "none.cfg", "empty"]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("error: cannot read `none.cfg`: no such file\n"), "{ran:?}");
    assert!(ran.stderr.contains("error: cannot read `empty`: the folder has no *.cfg"), "{ran:?}");
    let ran = home.run(&["compile", "none.cfg", "-o", "plan.json"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (2, "error: cannot read `none.cfg`: no such file\n"));
    assert!(!home.path().join("plan.json").exists());
}

#[test]
fn names_of_no_code_are_wrong_usage() {
    let home = Home::new();
    for args in
        [&["explain", "no_such_code_at_all"][..], &["check", "a.cfg", "--deny", "no_such_code_at_all"]]
    {
        let ran = home.run(args);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{args:?}");
        assert!(ran.stderr.starts_with("error: no code `no_such_code_at_all`\nhelp: "), "{ran:?}");
    }
}

#[test]
fn settings_say_where_they_come_from() {
    let home = Home::new();
    let folder = home.path().join(".config/pogo");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("config.yaml"), "width: 50\ncolor: never\n").unwrap();
    let ran = Ran::from(
        home.command(&["settings", "--color", "auto"]).env("POGO_MAX_PATTERN_HOSTS", "7").output().unwrap(),
    );
    let line = |name: &str| ran.stdout.lines().find(|line| line.starts_with(name)).unwrap().to_owned();
    assert_eq!(line("color").split_whitespace().collect::<Vec<_>>().join(" "), "color: auto # command line");
    assert!(line("width: 50 ").ends_with("/.config/pogo/config.yaml"));
    assert!(line("max_pattern_hosts: 7 ").ends_with("# POGO_MAX_PATTERN_HOSTS"));
    std::fs::write(folder.join("config.yaml"), "widht: 50\n").unwrap();
    let ran = home.run(&["settings"]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.ends_with("`widht` is not a setting: did you mean `width`?\n"), "{ran:?}");
}

#[test]
fn every_shell_and_every_verb_is_served() {
    let home = Home::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let ran = home.run(&["completions", shell]);
        assert_eq!(ran.code, 0, "{shell}");
        assert!(ran.stdout.contains("schedule"), "{shell}");
    }
    assert_eq!(home.run(&["man", "-o", "man"]).code, 0);
    let page = std::fs::read_to_string(home.path().join("man/pogo-check.1")).unwrap();
    assert!(page.contains(".TH pogo-check 1"), "{page}");
    assert!(home.run(&["man"]).stdout.contains(".TH pogo 1"));
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    let home = Home::new();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = home.command(&["completions", "bash"]).stdout(writer).output().unwrap();
    let ran = Ran::from(output);
    assert_eq!((ran.code, ran.stderr.as_str()), (141, ""));
}
