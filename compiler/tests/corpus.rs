//! Replays the corpora of the fuzz targets: what they once found stays found.

#[path = "../fuzz/claims/case.rs"]
mod case;
#[path = "../fuzz/claims/compile.rs"]
mod compile;
#[path = "../fuzz/claims/diagnostics.rs"]
mod diagnostics;
#[path = "../fuzz/claims/yaml.rs"]
mod yaml;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

/// Applies `claim` to each input of `target` and names those for which it does not hold.
#[expect(clippy::disallowed_methods, reason = "the corpora are in files")]
fn replay(target: &str, claim: impl Fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut inputs: Vec<_> =
        fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    inputs.sort();
    assert!(!inputs.is_empty(), "no inputs for `{target}`");
    let holds = |path: &Path| {
        fs::read(path).is_ok_and(|bytes| catch_unwind(AssertUnwindSafe(|| claim(&bytes))).is_ok())
    };
    inputs.retain(|path| !holds(path));
    assert!(inputs.is_empty(), "{inputs:#?}");
}

#[test]
fn yaml_holds_for_its_corpus() {
    replay("yaml", |bytes| yaml::holds(&String::from_utf8_lossy(bytes)));
}

#[test]
fn compile_holds_for_its_corpus() {
    replay("compile", compile::holds);
}
