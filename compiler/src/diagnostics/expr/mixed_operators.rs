//! `pogo::expr::mixed_operators`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Warning, "expr", "mixed_operators");

pub(crate) fn mixed_operators(at: Span, op: SetOp) -> Diagnostic {
    Diagnostic::new(&CODE, "operators of different strength stand side by side")
        .primary(at, format!("`{}` binds its neighbours first", symbol(op)))
        .help("add parentheses: `($a, $b) ! $c`, or `$a, ($b ! $c)`")
}
