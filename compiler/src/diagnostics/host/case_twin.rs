//! `pogo::host::case_twin`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Error, "host", "case_twin");

pub(crate) fn case_twin(name: &str, twin: &str, at: Span) -> Diagnostic {
    Diagnostic::new(&CODE, format!("`{}` and `{}` are one machine under two names", clip(name), clip(twin)))
        .primary(at, format!("elsewhere it is `{}`", clip(twin)))
        .help(format!("write `{}` in both places", clip(twin)))
}
