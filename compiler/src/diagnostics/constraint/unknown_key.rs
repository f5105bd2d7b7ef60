//! `pogo::constraint::unknown_key`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Error, "constraint", "unknown_key");

pub(crate) fn unknown_key(text: &str, at: Span) -> Diagnostic {
    Diagnostic::new(&CODE, format!("unknown limit `{}`", clip(text)))
        .primary(at, "")
        .help("did you mean `max_parallel`?")
}
