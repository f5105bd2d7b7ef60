//! `pogo::job::bad_duration`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Error, "job", "bad_duration");

pub(crate) fn bad_duration(key: &str, text: &str, at: Span, error: &SyntaxError) -> Diagnostic {
    let (problem, help) = quantity(error, "a duration such as `90s`, `10m` or `1h30m`");
    Diagnostic::new(&CODE, format!("`{key}: {}` is not a duration: {problem}", clip(text)))
        .primary(at, "")
        .help(help)
}
