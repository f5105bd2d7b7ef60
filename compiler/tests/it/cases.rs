//! Each file of `tests/cases` says what is found in it, and nothing else is found.
//!
//! `POGO_BLESS=1` writes into the files what is found; read what changed before it is committed.

use std::fs;
use std::path::{Path, PathBuf};

use pogo_compiler::diagnostics::all;

use crate::annotate::{annotate, strip};
use crate::sections::{Case, cases, sections, setup};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort_unstable();
    for path in entries {
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            assert_eq!(path.extension().and_then(|end| end.to_str()), Some("cfg"), "{}", path.display());
            found.push(path);
        }
    }
    found
}

/// The case as it should be written.
fn expected(case: &Case<'_>) -> String {
    let texts: Vec<String> = case
        .sections
        .iter()
        .map(|section| {
            let is_text = section.heading.is_empty()
                || ["### case: ", "### file: "].iter().any(|word| section.heading.starts_with(word));
            if is_text { strip(&section.text) } else { section.text.clone() }
        })
        .collect();
    let setup = setup(case, &texts);
    let outcome = setup.command.run(setup.spec.into_bytes(), setup.world);
    let texts: Vec<(Option<String>, String)> = setup.paths.into_iter().zip(texts).collect();
    let annotated = annotate(&texts, &outcome.diagnostics, &outcome.sources);
    let mut out = String::new();
    for (section, text) in case.sections.iter().zip(annotated) {
        if !section.heading.is_empty() {
            out.push_str(&section.heading);
            out.push('\n');
        }
        out.push_str(&text);
    }
    out
}

fn written(case: &Case<'_>) -> String {
    let parts = case.sections.iter().map(|section| {
        let heading =
            if section.heading.is_empty() { String::new() } else { format!("{}\n", section.heading) };
        heading + &section.text
    });
    parts.collect()
}

#[test]
fn each_case_finds_what_it_says() {
    let bless = std::env::var_os("POGO_BLESS").is_some();
    let mut faults = Vec::new();
    for path in files(&folder()) {
        let text = fs::read_to_string(&path).unwrap();
        let sections = sections(&text);
        let mut blessed = String::new();
        for case in cases(&sections) {
            let (written, expected) = (written(&case), expected(&case));
            if written != expected {
                let name = path.strip_prefix(folder()).unwrap().display().to_string();
                faults.push(format!("{name}, {}: what is found there is\n{expected}", case.title));
            }
            blessed.push_str(&expected);
        }
        if bless && blessed != text {
            fs::write(&path, blessed).unwrap();
        }
    }
    assert!(faults.is_empty() || bless, "{}", faults.join("\n\n"));
}

#[test]
fn every_code_has_a_case() {
    let mut missing = Vec::new();
    for code in all() {
        let path =
            folder().join(code.id.trim_start_matches("pogo::").replace("::", "/")).with_extension("cfg");
        let has_it = fs::read_to_string(&path).is_ok_and(|text| text.contains(&format!("[{}]", code.id)));
        if !has_it {
            missing.push(code.id);
        }
    }
    // No file of text can show these: `pages` and `robustness` have them.
    assert_eq!(missing, ["pogo::yaml::not_utf8", "pogo::yaml::too_large"]);
}
