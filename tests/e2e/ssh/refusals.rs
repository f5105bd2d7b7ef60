//! Hosts that cannot be reached: each ends as `unreachable`, with words that say what happened and what to do, and without
//! anything of its command having run.

use std::fs;
use std::net::TcpListener;

use super::site::{Ran, has, is_root};
use super::{Server, Site, can};

/// What an attempt on the host said on standard error.
pub(super) fn said(site: &Site, host: &str) -> String {
    site.read(&format!("out/{host}.stderr"))
}

/// Runs a command that logs on one host, which must not be reached, and gives what was said.
fn refused(site: &Site, host: &str, job: &str) -> (Ran, String) {
    site.spec(host, "true", job);
    let ran = site.apply(&["--output-dir", "out"]);
    assert_eq!((ran.state(host), ran.code), ("unreachable", 1), "{ran:?}");
    assert_eq!(site.log(), Vec::<String>::new(), "something has run");
    site.is_clean();
    let words = said(site, host);
    assert!(words.starts_with("pogo: "), "{words:?} {ran:?}");
    (ran, words)
}

#[track_caller]
fn says(words: &str, all: &[&str]) {
    for wanted in all {
        assert!(words.to_lowercase().contains(wanted), "{wanted}: {words}");
    }
}

#[test]
fn a_name_that_nobody_knows() {
    let site = Site::new();
    let (_, words) = refused(&site, "nowhere.invalid", "");
    says(&words, &["name", "nowhere.invalid"]);
}

#[test]
fn a_port_where_nobody_listens() {
    let site = Site::new();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    site.configure(&format!("Host odd*\n  HostName 127.0.0.1\n  Port {port}\n"));
    let (_, words) = refused(&site, "odd1", "");
    says(&words, &["refused"]);
}

#[test]
fn an_address_without_a_way_to_it() {
    if !can(is_root() && has("unshare") && has("ip"), "root, unshare and ip") {
        return;
    }
    let site = Site::new();
    site.configure("Host odd*\n  HostName 192.0.2.77\n");
    site.spec("odd1", "true", "");
    let enter = [
        "unshare",
        "-n",
        "sh",
        "-c",
        "ip link set lo up; ip route add unreachable 192.0.2.0/24; exec \"$0\" \"$@\"",
    ];
    let ran = site.apply_by(&enter, &["--output-dir", "out"]);
    assert_eq!(ran.state("odd1"), "unreachable", "{ran:?}");
    says(&said(&site, "odd1"), &["no route", "odd1"]);
    site.is_clean();
}

#[test]
fn an_address_that_does_not_answer() {
    if !can(is_root() && has("unshare") && has("ip"), "root, unshare and ip") {
        return;
    }
    let site = Site::new();
    site.configure("Host odd*\n  HostName 192.0.2.77\n");
    site.spec("odd1", "true", "  connect_timeout: 1s");
    // What is sent there goes nowhere, and nobody says so.
    let by = [
        "unshare",
        "-n",
        "sh",
        "-c",
        "ip link set lo up; ip route add 192.0.2.0/24 dev lo; exec \"$0\" \"$@\"",
    ];
    let ran = site.apply_by(&by, &["--output-dir", "out"]);
    assert_eq!(ran.state("odd1"), "unreachable", "{ran:?}");
    says(&said(&site, "odd1"), &["no answer", "odd1", "connect_timeout"]);
    site.is_clean();
}

#[test]
fn a_key_that_the_host_does_not_take() {
    let site = Site::new();
    site.farm.key("other_key", "");
    fs::copy(site.file("other_key"), site.file("user_key")).unwrap();
    fs::remove_file(site.file("user_key.pub")).unwrap();
    let (_, words) = refused(&site, "pogo-1", "");
    says(&words, &["permission denied", "publickey"]);
}

#[test]
fn a_host_whose_key_is_unknown_or_another_than_before() {
    let site = Site::new();
    site.farm.key("other_key", "");
    let other = site.read("other_key.pub");
    let other = other.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
    site.farm.write("known_hosts", &format!("pogo-3 {}\npogo-2 {other}\n", site.farm.host_key()));
    site.spec("pogo-[1-3]", "true", "");
    let ran = site.apply(&["--output-dir", "out"]);
    let states = [1, 2, 3].map(|n| ran.state(&format!("pogo-{n}")).to_owned());
    assert_eq!(states, ["unreachable", "unreachable", "succeeded"], "{ran:?}");
    says(&said(&site, "pogo-1"), &["key", "not on record", "pogo trust"]);
    says(&said(&site, "pogo-2"), &["key", "changed"]);
    assert_eq!(site.log(), ["start pogo-3 1", "end pogo-3 1"]);
    // Both in one message at the end, with what to do.
    says(&ran.stderr, &["pogo-1", "pogo-2", "pogo trust"]);
    assert!(!ran.stderr.contains("pogo-3"), "{}", ran.stderr);
    let known = site.read("known_hosts");
    assert!(!known.contains("pogo-1 "), "nothing is trusted on the way: {known}");
    site.is_clean();
}

#[test]
fn servers_that_give_no_connection() {
    let all: &[(&[&str], &[&str])] = &[
        (&["--refuse", "1"], &["hung up"]),
        (&["--kex-close", "1"], &["hung up"]),
        (&["--silent"], &["time"]),
        (&["--garbage"], &["ssh"]),
        (&["--preface", "1000000"], &["ssh"]),
        (&["--deny"], &["permission denied"]),
        (&["--sessions", "0"], &["session"]),
    ];
    for (options, words) in all {
        let site = Site::new();
        let Some(server) = Server::start(&site, options) else { return };
        let (ran, said) = refused(&site, "odd1", "  connect_timeout: 2s");
        assert!(words.iter().all(|word| said.to_lowercase().contains(word)), "{options:?}: {said} {ran:?}");
        server.has_misbehaved(options[0].trim_start_matches("--"));
    }
}

#[test]
fn servers_that_run_something_else_than_the_command() {
    for options in [
        ["--exit", "255"],
        ["--exit", "127"],
        ["--exit", "0"],
        ["--signal", "KILL"],
        ["--no-status", "--seed=1"],
    ] {
        let site = Site::new();
        let Some(server) = Server::start(&site, &options) else { return };
        let (_, words) = refused(&site, "odd1", "  connect_timeout: 5s");
        assert!(words.len() > "pogo: \n".len(), "{options:?}");
        server.has_misbehaved(options[0].trim_start_matches("--"));
    }
}

#[test]
fn what_is_refused_at_first_is_tried_again() {
    for options in [["--refuse", "1"], ["--kex-close", "1"]] {
        let site = Site::new();
        let Some(server) = Server::start(&site, &[options[0], options[1], "--times", "2"]) else { return };
        site.spec("odd1", "true", "  connect_timeout: 30s");
        let ran = site.apply(&[]);
        ran.all("succeeded", 1);
        assert_eq!(ran.host("odd1")["attempts"], 1, "it is one attempt: {ran:?}");
        assert_eq!(server.said("connected"), 3, "two were refused");
    }
}

#[test]
fn a_login_banner_of_a_megabyte() {
    let site = Site::new();
    let Some(server) = Server::start(&site, &["--banner", "1000000"]) else { return };
    site.spec("odd1", "echo hi", "");
    let ran = site.apply(&["--output-dir", "out"]);
    ran.all("succeeded", 1);
    assert_eq!(site.read("out/odd1.stdout"), "hi\n");
    assert!(said(&site, "odd1").len() < 100_000, "nobody wants to read all of it");
    server.has_misbehaved("banner");
}

#[test]
fn a_banner_of_a_megabyte_from_a_real_server() {
    let site = Site::new();
    site.farm.write("banner", &("x".repeat(99) + "\n").repeat(10_000));
    let line = format!("Banner {}\n", site.file("banner").display());
    site.configure(&super::endings::another(&site, "pogo-*", &line, ""));
    site.spec("pogo-1", "true", "  connect_timeout: 10s");
    let ran = site.apply(&["--output-dir", "out"]);
    // The plain client does not bear it either: whatever becomes of it, it is told, and nothing is left.
    assert!(["unreachable", "succeeded"].contains(&ran.state("pogo-1")), "{ran:?}");
    if ran.state("pogo-1") == "unreachable" {
        assert!(said(&site, "pogo-1").starts_with("pogo: "), "{ran:?}");
        assert_eq!(site.log(), Vec::<String>::new());
    }
    site.is_clean();
}

#[test]
fn noise_before_the_command_is_not_its_output() {
    let site = Site::new();
    let Some(_server) = Server::start(&site, &["--noise", "You have mail.\nno end of line"]) else { return };
    site.spec("odd1", "echo out; echo err >&2", "");
    let ran = site.apply(&["--output-dir", "out"]);
    ran.all("succeeded", 1);
    assert_eq!((site.read("out/odd1.stdout"), said(&site, "odd1")), ("out\n".to_owned(), "err\n".to_owned()));
}

#[test]
fn a_slow_line_is_only_slow() {
    let site = Site::new();
    let Some(_server) = Server::start(&site, &["--delay", "0.2"]) else { return };
    site.spec("odd[1-4]", "echo hi", "  connect_timeout: 30s");
    let ran = site.apply(&["--output-dir", "out"]);
    ran.all("succeeded", 4);
    assert_eq!(site.read("out/odd3.stdout"), "hi\n");
}

#[test]
fn an_option_for_a_name_is_refused_before_anything_starts() {
    let site = Site::new();
    site.spec("-oProxyCommand=touch", "true", "");
    let output = site.command(&["apply", "a.cfg"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
}
