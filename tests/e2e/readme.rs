//! What documents show of a terminal is what the program prints.
//!
//! In blocks marked `console`, each line that starts with `$ ` is run in the repository's root, and what follows it, up to
//! the next such line, must be its output, standard error behind standard output. `POGO_BLESS=1` writes the outputs anew.

use std::process::Command;

use crate::pogo::{program, root, store};

const DOCUMENTS: &[&str] = &["README.md", "docs/language.md", "docs/ssh.md"];

#[test]
fn terminal_sessions_are_true() {
    let bless = std::env::var_os("POGO_BLESS").is_some();
    for document in DOCUMENTS {
        let path = root().join(document);
        let text = std::fs::read_to_string(&path).unwrap();
        let played = play(&text);
        if bless {
            std::fs::write(&path, played).unwrap();
        } else {
            snapbox::assert_data_eq!(snapbox::Data::text(played), snapbox::Data::text(text).raw());
        }
    }
}

/// The document with the outputs that its commands have now.
fn play(text: &str) -> String {
    let mut played = String::new();
    let mut in_console = false;
    for line in text.lines() {
        if line.starts_with("```") {
            in_console = line == "```console";
        } else if in_console {
            let Some(command) = line.strip_prefix("$ ") else { continue };
            played.push_str(line);
            played.push('\n');
            played.push_str(&output(command));
            continue;
        }
        played.push_str(line);
        played.push('\n');
    }
    played
}

fn output(command: &str) -> String {
    let folder = program().parent().unwrap();
    let path = format!("{}:/usr/local/bin:/usr/bin:/bin", folder.display());
    let output = Command::new("sh")
        .args(["-c", &format!("{{ {command}; }} 2>&1")])
        .current_dir(root())
        .env_clear()
        .env("PATH", path)
        .env("LANG", "C.UTF-8")
        .env("HOME", "/nonexistent")
        .env("POGO_STORE", store())
        .env("POGO_WIDTH", "100")
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}
