//! `pogo::yaml::second_document`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Error, "yaml", "second_document");

pub(crate) fn second_document(at: Span) -> Diagnostic {
    Diagnostic::new(&CODE, "a spec is one YAML document")
        .primary(at, "a second document starts here; it is not read")
        .help("remove the `---`, or move what follows to a file of its own")
}
