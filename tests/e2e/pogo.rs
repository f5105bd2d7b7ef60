//! The program under test, in an environment of its own.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

/// The built program: the one that `POGO_TEST_PROGRAM` names, as `tests/run` does, so that no test waits for cargo. It is
/// another package's, so otherwise cargo is asked to build it, once.
pub(crate) fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        if let Some(path) = std::env::var_os("POGO_TEST_PROGRAM") {
            return PathBuf::from(path);
        }
        let output = Command::new(env!("CARGO"))
            .args(["build", "--package", "pogo", "--bin", "pogo", "--message-format", "json"])
            .current_dir(root())
            .output()
            .expect("cargo runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout)
            .unwrap()
            .lines()
            .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
            .filter(|message| message["target"]["name"] == "pogo")
            .find_map(|message| message["executable"].as_str().map(PathBuf::from))
            .expect("cargo names the program")
    })
}

/// A command in a clean environment, in the repository's root.
pub(crate) fn pogo(args: &[&str]) -> Command {
    let mut command = Command::new(program());
    command.args(args).env_clear().env("LANG", "C.UTF-8").env("HOME", "/nonexistent").current_dir(root());
    command.env("POGO_STORE", store());
    command
}

/// Where runs are kept: with what the tests build, and not where the user's are.
pub(crate) fn store() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("store")
}

/// Runs to the end.
pub(crate) fn run(args: &[&str]) -> Output {
    pogo(args).output().expect("pogo runs")
}

/// Standard output of a run that must succeed.
pub(crate) fn stdout(args: &[&str]) -> String {
    let output = run(args);
    assert!(output.status.success(), "pogo {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
