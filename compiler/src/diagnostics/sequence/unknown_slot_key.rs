//! `pogo::sequence::unknown_slot_key`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Error, "sequence", "unknown_slot_key");

pub(crate) fn unknown_slot_key(name: &str, at: Span, near: Option<&str>, has_hosts: bool) -> Diagnostic {
    let help = did_you_mean(near).unwrap_or_else(|| {
        if has_hosts {
            "a slot has `hosts`, `pause_after` and `max_failures`".to_owned()
        } else {
            "write a slot as a set expression, or as `{hosts: …, pause_after: 30m}`; a pattern with braces needs quotes".to_owned()
        }
    });
    Diagnostic::new(&CODE, format!("unknown key `{}` in a slot", clip(name))).primary(at, "").help(help)
}
