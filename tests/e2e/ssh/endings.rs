//! How commands end, and what they print, behind every login shell.

use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use serde_json::json;

use super::site::has;
use super::{Site, can};

/// The server's configuration again, with lines that win, reached by the hosts `pattern`.
pub(super) fn another(site: &Site, pattern: &str, server: &str, by: &str) -> String {
    let name = format!("sshd_{}", pattern.trim_end_matches('*'));
    site.farm.write(&name, &format!("{server}\n{}", site.read("sshd_config")));
    format!("Host {pattern}\n  ProxyCommand {by} /usr/sbin/sshd -i -f {}\n", site.file(&name).display())
}

#[test]
fn every_end_is_told_as_it_was() {
    let site = Site::new();
    let work = "case $POGO_HOST in\n*-0) exit 0;;\n*-1) exit 1;;\n*-127) exit 127;;\n*-255) exit 255;;\n*-none) /no/such/command;;\n\
                *-kill) kill -9 $$;;\n*-term) kill -TERM $$;;\n*-segv) kill -SEGV $$;;\nesac";
    site.spec("pogo-{0,1,127,255,none,kill,term,segv}", work, "");
    let ran = site.apply(&[]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!(ran.state("pogo-0"), "succeeded");
    let exits = [
        ("pogo-1", json!({"status": 1})),
        ("pogo-127", json!({"status": 127})),
        ("pogo-255", json!({"status": 255})),
        ("pogo-none", json!({"status": 127})),
        ("pogo-kill", json!({"signal": 9})),
        ("pogo-term", json!({"signal": 15})),
        ("pogo-segv", json!({"signal": 11})),
    ];
    for (host, exit) in exits {
        assert_eq!((ran.state(host), &ran.host(host)["exit"]), ("failed", &exit), "{ran:?}");
    }
    assert_eq!(site.log().iter().filter(|line| line.starts_with("start")).count(), 8);
    site.is_clean();
}

#[test]
fn every_login_shell_takes_it() {
    let site = Site::new();
    let noise = "echo welcome; echo 'take care' >&2; printf 'no end of line'";
    let shells = [
        ("sh", "/bin/sh", ""),
        ("dash", "dash", ""),
        ("bash", "bash", ""),
        ("busybox", "busybox sh", ""),
        ("csh", "tcsh", ""),
        ("zsh", "zsh", ""),
        ("fish", "fish", ""),
        ("noisy", "bash", noise),
    ];
    let mut client = String::new();
    let mut hosts = Vec::new();
    for (name, shell, first) in shells {
        if !can(shell.starts_with('/') || has(shell.split(' ').next().unwrap()), shell) {
            continue;
        }
        // As sshd does with a user's shell: the command behind `-c`.
        let script = site.file(&format!("login-{name}"));
        fs::write(&script, format!("#!/bin/sh\n{first}\nexec {shell} -c \"$SSH_ORIGINAL_COMMAND\"\n"))
            .unwrap();
        fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let forced = format!("ForceCommand exec {}\n", script.display());
        client.push_str(&another(&site, &format!("pogo-{name}"), &forced, ""));
        hosts.push(format!("pogo-{name}"));
    }
    assert!(hosts.len() >= 2);
    site.configure(&client);
    let quotes =
        r#"printf '%s|' 'it'"'"'s' "a $((1 + 1)) !x" '\n' '$HOME' '`x`' "é"; printf '\377\0x'; echo err >&2"#;
    site.spec(&hosts.join(","), quotes, "");
    let ran = site.apply(&["--output-dir", "out"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    for host in hosts {
        let stdout = fs::read(site.file(&format!("out/{host}.stdout"))).unwrap();
        let mut wanted = "it's|a 2 !x|\\n|$HOME|`x`|é|".as_bytes().to_vec();
        wanted.extend([0xff, 0, b'x']);
        assert_eq!(String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&wanted), "{host}");
        assert_eq!(stdout, wanted, "{host}");
        assert_eq!(site.read(&format!("out/{host}.stderr")), "err\n", "{host}");
    }
    site.is_clean();
}

#[test]
fn binary_output_comes_through_as_it_was() {
    let site = Site::new();
    // Whatever may be in it: no byte of it is known before.
    let copies = site.file("sent").display().to_string();
    let work = format!(
        "head -c 300000 /dev/urandom > {copies}.$POGO_HOST\nhead -c 300000 /dev/urandom > {copies}.err.$POGO_HOST\n\
         cat {copies}.$POGO_HOST\ncat {copies}.err.$POGO_HOST >&2"
    );
    site.spec("pogo-[1-4]", &work, "");
    let ran = site.apply(&["--output-dir", "out"]);
    ran.all("succeeded", 4);
    for n in 1..=4 {
        for (sent, kept) in [
            (format!("sent.pogo-{n}"), format!("out/pogo-{n}.stdout")),
            (format!("sent.err.pogo-{n}"), format!("out/pogo-{n}.stderr")),
        ] {
            let (sent, kept) = (fs::read(site.file(&sent)).unwrap(), fs::read(site.file(&kept)).unwrap());
            assert_eq!(sent.len(), 300_000);
            assert!(sent == kept, "{n}: {} bytes of {}", kept.len(), sent.len());
        }
    }
}

#[test]
fn a_million_lines_come_in_order() {
    let site = Site::new();
    site.spec("pogo-1", "seq 1000000", "  max_output: 16MiB");
    let ran = site.apply(&["--output-dir", "out"]);
    ran.all("succeeded", 1);
    let mut wanted = String::new();
    for n in 1..=1_000_000 {
        writeln!(wanted, "{n}").unwrap();
    }
    assert!(site.read("out/pogo-1.stdout") == wanted, "a line is missing or out of place");
}

/// The most memory that a process had, in bytes, watched until its end.
fn peak(pid: u32) -> u64 {
    let mut peak = 0;
    while let Ok(status) = fs::read_to_string(format!("/proc/{pid}/status")) {
        // One that has ended and was not waited for has none any more.
        let Some(line) = status.lines().find(|line| line.starts_with("VmHWM:")) else { break };
        peak = line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024;
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    peak
}

#[test]
fn a_gigabyte_takes_no_memory_and_what_is_dropped_is_counted() {
    const GIGABYTE: u64 = 1 << 30;
    let site = Site::new();
    site.spec("pogo-1", "head -c 1073741824 /dev/zero", "  timeout: 5m");
    let run = site.start(&[]);
    let pid = run.pid();
    let peak = std::thread::spawn(move || peak(pid));
    let (code, events, stderr) = run.end();
    assert_eq!(code, Some(0), "{stderr}");
    let peak = peak.join().unwrap();
    let mut kept = 0;
    let mut dropped = 0;
    for event in events.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()) {
        if event["type"] == "output" && event["stream"] == "stdout" {
            // Nothing but zeros, which are text.
            kept += event["text"].as_str().map_or(0, str::len) as u64;
            dropped += event["dropped_bytes"].as_u64().unwrap_or(0);
        }
    }
    assert_eq!((kept, kept + dropped), (1 << 20, GIGABYTE), "{peak}");
    // The output that is kept, twice, and the program itself, which has no optimization in tests.
    assert!((1..64 << 20).contains(&peak), "{peak} bytes");
}

#[test]
fn what_a_command_leaves_behind_does_not_hold_up_the_end() {
    let site = Site::new();
    let gate = site.gate("gate");
    // It keeps both streams open, and goes on when it is let go.
    let work = format!("(read go < {gate}; echo late; echo \"late $POGO_HOST 0\" >> $LOG) &\necho early");
    site.spec("pogo-1", &work, "");
    let ran = site.apply(&["--output-dir", "out"]);
    ran.all("succeeded", 1);
    assert_eq!(site.read("out/pogo-1.stdout"), "early\n");
    site.is_clean();
    site.open_gate("gate");
    super::until("what was left behind to end", || site.has_logged("late pogo-1 0"));
}

#[test]
fn the_folder_of_an_attempt_is_gone_when_it_is_over() {
    let site = Site::new();
    let folder = site.file("tmp");
    fs::create_dir(&folder).unwrap();
    let set = format!("SetEnv HOME={} TMPDIR={}\n", site.farm.home().display(), folder.display());
    site.configure(&another(&site, "pogo-*", &set, ""));
    // So long that it needs a file.
    let padding = "x".repeat(4000);
    let command = format!("ls $TMPDIR >> $LOG.tmp; : {padding}; case $POGO_HOST in *2) exit 3;; esac");
    site.spec("pogo-[1-2]", &command, "");
    let ran = site.apply(&[]);
    assert_eq!((ran.state("pogo-1"), ran.state("pogo-2")), ("succeeded", "failed"));
    assert!(!site.read("log.tmp").is_empty(), "the test looks at the right place");
    super::until("the folder to be removed", || fs::read_dir(&folder).unwrap().next().is_none());
    let left = Command::new("ls").arg("-A").arg(site.farm.home()).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&left.stdout).trim(), "");
}
