//! `pogo::yaml::alias_expansion`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Error, "yaml", "alias_expansion");

pub(crate) fn alias_expansion(at: Span) -> Diagnostic {
    Diagnostic::new(&CODE, "the aliases of this file repeat far more than it contains")
        .primary(at, "here the file grows past a hundred thousand parts")
        .help("repeat hosts through tags instead: `[$frontend, $backend]`")
}
