//! `pogo::host::port`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Error, "host", "port");

pub(crate) fn port(host: &str, port: &str, at: Span) -> Diagnostic {
    Diagnostic::new(&CODE, "a host is written without a port").primary(at, "").help(format!(
        "write `{}`, and `job: {{ssh: {{port: {}}}}}` or `Port {}` in the ssh configuration",
        clip(host),
        clip(port),
        clip(port)
    ))
}
