//! `pogo::group::not_found`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Error, "group", "not_found");

pub(crate) fn not_found(name: &str, at: Span, searched: &[String], is_tag: bool) -> Diagnostic {
    let help = if is_tag {
        format!("a name with arguments calls a program; to list both, put a comma behind `${name}`")
    } else if searched.is_empty() {
        "name the folder that has it with `--resolver-path`".to_owned()
    } else {
        format!(
            "put it into one of {}, or name its folder with `--resolver-path`",
            list(searched.iter().map(|path| format!("`{path}`")))
        )
    };
    Diagnostic::new(&CODE, format!("there is no program `pogo-tag-{name}`"))
        .primary(at, "an external group")
        .help(help)
}
