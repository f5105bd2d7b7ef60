//! `pogo::include::defined_twice`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Error, "include", "defined_twice");

pub(crate) fn defined_twice(name: &str, second: Span, first: Span) -> Diagnostic {
    Diagnostic::new(&CODE, format!("`{name}` is defined in two files"))
        .primary(second, "second definition")
        .secondary(first, "first definition")
        .help("keep it in one of the files, or give it another value there")
}
