//! `pogo::job::unknown_target`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Error, "job", "unknown_target");

pub(crate) fn unknown_target(hosts: &str, count: usize, at: Span, near: Option<&str>) -> Diagnostic {
    let is = if count == 1 { "is a target" } else { "are targets" };
    let help = match near {
        Some(near) => format!("did you mean `{near}`?"),
        None => {
            "add the hosts to the spec, or run them unconstrained with `--allow-unknown-hosts`".to_owned()
        }
    };
    Diagnostic::new(&CODE, format!("{hosts} {is} that the spec does not name"))
        .primary(at, "no limit and no sequence would hold")
        .help(help)
}
