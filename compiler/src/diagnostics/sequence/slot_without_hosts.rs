//! `pogo::sequence::slot_without_hosts`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Error, "sequence", "slot_without_hosts");

pub(crate) fn slot_without_hosts(at: Span) -> Diagnostic {
    Diagnostic::new(&CODE, "the slot does not say which hosts are in it")
        .primary(at, "`hosts` is missing")
        .help("add `hosts: $colo.east`")
}
