//! What verbs answer to programs, held against the schemas.

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::schemas::{schema, valid, valid_answer};
use crate::{Home, Ran};

impl Home {
    /// The answer of a verb to programs, which is as its schema says.
    fn answer(&self, code: i32, name: &str, args: &[&str]) -> Value {
        let all: Vec<&str> = args.iter().copied().chain(["--format", "json"]).collect();
        let ran: Ran = self.run(&all);
        assert_eq!((ran.code, ran.stderr.as_str()), (code, ""), "{args:?}: {ran:?}");
        valid_answer(name, &ran)
    }
}

/// What was said to a job, and what became of it.
fn orders(answer: &Value) -> Vec<(&str, &str)> {
    let orders = answer["orders"].as_array().unwrap().iter();
    orders
        .map(|order| (order["command"]["command"].as_str().unwrap(), order["state"].as_str().unwrap()))
        .collect()
}

#[test]
fn questions_are_answered_as_their_schemas_say() {
    let home = Home::blocked();
    let job = home.last_job();
    home.answer(0, "jobs", &["jobs"]);
    let status = home.answer(0, "status", &["status"]);
    assert_eq!((&status["state"], &status["hosts"][0]["host"]), (&json!("blocked"), &json!("h3")));
    let out = home.answer(0, "out", &["out"]);
    assert_eq!(out["hosts"][0]["bad"], json!([{"job": job, "attempt": 1, "state": "failed"}]));
    for more in [&[][..], &["--stream", "stderr"]] {
        home.answer(0, "output", &[&["output", "last", "h1"], more].concat());
    }
    home.run(&["skip", "last", "h3", "--reason", "x"]);
    home.run(&["alter", "last", "--set", "on_failure=continue", "--set", "concurrent=none"]);
    assert_eq!(home.pogo(&["resume", "last", "--quiet"]).code, 1);
    home.run(&["release", "h3", "--reason", "x"]);
    let log = home.run(&["log", "--format", "json"]).stdout;
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    valid("log", &lines);
    let said = |key: &str, what: &str| lines.iter().any(|line| line[key] == what);
    assert!(said("fact", "commanded") && said("release", "h3") && said("format", "pogo.log/1"), "{log}");
}

#[test]
fn verbs_that_change_something_say_what_they_did() {
    let home = Home::blocked();
    let job = home.last_job();
    let by = |reason: &str, answer: &Value| {
        assert_eq!(answer["by"]["reason"], reason);
        assert!(!answer["by"]["name"].as_str().unwrap().is_empty());
    };
    let skipped = home.answer(0, "done", &["skip", "last", "h3", "--reason", "no disk"]);
    assert_eq!((&skipped["verb"], &skipped["job"]), (&json!("skip"), &json!(job)));
    assert_eq!(orders(&skipped), [("skip", "done")]);
    assert_eq!(
        (&skipped["orders"][0]["command"]["host"], &skipped["job_state"]),
        (&json!("h3"), &json!("blocked"))
    );
    by("no disk", &skipped);
    let altered = home.answer(0, "done", &["alter", "last", "--set", "retry=2", "--set", "concurrent=none"]);
    assert_eq!(orders(&altered), [("alter", "done"), ("alter", "done")]);
    assert_eq!(
        altered["orders"][0]["command"],
        json!({"command": "alter", "setting": "retry_attempts", "value": 2})
    );
    // What is refused as a whole is no answer.
    let refused = home.run(&["halt", "last", "--format", "json"]);
    assert_eq!((refused.code, refused.stdout.as_str()), (5, ""), "{refused:?}");

    let pruned = home.answer(0, "done", &["prune", "--older-than", "1ms", "--dry-run"]);
    assert_eq!(
        (&pruned["jobs"], &pruned["kept"], &pruned["is_dry_run"]),
        (&json!([]), &json!([job]), &json!(true))
    );
    let released = home.answer(5, "done", &["release", "h[2-3]", "--reason", "well"]);
    let hosts = released["hosts"].as_array().unwrap();
    assert_eq!((&hosts[0]["state"], &hosts[1]["state"]), (&json!("refused"), &json!("released")));
    assert!(hosts[0]["why"].as_str().unwrap().contains("is not out of service"), "{released}");
    by("well", &released);
    let pruned = home.answer(0, "done", &["prune", "--older-than", "1ms"]);
    assert_eq!((&pruned["jobs"], &pruned["is_dry_run"]), (&json!([job]), &json!(false)));
}

#[test]
fn a_running_job_and_one_without_a_process_answer_too() {
    let home = Home::new();
    home.gate("gate");
    home.spec(
        "tag: {all: ['h[1-2]']}\nconstraint: {$all: {max_parallel: 1}}",
        "[ $POGO_HOST != h1 ] || read go < gate",
        "",
    );
    let mut run = home.start(&[]);
    run.wait_for("attempt_started", &[("host", "h1")]);
    let status = home.answer(0, "status", &["status"]);
    assert_eq!(status["waits"][0]["held_by"][0]["is_running"], true);
    let out = home.answer(0, "out", &["out"]);
    assert_eq!(out["hosts"][0]["running"]["attempt"], 1);
    let refused = home.answer(5, "done", &["stop", "last", "h2"]);
    assert_eq!(orders(&refused), [("stop", "refused")]);
    let halted = home.answer(0, "done", &["halt", "last"]);
    assert_eq!((orders(&halted), &halted["verb"]), (vec![("halt", "done")], &json!("halt")));
    run.signal(Signal::KILL);
    assert!(!run.status().success());
    // What ran runs on, without anybody who sees its end.
    home.open_gate("gate");
    let waits = home.answer(0, "done", &["skip", "last", "h2", "--reason", "later"]);
    assert_eq!(orders(&waits), [("skip", "waits")]);
    let log = home.run(&["log", "--format", "json"]).stdout;
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    valid("log", &lines);
    assert!(lines.iter().any(|line| line["state"] == "waits"), "{log}");
    let lost = home.answer(0, "status", &["status"]);
    assert_eq!(lost["state"], "interrupted");
}

/// The names of properties that do not say what they mean.
fn unexplained(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            let properties = object.get("properties").and_then(Value::as_object);
            // One kind of several is explained as a whole where it has but a tag, or a tag and a value.
            let is_kind = at.ends_with("/oneOf") && object.contains_key("description");
            for (name, property) in properties.into_iter().flatten() {
                let is_explained = property.get("description").is_some()
                    || is_kind
                        && (property.get("const").is_some() || properties.is_some_and(|all| all.len() <= 2));
                if !is_explained {
                    found.push(format!("{at}/{name}"));
                }
            }
            object.iter().for_each(|(key, value)| unexplained(value, &format!("{at}/{key}"), found));
        }
        Value::Array(items) => items.iter().for_each(|item| unexplained(item, at, found)),
        _ => {}
    }
}

#[test]
fn every_schema_explains_itself() {
    for name in ["jobs", "status", "log", "output", "out", "trust", "probe", "done"] {
        let schema = schema(name);
        assert_eq!(schema["$id"], format!("urn:pogo:schema:{name}:1"));
        assert!(schema["title"].as_str().unwrap().contains("`"), "{name}");
        let mut found = Vec::new();
        unexplained(&schema, "", &mut found);
        assert_eq!(found, [""; 0], "{name}");
    }
}
