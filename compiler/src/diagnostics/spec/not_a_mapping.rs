//! `pogo::spec::not_a_mapping`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Error, "spec", "not_a_mapping");

pub(crate) fn not_a_mapping(at: Span) -> Diagnostic {
    Diagnostic::new(&CODE, "a spec is a mapping of sections")
        .primary(at, "this is none")
        .help("start with `tag:`, `sequence:`, `constraint:` or `job:`")
}
