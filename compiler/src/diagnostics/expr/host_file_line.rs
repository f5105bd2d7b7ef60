//! `pogo::expr::host_file_line`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Error, "expr", "host_file_line");

pub(crate) fn host_file_line(at: Span) -> Diagnostic {
    Diagnostic::new(&CODE, "a host file has only host patterns")
        .primary(at, "")
        .help("write names such as `web[1-3]`, one pattern a line; selectors belong in the spec")
}
