//! Which crate may know which: asked of cargo, over all that a crate builds on.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

use crate::pogo::root;

/// What each crate must not build on, directly or through others. The program builds on all of them, so a misspelt name does
/// not pass.
const NEVER: &[(&str, &[&str])] = &[
    ("pogo-grammar", &["pogo-plan", "pogo-compiler", "granit-parser", "miette", "clap", "serde", "tokio"]),
    (
        "pogo-plan",
        &["pogo-grammar", "pogo-compiler", "granit-parser", "yaml_serde", "pest", "miette", "clap", "tokio"],
    ),
    (
        "pogo-compiler",
        &["clap", "yaml_serde", "miette", "anstream", "tempfile", "tokio", "actix", "openssh", "sqlx"],
    ),
    (
        "pogo-schedule",
        &["tokio", "actix", "pogo-compiler", "pogo-grammar", "granit-parser", "miette", "clap", "tracing"],
    ),
    (
        "pogo-transport",
        &["actix", "sqlx", "pogo-schedule", "pogo-compiler", "clap", "miette", "granit-parser"],
    ),
    (
        "pogo-store",
        &["actix", "clap", "miette", "openssh", "pogo-compiler", "pogo-transport", "granit-parser"],
    ),
    ("pogo-actors", &["clap", "miette", "anstream", "pogo-compiler", "granit-parser", "yaml_serde"]),
];

struct Graph {
    names: BTreeMap<String, String>,
    needs: BTreeMap<String, Vec<String>>,
}

fn graph() -> Graph {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--all-features"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let names = metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|package| (text(&package["id"]), text(&package["name"])))
        .collect();
    let needs = metadata["resolve"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|node| {
            let normal = node["deps"].as_array().unwrap().iter().filter(|dependency| {
                // Kind null is a normal dependency; "dev" and "build" are in nobody's program.
                dependency["dep_kinds"].as_array().unwrap().iter().any(|kind| kind["kind"].is_null())
            });
            (text(&node["id"]), normal.map(|dependency| text(&dependency["pkg"])).collect())
        })
        .collect();
    Graph { names, needs }
}

impl Graph {
    /// The names of all that `package` builds on.
    fn all_below(&self, package: &str) -> BTreeSet<&str> {
        let start = self.names.iter().find(|(_, name)| *name == package).map(|(id, _)| id);
        let mut open = vec![start.unwrap_or_else(|| panic!("there is no package `{package}`"))];
        let mut seen = BTreeSet::new();
        while let Some(id) = open.pop() {
            for needed in &self.needs[id] {
                if seen.insert(self.names[needed].as_str()) {
                    open.push(needed);
                }
            }
        }
        seen
    }
}

#[test]
fn each_crate_knows_only_what_it_may() {
    let graph = graph();
    for (package, never) in NEVER {
        let below = graph.all_below(package);
        for name in *never {
            assert!(!below.contains(name), "`{package}` builds on `{name}`");
        }
    }
}

#[test]
fn what_is_forbidden_is_spelt_right() {
    let graph = graph();
    let by_the_program = graph.all_below("pogo");
    for name in NEVER.iter().flat_map(|(_, never)| *never) {
        assert!(by_the_program.contains(name), "nobody builds on `{name}`: is it spelt right?");
    }
}
