//! `pogo::job::bad_value`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Error, "job", "bad_value");

/// `wanted` is in words: "a whole number from 1".
pub(crate) fn bad_value(key: &str, text: &str, at: Span, wanted: &str, near: Option<&str>) -> Diagnostic {
    let help = did_you_mean(near).unwrap_or_else(|| format!("write {wanted}"));
    Diagnostic::new(&CODE, format!("`{key}` takes {wanted}, not `{}`", clip(text))).primary(at, "").help(help)
}

/// "`hold`, `continue` or `halt`"
pub(crate) fn one_of(choices: &[&'static str]) -> String {
    let quoted: Vec<String> = choices.iter().map(|choice| format!("`{choice}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        Some((only, _)) => only.clone(),
        None => String::new(),
    }
}
