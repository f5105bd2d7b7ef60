//! `pogo::job::bad_env_name`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Error, "job", "bad_env_name");

pub(crate) fn bad_env_name(name: &str, at: Span) -> Diagnostic {
    Diagnostic::new(&CODE, format!("`{}` is not the name of an environment variable", clip(name)))
        .primary(at, "")
        .help("use letters, digits and `_`, starting with a letter or `_`")
}
