//! `pogo::pattern::bad_range`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Error, "pattern", "bad_range");

/// What stands in `[…]` and is no number.
pub(crate) fn bad_range(text: &str, at: Span) -> Diagnostic {
    let help = if text.chars().all(|c| c.is_ascii_digit()) {
        "write numbers of at most 18 digits".to_owned()
    } else {
        "write numbers and ranges such as `[1-10,12]`, and names as `{a,b}`".to_owned()
    };
    Diagnostic::new(&CODE, format!("`{}` is no number that a range can have", clip(text)))
        .primary(at, "")
        .help(help)
}
