//! `pogo::spec::unknown_allow`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Warning, "spec", "unknown_allow");

/// `several` are the codes that share this last part.
pub(crate) fn unknown_allow(code: &str, at: Span, several: &[&str], near: Option<&str>) -> Diagnostic {
    if let Some(first) = several.first() {
        return Diagnostic::new(&CODE, format!("several findings have a code that ends in `{}`", clip(code)))
            .primary(at, "silences none of them")
            .help(format!("write it in full, such as `{first}`"));
    }
    let help = did_you_mean(near).unwrap_or_else(|| "list the codes with `pogo explain --list`".to_owned());
    Diagnostic::new(&CODE, format!("no finding has the code `{code}`"))
        .primary(at, "silences nothing")
        .help(help)
}
