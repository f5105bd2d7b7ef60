//! `pogo::yaml::missing_value`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Error, "yaml", "missing_value");

/// `wanted` says what belongs there: "a host pattern or a selector".
pub(crate) fn missing_value(at: Span, wanted: &str) -> Diagnostic {
    Diagnostic::new(&CODE, format!("nothing is written where {wanted} is expected"))
        .primary(at, "")
        .help(format!("write {wanted}, or remove the entry; a host or label of the name `null` needs quotes"))
}
