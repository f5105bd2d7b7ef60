//! `pogo::resolve::unknown_value`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Error, "resolve", "unknown_value");

/// `quoted` is the selector of a value that has the dots which were taken for steps.
pub(crate) fn unknown_value(
    value: &str,
    at: Span,
    owner: &str,
    near: Option<&str>,
    quoted: Option<&str>,
    known: &[String],
) -> Diagnostic {
    let help = match (quoted, near) {
        (Some(quoted), _) => format!("write `{quoted}`: a value with a dot in it stands in quotes"),
        (None, Some(near)) => format!("did you mean `{owner}.{near}`?"),
        (None, None) if known.is_empty() => format!("`{owner}` has no values: write `{owner}` alone"),
        (None, None) => format!("its values are {}", list(known.iter().map(|name| format!("`{name}`")))),
    };
    Diagnostic::new(&CODE, format!("`{owner}` has no value `{value}`"))
        .primary(at, "unknown value")
        .help(help)
}
