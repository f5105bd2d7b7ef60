//! Which store it is, and stores that cannot be used.

use std::os::unix::fs::{FileExt as _, PermissionsExt as _};

use super::refused;
use crate::{Home, Ran};

fn home() -> Home {
    let home = Home::new();
    home.spec("tag: {all: [h1]}", "true", "");
    home
}

#[test]
fn the_store_is_named_in_four_places_and_told_at_the_start() {
    let home = home();
    let begun = home.apply(&["a.cfg"]).stdout;
    let place = home.path().canonicalize().unwrap().join(".local/state/pogo/store");
    assert!(begun.contains(&format!("kept in {}, which nobody else uses\n", place.display())), "{begun}");
    assert_eq!(home.json(&["jobs"])["jobs"].as_array().unwrap().len(), 1);
    // Another store knows nothing of it.
    let by_flag = home.run(&["jobs", "--store", "other"]);
    assert_eq!(by_flag.stdout, "no jobs\n");
    assert!(!home.file("other").exists(), "a question makes no store");
    let by_variable = Ran::from(home.command(&["jobs"]).env("POGO_STORE", "other").output().unwrap());
    assert_eq!(by_variable.stdout, "no jobs\n");
    let ran = home.run(&["status", "--store", "other"]);
    assert!(ran.code == 2 && ran.stderr.contains("no job has been kept in the store `other` yet"), "{ran:?}");

    std::fs::create_dir_all(home.file(".config/pogo")).unwrap();
    home.write(".config/pogo/config.yaml", "store: shared\n");
    let folder = home.file(".config/pogo/shared");
    std::fs::create_dir(&folder).unwrap();
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o2770)).unwrap();
    let begun = home.apply(&["a.cfg"]).stdout;
    assert!(begun.contains(".config/pogo/shared, shared with the group "), "{begun}");
    assert!(folder.join("pogo.db").exists());
    let settings = home.run(&["settings"]).stdout;
    let line = settings.lines().find(|line| line.starts_with("store: ")).unwrap();
    assert!(line.contains("/.config/pogo/shared ") && line.ends_with("config.yaml"), "{line}");
    // What is to be typed next finds the store that was named on the command line.
    home.spec("tag: {all: [h1]}", "false", "");
    let failed = home.apply(&["a.cfg", "--store", "here"]);
    assert!(failed.code == 1 && failed.stdout.contains(" --store here  # "), "{failed:?}");
}

#[test]
fn the_store_of_a_newer_pogo_is_refused() {
    let home = home();
    assert_eq!(home.apply(&["a.cfg", "--store", "s"]).code, 0);
    let file = std::fs::File::options().write(true).open(home.file("s/pogo.db")).unwrap();
    // The version of the tables, in the database's header.
    file.write_all_at(&99_u32.to_be_bytes(), 60).unwrap();
    for ran in [home.apply(&["a.cfg", "--store", "s"]), home.run(&["jobs", "--store", "s"])] {
        refused(&ran, "was written by a newer pogo");
        assert!(ran.stderr.contains("\nhelp: Use that pogo"), "{ran:?}");
    }
    assert_eq!(home.log().len(), 2, "nothing was started");
}

#[test]
fn without_a_store_nothing_starts() {
    let home = home();
    home.write("file", "");
    for store in ["/proc/none", "file"] {
        let ran = home.apply(&["a.cfg", "--store", store]);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{store}");
        assert!(ran.stderr.starts_with("error: "), "{ran:?}");
    }
    std::fs::create_dir(home.file("broken")).unwrap();
    home.write("broken/pogo.db", &"no database ".repeat(400));
    let ran = home.apply(&["a.cfg", "--store", "broken"]);
    assert!(ran.code == 2 && ran.stderr.contains("is damaged or is no store"), "{ran:?}");
    let nowhere = Ran::from(home.command(&["apply", "a.cfg"]).env_remove("HOME").output().unwrap());
    assert!(nowhere.code == 2 && nowhere.stderr.contains("neither XDG_STATE_HOME nor HOME"), "{nowhere:?}");
    assert_eq!(home.log().len(), 0);
}
