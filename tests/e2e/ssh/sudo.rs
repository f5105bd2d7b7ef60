//! Commands that run as another user, through sudo: with and without a password, with and without a terminal of its own.
//!
//! Users and rules are those of a world of its own mounts: nothing of this machine changes.

use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::process::{Command, Output, Stdio};

use super::endings::another;
use super::refusals::said;
use super::site::{has, is_alive, is_root};
use super::{Site, can, until};

const PASSWORD: &str = "correct horse, $battery 'staple";
const LOGIN: u32 = 54321;
const RUNNER: u32 = 54322;

/// A site whose hosts know the users `pogoer` and `runner`, and have these rules for sudo.
fn with_rules(rules: &str) -> Option<Site> {
    if !can(
        is_root() && ["unshare", "sudo", "openssl"].into_iter().all(has),
        "root, unshare, sudo and openssl",
    ) {
        return None;
    }
    let site = Site::new();
    let hash = Command::new("openssl").args(["passwd", "-6", PASSWORD]).output().unwrap();
    let hash = String::from_utf8(hash.stdout).unwrap();
    let mut passwd = fs::read_to_string("/etc/passwd").unwrap();
    let mut shadow = fs::read_to_string("/etc/shadow").unwrap();
    let mut group = fs::read_to_string("/etc/group").unwrap();
    for (name, id) in [("pogoer", LOGIN), ("runner", RUNNER)] {
        let home = site.file(&format!("home-{name}"));
        fs::create_dir(&home).unwrap();
        chown(&home, Some(id), Some(id)).unwrap();
        passwd.push_str(&format!("{name}:x:{id}:{id}::{}:/bin/sh\n", home.display()));
        shadow.push_str(&format!("{name}:{}:19000:0:99999:7:::\n", hash.trim()));
        group.push_str(&format!("{name}:x:{id}:\n"));
    }
    let rules = format!("root ALL=(ALL:ALL) ALL\n{rules}");
    let mut enter = "#!/bin/sh\nset -e\n".to_owned();
    for (name, text, mode) in [
        ("passwd", passwd, 0o644),
        ("shadow", shadow, 0o640),
        ("group", group, 0o644),
        ("sudoers", rules, 0o440),
    ] {
        site.farm.write(name, &text);
        fs::set_permissions(site.file(name), fs::Permissions::from_mode(mode)).unwrap();
        enter.push_str(&format!("mount --bind {} /etc/{name}\n", site.file(name).display()));
    }
    enter.push_str("exec \"$@\"\n");
    fs::write(site.file("enter"), enter).unwrap();
    fs::set_permissions(site.file("enter"), fs::Permissions::from_mode(0o755)).unwrap();
    // Everybody writes the log, and everybody's home is the one that the list of users names.
    for name in ["log", "log.pids"] {
        fs::write(site.file(name), "").unwrap();
        fs::set_permissions(site.file(name), fs::Permissions::from_mode(0o666)).unwrap();
    }
    let text = site
        .read("sshd_config")
        .lines()
        .filter(|line| !line.starts_with("SetEnv"))
        .fold(String::new(), |all, line| all + line + "\n");
    site.farm.write("sshd_config", &text);
    site.configure(&another(&site, "pogo-*", "", &format!("unshare -m {}", site.file("enter").display())));
    Some(site)
}

const FREE: &str = "pogoer ALL=(ALL) NOPASSWD: ALL\n";
const ASKS: &str = "pogoer ALL=(ALL) ALL\n";

/// Both ways in which sudo runs a command.
const TERMINALS: [&str; 2] = ["Defaults use_pty\n", "Defaults !use_pty\n"];

#[test]
fn without_a_password() {
    for terminal in TERMINALS {
        for user in ["root", "pogoer"] {
            let Some(site) = with_rules(&format!("{terminal}{FREE}")) else { return };
            let work = "id -un; cd; pwd; printf 'a\\0b\\377\\r\\n'; echo err >&2";
            site.spec("pogo-1", work, &format!("  user: {user}\n  run_as: runner"));
            let ran = site.apply(&["--output-dir", "out"]);
            assert_eq!(
                ran.state("pogo-1"),
                "succeeded",
                "{user} {terminal} {ran:?} {}",
                said(&site, "pogo-1")
            );
            let mut wanted = format!("runner\n{}\n", site.file("home-runner").display()).into_bytes();
            wanted.extend(b"a\0b\xff\r\n");
            assert_eq!(fs::read(site.file("out/pogo-1.stdout")).unwrap(), wanted, "{user} {terminal}");
            assert_eq!(said(&site, "pogo-1"), "err\n", "{user} {terminal}");
            site.is_clean();
        }
    }
}

#[test]
fn every_end_is_told_as_it_was() {
    for terminal in TERMINALS {
        let Some(site) = with_rules(&format!("{terminal}{FREE}")) else { return };
        let work = "case $POGO_HOST in *1) exit 255;; *2) kill -9 $$;; esac";
        site.spec("pogo-[1-2]", work, "  user: pogoer\n  run_as: runner");
        let ran = site.apply(&[]);
        assert_eq!(ran.host("pogo-1")["exit"], serde_json::json!({"status": 255}), "{ran:?}");
        assert_eq!(ran.host("pogo-2")["exit"], serde_json::json!({"signal": 9}), "{ran:?}");
    }
}

#[test]
fn at_the_deadline_nobody_is_left() {
    for terminal in TERMINALS {
        let Some(site) = with_rules(&format!("{terminal}{FREE}")) else { return };
        let gate = site.gate("gate");
        fs::set_permissions(site.file("gate"), fs::Permissions::from_mode(0o666)).unwrap();
        let work = format!(
            "trap '' TERM HUP; echo $$ >> $LOG.pids\n(trap '' TERM; echo $(exec sh -c 'echo $PPID') >> $LOG.pids; read go < {gate}) &\n\
             while :; do read go < {gate}; done"
        );
        site.spec("pogo-1", &work, "  user: pogoer\n  run_as: runner\n  timeout: 3s");
        let ran = site.apply(&[]);
        ran.all("timed_out", 1);
        assert_eq!(site.log(), ["start pogo-1 1"]);
        let pids = site.pids();
        assert_eq!(pids.len(), 2, "{pids:?}");
        assert!(!pids.into_iter().any(is_alive), "{terminal}: somebody is left");
        site.is_clean();
    }
}

#[test]
fn a_lost_connection_ends_nothing() {
    for terminal in TERMINALS {
        let Some(site) = with_rules(&format!("{terminal}{FREE}")) else { return };
        let gate = site.gate("gate");
        fs::set_permissions(site.file("gate"), fs::Permissions::from_mode(0o666)).unwrap();
        site.spec("pogo-1", &format!("echo up; read go < {gate}"), "  user: pogoer\n  run_as: runner");
        let mut run = site.start(&[]);
        run.wait_for("output", &[("host", "pogo-1")]);
        run.signal(nix::sys::signal::Signal::SIGKILL);
        let _killed = run.end();
        // Its connection is gone as well.
        for pid in pogo_test_sshd::processes_with("sshd: pogoer") {
            pogo_test_sshd::kill(pid);
        }
        site.open_gate("gate");
        until("the command to run to its end", || site.has_logged("end pogo-1 1"));
        let reports = site.file("home-runner/.cache/pogo");
        until("its end to be kept on the host", || {
            fs::read_dir(&reports).is_ok_and(|mut all| all.next().is_some())
        });
    }
}

/// Runs with a password for sudo from standard input.
fn with_password(site: &Site, password: &str, args: &[&str]) -> Output {
    site.farm.write("password", &format!("{password}\n"));
    let all: Vec<&str> = ["apply", "a.cfg", "--quiet", "--sudo-password-fd", "0", "--output-dir", "out"]
        .into_iter()
        .chain(args.iter().copied())
        .collect();
    site.command(&all).stdin(Stdio::from(File::open(site.file("password")).unwrap())).output().unwrap()
}

#[test]
fn with_a_password() {
    for terminal in TERMINALS {
        let Some(site) = with_rules(&format!("{terminal}{ASKS}")) else { return };
        site.spec("pogo-[1-3]", "id -un", "  user: pogoer\n  run_as: runner");
        let output = with_password(&site, PASSWORD, &[]);
        assert_eq!(output.status.code(), Some(0), "{terminal} {output:?} {}", said(&site, "pogo-1"));
        assert_eq!(site.read("out/pogo-3.stdout"), "runner\n");
        site.is_clean();
    }
}

#[test]
fn a_password_that_is_not_wanted_reaches_nobody() {
    let Some(site) = with_rules(FREE) else { return };
    site.spec("pogo-1", "cat; env; echo done", "  user: pogoer\n  run_as: runner");
    let output = with_password(&site, PASSWORD, &[]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let all = format!("{output:?}{}{}", site.read("out/pogo-1.stdout"), said(&site, "pogo-1"));
    assert!(!all.contains("battery"), "{all}");
}

#[test]
fn who_may_not_says_so() {
    let cases = [
        ("the wrong one", ASKS, Some("wrong"), ["password", "sudo"]),
        ("none at all", ASKS, None, ["password", "sudo"]),
        ("nobody we know", "", Some(PASSWORD), ["sudo", "pogoer"]),
    ];
    for (name, rules, password, words) in cases {
        let Some(site) = with_rules(rules) else { return };
        site.spec("pogo-1", "true", "  user: pogoer\n  run_as: runner");
        if let Some(password) = password {
            let output = with_password(&site, password, &[]);
            assert_eq!(output.status.code(), Some(1), "{name} {output:?}");
        } else {
            let ran = site.apply(&["--output-dir", "out"]);
            assert_eq!(ran.state("pogo-1"), "unreachable", "{name} {ran:?}");
        }
        let said = said(&site, "pogo-1");
        assert!(said.starts_with("pogo: ") && words.iter().all(|word| said.contains(word)), "{name}: {said}");
        assert!(!said.contains("battery"), "{name}: {said}");
        assert_eq!(site.log(), Vec::<String>::new(), "{name}");
        site.is_clean();
    }
}
