//! The files of `tests/cases`: specs with what is found in them written under the lines.
//!
//! A file has one situation or several, each under `### case: what it is about`. Below its spec stand
//! `### flags: --targets web9`, `### file: farm.cfg` with that file, and `### program: pogo-tag-cmdb web` with what it
//! prints (`### program: pogo-tag-cmdb web => exit status 3` with what it writes to its standard error), and
//! `### size: roll.sh 1048577` for a file of so many bytes.

use pogo_compiler::world::GroupAnswer;

use crate::flags::Command;
use crate::world::Memory;

/// A part of a case file: a heading and the text below it.
pub(crate) struct Section {
    /// The line with the `###`; empty for the part before the first of them.
    pub(crate) heading: String,
    pub(crate) text: String,
}

/// Cuts a file at its headings.
pub(crate) fn sections(text: &str) -> Vec<Section> {
    let mut sections = vec![Section { heading: String::new(), text: String::new() }];
    for line in text.split_inclusive('\n') {
        if line.starts_with("### ") {
            sections.push(Section { heading: line.trim_end().to_owned(), text: String::new() });
        } else if let Some(last) = sections.last_mut() {
            last.text.push_str(line);
        }
    }
    if sections[0].text.is_empty() {
        sections.remove(0);
    }
    sections
}

/// One situation: its spec with what stands beside it.
pub(crate) struct Case<'s> {
    pub(crate) title: String,
    pub(crate) sections: Vec<&'s Section>,
}

/// Puts sections together to situations.
pub(crate) fn cases(sections: &[Section]) -> Vec<Case<'_>> {
    let mut cases: Vec<Case<'_>> = Vec::new();
    for section in sections {
        match section.heading.strip_prefix("### case: ") {
            Some(title) => cases.push(Case { title: title.to_owned(), sections: vec![section] }),
            None => match cases.last_mut() {
                Some(case) => case.sections.push(section),
                None => cases.push(Case { title: String::new(), sections: vec![section] }),
            },
        }
    }
    cases
}

/// What a situation compiles, and how.
pub(crate) struct Setup {
    pub(crate) command: Command,
    pub(crate) world: Memory,
    pub(crate) spec: String,
    /// For each section the path of the file that it is.
    pub(crate) paths: Vec<Option<String>>,
}

/// Reads a situation, given the texts of its sections without what is expected of them.
pub(crate) fn setup(case: &Case<'_>, texts: &[String]) -> Setup {
    let mut setup = Setup {
        command: Command { resolves: true, ..Command::default() },
        world: Memory::default(),
        spec: texts.first().cloned().unwrap_or_default(),
        paths: Vec::new(),
    };
    for (index, (section, text)) in case.sections.iter().zip(texts).enumerate() {
        let mut path = None;
        if index == 0 {
            path = Some("spec.cfg".to_owned());
        } else if let Some(name) = section.heading.strip_prefix("### file: ") {
            path = Some(name.to_owned());
            setup.world.files.insert(name.to_owned(), text.as_bytes().to_vec());
        } else if let Some(flags) = section.heading.strip_prefix("### flags: ") {
            setup.command = Command::parse(flags);
        } else if let Some(file) = section.heading.strip_prefix("### size: ") {
            let (name, bytes) = file.split_once(' ').unwrap();
            setup.world.files.insert(name.to_owned(), vec![b'#'; bytes.parse().unwrap()]);
        } else if let Some(program) = section.heading.strip_prefix("### program: ") {
            let (command, answer) = match program.split_once(" => ") {
                Some((command, reason)) => {
                    (command, GroupAnswer::Failed { reason: reason.to_owned(), stderr: text.clone() })
                }
                None => (program, GroupAnswer::Printed(text.as_bytes().to_vec())),
            };
            setup.world.programs.insert(command.to_owned(), answer);
        } else {
            panic!("unknown heading `{}`", section.heading);
        }
        setup.paths.push(path);
    }
    let spec = setup.spec.as_bytes().to_vec();
    setup.world.files.insert("spec.cfg".to_owned(), spec);
    setup
}
