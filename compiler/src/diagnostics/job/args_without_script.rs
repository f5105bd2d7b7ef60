//! `pogo::job::args_without_script`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Warning, "job", "args_without_script");

pub(crate) fn args_without_script(at: Span) -> Diagnostic {
    Diagnostic::new(&CODE, "`args` are for a script, and this job runs a command")
        .primary(at, "used by nothing")
        .help("write the arguments into `command`")
}
