//! `pogo::group::bad_answer`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Error, "group", "bad_answer");

pub(crate) fn bad_answer(name: &str, at: Span, problem: &str, line: Option<&str>) -> Diagnostic {
    let message = match line {
        Some(line) => format!("`pogo-tag-{name}` printed `{}`: {problem}", clip(line)),
        None => format!("`pogo-tag-{name}` gave an answer that cannot be read: {problem}"),
    };
    Diagnostic::new(&CODE, message)
        .primary(at, "an external group")
        .help("have it print a host pattern a line, or a JSON array of them")
}
