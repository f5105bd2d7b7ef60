//! `pogo::spec::bad_namespace`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Error, "spec", "bad_namespace");

pub(crate) fn bad_namespace(name: &str, at: Span) -> Diagnostic {
    Diagnostic::new(&CODE, format!("`{name}` is not the name of a namespace"))
        .primary(at, "")
        .help("use up to 64 letters, digits, `.`, `-` and `_`, starting with a letter or `_`")
}
