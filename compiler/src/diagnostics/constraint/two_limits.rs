//! `pogo::constraint::two_limits`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Warning, "constraint", "two_limits");

pub(crate) fn two_limits(group: &str, count: usize, second: Span, first: Span) -> Diagnostic {
    let groups = match count {
        0 | 1 => format!("`{group}` has"),
        2 => format!("`{group}` and 1 more group have"),
        _ => format!("`{group}` and {} more groups have", count - 1),
    };
    Diagnostic::new(&CODE, format!("{groups} two limits; the stricter holds"))
        .primary(second, "second limit")
        .secondary(first, "first limit")
        .help("keep the one that is meant")
}
