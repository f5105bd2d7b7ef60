//! `pogo::expr::host_file_unreadable`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Error, "expr", "host_file_unreadable");

pub(crate) fn host_file_unreadable(path: &str, at: Span, error: &WorldError) -> Diagnostic {
    Diagnostic::new(&CODE, format!("cannot read the host file `{path}`: {}", error.message))
        .primary(at, "named here")
        .help(error.help.clone().unwrap_or_else(|| "write the path relative to this file".to_owned()))
}
