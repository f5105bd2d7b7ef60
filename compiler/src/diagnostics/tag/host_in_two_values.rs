//! `pogo::tag::host_in_two_values`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Note, "tag", "host_in_two_values");

/// Both values with their keys.
pub(crate) fn host_in_two_values(
    hosts: &str,
    count: usize,
    tag: &str,
    later: (&str, Span),
    earlier: (&str, Span),
) -> Diagnostic {
    let carry = if count == 1 { "carries" } else { "carry" };
    Diagnostic::new(
        &CODE,
        format!("{hosts} {carry} two values of `{tag}`: `{}` and `{}`", earlier.0, later.0),
    )
    .primary(later.1, format!("also in `{}`", earlier.0))
    .secondary(earlier.1, "")
    .help("if a host has one value only, remove it from the other")
}
