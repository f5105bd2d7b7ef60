//! Answers to programs are as `pogo schema` says.

use serde_json::Value;

use crate::{Home, Ran};

/// The schema of a format, as the program prints it.
pub(crate) fn schema(name: &str) -> Value {
    let ran = Home::new().run(&["schema", name]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{name}");
    let schema = serde_json::from_str(&ran.stdout).unwrap();
    jsonschema::draft202012::meta::validate(&schema).unwrap();
    schema
}

/// Holds answers against the schema of their format: each is accepted, and no more so with a key that is not in it or without
/// its format.
#[track_caller]
pub(crate) fn valid<'a>(name: &str, answers: impl IntoIterator<Item = &'a Value>) {
    let validator = jsonschema::draft202012::new(&schema(name)).unwrap();
    let mut count = 0;
    for answer in answers {
        let errors: Vec<_> = validator
            .iter_errors(answer)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert_eq!(errors, [""; 0], "{name}: {answer:#}");
        broken(answer, &mut |broken| assert!(!validator.is_valid(broken), "{name}: {broken:#}"));
        count += 1;
    }
    assert!(count > 0, "no answer of {name}");
}

/// Hands over the answer with one more key in each of its objects, one after the other, and without its format.
fn broken(answer: &Value, check: &mut dyn FnMut(&Value)) {
    let mut places = Vec::new();
    objects(answer, String::new(), &mut places);
    for place in places {
        let mut more = answer.clone();
        more.pointer_mut(&place).unwrap()["no_such_key"] = 1.into();
        check(&more);
    }
    let mut fewer = answer.clone();
    if fewer.as_object_mut().unwrap().remove("format").is_some() {
        check(&fewer);
    }
}

fn objects(value: &Value, at: String, places: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                objects(value, format!("{at}/{key}"), places);
            }
            places.push(at);
        }
        Value::Array(items) => {
            for (number, value) in items.iter().enumerate() {
                objects(value, format!("{at}/{number}"), places);
            }
        }
        _ => {}
    }
}

/// The only answer of a run.
#[track_caller]
pub(crate) fn valid_answer(name: &str, ran: &Ran) -> Value {
    let answer: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}"));
    valid(name, [&answer]);
    answer
}
