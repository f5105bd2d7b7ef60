//! Attempts that go as they should: parts, order, environment, scripts, secrets.

use std::collections::BTreeMap;

use pogo_plan::job::{SecretRef, Verify};
use pogo_plan::outcome::{Exit, Outcome, Phase};

use super::drive::*;
use crate::Secret;
use crate::wrapper::{Event, Request};

#[test]
fn a_command_runs_and_leaves_nothing() {
    for host in Host::all() {
        let (ended, heard) = host.run(job("echo out; echo err >&2; cat; umask"));
        assert_eq!(ended.outcome, Outcome::Succeeded, "{:?} {heard:?}", host.shell);
        assert_eq!(
            (heard.out().as_str(), heard.err().as_str()),
            ("out\n0022\n", "err\n"),
            "{:?}",
            host.shell
        );
        assert_eq!(heard.phases, [Phase::Command]);
        host.assert_clean();
        eventually("nobody holds its files", || users_of(&host.tmp()).is_empty());
    }
}

#[test]
fn a_short_command_needs_no_file_where_the_output_can_be_held_open() {
    for host in Host::all() {
        let look = "for n in 3 4 5 7 8 9; do [ ! -e /proc/$$/fd/$n ] || echo open $n; done";
        let (_, heard) = host.run(job(&format!("ls {}; {look}", host.tmp().display())));
        // bash has files for its own sake.
        let has_files = host.has_sockets || host.shell[0] == "bash";
        assert_eq!(heard.out().contains("pogo-"), has_files, "{:?} {}", host.shell, heard.out());
        assert!(!heard.out().contains("open"), "{:?} {}", host.shell, heard.out());
    }
}

#[test]
fn the_parts_run_in_order_and_finally_always() {
    for host in Host::all() {
        let parts = |command: &str| {
            let part = |name: &str| Some(format!("echo {name}"));
            let (prehook, posthook, finally) = (part("pre"), part("post"), part("last"));
            let verify = Verify {
                command: "echo check".to_owned(),
                interval_ms: 10,
                timeout_ms: 20_000,
                successes: 2,
            };
            pogo_plan::Job { prehook, posthook, finally, verify: Some(verify), ..job(command) }
        };
        let (ended, heard) = host.run(parts("echo work"));
        assert_eq!(ended.outcome, Outcome::Succeeded, "{:?}", host.shell);
        assert_eq!(heard.out(), "pre\nwork\ncheck\ncheck\npost\nlast\n", "{:?}", host.shell);
        let (ended, heard) = host.run(parts("exit 3"));
        assert_eq!(ended.outcome, Outcome::Failed { exit: Exit::Status(3), phase: Phase::Command });
        assert_eq!(heard.out(), "pre\nlast\n");
        assert_eq!(heard.phases, [Phase::Prehook, Phase::Command, Phase::Finally]);
        let (ended, _) = host.run(pogo_plan::Job { finally: Some("exit 4".to_owned()), ..job("true") });
        assert_eq!(ended.outcome, Outcome::Failed { exit: Exit::Status(4), phase: Phase::Finally });
        host.assert_clean();
    }
}

#[test]
fn verify_needs_successes_in_a_row_and_has_a_time_of_its_own() {
    for host in Host::all() {
        let log = host.file("log");
        let check = |text: &str, timeout_ms| Verify {
            command: text.to_owned(),
            interval_ms: 1,
            timeout_ms,
            successes: 2,
        };
        // Fails at the second try, then succeeds.
        let text = format!("echo x >>{0}; test $(wc -l <{0}) != 2", log.display());
        let (ended, heard) = host.run(pogo_plan::Job { verify: Some(check(&text, 30_000)), ..job("true") });
        assert_eq!(ended.outcome, Outcome::Succeeded, "{:?} {heard:?}", host.shell);
        assert_eq!(read(&log).lines().count(), 4);
        let (ended, _) = host.run(pogo_plan::Job { verify: Some(check("exit 7", 400)), ..job("true") });
        assert_eq!(ended.outcome, Outcome::Failed { exit: Exit::Status(7), phase: Phase::Verify });
        let (ended, heard) =
            host.run(pogo_plan::Job { verify: Some(check("sleep 1000", 300)), ..job("true") });
        assert_eq!(ended.outcome, Outcome::TimedOut, "{:?}", host.shell);
        let group = heard.traces.unwrap().group.pid;
        eventually("nobody is left", || members(group).is_empty());
        host.assert_clean();
    }
}

#[test]
fn the_environment_arrives_as_it_is() {
    for host in Host::all() {
        let odd: String = (1..=255u8).map(char::from).collect();
        let values =
            [("ODD", odd.as_str()), ("LINES_OF", "a\n\nb\n"), ("QUOTES", "'\"$(x)`y`\\ \t"), ("EMPTY", "")];
        let env = values.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let secrets = BTreeMap::from([("TOKEN".to_owned(), SecretRef::Prompt)]);
        let text = "env -0; tr '\\0' '\\n' </proc/self/cmdline >&2";
        let given = BTreeMap::from([("TOKEN".to_owned(), Secret::from("s3cret'\n".to_owned()))]);
        let invocation = invocation_with(pogo_plan::Job { env, secrets, ..job(text) }, &given);
        let (ended, heard) = host.start(Request::run(&invocation, None).unwrap()).end();
        assert_eq!(ended.outcome, Outcome::Succeeded, "{:?} {}", host.shell, heard.err());
        let out = String::from_utf8(heard.stdout).unwrap();
        let got: BTreeMap<_, _> = out.split('\0').filter_map(|entry| entry.split_once('=')).collect();
        for (name, value) in values {
            assert_eq!(got.get(name), Some(&value), "{:?} {name}", host.shell);
        }
        assert_eq!(got.get("TOKEN"), Some(&"s3cret'\n"));
        let own = [
            ("POGO_JOB_ID", "00000009"),
            ("POGO_HOST", "web1"),
            ("POGO_SLOT", "a.b,c"),
            ("POGO_ATTEMPT", "2"),
        ];
        for (name, value) in own {
            assert_eq!(got.get(name), Some(&value), "{:?} {name}", host.shell);
        }
        let foreign: Vec<_> = got.keys().filter(|name| name.starts_with("p_")).collect();
        assert!(foreign.is_empty(), "{:?}: {foreign:?}", host.shell);
    }
}

#[test]
fn secrets_and_commands_are_in_no_list_of_processes() {
    for host in Host::all() {
        let given = BTreeMap::from([("TOKEN".to_owned(), Secret::from("s3cret".to_owned()))]);
        let secrets = BTreeMap::from([("TOKEN".to_owned(), SecretRef::Prompt)]);
        let text = "echo ready; cat /proc/[0-9]*/cmdline | tr '\\0' '\\n' | grep -c -e '[s]3cret' -e '[h]iddenword' || true # hiddenword";
        let invocation = invocation_with(pogo_plan::Job { secrets, ..job(text) }, &given);
        let (ended, heard) = host.start(Request::run(&invocation, None).unwrap()).end();
        assert_eq!(
            (ended.outcome, heard.out().as_str()),
            (Outcome::Succeeded, "ready\n0\n"),
            "{:?}",
            host.shell
        );
    }
}

#[test]
fn a_script_is_sent_run_and_removed() {
    for host in Host::all() {
        let odd = "two words'\n$x";
        let text = b"#!/bin/sh\nprintf '%s|' \"$@\"\necho \"${0##*/}\"\nstat -c %a \"$0\" \"${0%/*}\"\n";
        let (ended, heard) = host.run(script("deploy me.sh", text, &["a", odd, ""]));
        assert_eq!(ended.outcome, Outcome::Succeeded, "{:?} {}", host.shell, heard.err());
        assert_eq!(heard.out(), format!("a|{odd}||deploy me.sh\n700\n700\n"), "{:?}", host.shell);
        host.assert_clean();
        // Any bytes, and more than any pipe holds.
        let mut binary = b"#!/bin/sh\ncksum <\"$0\"; exit\n".to_vec();
        binary.extend((0..300_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8));
        let copy = host.file("copy");
        std::fs::write(&copy, &binary).unwrap();
        let (ended, heard) = host.run(script("b", &binary, &[]));
        assert_eq!(ended.outcome, Outcome::Succeeded, "{:?} {}", host.shell, heard.err());
        let wanted =
            std::process::Command::new("cksum").stdin(std::fs::File::open(&copy).unwrap()).output().unwrap();
        assert_eq!(heard.stdout, wanted.stdout);
        host.assert_clean();
    }
}

#[test]
fn a_script_has_parts_like_a_command() {
    for host in Host::all() {
        let verify =
            Verify { command: "echo check".to_owned(), interval_ms: 1, timeout_ms: 20_000, successes: 1 };
        // Longer than what is read line by line.
        let prehook = Some(format!("echo pre\n{}", "# a long comment\n".repeat(1000)));
        let (posthook, finally) = (Some("echo post".to_owned()), Some("echo last".to_owned()));
        let env = BTreeMap::from([("WORD".to_owned(), "it's".to_owned())]);
        let work = script("s", b"#!/bin/sh\necho $WORD $1; exit ${2:-0}\n", &["work"]);
        let text = pogo_plan::Job { prehook, posthook, finally, env, verify: Some(verify), ..work };
        let (ended, heard) = host.run(text.clone());
        assert_eq!(ended.outcome, Outcome::Succeeded, "{:?} {heard:?}", host.shell);
        assert_eq!(heard.out(), "pre\nit's work\ncheck\npost\nlast\n", "{:?}", host.shell);
        let args = vec!["work".to_owned(), "7".to_owned()];
        let (ended, heard) = host.run(pogo_plan::Job { args, ..text });
        let failed = Outcome::Failed { exit: Exit::Status(7), phase: Phase::Command };
        assert_eq!((ended.outcome, heard.out().as_str()), (failed, "pre\nit's work\nlast\n"));
        host.assert_clean();
    }
}

#[test]
fn an_empty_script_is_one_too() {
    for host in Host::all() {
        // A file without anything in it cannot be executed by the kernel; some shells take it for a script.
        let (ended, heard) = host.run(script("s", b"", &[]));
        assert!(
            matches!(ended.outcome, Outcome::Succeeded | Outcome::Failed { phase: Phase::Command, .. }),
            "{:?} {ended:?} {heard:?}",
            host.shell
        );
        host.assert_clean();
    }
}

#[test]
fn a_large_command_arrives_whole() {
    for host in Host::all() {
        let long = format!("echo {} | wc -c; exit 5", "x".repeat(200_000));
        let (ended, heard) = host.run(job(&long));
        assert_eq!(ended.outcome, Outcome::Failed { exit: Exit::Status(5), phase: Phase::Command });
        assert_eq!(heard.out().trim(), "200001", "{:?}", host.shell);
    }
}

#[test]
fn a_start_is_said_before_the_command_runs() {
    for host in Host::all() {
        let mark = host.file("ran");
        let mut session =
            host.start(Request::run(&invocation(job(&format!("echo >{}", mark.display()))), None).unwrap());
        session.goes = false;
        session.until(|event, _| matches!(event, Event::Started(_))).unwrap();
        assert!(!mark.exists());
        session.stop();
        let (ended, _) = session.end();
        assert_eq!(ended.outcome, Outcome::Unreachable, "{:?}", host.shell);
        assert!(!mark.exists());
        host.assert_clean();
    }
}

#[test]
fn a_shell_that_is_not_there_is_a_failure_127() {
    for host in Host::all() {
        let (ended, heard) = host.run(pogo_plan::Job { shell: "/no/such/shell".to_owned(), ..job("true") });
        assert_eq!(
            ended.outcome,
            Outcome::Failed { exit: Exit::Status(127), phase: Phase::Command },
            "{heard:?}"
        );
        assert!(heard.err().contains("/no/such/shell"), "{heard:?}");
    }
}

#[test]
fn a_file_system_that_executes_nothing_still_runs_scripts() {
    let Some(mount) = Mount::new("size=1m,noexec") else { return };
    for mut host in Host::all() {
        host.env = vec![("TMPDIR", mount.at.path().to_owned())];
        let text = b"#! /bin/sh -e\nprintf '%s|' \"$@\"; echo \"$0\"; false; echo not\n";
        let (ended, heard) = host.run(script("s", text, &["a b", "c"]));
        let failed = Outcome::Failed { exit: Exit::Status(1), phase: Phase::Command };
        assert_eq!(ended.outcome, failed, "{:?} {heard:?}", host.shell);
        assert!(heard.out().starts_with("a b|c|/tmp/pogo-"), "{:?} {heard:?}", host.shell);
        assert!(ended.message.as_ref().unwrap().contains("noexec"), "{:?} {ended:?}", host.shell);
        let left: Vec<_> = std::fs::read_dir(mount.at.path()).unwrap().flatten().collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

#[test]
fn full_file_systems_are_said() {
    let Some(mount) = Mount::new("size=64k") else { return };
    for mut host in Host::all() {
        // Too little for the script, enough to begin with.
        host.env = vec![("TMPDIR", mount.at.path().to_owned())];
        let (ended, heard) = host.run(script("s", &[b'x'; 100_000], &[]));
        assert_eq!(ended.outcome, Outcome::Unreachable, "{:?} {heard:?}", host.shell);
        assert!(ended.message.as_ref().unwrap().contains("full"), "{:?} {ended:?}", host.shell);
        let left: Vec<_> = std::fs::read_dir(mount.at.path()).unwrap().flatten().collect();
        assert!(left.is_empty(), "{left:?}");
        // Of no use at all: another place serves.
        host.env = vec![("TMPDIR", "/proc".into())];
        assert_eq!(host.run(job("true")).0.outcome, Outcome::Succeeded, "{:?}", host.shell);
    }
}
