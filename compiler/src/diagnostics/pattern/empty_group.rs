//! `pogo::pattern::empty_group`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Error, "pattern", "empty_group");

pub(crate) fn empty_group(at: Span) -> Diagnostic {
    Diagnostic::new(&CODE, "this group yields no host")
        .primary(at, "nothing is left of it")
        .help("name at least one number that is not excluded")
}
