//! The promises of a plan, over connections that break and servers that are killed, from the log of the commands.

use super::lost::loses_its_sshd;
use super::{Site, log_holds, until};

/// The hosts of a group.
fn hosts(name: &str, n: usize) -> Vec<String> {
    (1..=n).map(|at| format!("pogo-{name}{at}")).collect()
}

fn place(log: &[String], line: &str) -> Option<usize> {
    log.iter().position(|it| it == line)
}

#[test]
fn limits_and_order_hold_while_servers_are_killed() {
    let site = Site::new();
    let head = "tag:\n  role: {web: ['pogo-w[1-8]'], db: ['pogo-d[1-6]']}\nsequence:\n  web: ['pogo-w[1-4]', 'pogo-w[5-8]']\n  \
                db: ['pogo-d[1-3]', 'pogo-d[4-6]']\nconstraint:\n  $role.web: {max_parallel: 3}\n  $role.db: {max_parallel: 2}";
    // One of each group loses its server while it runs, and one fails.
    let gate = site.gates(&["pogo-w2", "pogo-d2"]);
    let work =
        format!("case $POGO_HOST in pogo-w2|pogo-d2) {};; pogo-w3) exit 3;; esac", loses_its_sshd(&gate));
    site.spec_with(head, &work, "  on_failure: continue");
    let ran = site.apply(&[]);
    let bad = [("pogo-w2", "unknown"), ("pogo-d2", "unknown"), ("pogo-w3", "failed")];
    for (host, state) in bad {
        assert_eq!(ran.state(host), state, "{ran:?}");
    }
    assert_eq!((ran.code, ran.counts().get("succeeded")), (1, Some(&11)), "{ran:?}");
    site.open_gate("gate-pogo-w2");
    site.open_gate("gate-pogo-d2");
    until("what lost its server to end", || {
        site.has_logged("end pogo-w2 1") && site.has_logged("end pogo-d2 1")
    });
    let log = site.log();
    let bad: Vec<String> = bad.iter().map(|(host, _)| (*host).to_owned()).collect();
    log_holds(&log, &hosts("w", 8), &bad, 3);
    log_holds(&log, &hosts("d", 6), &bad, 2);
    for (before, after) in [(1..=4, 5..=8)] {
        for (first, then) in before.flat_map(|first| after.clone().map(move |then| (first, then))) {
            let start = place(&log, &format!("start pogo-w{then} 1")).unwrap();
            // What is unknown or failed counts as done here, by `on_failure: continue`; it has at least started.
            let done = if first == 2 || first == 3 { "start" } else { "end" };
            assert!(place(&log, &format!("{done} pogo-w{first} 1")).unwrap() < start, "{log:?}");
        }
    }
    for host in hosts("w", 8).iter().chain(&hosts("d", 6)) {
        assert_eq!(
            log.iter().filter(|line| **line == format!("start {host} 1")).count(),
            1,
            "{host}: {log:?}"
        );
    }
    assert_eq!(log.iter().filter(|line| line.starts_with("start")).count(), 14);
}

#[test]
fn hosts_of_unknown_state_use_up_a_limit() {
    let site = Site::new();
    let head = "tag: {all: ['pogo-[1-6]']}\nconstraint: {$all: {max_parallel: 2}}";
    let gate = site.gates(&["pogo-1", "pogo-2"]);
    site.spec_with(head, &format!("case $POGO_HOST in pogo-[12]) {};; esac", loses_its_sshd(&gate)), "");
    let ran = site.apply(&[]);
    assert_eq!((ran.code, ran.summary["state"].as_str().unwrap()), (1, "blocked"), "{ran:?}");
    assert_eq!(ran.counts(), [("unknown", 2), ("waiting", 4)].into(), "{ran:?}");
    site.open_gate("gate-pogo-1");
    site.open_gate("gate-pogo-2");
    until("what lost its server to end", || site.log().len() == 4);
    // Their commands have ended, which nobody has seen.
    assert!(!site.log().iter().any(|line| line.contains("pogo-3")), "{:?}", site.log());
}

#[test]
fn a_failing_host_holds_up_what_comes_after_it() {
    let site = Site::new();
    let gate = site.gates(&["pogo-2"]);
    site.spec_with(
        "tag: {all: ['pogo-[1-3]']}\nsequence: {line: [pogo-1, pogo-2, pogo-3]}",
        &format!("case $POGO_HOST in *2) {};; esac", loses_its_sshd(&gate)),
        "",
    );
    let ran = site.apply(&[]);
    let states = [1, 2, 3].map(|n| ran.state(&format!("pogo-{n}")).to_owned());
    assert_eq!(states, ["succeeded", "unknown", "waiting"], "{ran:?}");
    site.open_gate("gate-pogo-2");
    until("what lost its server to end", || site.has_logged("end pogo-2 1"));
    assert_eq!(site.log(), ["start pogo-1 1", "end pogo-1 1", "start pogo-2 1", "end pogo-2 1"]);
}

#[test]
fn retries_are_counted_and_never_overlap() {
    let site = Site::new();
    let head = "tag: {all: ['pogo-[1-6]']}\nconstraint: {$all: {max_parallel: 2}}";
    let retry = "  retry: {attempts: 4, backoff: 1ms, retry_on: [exit]}";
    site.spec_with(head, "[ $POGO_ATTEMPT -ge 3 ]", retry);
    let ran = site.apply(&["--output-dir", "out"]);
    ran.all("succeeded", 6);
    let log = site.log();
    for host in (1..=6).map(|n| format!("pogo-{n}")) {
        let of: Vec<&String> = log.iter().filter(|line| line.contains(&host)).collect();
        assert_eq!(
            of,
            [
                &format!("start {host} 1"),
                &format!("start {host} 2"),
                &format!("start {host} 3"),
                &format!("end {host} 3")
            ]
        );
    }
    log_holds(&log, &hosts("", 6), &[], 2);
    site.is_clean();
}

#[test]
fn events_of_a_run_over_ssh_replay() {
    let site = Site::new();
    let head = "tag: {all: ['pogo-[1-5]']}\nsequence: {s: ['pogo-[1-3]', 'pogo-[4-5]']}\nconstraint: {$all: {max_parallel: 2}}";
    site.spec_with(head, "true", "");
    let output = site.command(&["compile", "a.cfg", "-o", "plan.json"]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let ran = site.apply(&["--events", "events"]);
    ran.all("succeeded", 5);
    let output = site.command(&["replay", "events", "--plan", "plan.json", "--quiet"]).output().unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).contains("Every promise was kept"), "{output:?}");
}
