//! `pogo::yaml::syntax`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Error, "yaml", "syntax");

pub(crate) fn syntax(at: Span, problem: &str, help: Option<String>) -> Diagnostic {
    let message = format!("this is not YAML: {}", problem.replace('\n', " "));
    Diagnostic::new(&CODE, message).primary(at, "the file is read up to here").maybe_help(help)
}
