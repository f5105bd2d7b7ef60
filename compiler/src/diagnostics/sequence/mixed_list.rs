//! `pogo::sequence::mixed_list`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Error, "sequence", "mixed_list");

pub(crate) fn mixed_list(odd: Span, other: Span, odd_is_list: bool) -> Diagnostic {
    let (odd_text, other_text) = if odd_is_list { ("a list", "a slot") } else { ("a slot", "a list") };
    Diagnostic::new(&CODE, "a list has either slots or lists, not both")
        .primary(odd, odd_text)
        .secondary(other, other_text)
        .help("for hosts that run in parallel write one slot: `$a, $b`; for threads use labels")
}
