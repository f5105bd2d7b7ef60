//! `pogo::spec::unknown_key`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Error, "spec", "unknown_key");

pub(crate) fn unknown_key(name: &str, at: Span, near: Option<&str>, known: &[&str]) -> Diagnostic {
    let help = did_you_mean(near).unwrap_or_else(|| format!("a spec has {}", words(known)));
    Diagnostic::new(&CODE, format!("unknown section `{name}`"))
        .primary(at, "not a section of a spec")
        .help(help)
}
