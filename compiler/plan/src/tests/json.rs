//! Writing, the digest, reading.

use std::{fmt::Write as _, fs, path::Path};

use proptest::prelude::*;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{full_plan, plan, text};
use crate::{Plan, PlanError};

/// The canonical text, made from what is written and not from the plan.
fn canonical(value: &Value, text: &mut String) {
    match value {
        Value::Object(object) => {
            let mut keys: Vec<_> = object.keys().collect();
            keys.sort();
            text.push('{');
            for (index, key) in keys.into_iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                write!(text, "{}:", Value::String(key.clone())).unwrap();
                canonical(&object[key], text);
            }
            text.push('}');
        }
        Value::Array(list) => {
            text.push('[');
            for (index, value) in list.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                canonical(value, text);
            }
            text.push(']');
        }
        scalar => write!(text, "{scalar}").unwrap(),
    }
}

fn without_places(value: &mut Value) {
    let object = value.as_object_mut().unwrap();
    object.remove("digest").unwrap();
    object.remove("origin").unwrap();
    let slots = |thread: &mut Value| thread["slots"].as_array_mut().unwrap().iter_mut().for_each(remove_at);
    fn remove_at(part: &mut Value) {
        part.as_object_mut().unwrap().remove("at");
    }
    object["threads"].as_array_mut().unwrap().iter_mut().for_each(slots);
    object["limits"].as_array_mut().unwrap().iter_mut().for_each(remove_at);
}

fn digest_of(text: &str) -> String {
    let hash = Sha256::digest(text.as_bytes());
    hash.iter().fold("sha256:".to_owned(), |digest, byte| format!("{digest}{byte:02x}"))
}

fn error(bytes: &[u8]) -> PlanError {
    Plan::read_json(bytes).unwrap_err()
}

/// The message of an error and of what caused it.
fn message(bytes: &[u8]) -> String {
    let error = error(bytes);
    let source = std::error::Error::source(&error).map(|source| format!(": {source}"));
    format!("{error}{}", source.unwrap_or_default())
}

#[test]
fn a_plan_is_laid_out_for_people() {
    let mut plan = plan("host1 host2", "foo: host1 /");
    super::limit(&mut plan, "$colo.one", 1, "host1 host5");
    plan.threads[0].slots[0].at = Some(crate::At { source: 0, line: 18, column: 7 });
    plan.job.ramp = vec![1, 5];
    let digest = plan.digest();
    let expected = r#"{
  "format": "pogo.plan/1",
  "digest": "DIGEST",
  "namespace": "default",
  "targets": ["host1", "host2"],
  "threads": [
    {"id": "foo", "slots": [
      {"id": "foo.1", "hosts": ["host1"], "at": {"source": 0, "line": 18, "column": 7}},
      {"id": "foo.2", "hosts": []}
    ]},
    {"id": "unconstrained", "slots": [
      {"id": "unconstrained", "hosts": ["host2"]}
    ]}
  ],
  "limits": [
    {"id": "$colo.one", "max_parallel": 1, "declared": "1", "group_size": 2, "members": ["host1", "host5"]}
  ],
  "job": {
    "command": "date",
    "script": null,
    "args": [],
    "shell": "sh -e",
    "user": null,
    "run_as": null,
    "env": {},
    "secrets": {},
    "prehook": null,
    "posthook": null,
    "finally": null,
    "verify": null,
    "timeout_ms": 600000,
    "connect_timeout_ms": 10000,
    "job_timeout_ms": null,
    "retry": {"attempts": 0, "backoff_ms": 1000, "max_backoff_ms": 60000, "retry_on": ["unreachable"]},
    "on_disconnect": "unknown",
    "concurrent": null,
    "ramp": [1, 5],
    "stagger_ms": 0,
    "on_failure": "hold",
    "max_failures": null,
    "recover": false,
    "max_output_bytes": 1048576,
    "ssh": {"config": null, "port": null, "identity": null, "jump": [], "options": {}, "known_hosts": "strict"},
    "transport": "ssh"
  },
  "origin": {
    "compiler": "pogo 0.1.0",
    "sources": [
      {"path": "specs/triple.cfg", "sha256": "0000000000000000000000000000000000000000000000000000000000000000"}
    ]
  }
}
"#;
    assert_eq!(text(&plan), expected.replace("DIGEST", &digest));
}

#[test]
fn what_is_written_is_read_again() {
    for plan in [full_plan(), plan("", ""), plan("a", "")] {
        let written = text(&plan);
        if plan.targets.is_empty() {
            assert!(matches!(error(written.as_bytes()), PlanError::Faults(_)));
            continue;
        }
        let read = Plan::read_json(written.as_bytes()).unwrap();
        assert_eq!(text(&read), written);
        assert_eq!(read.job, plan.job);
        assert_eq!(read.origin, plan.origin);
    }
}

#[test]
fn the_digest_is_over_the_canonical_text() {
    for plan in [full_plan(), plan("h1 h2", "a: h1 / h2")] {
        let mut value: Value = serde_json::from_str(&text(&plan)).unwrap();
        without_places(&mut value);
        let mut expected = String::new();
        canonical(&value, &mut expected);
        assert_eq!(plan.digest(), digest_of(&expected));
    }
}

/// If this fails, plans made by earlier releases are refused: do not change the digests here.
#[test]
fn digests_never_change() {
    assert_eq!(
        plan("h1 h2", "a: h1 / h2").digest(),
        "sha256:d313fa50c561bc9413b7f7ccb6a99bf299424cad1d68a1afa07cef00adf192c1"
    );
    assert_eq!(
        full_plan().digest(),
        "sha256:f1077581eda7e4757c2a6ac03a41b2ff070820f8a06dd1e4720eab07b874da33"
    );
}

#[test]
fn the_digest_leaves_out_where_things_come_from() {
    let plan = full_plan();
    let mut moved = plan.clone();
    moved.origin = crate::Origin::default();
    moved.threads[0].slots[0].at = None;
    moved.limits[0].at = None;
    assert_eq!(moved.digest(), plan.digest());
}

#[test]
fn the_digest_takes_in_everything_else() {
    let plan = full_plan();
    let value: Value = serde_json::from_str(&text(&plan)).unwrap();
    let mut n_changes = 0;
    for pointer in leaves(&value, String::new()) {
        let ignored = ["/format", "/digest", "/origin"].iter().any(|field| pointer.starts_with(field))
            || pointer.contains("/at/");
        if ignored {
            continue;
        }
        let mut changed = value.clone();
        let leaf = changed.pointer_mut(&pointer).unwrap();
        *leaf = match leaf {
            Value::String(text) if text == "exit" => json!("unreachable"),
            Value::String(text)
                if ["timeout", "verify", "continue", "accept-new", "local", "prompt"]
                    .contains(&text.as_str()) =>
            {
                continue;
            }
            Value::String(text) => json!(format!("{text}x")),
            Value::Number(number) => json!(number.as_u64().unwrap() + 1),
            Value::Bool(flag) => json!(!*flag),
            Value::Null => json!("x"),
            other => unreachable!("{other} is no leaf"),
        };
        assert!(matches!(error(changed.to_string().as_bytes()), PlanError::Digest { .. }), "{pointer}");
        n_changes += 1;
    }
    assert!(n_changes > 50, "{n_changes}");
}

fn leaves(value: &Value, at: String) -> Vec<String> {
    match value {
        Value::Object(object) => {
            object.iter().flat_map(|(key, value)| leaves(value, format!("{at}/{key}"))).collect()
        }
        Value::Array(list) => list
            .iter()
            .enumerate()
            .flat_map(|(index, value)| leaves(value, format!("{at}/{index}")))
            .collect(),
        _ => vec![at],
    }
}

#[test]
fn an_edited_plan_is_refused_with_both_digests() {
    let plan = full_plan();
    let edited = text(&plan).replace("\"max_parallel\": 1", "\"max_parallel\": 2");
    match error(edited.as_bytes()) {
        PlanError::Digest { stated, computed } => {
            assert_eq!(stated, plan.digest());
            assert_ne!(computed, stated);
            assert!(message(edited.as_bytes()).contains(&computed));
        }
        other => unreachable!("{other}"),
    }
}

#[test]
fn white_space_and_the_order_of_keys_are_free() {
    let plan = full_plan();
    let value: Value = serde_json::from_str(&text(&plan)).unwrap();
    for other in [value.to_string(), serde_json::to_string_pretty(&value).unwrap()] {
        assert_eq!(text(&Plan::read_json(other.as_bytes()).unwrap()), text(&plan));
    }
}

#[test]
fn other_formats_are_named() {
    let written = text(&full_plan());
    let newer = written.replace("pogo.plan/1", "pogo.plan/2").replace("\"job\"", "\"jobs\"");
    assert!(matches!(error(newer.as_bytes()), PlanError::Format { .. }));
    assert_eq!(
        message(newer.as_bytes()),
        "the plan was made by a newer pogo: its format is `pogo.plan/2`, and this one reads `pogo.plan/1`"
    );
    let last = br#"{"unheard": [], "format": "pogo.plan/10"}"#;
    assert!(message(last).contains("newer pogo"), "{}", message(last));
    for other in ["pogo.plan/0", "pogo.events/1", "pogo.events/2", ""] {
        let found = message(json!({ "format": other }).to_string().as_bytes());
        assert_eq!(found, format!("the format is `{other}`, where a plan has `pogo.plan/1`"));
    }
}

#[test]
fn unknown_fields_are_refused() {
    let written = text(&full_plan());
    for (place, key) in [
        ("\"namespace\":", "top"),
        ("\"slots\":", "thread"),
        ("\"hosts\":", "slot"),
        ("\"members\":", "limit"),
        ("\"args\":", "job"),
        ("\"port\":", "ssh"),
        ("\"line\":", "at"),
    ] {
        let extra = written.replacen(place, &format!("\"{key}\": 1, {place}"), 1);
        let message = message(extra.as_bytes());
        assert!(message.contains(&format!("unknown field `{key}`")), "{message}");
    }
}

#[test]
fn origin_may_say_more_than_we_know() {
    let written = text(&full_plan());
    let more = written.replacen("\"compiler\":", "\"machine\": {\"os\": [\"linux\"]}, \"compiler\":", 1);
    assert!(Plan::read_json(more.as_bytes()).is_ok());
}

#[test]
fn missing_and_repeated_fields_are_named() {
    let value: Value = serde_json::from_str(&text(&full_plan())).unwrap();
    for pointer in ["", "/threads/0", "/threads/0/slots/0", "/limits/0", "/threads/0/slots/0/at"] {
        for key in value.pointer(pointer).unwrap().as_object().unwrap().keys() {
            let mut without = value.clone();
            without.pointer_mut(pointer).unwrap().as_object_mut().unwrap().remove(key);
            let result = Plan::read_json(without.to_string().as_bytes());
            match key.as_str() {
                "at" => assert!(result.is_ok()),
                "pause_after_ms" | "max_failures" => assert!(matches!(result, Err(PlanError::Digest { .. }))),
                _ => assert!(
                    message(without.to_string().as_bytes()).contains(&format!("missing field `{key}`"))
                ),
            }
        }
    }
    let written = text(&full_plan());
    for key in ["namespace", "id", "group_size", "command"] {
        let at = written.find(&format!("\"{key}\":")).unwrap();
        let end = at + written[at..].find(',').unwrap() + 1;
        let twice = format!("{}{}{}", &written[..at], &written[at..end], &written[at..]);
        let message = message(twice.as_bytes());
        assert!(message.contains(&format!("duplicate field `{key}`")), "{message}");
    }
}

#[test]
fn what_is_not_a_plan_is_refused() {
    for text in [
        "",
        "{",
        "[]",
        "null",
        "1",
        "\"x\"",
        "{}",
        "{\"format\": 1}",
        "{\"targets\": [1]}",
        "{\"targets\": {}}",
        "{\"threads\": [[]]}",
    ] {
        assert!(matches!(error(text.as_bytes()), PlanError::Json(_)), "{text}");
    }
    let written = text(&full_plan());
    assert!(matches!(error(format!("{written}{{}}").as_bytes()), PlanError::Json(_)));
    assert!(matches!(error(written.replace("h1", "h\\ud800").as_bytes()), PlanError::Json(_)));
    assert!(matches!(error(&written.into_bytes()[..100]), PlanError::Json(_)));
}

#[test]
fn twins_are_refused() {
    let written = text(&full_plan()).replace("\"h3\"", "\"H1.\"");
    assert!(
        message(written.as_bytes()).contains("hosts `h1` and `H1.` differ only"),
        "{}",
        message(written.as_bytes())
    );
}

#[test]
fn deep_nesting_is_no_way_to_overflow_the_stack() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        for before in [
            "",
            "{\"job\":",
            "{\"origin\":{\"x\":",
            "{\"origin\":{\"sources\":",
            "{\"threads\":",
            "{\"format\":",
        ] {
            let deep = format!("{before}{}1{}", open.repeat(200_000), close.repeat(200_000));
            assert!(matches!(error(deep.as_bytes()), PlanError::Json(_)));
        }
    }
}

#[test]
fn yaml_says_the_same() {
    let plan = full_plan();
    let yaml: Value = serde_yaml::from_str(&serde_yaml::to_string(&plan).unwrap()).unwrap();
    assert_eq!(yaml, serde_json::from_str::<Value>(&text(&plan)).unwrap());
}

#[test]
fn a_writer_that_fails_is_heard() {
    let written = text(&full_plan());
    let mut small = vec![0; written.len() - 1];
    assert!(full_plan().write_json(&mut small[..]).is_err());
}

/// Plans that earlier releases wrote, byte by byte as they did. Add to them, never change them.
#[test]
#[expect(clippy::disallowed_methods, reason = "the fixtures are in files")]
fn plans_of_earlier_releases_are_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/plan-1");
    let mut n_read = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(path.extension().unwrap(), "json");
        let bytes = fs::read(&path).unwrap();
        let plan = Plan::read_json(&bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(String::from_utf8(bytes).unwrap().contains(&plan.digest()));
        n_read += 1;
    }
    assert!(n_read >= 3, "{n_read}");
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(Plan::read_json(&bytes).is_err());
    }

    #[test]
    fn any_damage_is_noticed_or_harmless(at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>()) {
        let plan = full_plan();
        let mut bytes = text(&plan).into_bytes();
        let at = at.index(bytes.len());
        if cut { bytes.truncate(at); } else { bytes[at] = byte; }
        if let Ok(read) = Plan::read_json(&bytes) {
            prop_assert_eq!(read.digest(), plan.digest());
        }
    }
}
