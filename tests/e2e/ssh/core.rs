//! What a pogo that crashes leaves behind.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::process::ExitStatusExt as _;

use nix::sys::signal::Signal;

use super::{Site, can};

const SECRET: &str = "hunter2-hunter2-hunter2";

/// Whether a core file was made of a pogo that was aborted while its command ran.
fn leaves_a_core(secrets: &str) -> bool {
    let site = Site::new();
    let gate = site.gate("gate");
    site.spec("pogo-1", &format!("echo up; read go < {gate}"), secrets);
    let by = ["sh", "-c", "ulimit -c unlimited; exec \"$0\" \"$@\""];
    let mut run = site.start_as(&by, &[], &[("TOKEN_OF_MINE", OsStr::new(SECRET))]);
    run.wait_for("output", &[("host", "pogo-1")]);
    run.signal(Signal::SIGABRT);
    let status = run.status();
    site.open_gate("gate");
    super::until("the command to run to its end", || site.has_logged("end pogo-1 1"));
    assert_eq!(status.signal(), Some(6), "{status:?}");
    let cores = fs::read_dir(&site.farm).unwrap().flatten();
    let has_file = cores.into_iter().any(|entry| entry.file_name().to_string_lossy().starts_with("core"));
    status.core_dumped() || has_file
}

#[test]
fn no_core_file_holds_a_secret() {
    if !can(leaves_a_core(""), "a system that makes core files") {
        return;
    }
    assert!(!leaves_a_core("  secrets: {TOKEN: {env: TOKEN_OF_MINE}}"));
}
