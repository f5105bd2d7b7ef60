//! `pogo::sequence::bad_label`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Error, "sequence", "bad_label");

pub(crate) fn bad_label(text: &str, at: Span) -> Diagnostic {
    Diagnostic::new(&CODE, format!("`{}` is neither a label nor a selector", clip(text)))
        .primary(at, "")
        .help("a label has letters, digits, `-` and `_` and starts with a letter or `_`; a selector starts with `$`")
}
