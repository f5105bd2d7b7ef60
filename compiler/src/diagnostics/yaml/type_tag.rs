//! `pogo::yaml::type_tag`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Error, "yaml", "type_tag");

/// `line` is the rest of the value, as far as it stands on the tag's line.
pub(crate) fn type_tag(at: Span, tag: &str, line: &str) -> Diagnostic {
    let whole = format!("{tag} {line}").trim_end().replace('\'', "''");
    let help = if tag == "!" || line.is_empty() {
        format!("quote the whole value: `'{whole}'`")
    } else {
        format!("remove `{tag}`, or quote the whole value: `'{whole}'`")
    };
    Diagnostic::new(&CODE, format!("`{tag}` is a YAML type tag, which a spec does not have"))
        .primary(at, "YAML would drop this from the value")
        .help(help)
}
