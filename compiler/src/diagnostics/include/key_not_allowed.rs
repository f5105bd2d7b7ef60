//! `pogo::include::key_not_allowed`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Error, "include", "key_not_allowed");

pub(crate) fn key_not_allowed(name: &str, at: Span) -> Diagnostic {
    Diagnostic::new(&CODE, format!("an included file cannot have `{name}`"))
        .primary(at, "only `tag`, `constraint` and `include` are taken from included files")
        .help(format!("move `{name}` to the spec that includes this file"))
}
