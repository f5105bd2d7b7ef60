//! `pogo::yaml::collection_for_pattern`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Error, "yaml", "collection_for_pattern");

pub(crate) fn collection_for_pattern(at: Span, pattern: &str) -> Diagnostic {
    let shape = if pattern.starts_with('{') { "a mapping" } else { "a list" };
    Diagnostic::new(&CODE, format!("`{pattern}` is {shape} to YAML, not a host pattern"))
        .primary(at, "needs quotes")
        .help(format!("write `\"{pattern}\"`"))
}
