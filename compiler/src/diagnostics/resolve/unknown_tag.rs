//! `pogo::resolve::unknown_tag`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Error, "resolve", "unknown_tag");

pub(crate) fn unknown_tag(
    name: &str,
    at: Span,
    near: Option<&str>,
    as_value: Option<&str>,
    known: &[String],
) -> Diagnostic {
    let help = match (near, as_value) {
        (Some(near), _) => format!("did you mean `${near}`?"),
        (None, Some(selector)) => format!("did you mean `{selector}`?"),
        (None, None) if known.is_empty() => "define it under `tag`".to_owned(),
        (None, None) => format!("the tags are {}", list(known.iter().map(|name| format!("`${name}`")))),
    };
    Diagnostic::new(&CODE, format!("unknown tag `{name}`")).primary(at, "no tag has this name").help(help)
}
