//! The specs of the repository: without findings but notes, and with the plans that they had before.

use std::path::PathBuf;

use crate::pogo::{root, run, stdout};

fn specs() -> Vec<PathBuf> {
    let mut specs: Vec<PathBuf> = std::fs::read_dir(root().join("specs"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "cfg"))
        .collect();
    specs.sort();
    assert!(specs.len() >= 8, "{specs:?}");
    specs
}

#[test]
fn none_has_a_warning() {
    let output = run(&["check", "--deny", "warnings", "specs"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn each_compiles_to_its_plan_and_the_plan_reads_back() {
    for spec in specs() {
        let name = spec.file_stem().unwrap().to_str().unwrap().to_owned();
        let path = format!("specs/{name}.cfg");
        // Specs that leave the command to the command line get one.
        let has_command = std::fs::read_to_string(&spec).unwrap().contains("command:");
        let mut args = vec!["compile", path.as_str()];
        if !has_command {
            args.extend(["--run-command", "date"]);
        }
        let plan = stdout(&args);
        assert_eq!(plan, stdout(&args), "the same bytes every time");
        let read = pogo_plan::Plan::read_json(plan.as_bytes()).unwrap();
        assert_eq!(read.check(), [], "{name}");
        let file = snapbox::Data::read_from(&root().join(format!("tests/plans/{name}.json")), None);
        snapbox::assert_data_eq!(snapbox::Data::text(plan), file.raw());
    }
}

#[test]
fn the_seed_of_pogo_one_runs_its_hosts_one_after_the_other() {
    let schedule: serde_json::Value = serde_json::from_str(&stdout(&[
        "schedule",
        "specs/one.cfg",
        "--targets",
        "host1,host2",
        "--format",
        "json",
    ]))
    .unwrap();
    let slots = schedule["threads"][0]["slots"].as_array().unwrap();
    let hosts: Vec<_> = slots.iter().map(|slot| slot["hosts"].clone()).collect();
    assert_eq!(hosts, [serde_json::json!([]), serde_json::json!(["host2"]), serde_json::json!(["host1"])]);
}

#[test]
fn a_plan_has_the_same_digest_from_every_folder() {
    let digest = |plan: &str| serde_json::from_str::<serde_json::Value>(plan).unwrap()["digest"].clone();
    let here = stdout(&["compile", "specs/farm.cfg"]);
    let output =
        crate::pogo::pogo(&["compile", "farm.cfg"]).current_dir(root().join("specs")).output().unwrap();
    assert_eq!(digest(&here), digest(&String::from_utf8(output.stdout).unwrap()));
}

#[test]
fn a_plan_that_was_edited_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plan.json");
    let plan = stdout(&["compile", "specs/quickstart.cfg"]);
    std::fs::write(&path, plan.replace("\"max_parallel\": 2", "\"max_parallel\": 3")).unwrap();
    let output = run(&["schedule", path.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("digest"));
}
