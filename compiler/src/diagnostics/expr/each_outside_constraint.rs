//! `pogo::expr::each_outside_constraint`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Error, "expr", "each_outside_constraint");

pub(crate) fn each_outside_constraint(at: Span) -> Diagnostic {
    Diagnostic::new(&CODE, "`.*` stands for each value on its own, which only a constraint can use")
        .primary(at, "")
        .help("leave it out: the tag alone selects the hosts of all its values")
}
