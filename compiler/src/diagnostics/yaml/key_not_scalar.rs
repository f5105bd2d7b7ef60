//! `pogo::yaml::key_not_scalar`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Error, "yaml", "key_not_scalar");

pub(crate) fn key_not_scalar(at: Span, text: &str) -> Diagnostic {
    let one_line = !text.contains('\n') && text.len() <= 80;
    let help = if one_line {
        format!("quote a pattern: `\"{text}\"`")
    } else {
        "write a name or a quoted pattern as the key".to_owned()
    };
    Diagnostic::new(&CODE, "a key must be a single name or pattern")
        .primary(at, "to YAML this is a collection")
        .help(help)
}
