//! `pogo::constraint::no_limit`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Error, "constraint", "no_limit");

pub(crate) fn no_limit(group: &str, at: Span) -> Diagnostic {
    Diagnostic::new(&CODE, format!("nothing limits the group `{}`", clip(group)))
        .primary(at, "")
        .help("add `max_parallel: 2` below it, or remove it")
}
