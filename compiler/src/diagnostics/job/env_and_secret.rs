//! `pogo::job::env_and_secret`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Error, "job", "env_and_secret");

pub(crate) fn env_and_secret(name: &str, secret: Span, env: Span) -> Diagnostic {
    Diagnostic::new(&CODE, format!("`{}` is set twice", clip(name)))
        .primary(secret, "as a secret")
        .secondary(env, "in plain text")
        .help("keep the secret")
}
