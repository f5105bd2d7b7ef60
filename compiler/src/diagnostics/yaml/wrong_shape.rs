//! `pogo::yaml::wrong_shape`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Error, "yaml", "wrong_shape");

/// Both in words: "a list", "a mapping of ssh settings".
pub(crate) fn wrong_shape(at: Span, found: &str, wanted: &str) -> Diagnostic {
    Diagnostic::new(&CODE, format!("expected {wanted}, found {found}"))
        .primary(at, format!("this is {found}"))
        .help(format!("write {wanted}"))
}
