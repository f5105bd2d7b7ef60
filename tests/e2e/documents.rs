//! Documents that are made from the program: `docs/errors.md` from the pages of all codes, `docs/cli.md` from its help.
//! `POGO_BLESS=1` writes them anew.

use std::fmt::Write as _;

use crate::pogo::{root, stdout};

fn check(document: &str, current: &str) {
    let path = root().join(document);
    if std::env::var_os("POGO_BLESS").is_some() {
        std::fs::write(&path, current).unwrap();
    } else {
        let file = snapbox::Data::read_from(&path, None);
        snapbox::assert_data_eq!(snapbox::Data::text(current), file.raw());
    }
}

#[test]
fn every_finding_has_its_page_in_the_list() {
    let mut text = String::from(
        "# Every finding\n\nOne section a code, in the order of their names; `pogo explain CODE` prints the same. This file \
         is made from the\npages in `compiler/src/diagnostics`.\n",
    );
    let codes = pogo_compiler::diagnostics::all();
    for code in codes {
        let title = code.page.lines().next().unwrap_or("").trim_start_matches("# ");
        let anchor = code.id.replace("::", "");
        let _ = write!(text, "\n- [`{}`](#{anchor}): {title} ({})", code.id, code.severity.as_str());
    }
    text.push('\n');
    for code in codes {
        let page = code.page.split_once('\n').map_or("", |(_, body)| body).trim();
        let title = code.page.lines().next().unwrap_or("").trim_start_matches("# ");
        let page = page.replace("\n## ", "\n#### ");
        let _ = write!(text, "\n## `{}`\n\n**{title}** ({})\n\n{page}\n", code.id, code.severity.as_str());
    }
    check("docs/errors.md", &text);
}

#[test]
fn every_option_is_in_the_reference() {
    let mut text =
        String::from("# The command line\n\nMade from `pogo --help` and the help of each command.\n");
    let commands = [
        "",
        "check",
        "compile",
        "apply",
        "one",
        "trust",
        "probe",
        "jobs",
        "status",
        "log",
        "output",
        "resume",
        "retry",
        "skip",
        "halt",
        "stop",
        "alter",
        "out",
        "release",
        "decide",
        "prune",
        "replay",
        "schedule",
        "why",
        "hosts",
        "explain",
        "schema",
        "settings",
        "completions",
        "man",
    ];
    for command in commands {
        let args: Vec<&str> = [command, "--help"].into_iter().filter(|arg| !arg.is_empty()).collect();
        let name = if command.is_empty() { "pogo".to_owned() } else { format!("pogo {command}") };
        let help = stdout(&args);
        let help: Vec<&str> = help.lines().map(str::trim_end).collect();
        let _ = write!(text, "\n## `{name}`\n\n```text\n{}\n```\n", help.join("\n"));
    }
    check("docs/cli.md", &text);
}

#[test]
fn no_command_is_missing_from_the_reference() {
    let reference = std::fs::read_to_string(root().join("docs/cli.md")).unwrap();
    let help = stdout(&["-h"]);
    let commands = help.lines().skip_while(|line| !line.starts_with("Commands:")).skip(1);
    let mut count = 0;
    for line in commands.take_while(|line| !line.is_empty()) {
        // Further lines of a description are indented further than a command.
        let Some(command) = line.strip_prefix("  ").filter(|line| !line.starts_with(' ')) else { continue };
        let name = command.split_whitespace().next().unwrap();
        if name != "help" {
            assert!(reference.contains(&format!("## `pogo {name}`")), "docs/cli.md lacks `pogo {name}`");
            count += 1;
        }
    }
    assert!(count >= 10, "{help}");
}
