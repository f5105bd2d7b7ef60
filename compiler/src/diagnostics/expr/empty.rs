//! `pogo::expr::empty`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Error, "expr", "empty");

pub(crate) fn empty(at: Span) -> Diagnostic {
    Diagnostic::new(&CODE, "the expression is empty")
        .primary(at, "")
        .help("write a host pattern such as `web[1-3]`, or a selector such as `$colo.east`")
}
