//! `pogo::include::unreadable`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Error, "include", "unreadable");

pub(crate) fn unreadable(path: &str, at: Span, error: &WorldError) -> Diagnostic {
    Diagnostic::new(&CODE, format!("cannot read `{path}`: {}", error.message))
        .primary(at, "included here")
        .help(error.help.clone().unwrap_or_else(|| "write the path relative to this file".to_owned()))
}
