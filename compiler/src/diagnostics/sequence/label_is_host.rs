//! `pogo::sequence::label_is_host`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Warning, "sequence", "label_is_host");

pub(crate) fn label_is_host(name: &str, at: Span) -> Diagnostic {
    Diagnostic::new(&CODE, format!("`{name}` is a label here, and also a host"))
        .primary(at, "names the thread, and narrows nothing")
        .help("choose another label, or list the host as a slot")
}
