//! `pogo::yaml::duplicate_key`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Error, "yaml", "duplicate_key");

pub(crate) fn duplicate_key(name: &str, second: Span, first: Span) -> Diagnostic {
    Diagnostic::new(&CODE, format!("`{name}` is defined twice"))
        .primary(second, "second definition")
        .secondary(first, "first definition")
        .help("join the two, or rename one")
}
