//! `pogo::expr::too_deep`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Error, "expr", "too_deep");

pub(crate) fn too_deep(at: Span, limit: usize) -> Diagnostic {
    Diagnostic::new(&CODE, format!("brackets are nested more than {limit} levels deep"))
        .primary(at, "")
        .help("name parts of the expression as tags")
}
