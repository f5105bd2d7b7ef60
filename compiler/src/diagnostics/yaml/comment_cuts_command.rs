//! `pogo::yaml::comment_cuts_command`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Warning, "yaml", "comment_cuts_command");

pub(crate) fn comment_cuts_command(key: &str, comment: Span, command: Span) -> Diagnostic {
    Diagnostic::new(&CODE, format!("the `{key}` ends before the `#`"))
        .primary(comment, "YAML takes this for a comment")
        .secondary(command, "this is all of it")
        .help("put the command in quotes, or the comment on a line of its own")
}
