//! `pogo::sequence::reserved_label`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Error, "sequence", "reserved_label");

pub(crate) fn reserved_label(name: &str, at: Span) -> Diagnostic {
    Diagnostic::new(&CODE, format!("pogo uses the name `{name}` itself"))
        .primary(at, "cannot be a label")
        .help("choose another label")
}
