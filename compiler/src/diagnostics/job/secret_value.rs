//! `pogo::job::secret_value`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Error, "job", "secret_value");

/// The value is not repeated: it may be the secret.
pub(crate) fn secret_value(name: &str, at: Span) -> Diagnostic {
    Diagnostic::new(&CODE, format!("the secret `{}` must say where its value comes from", clip(name)))
        .primary(at, "not a reference")
        .help("write `{env: NAME}`, `{file: PATH}` or `prompt`; if this is the secret itself, replace it: it has been in a file")
}
