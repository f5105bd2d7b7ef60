//! `pogo::sequence::empty_thread`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Warning, "sequence", "empty_thread");

pub(crate) fn empty_thread(at: Span, key: Option<Span>) -> Diagnostic {
    Diagnostic::new(&CODE, "this thread has no slots")
        .primary(key.unwrap_or(at), "")
        .help("list its slots, or remove it")
}
