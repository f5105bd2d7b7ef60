//! Passwords: given to whom they are for, and found nowhere else.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use pogo_test_sshd::{command_line, environment, processes_with, until};

use super::Site;
use super::accounts::{self, PASSWORD, USER};
use crate::{Home, Ran};

/// Files with a line each, in a folder that is not searched.
struct Vault(tempfile::TempDir);

impl Vault {
    fn with(text: &str) -> Self {
        let vault = Self(tempfile::tempdir().unwrap());
        fs::write(vault.path(), text).unwrap();
        vault
    }

    fn path(&self) -> std::path::PathBuf {
        self.0.path().join("line")
    }
}

/// Whether a file of this folder, or its name, has this in it.
fn has(folder: &Path, secret: &str) -> bool {
    let Ok(entries) = fs::read_dir(folder) else { return false };
    entries.flatten().any(|entry| {
        let path = entry.path();
        let kind = entry.file_type().unwrap();
        let is_here = kind.is_file()
            && fs::read(&path)
                .is_ok_and(|bytes| bytes.windows(secret.len()).any(|part| part == secret.as_bytes()));
        path.to_string_lossy().contains(secret) || is_here || (kind.is_dir() && has(&path, secret))
    })
}

#[test]
fn a_password_from_a_descriptor_gets_in_and_is_found_nowhere() {
    let Some(site) = accounts::site("") else { return };
    let vault = Vault::with(&format!("{PASSWORD}\n"));
    let gate = site.farm.path("gate").display().to_string();
    assert!(std::process::Command::new("mkfifo").arg(&gate).status().unwrap().success());
    fs::set_permissions(&gate, std::os::unix::fs::PermissionsExt::from_mode(0o666)).unwrap();
    let work = format!("id -un; echo up >up; read -r _ <{gate}");
    let work = format!("cd {}; {work}", site.farm.home().display());
    let args = [
        "apply",
        "a.cfg",
        "--targets",
        "pogo-a",
        "--run-command",
        &work,
        "--user",
        USER,
        "--password-fd",
        "3",
        "-vv",
        "--events",
        "events",
        "--output-dir",
        "out",
        "--junit",
        "junit.xml",
    ];
    let mut command = site.command_with(&args, [&vault.path(), Path::new("/dev/null")]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let up = site.farm.home().join("up");
    until("the command runs", || up.exists());
    let everybody = processes_with("");
    assert!(everybody.contains(&child.id()));
    for pid in everybody {
        assert!(!command_line(pid).contains(PASSWORD), "{}", command_line(pid));
        assert!(!environment(pid).contains(PASSWORD), "{}", command_line(pid));
    }
    for folder in [site.home.path(), site.farm.as_ref()] {
        assert!(!has(folder, PASSWORD), "{}", folder.display());
    }
    fs::write(&gate, "\n").unwrap();
    let ran = Ran::from(child.wait_with_output().unwrap());
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stderr.contains("DEBUG"), "the log shows nothing: {ran:?}");
    assert!(!(ran.stdout + &ran.stderr).contains(PASSWORD));
    assert!(!has(site.home.path(), PASSWORD) && !has(site.farm.as_ref(), PASSWORD));
    assert_eq!(fs::read_to_string(site.home.path().join("out/pogo-a.stdout")).unwrap(), format!("{USER}\n"));
    assert_eq!(site.left(), 0);
}

#[test]
fn a_password_is_asked_for_once() {
    let Some(site) = accounts::site("") else { return };
    let config = site.farm.ssh_config().to_str().unwrap().to_owned();
    let args = ["one", "--config", "a.cfg", "--run-command", "date", "--user", USER, "--password"];
    let mut terminal = site.home.on_terminal(&site.args(&args, &config));
    terminal.wait_for("Password: ");
    assert!(!terminal.echoes());
    terminal.press(&format!("{PASSWORD}\n"));
    let (status, shown) = terminal.end();
    assert_eq!(status.code(), Some(0), "{shown}");
    let lines = "Password: \r\npogo-b: Running target\r\npogo-b: Success\r\npogo-a: Running target\r\npogo-a: Success\r\n";
    assert_eq!(shown, lines);
}

#[test]
fn a_wrong_password_is_said_and_not_shown() {
    let Some(site) = accounts::site("") else { return };
    let vault = Vault::with("not-the-one-4711\n");
    let args = ["one", "--config", "a.cfg", "--targets", "pogo-a", "--run-command", "date", "--user", USER];
    let ran =
        site.run_with(&[&args[..], &["--password-fd", "3", "-vv"]].concat(), [&vault.path(), &vault.path()]);
    assert_eq!((ran.code, ran.stdout.as_str()), (1, "pogo-a: Failed (unreachable)\n"), "{ran:?}");
    assert!(ran.stderr.contains("login denied") && !ran.stderr.contains("not-the-one-4711"), "{ran:?}");
}

#[test]
fn sudo_gets_its_password_and_the_command_gets_none_of_it() {
    let Some(site) = accounts::site("") else { return };
    let vault = Vault::with(&format!("{PASSWORD}\n{PASSWORD}\n"));
    let work = "id -un; env; cat /proc/$$/cmdline";
    let args = [
        "apply",
        "a.cfg",
        "--targets",
        "pogo-a",
        "--run-command",
        work,
        "--user",
        USER,
        "--run-as",
        "root",
        "--password-fd",
        "3",
        "--sudo-password-fd",
        "3",
        "--output-dir",
        "out",
        "-vv",
    ];
    let ran = site.run_with(&args, [&vault.path(), Path::new("/dev/null")]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let said = fs::read_to_string(site.home.path().join("out/pogo-a.stdout")).unwrap();
    assert!(said.starts_with("root\n"), "{said}");
    assert!(!(said + &ran.stdout + &ran.stderr).contains(PASSWORD), "{ran:?}");
}

#[test]
fn a_key_is_opened_with_its_passphrase() {
    let site = Site::new();
    fs::remove_file(site.farm.path("user_key")).unwrap();
    site.farm.key("user_key", "open sesame 4711");
    fs::copy(site.farm.path("user_key.pub"), site.farm.path("authorized_keys")).unwrap();
    let args = ["one", "--config", "a.cfg", "--targets", "pogo-a", "--run-command", "date"];
    for (text, code) in [("open sesame 4711", 0), ("shut sesame 4711", 1)] {
        let vault = Vault::with(&format!("\n{text}\n"));
        // The first line is empty: the passphrase is no line of its own file then.
        let own = Vault::with(text);
        let ran =
            site.run_with(&[&args[..], &["--key-passphrase-fd", "4"]].concat(), [&vault.path(), &own.path()]);
        assert_eq!(ran.code, code, "{ran:?}");
        assert!(!ran.stderr.contains(text), "{ran:?}");
        let ran =
            site.run_with(&[&args[..], &["--key-passphrase-fd", "3"]].concat(), [&vault.path(), &own.path()]);
        assert_eq!((ran.code, ran.stderr.as_str()), (2, "error: descriptor 3: it is empty\n"), "{ran:?}");
    }
}

#[test]
fn what_nobody_can_use_or_give_is_wrong_usage() {
    let home = Home::new();
    fs::write(home.path().join("a.cfg"), "tag: {all: [h1]}\njob: {command: 'true'}\n").unwrap();
    let refused = |args: &[&str], words: &str| {
        // In a session of its own there is no terminal.
        let program = home.command(&[&["apply", "a.cfg"], args].concat());
        let mut command = std::process::Command::new("setsid");
        command.arg("--wait").arg(program.get_program()).args(program.get_args()).env_clear();
        command.env("HOME", home.path()).env("PATH", std::env::var_os("PATH").unwrap());
        command.current_dir(home.path()).stdin(Stdio::null());
        let ran = Ran::from(command.output().unwrap());
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{ran:?}");
        assert!(ran.stderr.contains(words), "{words}: {ran:?}");
    };
    refused(
        &["--password"],
        "error: `--password` asks on the terminal, and there is none\nhelp: give `--password-fd 3`",
    );
    refused(&["--password", "--transport", "local"], "`--password` is for hosts over ssh");
    refused(&["--ask-sudo-password"], "`--ask-sudo-password` is for `run_as`, which the job does not have");
    refused(&["--password-fd", "9"], "cannot read descriptor 9: it is not open");
    refused(&["--password-fd", "1"], "it is for what pogo writes");
    refused(&["--password-fd", "3", "--password"], "cannot be used with");
}
