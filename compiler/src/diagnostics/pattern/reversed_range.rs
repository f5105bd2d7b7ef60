//! `pogo::pattern::reversed_range`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Error, "pattern", "reversed_range");

pub(crate) fn reversed_range(first: &str, last: &str, at: Span) -> Diagnostic {
    Diagnostic::new(&CODE, format!("the range `{first}-{last}` runs backwards"))
        .primary(at, "")
        .help(format!("write `{last}-{first}`"))
}
