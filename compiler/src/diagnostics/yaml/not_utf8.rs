//! `pogo::yaml::not_utf8`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Error, "yaml", "not_utf8");

/// `offset` counts bytes from the start of the file.
pub(crate) fn not_utf8(at: Span, offset: usize) -> Diagnostic {
    Diagnostic::new(&CODE, format!("the file is not UTF-8: byte {offset} starts no character"))
        .primary(at, "the first such byte")
        .help("save the file as UTF-8")
}
