//! `pogo::sequence::slot_empty`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Warning, "sequence", "slot_empty");

pub(crate) fn slot_empty(text: &str, at: Span, is_narrowed: bool) -> Diagnostic {
    let label = if is_narrowed { "none of its hosts carries the keys above it" } else { "nothing is in it" };
    Diagnostic::new(&CODE, format!("the slot `{}` selects no host", clip(text)))
        .primary(at, label)
        .help("check the expression, or remove the slot")
}
