//! `pogo::constraint::bad_limit`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Error, "constraint", "bad_limit");

pub(crate) fn bad_limit(text: &str, at: Span, error: &SyntaxError) -> Diagnostic {
    let (problem, help) = quantity(error, "a number of hosts or a percentage, such as `2` or `25%`");
    Diagnostic::new(&CODE, format!("`{}` is not a limit: {problem}", clip(text))).primary(at, "").help(help)
}
