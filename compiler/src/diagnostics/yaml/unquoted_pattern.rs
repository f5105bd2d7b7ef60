//! `pogo::yaml::unquoted_pattern`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Error, "yaml", "unquoted_pattern");

/// `pattern` is the whole word that YAML broke off.
pub(crate) fn unquoted_pattern(at: Span, pattern: &str) -> Diagnostic {
    Diagnostic::new(&CODE, format!("the pattern `{pattern}` needs quotes here"))
        .primary(at, "inside `[…]` and `{…}` YAML takes its brackets and commas for its own")
        .help(format!("write `\"{pattern}\"`"))
}
