//! `pogo::sequence::host_in_two_slots`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Note, "sequence", "host_in_two_slots");

/// The earlier slot with its place.
pub(crate) fn host_in_two_slots(hosts: &str, count: usize, at: Span, earlier: (&str, Span)) -> Diagnostic {
    let (belong, run) = if count == 1 { ("belongs", "runs") } else { ("belong", "run") };
    Diagnostic::new(&CODE, format!("{hosts} already {belong} to the slot `{}`", earlier.0))
        .primary(at, format!("{run} with the earlier slot, not again here"))
        .secondary(earlier.1, "the first slot with it")
        .help("nothing needs to change: a host runs once in a job")
}
