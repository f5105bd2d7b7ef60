//! `pogo::job::no_command`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Warning, "job", "no_command");

pub(crate) fn no_command(job: Option<Span>) -> Diagnostic {
    let finding = Diagnostic::new(&CODE, "the plan has nothing to run");
    match job {
        Some(job) => finding.primary(job, "neither `command` nor `script`"),
        None => finding,
    }
    .help("add `job: {command: …}`, or `--run-command` on the command line")
}
