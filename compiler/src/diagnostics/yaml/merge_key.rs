//! `pogo::yaml::merge_key`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Error, "yaml", "merge_key");

pub(crate) fn merge_key(at: Span) -> Diagnostic {
    Diagnostic::new(&CODE, "merge keys are not part of a spec")
        .primary(at, "`<<` would pull in keys that are not seen here")
        .help("write the keys out, or build the tag from other tags: `[$frontend, $backend]`")
}
