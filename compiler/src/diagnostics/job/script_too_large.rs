//! `pogo::job::script_too_large`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Error, "job", "script_too_large");

pub(crate) fn script_too_large(path: &str, at: Span, limit: usize) -> Diagnostic {
    Diagnostic::new(&CODE, format!("the script `{path}` is larger than {} KiB", limit / 1024))
        .primary(at, "named here")
        .help("send large files by other means, and have the script fetch them")
}
