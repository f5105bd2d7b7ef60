//! The JSON schemas: what they take, what they refuse, and that they explain themselves.

use std::{fs, path::Path};

use jsonschema::Validator;
use serde_json::{Value, json};

use super::{full_plan, plan, text};
use crate::{DIAGNOSTICS_SCHEMA, EVENTS_SCHEMA, PLAN_SCHEMA, SPEC_SCHEMA, SUMMARY_SCHEMA};

const SCHEMAS: [&str; 5] = [PLAN_SCHEMA, DIAGNOSTICS_SCHEMA, SPEC_SCHEMA, EVENTS_SCHEMA, SUMMARY_SCHEMA];

pub(super) fn validator(schema: &str) -> Validator {
    let schema: Value = serde_json::from_str(schema).unwrap();
    jsonschema::draft202012::meta::validate(&schema).unwrap();
    jsonschema::draft202012::new(&schema).unwrap()
}

#[track_caller]
pub(super) fn accepts(validator: &Validator, value: &Value) {
    let errors: Vec<_> =
        validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert_eq!(errors, [""; 0], "{value}");
}

#[test]
fn every_property_is_explained() {
    fn walk(value: &Value, at: &str, n_properties: &mut usize) {
        match value {
            Value::Object(object) => {
                for (key, value) in object {
                    let at = format!("{at}/{key}");
                    // Inside `not`, properties only tell cases apart; so they do inside a list of prefixes.
                    if key == "properties"
                        && value.as_object().is_some_and(|properties| {
                            !at.contains("/not/") && !properties.contains_key("primary")
                        })
                    {
                        for (name, property) in value.as_object().unwrap() {
                            let has = |key| property.get(key).is_some();
                            let named = property.get("$ref").and_then(Value::as_str).is_some_and(|target| {
                                ["job", "origin", "at"]
                                    .iter()
                                    .any(|name| target.ends_with(&format!("/{name}")))
                            });
                            assert!(named || has("title") && has("description"), "{at}/{name}");
                            *n_properties += 1;
                        }
                    }
                    walk(value, &at, n_properties);
                }
            }
            Value::Array(list) => list.iter().for_each(|value| walk(value, at, n_properties)),
            _ => {}
        }
    }
    let mut n_properties = 0;
    for schema in SCHEMAS {
        walk(&serde_json::from_str(schema).unwrap(), "", &mut n_properties);
    }
    assert!(n_properties > 100, "{n_properties}");
}

#[test]
fn examples_and_defaults_are_valid() {
    fn walk(root: &Value, value: &Value, n_examples: &mut usize) {
        if let Value::Object(object) = value {
            // `examples` may be a property of that name elsewhere; here only lists are meant.
            for example in object
                .get("examples")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .chain(object.get("default"))
            {
                let mut schema = value.clone();
                schema["$defs"] = root["$defs"].clone();
                accepts(&jsonschema::draft202012::new(&schema).unwrap(), example);
                *n_examples += 1;
            }
            object.values().for_each(|value| walk(root, value, n_examples));
        }
        if let Value::Array(list) = value {
            list.iter().for_each(|value| walk(root, value, n_examples));
        }
    }
    let mut n_examples = 0;
    for schema in SCHEMAS {
        let schema = serde_json::from_str(schema).unwrap();
        walk(&schema, &schema, &mut n_examples);
    }
    assert!(n_examples > 100, "{n_examples}");
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the fixtures are in files")]
fn plans_are_valid() {
    let validator = validator(PLAN_SCHEMA);
    for plan in [full_plan(), plan("a", ""), plan("a b c", "x: a / / b")] {
        accepts(&validator, &serde_json::from_str(&text(&plan)).unwrap());
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/plan-1");
    for entry in fs::read_dir(folder).unwrap() {
        accepts(&validator, &serde_json::from_slice(&fs::read(entry.unwrap().path()).unwrap()).unwrap());
    }
}

#[test]
fn broken_plans_are_not() {
    let validator = validator(PLAN_SCHEMA);
    let value: Value = serde_json::from_str(&text(&full_plan())).unwrap();
    for (pointer, broken) in [
        ("/format", json!("pogo.plan/2")),
        ("/digest", json!("sha256:00")),
        ("/namespace", json!("")),
        ("/targets", json!([])),
        ("/targets/0", json!("-x")),
        ("/targets/0", json!("::1")),
        ("/targets/0", json!(1)),
        ("/threads", json!([])),
        ("/threads/0/id", json!("")),
        ("/threads/0/slots/0/pause_after_ms", json!(null)),
        ("/threads/0/slots/0/pause_after_ms", json!(1.5)),
        ("/threads/0/slots/0/max_failures", json!(-1)),
        ("/threads/0/slots/0/at/line", json!(0)),
        ("/limits/0/max_parallel", json!(0)),
        ("/limits/0/max_parallel", json!("1")),
        ("/limits/0/members", json!([])),
        ("/limits/0/group_size", json!(1_u64 << 32)),
        ("/job/command", json!("x")),
        ("/job/timeout_ms", json!(0)),
        ("/job/job_timeout_ms", json!(1_u64 << 53)),
        ("/job/script/base64", json!("A===")),
        ("/job/script/name", json!("a/b")),
        ("/job/env", json!({ "POGO_X": "" })),
        ("/job/secrets/TOKEN", json!("hunter2")),
        ("/job/secrets/TOKEN", json!({ "env": "A", "file": "B" })),
        ("/job/retry/retry_on", json!(["exit", "exit"])),
        ("/job/on_failure", json!("stop")),
        ("/job/ramp", json!([0])),
        ("/job/user", json!("-l")),
        ("/job/ssh/port", json!(0)),
        ("/job/ssh/known_hosts", json!("accept_new")),
        ("/origin/sources/0/sha256", json!("")),
    ] {
        let mut other = value.clone();
        *other.pointer_mut(pointer).unwrap() = broken;
        assert!(!validator.is_valid(&other), "{pointer}: {}", other.pointer(pointer).unwrap());
    }
    for pointer in [
        "",
        "/threads/0",
        "/threads/0/slots/0",
        "/limits/0",
        "/job",
        "/job/ssh",
        "/job/retry",
        "/job/verify",
        "/job/script",
    ] {
        let object = value.pointer(pointer).unwrap().as_object().unwrap();
        let mut more = value.clone();
        more.pointer_mut(pointer).unwrap()["more"] = json!(1);
        assert!(!validator.is_valid(&more), "{pointer}");
        for key in object.keys().filter(|key| {
            !["at", "pause_after_ms", "max_failures"].contains(&key.as_str()) || pointer == "/job"
        }) {
            let mut fewer = value.clone();
            fewer.pointer_mut(pointer).unwrap().as_object_mut().unwrap().remove(key);
            assert!(!validator.is_valid(&fewer), "{pointer}/{key}");
        }
    }
}

#[test]
fn diagnostics() {
    let validator = validator(DIAGNOSTICS_SCHEMA);
    let label = |primary| json!({ "primary": primary, "path": "a.cfg", "line": 7, "column": 7, "end_line": 7, "end_column": 18, "text": "" });
    let finding = |labels: Value| json!({ "code": "pogo::resolve::unknown_tag", "severity": "error", "message": "…", "labels": labels });
    let mut help = finding(json!([]));
    help["help"] = json!("write `$colo`");
    for good in [
        json!({ "format": "pogo.diagnostics/1" }),
        finding(json!([])),
        finding(json!([label(true)])),
        finding(json!([label(true), label(false), label(false)])),
        help,
    ] {
        accepts(&validator, &good);
    }
    let with = |key: &str, value: Value| {
        let mut finding = finding(json!([label(true)]));
        finding[key] = value;
        finding
    };
    let mut column = label(true);
    column["column"] = json!(0);
    for bad in [
        json!({}),
        json!({ "format": "pogo.diagnostics/2" }),
        json!({ "format": "pogo.diagnostics/1", "code": "x" }),
        with("code", json!("unknown_tag")),
        with("severity", json!("info")),
        with("message", json!("")),
        with("help", json!(1)),
        with("more", json!(1)),
        with("labels", json!([label(false)])),
        with("labels", json!([label(true), label(true)])),
        with("labels", json!([column])),
        with("labels", json!([{ "path": "a.cfg" }])),
    ] {
        assert!(!validator.is_valid(&bad), "{bad}");
    }
}

#[test]
fn broken_summaries_are_refused() {
    let validator = validator(SUMMARY_SCHEMA);
    let schema: Value = serde_json::from_str(SUMMARY_SCHEMA).unwrap();
    let good = schema["$defs"]["summary"]["examples"][0].clone();
    accepts(&validator, &good);
    for (pointer, broken) in [
        ("/format", json!("pogo.summary/2")),
        ("/job", json!("x")),
        ("/state", json!("skipped")),
        ("/exit_code", json!(256)),
        ("/started", json!("10:00")),
        ("/counts/failed", json!(0)),
        ("/blocked_by", json!([])),
        ("/hosts/0/state", json!("halted")),
        ("/hosts/0/outcome", json!("failed")),
        ("/hosts/1/outcome", json!("succeeded")),
        ("/hosts/1/exit", json!({ "status": 256 })),
        ("/hosts/2/waits_for", json!({ "what": "luck" })),
    ] {
        let mut other = good.clone();
        *other.pointer_mut(pointer).unwrap() = broken;
        assert!(!validator.is_valid(&other), "{pointer}: {}", other.pointer(pointer).unwrap());
    }
    for (pointer, key) in
        [("", "reports_lost"), ("/hosts/0", "duration_ms"), ("/hosts/1", "phase"), ("/hosts/2", "attempts")]
    {
        let mut other = good.clone();
        other.pointer_mut(pointer).unwrap().as_object_mut().unwrap().remove(key);
        assert!(!validator.is_valid(&other), "{pointer}/{key}");
    }
    for (key, value) in [("more", json!(1)), ("reason", json!({ "cause": "operator" }))] {
        let mut other = good.clone();
        other[key] = value;
        assert!(!validator.is_valid(&other), "{key}");
    }
}

fn yaml(text: &str) -> Value {
    serde_yaml::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn specs_are_valid() {
    let validator = validator(SPEC_SCHEMA);
    for text in [
        "",
        "{}",
        "tag:\nsequence:\nconstraint:\njob:\nnamespace:\ninclude:\n",
        "tag: { colo: { east: [web01, 'web[02-04]', 7, 1e3, 1.10, true], west: db2 }, n: 007, v: {1.5: {a: x}} }",
        "tag: { edge: [$frontend.$colo.east, cache1, $file x.txt], colo.east: [] }",
        "sequence: [host3, host2, 1]",
        "sequence: host1",
        "sequence: [[a, b], [c]]",
        "sequence: { rollout: [$colo.east, $colo.west], $backend: { x: [$colo.east] }, 'web[1-3]': { one.two: $a } }",
        "sequence: { a: [{hosts: $colo.east, pause_after: 30m, max_failures: 0}, b], c: [[d], [{hosts: 5}]] }",
        "constraint: { $colo: { max_parallel: 2 }, $f: { max_parallel: 25%, $colo.east: { max_parallel: '1' } } }",
        "namespace: production\ninclude: [a.cfg, b/c.cfg]",
        "include: a.cfg\nnamespace: 7",
        "job: { command: date }",
        "job: { command: 1, targets: [a, $b, 'c & d', 3], retry: 2, concurrent: 10%, max_failures: 0 }",
        r"
job:
  script: roll.sh
  args: [--fast, 1, '', true]
  shell: bash -eu
  targets: $colo.east
  user: deploy
  run_as: root
  env: { A: 1, B: '', C: true, D: 1.5 }
  secrets: { T: { env: X }, F: { file: /run/x }, P: prompt }
  prehook: a
  posthook: b
  finally: c
  verify: { command: curl, interval: 0s, timeout: 1m, successes: 3 }
  timeout: 1h30m
  connect_timeout: 500ms
  job_timeout: 90s
  retry: { attempts: 2, backoff: 1s, max_backoff: 1m, retry_on: [unreachable, timeout, exit] }
  on_disconnect: verify
  concurrent: 50
  ramp: [1, 5, 20%]
  stagger: 0s
  on_failure: continue
  max_failures: 5%
  recover: true
  max_output: 64KiB
  ssh: { config: c, port: 22, identity: i, jump: [a, b], options: { Compression: yes, X: 1 }, known_hosts: accept-new }
  transport: local
",
    ] {
        accepts(&validator, &yaml(text));
    }
}

#[test]
fn broken_specs_are_not() {
    let validator = validator(SPEC_SCHEMA);
    for text in [
        "[]",
        "x",
        "tags: {}",
        "tag: [a]",
        "tag: { a: ~ }",
        "tag: { a: [~] }",
        "tag: { a: [''] }",
        "tag: { a: [[1-3]] }",
        "tag: { a: [{web, db}] }",
        "sequence: [~]",
        "sequence: { a: ~ }",
        "sequence: [a, [b]]",
        "sequence: [{pause_after: 1m}]",
        "sequence: [{hosts: a, pause: 1m}]",
        "sequence: [{hosts: a, pause_after: 30}]",
        "sequence: [{hosts: a, max_failures: -1}]",
        "constraint: [a]",
        "constraint: { $a: ~ }",
        "constraint: { $a: 2 }",
        "constraint: { $a: {} }",
        "constraint: { $a: { max_parallel: 0 } }",
        "constraint: { $a: { max_parallel: 0% } }",
        "constraint: { $a: { max_parallel: 101% } }",
        "constraint: { $a: { max_parallel: 1.5 } }",
        "constraint: { $a: { max_parallel: -1 } }",
        "constraint: { $a: { max_parallel: '+1' } }",
        "constraint: { $a: { max_parallel: ~ } }",
        "constraint: { $a: { max_paralel: 1 } }",
        "namespace: [a]",
        "include: [~]",
        "job: []",
        "job: { comand: x }",
        "job: { command: ~ }",
        "job: { command: a, script: b }",
        "job: { targets: ~ }",
        "job: { targets: [] }",
        "job: { timeout: 600 }",
        "job: { timeout: '10' }",
        "job: { timeout: 10 m }",
        "job: { timeout: 0s }",
        "job: { stagger: 0 }",
        "job: { max_output: 1024 }",
        "job: { max_output: 1.5MiB }",
        "job: { env: { POGO_X: 1 } }",
        "job: { env: { A-B: 1 } }",
        "job: { env: { A: ~ } }",
        "job: { secrets: { A: hunter2 } }",
        "job: { secrets: { A: { env: X, file: Y } } }",
        "job: { verify: { interval: 1s } }",
        "job: { verify: { command: x, successes: 0 } }",
        "job: { retry: -1 }",
        "job: { retry: { times: 1 } }",
        "job: { retry: { retry_on: [failed] } }",
        "job: { on_failure: stop }",
        "job: { on_disconnect: retry }",
        "job: { concurrent: 0 }",
        "job: { ramp: [0, 5] }",
        "job: { max_failures: 200% }",
        "job: { recover: 1 }",
        "job: { ssh: { port: 0 } }",
        "job: { ssh: { port: 65536 } }",
        "job: { ssh: { known_hosts: accept_new } }",
        "job: { ssh: { host: a } }",
        "job: { transport: telnet }",
        "job: { user: -l }",
    ] {
        assert!(!validator.is_valid(&yaml(text)), "{text}");
    }
}
