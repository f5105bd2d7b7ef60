//! Login shells, and sudo.

use std::process::Command;

use pogo_plan::outcome::Outcome;
use secrecy::ExposeSecret;

use super::drive::*;
use crate::Secret;
use crate::wrapper::{Event, Request, Sudo};

#[test]
fn every_login_shell_takes_the_command_line() {
    for shell in ["sh", "dash", "bash", "zsh", "csh", "tcsh", "fish", "busybox"] {
        let host = Host::new(SHELLS[0]);
        let request = Request::run(&invocation(job("echo \"it's \\\\ !\"; exit 0")), None).unwrap();
        let mut command = Command::new("/usr/bin/setsid");
        command.args([shell].iter().chain(["sh"].iter().filter(|_| shell == "busybox")));
        command.arg("-c").arg(request.command_line());
        host.settle(&mut command);
        if Command::new(shell).arg("-c").arg("exit").output().is_err() {
            eprintln!("SKIPPED: there is no {shell} here");
            continue;
        }
        let (ended, heard) = Session::new(command, request).end();
        assert_eq!(
            (ended.outcome, heard.out().as_str()),
            (Outcome::Succeeded, "it's \\ !\n"),
            "{shell}: {heard:?}"
        );
        host.assert_clean();
    }
}

#[test]
fn what_a_login_shell_prints_is_no_output() {
    let host = Host::new(SHELLS[0]);
    let request = Request::run(&invocation(job("echo hi")), None).unwrap();
    let mut command = Command::new("/usr/bin/setsid");
    let line = format!("printf 'welcome \\036 to\\036'; echo warning >&2; {}", request.command_line());
    command.arg("dash").arg("-c").arg(line);
    host.settle(&mut command);
    let mut session = Session::new(command, request);
    session.until(|event, _| matches!(event, Event::Ended(_))).unwrap();
    assert_eq!((session.heard.out().as_str(), session.heard.err().as_str()), ("hi\n", ""));
    let noise = session.decoder.noise();
    assert!(noise.contains("welcome \u{1e} to") && noise.contains("warning"), "{noise}");
    session.end_by_closing();
}

#[test]
fn a_login_shell_that_swallows_input_starts_nothing() {
    for swallowed in 1..=4 {
        let host = Host::new(SHELLS[0]);
        let mark = host.file("ran");
        let text = format!("echo >{}\necho x", mark.display());
        let env = [("A".to_owned(), "b".to_owned())].into();
        let invocation = invocation(pogo_plan::Job { env, ..job(&text) });
        let request = Request::run(&invocation, None).unwrap();
        let mut command = Command::new("/usr/bin/setsid");
        let line = format!("{}{}", "read x; ".repeat(swallowed), request.command_line());
        command.arg("dash").arg("-c").arg(line);
        host.settle(&mut command);
        let mut session = Session::new(command, request);
        drop(session.stdin.take());
        let started = session.until(|event, _| matches!(event, Event::Started(_)));
        assert!(started.is_none() && !mark.exists(), "without {swallowed} lines: {:?}", session.heard);
        session.leave();
        host.assert_clean();
    }
}

/// A login user with a password, another user, and a rule for sudo; removed when dropped.
struct Users {
    login: String,
    other: String,
    rule: String,
}

const PASSWORD: &str = "correct horse";

impl Users {
    fn new(name: &str, options: &str) -> Option<Self> {
        if !nix::unistd::Uid::effective().is_root() || Command::new("sudo").arg("-V").output().is_err() {
            eprintln!("SKIPPED: sudo and the right to make users are needed");
            return None;
        }
        let id = std::process::id() % 100_000;
        let (login, other) = (format!("pg{name}l{id}"), format!("pg{name}o{id}"));
        for user in [&login, &other] {
            assert!(Command::new("useradd").args(["-m", "-s", "/bin/sh", user]).status().unwrap().success());
        }
        let mut chpasswd = Command::new("chpasswd").stdin(std::process::Stdio::piped()).spawn().unwrap();
        std::io::Write::write_all(
            &mut chpasswd.stdin.take().unwrap(),
            format!("{login}:{PASSWORD}\n").as_bytes(),
        )
        .unwrap();
        assert!(chpasswd.wait().unwrap().success());
        let rule = format!("/etc/sudoers.d/pogo-test-{login}");
        let text = options.replace("LOGIN", &login).replace("OTHER", &other);
        std::fs::write(&rule, text).unwrap();
        std::fs::set_permissions(&rule, std::os::unix::fs::PermissionsExt::from_mode(0o440)).unwrap();
        Some(Self { login, other, rule })
    }

    fn start(&self, text: pogo_plan::Job, password: Option<&str>) -> Session {
        let password = password.map(|password| Secret::from(password.to_owned()));
        let sudo = Sudo { user: self.other.clone(), password };
        let request = Request::run(&invocation(text), Some(&sudo)).unwrap();
        let mut command = Command::new("/usr/bin/setsid");
        command.args([
            "setpriv",
            "--init-groups",
            "--reset-env",
            "--reuid",
            &self.login,
            "--regid",
            &self.login,
        ]);
        command.args(["sh", "-c", request.command_line()]);
        command.current_dir("/");
        command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
        command.stderr(std::process::Stdio::piped());
        Session::new(command, request)
    }

    fn why_not(&self, password: Option<&str>) -> String {
        let mut session = self.start(job("true"), password);
        let found = session.until(|event, _| match event {
            Event::PasswordRefused => true,
            Event::PasswordWanted => password.is_none(),
            _ => false,
        });
        drop(session.stdin.take());
        if found.is_some() {
            session.until(|event, _| matches!(event, Event::Hello));
        }
        session.leave();
        assert!(session.heard.phases.is_empty() && !session.heard.others.contains(&Event::Hello));
        session.decoder.why_not_up()
    }
}

impl Drop for Users {
    fn drop(&mut self) {
        let _may_be_gone = std::fs::remove_file(&self.rule);
        for user in [&self.login, &self.other] {
            let _best_effort = Command::new("userdel").args(["-rf", user]).output();
        }
    }
}

#[test]
fn sudo_with_and_without_password_and_terminal() {
    let rules = [
        ("a", "LOGIN ALL=(OTHER) NOPASSWD: ALL\n", None),
        ("b", "Defaults:LOGIN use_pty\nLOGIN ALL=(OTHER) NOPASSWD: ALL\n", Some("unneeded")),
        ("c", "Defaults:LOGIN !use_pty\nLOGIN ALL=(OTHER) ALL\n", Some(PASSWORD)),
        ("d", "Defaults:LOGIN use_pty\nLOGIN ALL=(OTHER) ALL\n", Some(PASSWORD)),
    ];
    for (name, rule, password) in rules {
        let Some(users) = Users::new(name, rule) else { return };
        let (ended, heard) = users.start(job("id -un; pwd; cat; echo err >&2"), password).end();
        assert_eq!(ended.outcome, Outcome::Succeeded, "{name} {heard:?}");
        let wanted = format!("{0}\n/home/{0}\n", users.other);
        assert_eq!((heard.out(), heard.err().as_str()), (wanted, "err\n"), "{name}");
        // It may signal what it started.
        let stubborn = "trap '' TERM; echo up; while :; do sleep 0.1; done";
        let mut session = users.start(job(stubborn), password);
        session.until_out("up\n");
        session.stop();
        let (ended, heard) = session.end();
        assert_eq!(ended.outcome, Outcome::Stopped, "{name}");
        assert!(members(heard.traces.unwrap().group.pid).is_empty());
        // A lost owner: the session ends, the command does not.
        let mut session = users.start(job("echo up; sleep 3; exit 9"), password);
        session.until_out("up\n");
        drop(session.stdin.take());
        session.leave();
        let record = format!("/home/{}/.cache/pogo/{}", users.other, invocation(job("x")).id());
        eventually("the record of the end", || read(record.as_ref()).contains("failed 9 command"));
    }
}

#[test]
fn sudo_that_does_not_let_us_in_says_why() {
    let Some(users) = Users::new("e", "LOGIN ALL=(OTHER) ALL\n") else { return };
    let why = users.why_not(Some("wrong"));
    assert!(why.contains("refused the password"), "{why}");
    let why = users.why_not(None);
    assert!(why.contains("wants a password"), "{why}");
    drop(users);
    let Some(users) = Users::new("f", "Defaults:LOGIN requiretty\nLOGIN ALL=(OTHER) NOPASSWD: ALL\n") else {
        return;
    };
    let why = users.why_not(None);
    assert!(why.contains("requiretty"), "{why}");
    drop(users);
    let Some(users) = Users::new("g", "# nothing\n") else { return };
    let why = users.why_not(Some(PASSWORD));
    assert!(why.contains("sudoers") || why.contains("does not let"), "{why}");
}

#[test]
fn nothing_secret_is_printed_or_named() {
    let sudo = Sudo { user: "app".to_owned(), password: Some(Secret::from("hunter2".to_owned())) };
    let request = Request::run(&invocation(job("true")), Some(&sudo)).unwrap();
    assert!(!format!("{request:?} {sudo:?}").contains("hunter2"));
    assert!(!request.opening().expose_secret().windows(7).any(|bytes| bytes == b"hunter2"));
    for user in ["", "-x", "a b", "a\nb"] {
        let sudo = Sudo { user: user.to_owned(), password: None };
        assert!(Request::run(&invocation(job("true")), Some(&sudo)).is_err(), "{user:?}");
    }
}
