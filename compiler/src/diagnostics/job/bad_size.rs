//! `pogo::job::bad_size`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Error, "job", "bad_size");

pub(crate) fn bad_size(key: &str, text: &str, at: Span, error: &SyntaxError) -> Diagnostic {
    let (problem, help) = quantity(error, "a size such as `64KiB` or `1MiB`");
    Diagnostic::new(&CODE, format!("`{key}: {}` is not a size: {problem}", clip(text)))
        .primary(at, "")
        .help(help)
}
