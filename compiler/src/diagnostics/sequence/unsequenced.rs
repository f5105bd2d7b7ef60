//! `pogo::sequence::unsequenced`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Note, "sequence", "unsequenced");

pub(crate) fn unsequenced(hosts: &str, count: usize) -> Diagnostic {
    let (stand, start) = if count == 1 { ("stands", "starts") } else { ("stand", "start") };
    Diagnostic::new(&CODE, format!("{hosts} {stand} in no slot and {start} at once"))
        .help("add a slot for what should wait; `--deny unsequenced` makes this an error")
}
