//! `pogo::group::empty`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Error, "group", "empty");

pub(crate) fn empty(name: &str, at: Span) -> Diagnostic {
    Diagnostic::new(&CODE, format!("`pogo-tag-{name}` names no host"))
        .primary(at, "an external group")
        .help("check its arguments; a group without hosts would free them from every limit")
}
