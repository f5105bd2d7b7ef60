//! `pogo::job::no_targets`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Error, "job", "no_targets");

pub(crate) fn no_targets(at: Span, problem: &str) -> Diagnostic {
    Diagnostic::new(&CODE, format!("there is nothing to run on: {problem}"))
        .primary(at, "")
        .help("name hosts or tags, or leave `targets` out to run on every host of the spec")
}

/// Without any `targets`, and no host in the spec.
pub(crate) fn no_targets_at_all() -> Diagnostic {
    Diagnostic::new(&CODE, "there is nothing to run on: the spec names no host")
        .help("name hosts under `tag`, or add `--targets` on the command line")
}
