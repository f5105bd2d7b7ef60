//! `pogo::yaml::recursive_alias`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Error, "yaml", "recursive_alias");

pub(crate) fn recursive_alias(at: Span, anchor: Option<Span>) -> Diagnostic {
    let finding = Diagnostic::new(&CODE, "an alias stands inside of what it repeats")
        .primary(at, "this would never end");
    match anchor {
        Some(anchor) => finding.secondary(anchor, "the anchor is on this"),
        None => finding,
    }
    .help("write the inner part out")
}
