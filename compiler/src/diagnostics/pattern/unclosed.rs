//! `pogo::pattern::unclosed`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Error, "pattern", "unclosed");

/// A bracket or brace without its counterpart.
pub(crate) fn unclosed(bracket: char, at: Span) -> Diagnostic {
    let other = match bracket {
        '[' => ']',
        '{' => '}',
        '(' => ')',
        ']' => '[',
        '}' => '{',
        _ => '(',
    };
    let (message, help) = if matches!(bracket, '[' | '{' | '(') {
        (format!("`{bracket}` is not closed"), format!("add the closing `{other}`"))
    } else {
        (format!("`{bracket}` closes nothing"), format!("remove it, or add the opening `{other}`"))
    };
    Diagnostic::new(&CODE, message).primary(at, "").help(help)
}
