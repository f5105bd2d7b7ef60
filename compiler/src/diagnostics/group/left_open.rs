//! `pogo::group::left_open`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Note, "group", "left_open");

pub(crate) fn left_open(name: &str, at: Span) -> Diagnostic {
    Diagnostic::new(&CODE, format!("the members of `${name}` were not asked for"))
        .primary(at, "an external group, left open")
        .help("add `--resolve` to run its program")
}
