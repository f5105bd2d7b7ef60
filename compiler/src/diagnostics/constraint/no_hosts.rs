//! `pogo::constraint::no_hosts`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Warning, "constraint", "no_hosts");

pub(crate) fn no_hosts(group: &str, at: Span) -> Diagnostic {
    Diagnostic::new(&CODE, format!("the limit on `{}` holds for no host", clip(group)))
        .primary(at, "no host carries all of this")
        .help("check the selectors, or remove the limit")
}
