//! `pogo::pattern::too_many_hosts`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Error, "pattern", "too_many_hosts");

/// `what` is in words, with its verb: "the pattern names", "all patterns together name".
pub(crate) fn too_many_hosts(at: Span, what: &str, count: u128, limit: u64) -> Diagnostic {
    Diagnostic::new(
        &CODE,
        format!("{what} {} hosts; the limit is {}", thousands(count), thousands(u128::from(limit))),
    )
    .primary(at, "")
    .help("check the bounds, or raise the limit with `--max-pattern-hosts`")
}
