//! `pogo::constraint::bare_limit`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Error, "constraint", "bare_limit");

pub(crate) fn bare_limit(group: &str, found: &str, at: Span) -> Diagnostic {
    Diagnostic::new(&CODE, format!("the limit of `{}` needs its name", clip(group)))
        .primary(at, "what is it that may be so much?")
        .help(format!("write `{{max_parallel: {}}}`", clip(found)))
}
