//! `pogo::sequence::label_is_tag`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Warning, "sequence", "label_is_tag");

pub(crate) fn label_is_tag(name: &str, selector: &str, at: Span) -> Diagnostic {
    Diagnostic::new(&CODE, format!("`{name}` is a label here, and also a tag"))
        .primary(at, "names the thread, and narrows nothing")
        .help(format!("did you mean `{selector}`?"))
}
