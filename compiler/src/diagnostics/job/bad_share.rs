//! `pogo::job::bad_share`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Error, "job", "bad_share");

pub(crate) fn bad_share(key: &str, text: &str, at: Span, error: &SyntaxError) -> Diagnostic {
    let (problem, help) =
        quantity(error, "a number of hosts or a percentage of the targets, such as `2` or `25%`");
    Diagnostic::new(&CODE, format!("`{key}: {}` is no number of hosts: {problem}", clip(text)))
        .primary(at, "")
        .help(help)
}
