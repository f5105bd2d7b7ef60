//! `pogo::job::command_and_script`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Error, "job", "command_and_script");

pub(crate) fn command_and_script(command: Span, script: Span) -> Diagnostic {
    Diagnostic::new(&CODE, "a job runs a command or a script, not both")
        .primary(command, "the command")
        .secondary(script, "the script")
        .help("remove one of the two")
}
