//! `pogo::expr::host_file_empty`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Error, "expr", "host_file_empty");

pub(crate) fn host_file_empty(path: &str, at: Span) -> Diagnostic {
    Diagnostic::new(&CODE, format!("the host file `{path}` names no host"))
        .primary(at, "read here")
        .help("write a host pattern a line into it")
}
