//! `pogo::expr::not_allowed_here`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Error, "expr", "not_allowed_here");

/// `what` is in words: "an external group".
pub(crate) fn not_allowed_here(at: Span, what: &str, place: Place) -> Diagnostic {
    Diagnostic::new(&CODE, format!("{what} cannot stand in a key"))
        .primary(at, format!("{} belongs here", place.wanted()))
        .help("give it a name under `tag`, and use that: `$name`")
}
