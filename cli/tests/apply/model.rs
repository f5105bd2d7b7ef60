//! Small specs against a model of how they must end. The model knows the rules of the language and nothing of pogo.

use std::collections::{BTreeMap, BTreeSet};

use super::states;
use crate::Home;

/// Numbers that are the same every time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % n
    }

    fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }
}

/// A spec as data.
#[derive(Debug)]
struct Case {
    /// Threads of slots of hosts.
    threads: Vec<Vec<Vec<String>>>,
    /// A limit on the hosts of each slot, by thread and slot.
    limits: BTreeMap<(usize, usize), usize>,
    failing: BTreeSet<String>,
    goes_on: bool,
}

impl Case {
    fn new(seed: u64) -> Self {
        let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) + 1);
        let (mut threads, mut number) = (Vec::new(), 0);
        for _ in 0..=dice.below(3) {
            let mut slots = Vec::new();
            for _ in 0..=dice.below(3) {
                let mut hosts = Vec::new();
                for _ in 0..=dice.below(3) {
                    number += 1;
                    hosts.push(format!("h{number}"));
                }
                slots.push(hosts);
            }
            threads.push(slots);
        }
        // A host in two threads waits for both: the first host of the first thread ends the last thread too.
        if threads.len() > 1 && dice.percent(50) {
            let shared = threads[0][0][0].clone();
            threads.last_mut().unwrap().last_mut().unwrap().push(shared);
        }
        let all: BTreeSet<String> = threads.iter().flatten().flatten().cloned().collect();
        let failing: BTreeSet<String> = all.into_iter().filter(|_| dice.percent(12)).collect();
        let mut limits = BTreeMap::new();
        for (t, slots) in threads.iter().enumerate() {
            for (s, hosts) in slots.iter().enumerate() {
                // With more places than hosts that fail, who fails holds up nobody: the end does not depend on chance.
                let n_failing = hosts.iter().filter(|host| failing.contains(*host)).count();
                if dice.percent(60) && n_failing < hosts.len() {
                    limits.insert((t, s), n_failing + 1 + dice.below(hosts.len() - n_failing));
                }
            }
        }
        Self { threads, limits, failing, goes_on: dice.percent(40) }
    }

    fn head(&self) -> String {
        let (mut tags, mut text) = (String::new(), String::new());
        for (t, slots) in self.threads.iter().enumerate() {
            text.push_str(&format!("  t{t}:\n"));
            for (s, hosts) in slots.iter().enumerate() {
                tags.push_str(&format!("  g{t}_{s}: [{}]\n", hosts.join(", ")));
                text.push_str(&format!("    - $g{t}_{s}\n"));
            }
        }
        text = format!("tag:\n{tags}sequence:\n{text}");
        if !self.limits.is_empty() {
            text.push_str("constraint:\n");
        }
        for ((t, s), most) in &self.limits {
            text.push_str(&format!("  $g{t}_{s}: {{max_parallel: {most}}}\n"));
        }
        text
    }

    /// The hosts that run: all before them, in every thread, are done.
    fn runs(&self) -> BTreeSet<&str> {
        let mut runs: BTreeSet<&str> = self.threads.iter().flatten().flatten().map(String::as_str).collect();
        loop {
            let before = runs.len();
            let is_done = |runs: &BTreeSet<&str>, host: &String| {
                runs.contains(host.as_str()) && (self.goes_on || !self.failing.contains(host))
            };
            for slots in &self.threads {
                for (at, hosts) in slots.iter().enumerate() {
                    if slots[..at].iter().flatten().any(|host| !is_done(&runs, host)) {
                        for host in hosts {
                            runs.remove(host.as_str());
                        }
                    }
                }
            }
            if runs.len() == before {
                return runs;
            }
        }
    }

    fn check(&self, seed: u64) {
        let home = Home::new();
        let failing: Vec<&str> = self.failing.iter().map(String::as_str).collect();
        let work = format!("case \" {} \" in *\" $POGO_HOST \"*) exit 3;; esac", failing.join(" "));
        let job = if self.goes_on { "  on_failure: continue" } else { "" };
        home.spec(&self.head(), &work, job);
        let at = format!("seed {seed}: {}", home.read("a.cfg"));
        let plan = home.run(&["compile", "a.cfg", "-o", "plan.json"]);
        assert_eq!(plan.code, 0, "{at}{plan:?}");
        let (code, summary) = home.summary(&["--events", "events"]);

        let runs = self.runs();
        let expected: BTreeMap<String, String> = self
            .threads
            .iter()
            .flatten()
            .flatten()
            .map(|host| {
                let state = match (runs.contains(host.as_str()), self.failing.contains(host)) {
                    (false, _) => "waiting",
                    (true, true) => "failed",
                    (true, false) => "succeeded",
                };
                (host.clone(), state.to_owned())
            })
            .collect();
        assert_eq!(states(&summary), expected, "{at}");
        let any = |state: &str| expected.values().any(|it| it == state);
        let (job, number) = match (any("waiting"), any("failed")) {
            (true, _) => ("blocked", 1),
            (false, true) => ("failed", 1),
            (false, false) => ("succeeded", 0),
        };
        assert_eq!((summary["state"].as_str().unwrap(), code), (job, number), "{at}");

        let log = home.log();
        let place = |what: &str, host: &str| {
            let line = format!("{what} {host} 1");
            let places: Vec<usize> =
                log.iter().enumerate().filter(|(_, it)| **it == line).map(|(at, _)| at).collect();
            assert!(places.len() < 2, "{line} twice: {at}{log:?}");
            places.first().copied()
        };
        for host in expected.keys() {
            assert_eq!(place("start", host).is_some(), runs.contains(host.as_str()), "{host}: {at}{log:?}");
        }
        for slots in &self.threads {
            for (at_slot, hosts) in slots.iter().enumerate() {
                for before in slots[..at_slot].iter().flatten() {
                    for host in hosts {
                        if let (Some(end), Some(start)) = (place("end", before), place("start", host)) {
                            assert!(end < start, "{host} before {before}: {at}{log:?}");
                        }
                    }
                }
            }
        }
        for ((t, s), most) in &self.limits {
            let mut out = BTreeSet::new();
            for line in &log {
                let words: Vec<&str> = line.split(' ').collect();
                if self.threads[*t][*s].iter().any(|host| host == words[1]) {
                    let _ = if words[0] == "start" { out.insert(words[1]) } else { out.remove(words[1]) };
                    assert!(out.len() <= *most, "{out:?}: {at}{log:?}");
                }
            }
        }
        let replayed = home.run(&["replay", "events", "--plan", "plan.json", "--quiet"]);
        assert_eq!(replayed.code, 0, "{at}{replayed:?}");
        assert!(replayed.stdout.contains("Every promise was kept"), "{at}{replayed:?}");
    }
}

#[test]
fn the_model_is_not_trivial() {
    let cases: Vec<Case> = (0..40).map(Case::new).collect();
    let n = |wanted: &dyn Fn(&Case) -> bool| cases.iter().filter(|case| wanted(case)).count();
    let n_hosts = |case: &Case| case.threads.iter().flatten().flatten().collect::<BTreeSet<_>>().len();
    let blocked = n(&|case| case.runs().len() < n_hosts(case));
    let failed = n(&|case| !case.failing.is_empty());
    let limited = n(&|case| !case.limits.is_empty());
    assert!(blocked > 5 && failed > 15 && limited > 25, "{blocked} {failed} {limited}");
}

#[test]
fn forty_specs_end_as_the_model_says() {
    for seed in 0..40 {
        Case::new(seed).check(seed);
    }
}

#[test]
fn a_limit_holds_while_its_hosts_are_out() {
    let home = Home::new();
    for host in 1..=4 {
        home.gate(&format!("h{host}"));
    }
    home.spec("tag: {all: ['h[1-4]']}\nconstraint: {$all: {max_parallel: 2}}", "read go < $POGO_HOST", "");
    let mut run = home.start(&[]);
    let mut running = BTreeSet::new();
    let next = |run: &mut super::Running, running: &mut BTreeSet<String>| {
        let event = run.wait_for("attempt_started", &[]);
        running.insert(event["host"].as_str().unwrap().to_owned());
    };
    next(&mut run, &mut running);
    next(&mut run, &mut running);
    for _ in 0..2 {
        // Nobody starts before one of the two comes back: what starts next is seen only after its gate was opened.
        let free = running.pop_first().unwrap();
        home.open_gate(&free);
        run.wait_for("host_state", &[("host", &free), ("state", "succeeded")]);
        next(&mut run, &mut running);
        assert_eq!(running.len(), 2);
    }
    for host in running {
        home.open_gate(&host);
    }
    assert_eq!(run.end().code, 0);
    let (mut out, mut most) = (0_i32, 0);
    for line in home.log() {
        out += if line.starts_with("start") { 1 } else { -1 };
        most = most.max(out);
    }
    assert_eq!((out, most), (0, 2), "both places were used, and no third");
}

#[test]
fn a_failed_host_keeps_its_place_in_a_limit() {
    let home = Home::new();
    let head = "tag: {all: ['h[1-3]']}\nconstraint: {$all: {max_parallel: 1}}";
    home.spec(head, "[ $POGO_HOST != h2 ]", "");
    let (code, summary) = home.summary(&[]);
    assert_eq!((code, summary["state"].as_str().unwrap()), (1, "blocked"));
    let states = states(&summary);
    let expected = [("h1", "succeeded"), ("h2", "failed"), ("h3", "waiting")];
    assert_eq!(states, expected.map(|(host, state)| (host.to_owned(), state.to_owned())).into());
    assert_eq!(summary["blocked_by"][0]["host"], "h2");
    assert_eq!(summary["blocked_by"][0]["limit"], "$all");
    assert_eq!(home.log(), ["start h1 1", "end h1 1", "start h2 1"]);
    // On a store of its own: the first run's h2 is out of service.
    let text = home.apply(&["a.cfg", "--quiet", "--store", "other"]).stdout;
    assert!(text.contains("h3 waits for a place in $all (1 of 1 out of service)"), "{text}");
    assert!(text.contains("h2 failed: exit status 1"), "{text}");
}

#[test]
fn thresholds_halt() {
    let home = Home::new();
    let head = "tag: {all: ['h[1-3]']}\nsequence: {t: [h1, h2, h3]}";
    for job in ["  on_failure: halt", "  on_failure: continue\n  max_failures: 0"] {
        home.spec(head, "[ $POGO_HOST != h1 ]", job);
        let (code, summary) = home.summary(&[]);
        assert_eq!((code, summary["state"].as_str().unwrap()), (4, "halted"), "{job}");
        assert_eq!(summary["counts"], serde_json::json!({"failed": 1, "cancelled": 2}), "{job}");
    }
    let cause = home.summary(&[]).1["reason"]["cause"].clone();
    assert_eq!(cause, "max_failures");
}

#[test]
fn retries_count_on_and_keep_each_output() {
    let home = Home::new();
    let retry = "  retry: {attempts: 2, backoff: 1ms, retry_on: [exit]}";
    home.spec(
        "tag: {all: ['h[1-2]']}",
        "echo attempt $POGO_ATTEMPT\n[ $POGO_ATTEMPT = 3 ] || [ $POGO_HOST = h2 ]",
        retry,
    );
    let (code, summary) = home.summary(&["--output-dir", "out"]);
    assert_eq!(code, 0, "{summary}");
    let attempts: Vec<u64> =
        summary["hosts"].as_array().unwrap().iter().map(|host| host["attempts"].as_u64().unwrap()).collect();
    assert_eq!(attempts, [3, 1]);
    let texts = ["h1~1.stdout", "h1~2.stdout", "h1.stdout", "h2.stdout"]
        .map(|name| home.read(&format!("out/{name}")));
    assert_eq!(texts, ["attempt 1\n", "attempt 2\n", "attempt 3\n", "attempt 1\n"]);
    assert_eq!(home.log().iter().filter(|line| line.starts_with("start h1")).count(), 3);
}

#[test]
fn a_deadline_and_a_signal_are_told_apart() {
    let home = Home::new();
    home.gate("never");
    let work = "case $POGO_HOST in h1) read go < never;; h2) kill -9 $$;; esac";
    home.spec("tag: {all: ['h[1-3]']}", work, "");
    let (code, summary) = home.summary(&["--timeout", "300ms"]);
    assert_eq!(code, 1);
    let host = |at: usize| summary["hosts"][at].clone();
    assert_eq!(host(0)["state"], "timed_out");
    assert_eq!((&host(1)["state"], &host(1)["exit"]), (&"failed".into(), &serde_json::json!({"signal": 9})));
    assert_eq!(host(2)["state"], "succeeded");
}
