//! `apply` and `one`.

use super::Site;

#[test]
fn a_job_runs_over_ssh_and_leaves_nothing() {
    let site = Site::new();
    let ran = site.run(&["apply", "a.cfg", "--run-command", "echo \"at $POGO_HOST\"", "--output-dir", "out"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let read = |name: &str| std::fs::read_to_string(site.home.path().join("out").join(name)).unwrap();
    assert_eq!(
        (read("pogo-a.stdout").as_str(), read("pogo-b.stdout").as_str()),
        ("at pogo-a\n", "at pogo-b\n")
    );
    assert_eq!((site.left(), ran.stderr.as_str()), (0, ""));
    assert!(!site.farm.home().join(".cache/pogo").exists());
}

#[test]
fn flags_say_how_hosts_are_reached() {
    let site = Site::new();
    let server = site.farm.listen("");
    let port = server.port().to_string();
    site.write("b.cfg", "tag: {all: [127.0.0.1]}\n");
    let common = ["apply", "b.cfg", "--run-command", "true", "--quiet"];
    let key = site.farm.path("user_key").display().to_string();
    let flags = ["--ssh-port", &port, "--ssh-identity", &key, "--ssh-option", "Compression=yes"];
    let ran = site.run(&[&common[..], &flags[..]].concat());
    assert_eq!(ran.code, 0, "{ran:?}\n{}", server.log());
    // Through another host, which opens the connection.
    let ran = site.run(&[&common[..], &["--ssh-port", &port, "--ssh-jump", "pogo-gate"]].concat());
    assert_eq!(ran.code, 0, "{ran:?}\n{}", server.log());
    let log = std::fs::read_to_string(site.farm.path("sshd.log")).unwrap();
    assert!(log.contains("Accepted publickey"), "nobody came through the jump host: {log}");
    for (wrong, words) in [
        (["--ssh-port", "70000"], "--ssh-port"),
        (["--known-hosts", "sometimes"], "--known-hosts"),
        (["--ssh-option", "ControlPath=/tmp/x"], "pogo shares connections by itself"),
        (["--ssh-identity", "-oProxyCommand=x"], "begins with `-`"),
    ] {
        let wrong: Vec<String> = vec![format!("{}={}", wrong[0], wrong[1])];
        let ran = site.run(&[&common[..], &[&wrong[0]]].concat());
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.stderr.contains(words), "{ran:?}");
    }
}

#[test]
fn one_says_two_lines_for_each_host() {
    let site = Site::new();
    let one = |command| {
        site.run(&["one", "--config", "a.cfg", "--targets", "pogo-a,pogo-b", "--run-command", command])
    };
    let ran = one("date");
    assert_eq!(
        (ran.code, ran.stdout.as_str(), ran.stderr.as_str()),
        (0, "pogo-b: Running target\npogo-b: Success\npogo-a: Running target\npogo-a: Success\n", "")
    );
    let ran = one("echo because >&2; exit 3");
    assert_eq!(
        (ran.code, ran.stdout.as_str(), ran.stderr.as_str()),
        (1, "pogo-b: Running target\npogo-b: Failed (exit 3)\npogo-a: Not run\n", "pogo-b: because\n")
    );
    let ran = site.run(&[
        "one",
        "--config",
        "a.cfg",
        "--targets",
        "pogo-b",
        "--run-command",
        "true",
        "--ssh-option",
        "ProxyCommand=false",
    ]);
    assert_eq!((ran.code, ran.stdout.as_str()), (1, "pogo-b: Failed (unreachable)\n"), "{ran:?}");
    assert!(ran.stderr.starts_with("pogo-b: pogo: cannot reach pogo-b"), "{ran:?}");
    assert_eq!(site.left(), 0);
}

#[test]
fn a_dry_run_says_how_hosts_would_be_reached_and_reaches_none() {
    let site = Site::new();
    let ran = site.run(&[
        "apply",
        "a.cfg",
        "--run-command",
        "true",
        "--dry-run",
        "--ssh-jump",
        "gate",
        "--user",
        "deploy",
    ]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.contains("Hosts are reached over ssh as deploy through gate; "), "{ran:?}");
    assert!(!site.farm.path("sshd.log").exists());
}
