//! `pogo::yaml::too_large`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Error, "yaml", "too_large");

pub(crate) fn too_large(path: &str, bytes: usize) -> Diagnostic {
    Diagnostic::new(&CODE, format!("`{path}` has {bytes} bytes; files of 4 GiB or more are not read"))
        .help("write hosts as patterns, or split the file with `include`")
}
