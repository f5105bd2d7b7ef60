//! Every code has a page, and what the page calls wrong and right is so.
//!
//! The first YAML block of a section is the spec; a block with a path behind its language is a file beside it. A
//! `console` block shows what programs print (`$ pogo-tag-NAME ARG` with the lines below it, and `$ echo $?` with a
//! status), how long a file is (`$ wc -c PATH`), the bytes of a spec that no page can show (`$ printf TEXT > spec.cfg`),
//! and the command that reads the spec (`$ pogo check …`, `$ pogo compile …`).

use pogo_compiler::diagnostics::{Code, Severity, all, has_errors};
use pogo_compiler::world::GroupAnswer;

use crate::flags::{Command, Outcome};
use crate::world::Memory;

/// A page in its parts.
struct Page<'p> {
    title: &'p str,
    text: &'p str,
    wrong: &'p str,
    right: &'p str,
}

fn split(page: &str) -> Option<Page<'_>> {
    let (title, rest) = page.strip_prefix("# ")?.split_once("\n\n")?;
    let (text, rest) = rest.split_once("\n\n## Wrong\n\n")?;
    let (wrong, right) = rest.split_once("\n\n## Right\n\n")?;
    Some(Page { title, text, wrong, right })
}

/// Reads the spec of a section with all that the section has beside it.
fn run(section: &str) -> Outcome {
    let mut world = Memory::default();
    let mut spec = None;
    let mut command = Command::default();
    let mut pieces = section.split("```");
    while let (Some(_between), Some(block)) = (pieces.next(), pieces.next()) {
        let (info, text) = block.split_once('\n').unwrap();
        match info.split_once(' ').unwrap_or((info, "")) {
            ("console", _) => console(text, &mut world, &mut spec, &mut command),
            ("yaml", path) if spec.is_none() => {
                assert!(path.is_empty() || path == "spec.cfg", "the spec is called `{path}`");
                spec = Some(text.as_bytes().to_vec());
            }
            (_, path) => {
                assert!(!path.is_empty(), "a block without a path: {text}");
                world.files.insert(path.to_owned(), text.as_bytes().to_vec());
            }
        }
    }
    let spec = spec.expect("a spec");
    world.files.insert("spec.cfg".to_owned(), spec.get(..spec.len().min(4096)).unwrap().to_vec());
    command.run(spec, world)
}

fn console(text: &str, world: &mut Memory, spec: &mut Option<Vec<u8>>, command: &mut Command) {
    let mut last = String::new();
    for step in text.strip_prefix("$ ").unwrap().split("\n$ ") {
        let (line, output) = step.split_once('\n').unwrap_or((step, ""));
        match line.split_once(' ').unwrap_or((line, "")) {
            ("pogo", rest) => *command = Command::parse(rest),
            ("printf", rest) => {
                let (format, path) = rest.split_once("' > ").unwrap();
                assert_eq!(path, "spec.cfg");
                *spec = Some(printf(format.strip_prefix('\'').unwrap()));
            }
            ("wc", rest) => {
                let path = rest.strip_prefix("-c ").unwrap();
                let (size, named) = output.trim().split_once(' ').unwrap();
                assert_eq!(path, named);
                // Zeroed memory that is never touched costs nothing, however much it is.
                let bytes = vec![0; size.parse().unwrap()];
                if path == "spec.cfg" {
                    *spec = Some(bytes);
                } else {
                    world.files.insert(path.to_owned(), bytes);
                }
            }
            ("echo", "$?") => {
                let Some(GroupAnswer::Printed(bytes)) = world.programs.get(&last) else {
                    panic!("no program ran")
                };
                let stderr = String::from_utf8(bytes.clone()).unwrap();
                let reason = format!("exit status {}", output.trim());
                world.programs.insert(last.clone(), GroupAnswer::Failed { reason, stderr });
            }
            (program, _) => {
                assert!(program.starts_with("pogo-tag-"), "unknown program `{program}`");
                line.clone_into(&mut last);
                let output = output.trim_end_matches('\n');
                world.programs.insert(last.clone(), GroupAnswer::Printed(format!("{output}\n").into_bytes()));
            }
        }
    }
}

/// What `printf` makes of a format with `\n` and `\xHH`.
fn printf(format: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = format.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        match rest[0] {
            b'n' => bytes.push(b'\n'),
            b'x' => {
                bytes.push(u8::from_str_radix(std::str::from_utf8(&rest[1..3]).unwrap(), 16).unwrap());
                rest = &rest[2..];
            }
            other => panic!("unknown escape `\\{}`", char::from(other)),
        }
        rest = &rest[1..];
    }
    bytes
}

fn short(outcome: &Outcome) -> String {
    let lines: Vec<String> = outcome
        .diagnostics
        .iter()
        .map(|finding| format!("  {}[{}]: {}\n", finding.severity.as_str(), finding.code.id, finding.message))
        .collect();
    lines.concat()
}

fn each(look: impl Fn(&Code, &Page<'_>) -> Result<(), String>) {
    let mut faults = Vec::new();
    for code in all() {
        let result = match split(code.page) {
            Some(page) => look(code, &page),
            None => Err("the page needs a title, `## Wrong` and `## Right`".to_owned()),
        };
        if let Err(fault) = result {
            faults.push(format!("{}: {fault}", code.id));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_page_is_laid_out_like_the_others() {
    each(|code, page| {
        if page.title.len() > 80 || page.title.ends_with('.') || page.title.contains('\n') {
            return Err(format!("the title is one line without a full stop: {}", page.title));
        }
        if let Some(line) = code.page.lines().find(|line| line.chars().count() > 100) {
            return Err(format!("a line is longer than 100 characters: {line}"));
        }
        if page.text.len() < 80 || page.text.contains("```") {
            return Err("the text says what it means and why, and comes before the specs".to_owned());
        }
        let says_how = page.text.contains("# pogo: allow(");
        let name = code.id.rsplit("::").next().unwrap();
        if code.severity == Severity::Error && code.id != "pogo::spec::unknown_allow" && says_how {
            return Err("an error cannot be silenced".to_owned());
        }
        if code.severity != Severity::Error && !page.text.contains(&format!("# pogo: allow({name})")) {
            return Err("the page says how to silence it".to_owned());
        }
        Ok(())
    });
}

#[test]
fn what_a_page_calls_wrong_is_found() {
    each(|code, page| {
        let outcome = run(page.wrong);
        let of_this = outcome.diagnostics.iter().filter(|finding| finding.code == code).count();
        let other_errors = outcome
            .diagnostics
            .iter()
            .any(|finding| finding.severity == Severity::Error && finding.code != code);
        if of_this != 1 || other_errors {
            return Err(format!(
                "wanted one finding of this code and no other error, found\n{}",
                short(&outcome)
            ));
        }
        Ok(())
    });
}

#[test]
fn what_a_page_calls_right_is_right() {
    each(|code, page| {
        let outcome = run(page.right);
        if has_errors(&outcome.diagnostics) || outcome.diagnostics.iter().any(|finding| finding.code == code)
        {
            return Err(format!("wanted no error and not this code, found\n{}", short(&outcome)));
        }
        Ok(())
    });
}

#[test]
fn the_registry_has_every_page() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/diagnostics");
    let mut pages = Vec::new();
    for stage in std::fs::read_dir(&folder).unwrap() {
        let stage = stage.unwrap();
        if !stage.file_type().unwrap().is_dir() {
            continue;
        }
        for file in std::fs::read_dir(stage.path()).unwrap() {
            let name = file.unwrap().file_name().into_string().unwrap();
            let stage = stage.file_name().into_string().unwrap();
            if let Some(name) = name.strip_suffix(".md") {
                pages.push(format!("pogo::{stage}::{name}"));
            } else if name != "mod.rs" {
                let name = name.strip_suffix(".rs").expect("a page or a constructor");
                assert!(
                    all().iter().any(|code| code.id == format!("pogo::{stage}::{name}")),
                    "{stage}/{name}.rs is in no registry"
                );
            }
        }
    }
    pages.sort_unstable();
    let mut codes: Vec<&str> = all().iter().map(|code| code.id).collect();
    codes.sort_unstable();
    assert_eq!(codes, pages);
    codes.dedup();
    assert_eq!(codes.len(), all().len(), "a code is registered twice");
}
