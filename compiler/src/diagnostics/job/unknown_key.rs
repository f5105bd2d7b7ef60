//! `pogo::job::unknown_key`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Error, "job", "unknown_key");

pub(crate) fn unknown_key(key: &str, of: &str, at: Span, near: Option<&str>) -> Diagnostic {
    let help = did_you_mean(near).unwrap_or_else(|| format!("see the keys of `{of}` in `pogo schema spec`"));
    Diagnostic::new(&CODE, format!("unknown key `{}` in `{of}`", clip(key))).primary(at, "").help(help)
}
