//! `pogo::yaml::too_deep`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Error, "yaml", "too_deep");

pub(crate) fn too_deep(at: Span, limit: u32) -> Diagnostic {
    Diagnostic::new(&CODE, format!("collections are nested more than {limit} levels deep"))
        .primary(at, "the file is read up to here")
        .help("check for brackets that are never closed")
}
