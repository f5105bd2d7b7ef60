//! `pogo::group::failed`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Error, "group", "failed");

pub(crate) fn failed(name: &str, at: Span, reason: &str, stderr: &str) -> Diagnostic {
    let stderr: String = stderr.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let help = if stderr.is_empty() {
        format!("run `pogo-tag-{name}` by hand to see what it wants")
    } else {
        format!("it wrote: {stderr}")
    };
    Diagnostic::new(&CODE, format!("`pogo-tag-{name}` failed: {reason}"))
        .primary(at, "an external group")
        .help(help)
}
