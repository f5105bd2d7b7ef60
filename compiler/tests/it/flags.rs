//! The flags of `pogo check` and `pogo compile`, as far as the compiler hears of them.

use pogo_compiler::diagnostics::Diagnostic;
use pogo_compiler::source::SourceMap;
use pogo_compiler::{Input, Options, Override, OverrideValue};
use pogo_plan::Plan;

use crate::world::Memory;

/// How a spec is to be read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Command {
    /// `compile`, not `check`.
    pub(crate) compiles: bool,
    pub(crate) resolves: bool,
    pub(crate) options: Options,
}

impl Command {
    /// Reads `check spec.cfg --targets 'web 1'`.
    pub(crate) fn parse(line: &str) -> Self {
        let mut words = split(line).into_iter();
        let mut command = Self::default();
        while let Some(word) = words.next() {
            let mut value = || words.next().unwrap_or_else(|| panic!("`{word}` needs a value in `{line}`"));
            let mut lay = |key: &str, value, flag: &str| {
                command.options.overrides.push(Override {
                    key: key.to_owned(),
                    value,
                    flag: flag.to_owned(),
                });
            };
            match word.as_str() {
                "check" | "spec.cfg" => {}
                "compile" => {
                    command.compiles = true;
                    command.options.wants_command = true;
                    command.resolves = true;
                }
                "--resolve" => command.resolves = true,
                "--allow-unknown-hosts" => command.options.allow_unknown_hosts = true,
                "--max-pattern-hosts" => command.options.max_pattern_hosts = value().parse().unwrap(),
                "--targets" => lay("targets", OverrideValue::Text(value()), "--targets"),
                "--run-command" => lay("command", OverrideValue::Text(value()), "--run-command"),
                "--set" => {
                    let setting = value();
                    let (key, value) = setting.split_once('=').unwrap();
                    let key = key.strip_prefix("job.").unwrap();
                    lay(key, OverrideValue::Yaml(value.to_owned()), &format!("--set job.{key}"));
                }
                _ => panic!("unknown word `{word}` in `{line}`"),
            }
        }
        command
    }

    pub(crate) fn run(&self, bytes: Vec<u8>, mut world: Memory) -> Outcome {
        world.asks_no_programs = !self.resolves;
        let input = Input { path: "spec.cfg".to_owned(), identity: "/spec.cfg".to_owned(), bytes };
        if self.compiles {
            let compiled = pogo_compiler::compile(input, &world, &self.options);
            Outcome { sources: compiled.sources, diagnostics: compiled.diagnostics, plan: compiled.plan }
        } else {
            let checked = pogo_compiler::check(input, &world, &self.options);
            Outcome { sources: checked.sources, diagnostics: checked.diagnostics, plan: None }
        }
    }
}

/// What came of it.
pub(crate) struct Outcome {
    pub(crate) sources: SourceMap,
    pub(crate) diagnostics: Vec<Diagnostic>,
    pub(crate) plan: Option<Plan>,
}

impl Outcome {
    /// The codes found, in the order of the findings, without `pogo::`.
    pub(crate) fn codes(&self) -> Vec<&'static str> {
        self.diagnostics.iter().map(|finding| finding.code.id.trim_start_matches("pogo::")).collect()
    }
}

/// Checks a spec that needs no other file.
pub(crate) fn check(text: &str) -> Outcome {
    check_bytes(text.as_bytes().to_vec())
}

/// Checks the bytes of a spec that needs no other file.
pub(crate) fn check_bytes(bytes: Vec<u8>) -> Outcome {
    Command::default().run(bytes, Memory::default())
}

/// Words with single quotes around what has spaces.
fn split(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quoted = false;
    for c in line.chars() {
        match c {
            '\'' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            ' ' if !quoted => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}
