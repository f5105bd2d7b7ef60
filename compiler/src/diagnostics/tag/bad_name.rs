//! `pogo::tag::bad_name`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Error, "tag", "bad_name");

pub(crate) fn bad_name(name: &str, is_tag: bool, at: Span) -> Diagnostic {
    let (message, help) = if is_tag {
        (
            format!("`{}` cannot be the name of a tag", clip(name)),
            "use letters, digits, `-` and `_`, starting with a letter or `_`",
        )
    } else {
        (
            format!("`{}` cannot be a value of a tag", clip(name)),
            "use a name that is not empty, without `\"`, `\\` and control characters",
        )
    };
    Diagnostic::new(&CODE, message).primary(at, "").help(help)
}
