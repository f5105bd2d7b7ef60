//! What each verb says of a job that has ended.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::refused;
use crate::Home;

#[test]
fn a_blocked_job_says_what_can_be_done_about_it() {
    let home = Home::blocked();
    let job = home.last_job();
    let status = home.run(&["status"]);
    assert_eq!((status.code, status.stderr.as_str()), (0, ""));
    for words in [
        format!("job {job} blocked: apply a.cfg"),
        "2 succeeded, 1 bad, 1 waiting of 4 hosts".to_owned(),
        "h3 failed".to_owned(),
        format!("  pogo retry {job}"),
        format!("  pogo skip {job} h3 --reason"),
        format!("  pogo resume {job}"),
    ] {
        assert!(status.stdout.contains(&words), "{words}: {}", status.stdout);
    }
    // The beginning of an id is enough.
    assert_eq!(home.run(&["status", &job[..5]]).stdout.lines().next(), status.stdout.lines().next());
    let list = home.run(&["jobs"]).stdout;
    assert!(list.lines().nth(1).unwrap().starts_with(&format!("{job}  blocked")), "{list}");
    assert_eq!(home.run(&["jobs", "--state", "succeeded"]).stdout, "no jobs\n");
    assert_eq!(home.json(&["jobs", "--state", "blocked", "--namespace", "default"])["jobs"][0]["job"], job);
    let out = home.run(&["out"]).stdout;
    assert!(out.contains("h3") && out.contains(&job) && !out.contains("h2"), "{out}");
}

#[test]
fn a_job_goes_on_by_retry_and_by_skip() {
    let home = Home::blocked();
    refused(&home.pogo(&["retry", "last", "h2"]), "the host has succeeded");
    home.write("bad", "");
    let retried = home.pogo(&["retry", "last", "h3", "--reason", "mended", "--events", "events"]);
    assert_eq!(retried.code, 0, "{retried:?}");
    assert!(retried.stdout.contains("h3 running, attempt 2"), "{retried:?}");
    assert!(!retried.stdout.contains("h1 succeeded ("), "what was known is no news: {retried:?}");
    assert!(retried.stdout.contains(": 4 succeeded of 4 hosts"), "{retried:?}");
    assert_eq!(home.log().iter().filter(|line| line.starts_with("start h1")).count(), 1);
    // Its events are of this part of the job: they tell how the hosts stood, and begin anew.
    assert_eq!(home.run(&["compile", "a.cfg", "-o", "plan.json"]).code, 0);
    let replayed = home.run(&["replay", "events", "--plan", "plan.json"]);
    assert!(replayed.code == 0 && replayed.stdout.contains("was taken up again"), "{replayed:?}");
    refused(&home.pogo(&["resume", "last"]), "nothing is left to do");
    assert!(home.run(&["log"]).stdout.contains("said: run it again: mended"));

    let home = Home::blocked();
    let skipped = home.run(&["skip", "last", "h3", "--reason", "its disk is gone"]);
    assert_eq!(skipped.code, 0, "{skipped:?}");
    let status = home.run(&["status"]).stdout;
    assert!(status.contains("pogo resume") && !status.contains("pogo skip"), "{status}");
    assert_eq!(home.pogo(&["resume", "last", "--quiet"]).code, 1);
    assert_eq!(home.state(), "failed");
    assert_eq!(home.log().last().unwrap(), "end h4 1");
    assert!(home.run(&["log", "last", "h3"]).stdout.contains("skip it: its disk is gone"));
    // It stays out of service until somebody says that it is well.
    assert_eq!(home.json(&["out"])["hosts"][0]["host"], "h3");
    refused(&home.run(&["release", "h2", "--reason", "x"]), "not out of service");
    let released = home.run(&["release", "h3", "--reason", "new disk"]);
    assert_eq!((released.code, released.stdout.as_str()), (0, "h3: in service\n"));
    assert_eq!(home.run(&["out"]).stdout, "every host is in service\n");
    assert!(home.run(&["log"]).stdout.contains("released it: new disk"));
}

#[test]
fn what_is_skipped_already_is_not_to_be_skipped_again() {
    let home = Home::new();
    home.spec(super::THREE, super::FAILS, "");
    home.write("bad", "h2\nh3\n");
    let first = home.apply(&["a.cfg"]).stdout;
    assert!(first.contains(" 'h[2-3]' --reason"), "{first}");
    assert_eq!(home.run(&["skip", "last", "h3", "--reason", "no disk"]).code, 0);
    let again = home.pogo(&["resume", "last"]).stdout;
    assert!(again.contains("  pogo skip ") && again.contains(" h2 --reason"), "{again}");
    assert!(!again.contains("'h[2-3]' --reason"), "{again}");
}

#[test]
fn output_is_kept() {
    let home = Home::blocked();
    let ran = home.run(&["output", "last", "h1"]);
    assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (0, "up h1\n", "oh\n"));
    let ran = home.run(&["output", "last", "h1", "--stream", "stderr"]);
    assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (0, "oh\n", ""));
    let ran = home.run(&["output", "last", "h4"]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("has not begun on `h4`"), "{ran:?}");
    assert_eq!(home.run(&["output", "last", "h1", "--attempt", "2"]).code, 2);
    let ran = home.run(&["output", "last", "h9"]);
    assert!(ran.code == 2 && ran.stderr.contains("`h9` is no target of job"), "{ran:?}");
    assert_eq!(
        home.json(&["output", "last", "h1"])["stdout"],
        json!({"text": "up h1\n", "dropped_bytes": 0})
    );
}

#[test]
fn what_makes_no_sense_is_refused_with_a_reason() {
    let home = Home::blocked();
    refused(&home.run(&["halt", "last"]), "the job is blocked");
    refused(&home.run(&["stop", "last", "h3"]), "nobody runs job");
    refused(&home.run(&["skip", "last", "h1", "--reason", "x"]), "the host has succeeded");
    refused(
        &home.run(&["decide", "last", "h1", "--as", "failed", "--reason", "x"]),
        "the host has succeeded",
    );
    for (args, words) in [
        (&["status", "zzzzzzzz"][..], "there is no job `zzzzzzzz`"),
        (&["skip", "last", "h9", "--reason", "x"], "`h9` is no target of job"),
        (&["alter", "last", "--set", "commend=x"], "`commend` cannot be changed"),
        (&["alter", "last", "--set", "concurrent=0"], "`concurrent` is a number of hosts from 1"),
        (&["skip", "last", "h3"], "--reason"),
    ] {
        let ran = home.run(args);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{args:?}");
        assert!(ran.stderr.contains(words), "{args:?}: {ran:?}");
    }
    let altered = home.run(&["alter", "last", "--set", "on_failure=continue", "--set", "job.concurrent=50%"]);
    assert_eq!(altered.code, 0, "{altered:?}");
    // A failure counts as done from now on.
    assert_eq!(home.pogo(&["resume", "last", "--quiet"]).code, 1);
    assert_eq!(home.state(), "failed");
}

#[test]
fn old_jobs_are_deleted_but_not_what_holds_a_host_out() {
    let home = Home::blocked();
    let job = home.last_job();
    let dry = home.run(&["prune", "--older-than", "1ms", "--dry-run"]);
    assert!(dry.code == 0 && dry.stdout.contains("0 jobs would be deleted"), "{dry:?}");
    let kept = home.run(&["prune", "--older-than", "1ms"]);
    assert!(kept.stdout.contains(&format!("out of service: {job}")), "{kept:?}");
    assert_eq!(home.run(&["release", "h3", "--reason", "x"]).code, 0);
    let dry = home.run(&["prune", "--older-than", "1ms", "--dry-run"]);
    assert_eq!(dry.stdout, format!("{job}\n1 job would be deleted\n"));
    assert_eq!(home.run(&["prune", "--older-than", "1d"]).stdout, "0 jobs deleted\n");
    assert_eq!(home.run(&["prune", "--older-than", "1ms"]).stdout, "1 job deleted\n");
    assert_eq!(home.run(&["jobs"]).stdout, "no jobs\n");
}

/// Every key of an answer, also inside.
fn keys(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                found.insert(key.clone());
                keys(value, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| keys(item, found)),
        _ => {}
    }
}

#[test]
fn every_key_of_an_answer_is_documented() {
    let home = Home::blocked();
    let formats =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/formats.md")).unwrap();
    for (args, format) in [
        (&["jobs"][..], "pogo.jobs/1"),
        (&["status"], "pogo.status/1"),
        (&["out"], "pogo.out/1"),
        (&["output", "last", "h1"], "pogo.output/1"),
        (&["skip", "last", "h3", "--reason", "x"], "pogo.done/1"),
        (&["release", "h3", "--reason", "x"], "pogo.done/1"),
        (&["prune", "--older-than", "1d"], "pogo.done/1"),
    ] {
        let answer = home.json(args);
        assert_eq!(answer["format"], format);
        let start =
            formats.find(&format!("`{format}`\n")).unwrap_or_else(|| panic!("no section of {format}"));
        let section = formats[start..].split("\n## ").next().unwrap();
        let mut found = BTreeSet::new();
        keys(&answer, &mut found);
        for key in found {
            assert!(section.contains(&format!("`{key}`")), "{format}: `{key}` is not documented");
        }
    }
    let log = home.run(&["log", "--format", "json"]).stdout;
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["format"], "pogo.log/1");
    // What is said beside the facts has no number.
    let seqs: Vec<u64> = lines[1..].iter().filter_map(|line| line["seq"].as_u64()).collect();
    assert_eq!(seqs.len(), lines.len() - 2, "all but the header and the release");
    assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>(), "no fact is left out");
    assert!(log.contains(r#""fact":"ended","host":"h3","attempt":1,"outcome":"failed""#), "{log}");
}
