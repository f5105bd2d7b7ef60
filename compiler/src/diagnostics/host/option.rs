//! `pogo::host::option`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Error, "host", "option");

pub(crate) fn option(text: &str, at: Span) -> Diagnostic {
    Diagnostic::new(&CODE, format!("`{}` is an option, not a host", clip(text)))
        .primary(at, "a host starts with a letter, a digit or `_`")
        .help("write ssh options under `job: {ssh: {options: …}}` or in the ssh configuration")
}
