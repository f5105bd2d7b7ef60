//! `pogo::host::invalid`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Error, "host", "invalid");

/// A host name that is none; the kinds with a code of their own get that one.
pub(crate) fn invalid(name: &str, kind: &SyntaxErrorKind, at: Span) -> Diagnostic {
    let shown = clip(name);
    let (label, help): (String, &str) = match kind {
        SyntaxErrorKind::UserInHost { user, host } => return super::user(user, host, at),
        SyntaxErrorKind::PortInHost { host, port } => return super::port(host, port, at),
        SyntaxErrorKind::OptionAsHost => return super::option(name, at),
        SyntaxErrorKind::ShortIpv6 { full } => return super::short_ipv6(name, full.as_deref(), at),
        SyntaxErrorKind::HostCharacter(c) => {
            (format!("`{}` stands in no host name", visible(*c)), "use letters, digits, `.`, `-` and `_`")
        }
        SyntaxErrorKind::HostStart(c) => {
            (format!("starts with `{}`", visible(*c)), "start the name with a letter, a digit or `_`")
        }
        SyntaxErrorKind::EmptyHostLabel => {
            ("nothing stands between two dots".to_owned(), "remove the doubled or leading dot")
        }
        SyntaxErrorKind::HostTooLong => {
            ("longer than DNS allows".to_owned(), "use at most 63 characters between dots, and 253 in all")
        }
        _ => ("not a host name".to_owned(), "use letters, digits, `.`, `-` and `_`"),
    };
    Diagnostic::new(&CODE, format!("`{shown}` is not a host name")).primary(at, label).help(help)
}
