//! `pogo::host::short_ipv6`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Error, "host", "short_ipv6");

pub(crate) fn short_ipv6(text: &str, full: Option<&str>, at: Span) -> Diagnostic {
    let help = match full {
        Some(full) => format!("write `{full}`"),
        None => {
            "write all eight groups, such as `2001:db8:0:0:0:0:0:1`; a port goes to `job: {ssh: {port: …}}`"
                .to_owned()
        }
    };
    Diagnostic::new(&CODE, format!("`{}` is not an IPv6 address in full", clip(text)))
        .primary(at, "")
        .help(help)
}
