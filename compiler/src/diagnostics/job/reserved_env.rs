//! `pogo::job::reserved_env`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Error, "job", "reserved_env");

pub(crate) fn reserved_env(name: &str, at: Span) -> Diagnostic {
    Diagnostic::new(&CODE, format!("`{}` is set by pogo", clip(name)))
        .primary(at, "names that start with `POGO_` are taken")
        .help("choose another name")
}
