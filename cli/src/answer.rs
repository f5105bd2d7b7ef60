//! What verbs answer to programs with `--format json`. The schema of an answer is made from the type that is written, so the
//! two cannot differ.

use std::io::{self, Write};

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde_json::Value;

/// Writes an answer on one line.
///
/// # Errors
/// If `to` cannot be written to.
pub(crate) fn write(answer: &impl Serialize, mut to: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer(&mut to, answer)?;
    writeln!(to)
}

/// The JSON schema (draft 2020-12) of an answer. What is not in it is not written: objects have no other keys.
pub(crate) fn schema<T: JsonSchema>(name: &str, title: &str) -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    schema.insert("$id".to_owned(), format!("urn:pogo:schema:{name}:1").into());
    schema.insert("title".to_owned(), title.into());
    let mut value = schema.to_value();
    let defs = value.get("$defs").cloned().unwrap_or_default();
    close(&mut value, true, &defs);
    value
}

/// Says of every object that it has no other keys, at the places where values stand. It cannot be said in a definition: that
/// may be a part of a larger object.
fn close(schema: &mut Value, is_value: bool, defs: &Value) {
    if is_value
        && is_object(schema, defs)
        && let Some(schema) = schema.as_object_mut()
    {
        schema.insert("unevaluatedProperties".to_owned(), false.into());
    }
    let Some(schema) = schema.as_object_mut() else { return };
    for (key, inner) in schema {
        match (key.as_str(), inner) {
            ("items", inner) => close(inner, true, defs),
            ("properties", Value::Object(inner)) => {
                inner.values_mut().for_each(|inner| close(inner, true, defs));
            }
            ("$defs", Value::Object(inner)) => {
                inner.values_mut().for_each(|inner| close(inner, false, defs));
            }
            ("oneOf" | "anyOf" | "allOf", Value::Array(inner)) => {
                inner.iter_mut().for_each(|inner| close(inner, false, defs));
            }
            _ => {}
        }
    }
}

/// Whether what a schema describes may be an object.
fn is_object(schema: &Value, defs: &Value) -> bool {
    let named =
        schema.get("$ref").and_then(Value::as_str).and_then(|name| defs.get(name.rsplit('/').next()?));
    let parts =
        ["oneOf", "anyOf", "allOf"].into_iter().filter_map(|key| schema.get(key)?.as_array()).flatten();
    schema.get("properties").is_some() || named.into_iter().chain(parts).any(|part| is_object(part, defs))
}

#[cfg(test)]
pub(crate) mod testing {
    use super::*;

    /// That an answer is as the schema of its type says.
    #[track_caller]
    pub(crate) fn accepts<T: JsonSchema>(answer: &Value) {
        let schema = schema::<T>("x", "x");
        let validator = jsonschema::draft202012::new(&schema).unwrap();
        let errors: Vec<_> = validator.iter_errors(answer).map(|error| error.to_string()).collect();
        assert_eq!(errors, [""; 0], "{answer}");
    }
}
