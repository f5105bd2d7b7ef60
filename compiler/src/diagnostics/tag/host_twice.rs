//! `pogo::tag::host_twice`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Warning, "tag", "host_twice");

pub(crate) fn host_twice(name: &str, selector: &str, second: Span, first: Span) -> Diagnostic {
    let finding = Diagnostic::new(&CODE, format!("`{}` is listed twice in `{selector}`", clip(name)))
        .primary(second, "again here");
    let finding = if first == second { finding } else { finding.secondary(first, "first here") };
    finding.help("remove one of the two")
}
