//! `pogo::pattern::duplicate_host`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Error, "pattern", "duplicate_host");

pub(crate) fn duplicate_host(name: &str, at: Span) -> Diagnostic {
    Diagnostic::new(&CODE, format!("the pattern names `{}` twice", clip(name)))
        .primary(at, "")
        .help("name each host once in a pattern")
}

/// `[1-3,2]`: `number` as it is written there.
pub(crate) fn duplicate_number(number: &str, at: Span) -> Diagnostic {
    Diagnostic::new(&CODE, format!("the group has `{}` twice", clip(number)))
        .primary(at, "")
        .help("name each host once in a pattern")
}
