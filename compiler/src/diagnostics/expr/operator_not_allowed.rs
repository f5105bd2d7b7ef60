//! `pogo::expr::operator_not_allowed`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Error, "expr", "operator_not_allowed");

pub(crate) fn operator_not_allowed(at: Span, op: SetOp, place: Place) -> Diagnostic {
    let help = match (op, place) {
        (SetOp::Intersection, _) => "write `$a.$b` for hosts that carry both",
        (SetOp::Union, _) => "give the union a name under `tag`, and use that: `$name`",
        (_, Place::Member) => {
            "list what belongs to the tag; differences can be made where it is used, as in `$a ! $b`"
        }
        _ => "narrow with `$a.$b`, and make differences in the slots: `$a ! $b`",
    };
    Diagnostic::new(&CODE, format!("`{}` cannot stand here", symbol(op)))
        .primary(at, format!("{} belongs here", place.wanted()))
        .help(help)
}
