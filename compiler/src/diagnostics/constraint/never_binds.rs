//! `pogo::constraint::never_binds`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Warning, "constraint", "never_binds");

pub(crate) fn never_binds(declared: &str, at: Span, n_groups: usize, largest: usize) -> Diagnostic {
    let label = if n_groups == 1 {
        format!("its group has {largest} hosts")
    } else {
        format!("the largest of its {n_groups} groups has {largest} hosts")
    };
    let label = if largest == 1 { label.replace("1 hosts", "1 host") } else { label };
    Diagnostic::new(&CODE, format!("a limit of {declared} never holds anything back"))
        .primary(at, label)
        .help("lower the limit, or remove it")
}
