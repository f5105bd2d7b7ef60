//! `pogo::job::verify_without_command`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Error, "job", "verify_without_command");

pub(crate) fn verify_without_command(at: Span) -> Diagnostic {
    Diagnostic::new(&CODE, "`verify` does not say what to run")
        .primary(at, "`command` is missing")
        .help("add `command: curl -fsS localhost/health`")
}
