//! `pogo::constraint::limit_without_group`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Error, "constraint", "limit_without_group");

pub(crate) fn limit_without_group(at: Span) -> Diagnostic {
    Diagnostic::new(&CODE, "a limit needs a group that it holds for")
        .primary(at, "stands outside of any group")
        .help("put it under a selector such as `$colo`; for all hosts of the job use `job: {concurrent: …}`")
}
