//! `pogo::host::user`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Error, "host", "user");

pub(crate) fn user(user: &str, host: &str, at: Span) -> Diagnostic {
    Diagnostic::new(&CODE, "a host is written without a user").primary(at, "").help(format!(
        "write `{}`, and `job: {{user: {}}}` or `User {}` in the ssh configuration",
        clip(host),
        clip(user),
        clip(user)
    ))
}
