//! From the text of a spec to a plan.
//!
//! ```text
//! bytes ─source─> text ─syntax─> what it says ─resolve─> what it means ─check─> is it sound? ─lower─> the plan
//! ```
//!
//! [`check`] goes as far as the rules, [`compile`] to the plan. Both give every finding of all stages at once: a part
//! that is wrong is reported where it is and then passed over in silence, so that one mistake is one finding and hides
//! no other. The crate touches no file, no environment, no program and no clock; what it needs of them comes through
//! [`world::World`].

mod check;
pub mod diagnostics;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod lower;
pub mod query;
mod resolve;
mod session;
pub mod source;
mod syntax;
pub mod world;

use diagnostics::{Diagnostic, Findings};
use pogo_plan::Plan;
use resolve::{Resolver, includes::Includes};
use session::Session;
use source::SourceMap;
use syntax::ast;
use syntax::hosts::NamedBy;
use syntax::job::{self as job_syntax, Entry, Value};
use syntax::tree::{Document, Kind};

pub use resolve::Model;

/// The text of a spec.
#[derive(Clone, Debug)]
pub struct Input {
    /// The name under which people know it.
    pub path: String,
    /// What makes it the same file as one that an `include` leads to: its canonical path.
    pub identity: String,
    /// Its contents.
    pub bytes: Vec<u8>,
}

/// What a caller may ask for.
#[derive(Clone, Debug)]
pub struct Options {
    /// What is laid over the spec's `job`, later ones over earlier ones.
    pub overrides: Vec<Override>,
    /// Whether targets that the spec does not name are in order; they run unconstrained.
    pub allow_unknown_hosts: bool,
    /// The most hosts that one pattern may expand to. All patterns together may expand to four times as many.
    pub max_pattern_hosts: u64,
    /// Named as the plan's maker: `pogo 0.1.0`.
    pub compiler: String,
    /// Whether a plan without anything to run is worth a warning. It is to who will run it, and not to who looks at
    /// the schedule.
    pub wants_command: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            overrides: Vec::new(),
            allow_unknown_hosts: false,
            max_pattern_hosts: 10_000_000,
            compiler: concat!("pogo ", env!("CARGO_PKG_VERSION")).to_owned(),
            wants_command: false,
        }
    }
}

/// A value for a key of `job`, from outside the spec.
#[derive(Clone, Debug)]
pub struct Override {
    /// The way to the key, below `job`: `timeout`, `verify.interval`.
    pub key: String,
    /// The value.
    pub value: OverrideValue,
    /// The name under which diagnostics show it: `--set job.timeout`.
    pub flag: String,
}

/// How a value is written.
#[derive(Clone, Debug)]
pub enum OverrideValue {
    /// As in the spec.
    Yaml(String),
    /// Character for character.
    Text(String),
}

/// A spec that was read as far as it makes sense.
#[derive(Debug)]
pub struct Checked {
    /// The texts that were read.
    pub sources: SourceMap,
    /// All findings, in the order of the text.
    pub diagnostics: Vec<Diagnostic>,
    /// What the spec means, without the parts that are wrong.
    pub model: Model,
}

/// A spec with its plan.
#[derive(Debug)]
pub struct Compiled {
    /// The texts that were read.
    pub sources: SourceMap,
    /// All findings, in the order of the text.
    pub diagnostics: Vec<Diagnostic>,
    /// The plan, unless there is an error.
    pub plan: Option<Plan>,
}

/// Reads a spec and applies every rule.
#[must_use]
pub fn check(input: Input, world: &dyn world::World, options: &Options) -> Checked {
    apply_rules(input, world, options, |_, _| ())
}

/// Reads a spec and applies every rule, and `more` at the end.
fn apply_rules(
    input: Input,
    world: &dyn world::World,
    options: &Options,
    more: impl FnOnce(&Model, &mut Findings),
) -> Checked {
    let mut session = Session::new(world, options);
    let model = model(input, &mut session);
    let Session { sources, mut findings, .. } = session;
    let has_errors = findings.has_errors();
    let fold = |hosts: &[pogo_plan::HostIdx]| model.hosts.fold(hosts);
    check::check(&model, has_errors, &fold, &mut findings);
    more(&model, &mut findings);
    let diagnostics = findings.finish(&sources);
    Checked { sources, diagnostics, model }
}

/// Reads a spec, applies every rule, and makes the plan if there is no error.
#[must_use]
pub fn compile(input: Input, world: &dyn world::World, options: &Options) -> Compiled {
    let Checked { sources, diagnostics, model } = apply_rules(input, world, options, |model, findings| {
        if model.targets.is_empty() && !findings.has_errors() {
            findings.push(diagnostics::job::no_targets_at_all());
        }
        let has_command = model.job.command.is_some() || model.job.script.is_some();
        if options.wants_command && !has_command && !findings.has_errors() {
            findings.push(diagnostics::job::no_command(model.job.span));
        }
    });
    let plan =
        (!diagnostics::has_errors(&diagnostics)).then(|| lower::lower(model, &sources, &options.compiler));
    Compiled { sources, diagnostics, plan }
}

/// The stages up to what a spec means.
fn model(input: Input, session: &mut Session<'_>) -> Model {
    let mut files: Vec<(Document, ast::Spec)> = Vec::new();
    let mut is_complete = true;
    let mut includes = Includes::new(&input.path, &input.identity);
    if let Some(source) = session.add_source(&input.path, input.bytes) {
        let parsed = syntax::yaml::parse(&session.sources, source, &mut session.findings);
        is_complete &= parsed.complete;
        let mut spec = read(&parsed.document, session, NamedBy::Spec);
        includes.push(0, std::mem::take(&mut spec.includes));
        files.push((parsed.document, spec));
    } else {
        is_complete = false;
    }
    while let Some(included) = includes.next(session) {
        is_complete &= included.parsed.complete;
        let mut spec = read(&included.parsed.document, session, NamedBy::Other);
        includes.push(included.number, std::mem::take(&mut spec.includes));
        files.push((included.parsed.document, spec));
    }
    // A file that could not be read may have defined anything.
    is_complete &= !includes.is_missing_some();
    session.findings.allow(
        files.iter().flat_map(|(document, _)| syntax::allow::find(&session.sources, document.source())),
    );

    let (documents, mut specs): (Vec<Document>, Vec<ast::Spec>) = files.into_iter().unzip();
    let mut resolver = Resolver::new(session, &documents, is_complete);
    for (file, spec) in specs.iter_mut().enumerate() {
        resolver.define_tags(file, std::mem::take(&mut spec.tags));
    }
    resolver.resolve_tags();
    let mut limits = Vec::new();
    for (file, spec) in specs.iter_mut().enumerate() {
        limits.extend(std::mem::take(&mut spec.limits).into_iter().map(|limit| (file, limit)));
    }
    let spec = if specs.is_empty() { ast::Spec::default() } else { specs.swap_remove(0) };
    resolver.resolve_threads(spec.threads);
    resolver.resolve_limits(limits);

    let n_named = resolver.session.hosts.len();
    let job = read_job(documents.first(), resolver.session, spec.job.span);
    let targets = resolver.resolve_targets(job.targets.as_ref(), n_named);
    let script = resolver.session.script(&job);
    let Resolver { tags, threads, limits, has_open_groups, .. } = resolver;
    Model {
        hosts: std::mem::replace(&mut session.hosts, syntax::Hosts::new(0)),
        tags,
        has_sequence: spec.has_sequence,
        threads,
        limits,
        namespace: spec.namespace.map_or_else(|| "default".to_owned(), |namespace| namespace.value),
        job,
        script,
        targets,
        is_whole: is_complete && !has_open_groups,
    }
}

fn read(document: &Document, session: &mut Session<'_>, by: NamedBy) -> ast::Spec {
    syntax::read(syntax::Reader { document, hosts: &mut session.hosts, findings: &mut session.findings, by })
}

/// Reads `job` with what the command line lays over it.
fn read_job(spec: Option<&Document>, session: &mut Session<'_>, span: Option<source::Span>) -> ast::Job {
    let Some(spec) = spec else { return ast::Job::default() };
    let mut entries: Vec<Entry<'_>> = Vec::new();
    if let Some(job) = section(spec, "job") {
        match Value::Node(spec, job).entries() {
            Some(written) => entries = written,
            None => session.findings.push(diagnostics::yaml::wrong_shape(
                spec.span(job),
                syntax::describe(spec.kind(job)),
                "a mapping of job settings",
            )),
        }
    }
    let mut flags = Vec::new();
    for item in &session.options.overrides {
        let text = match &item.value {
            OverrideValue::Yaml(text) | OverrideValue::Text(text) => text,
        };
        let Some(source) = session.add_flag(&item.flag, text) else { continue };
        let document = matches!(item.value, OverrideValue::Yaml(_))
            .then(|| syntax::yaml::parse(&session.sources, source, &mut session.findings).document);
        flags.push((item, source, text, document));
    }
    for (item, source, text, document) in &flags {
        let path: Vec<&str> = item.key.split('.').collect();
        let value = match document {
            None => Value::Text(*source, text),
            Some(document) => match document.root() {
                Some(root) => Value::Node(document, root),
                // Nothing was written, and is reported as such.
                None => Value::Text(*source, text),
            },
        };
        let key_span = source::Span::new(*source, 0, u32::try_from(text.len()).unwrap_or(u32::MAX));
        if let [name] = path.as_slice()
            && let Some(other) =
                [("command", "script"), ("script", "command")].iter().find(|(key, _)| key == name)
        {
            // What the command line wants to run takes the place of what the spec runs.
            entries.retain(|entry| {
                entry.key != other.1 || flags.iter().any(|(_, flag, ..)| *flag == entry.key_span.source)
            });
        }
        job_syntax::set(&mut entries, &path, key_span, value);
    }
    let reader = syntax::Reader {
        document: spec,
        hosts: &mut session.hosts,
        findings: &mut session.findings,
        by: NamedBy::Other,
    };
    let mut job = job_syntax::read(reader, &entries);
    job.span = span;
    job
}

fn section(document: &Document, name: &str) -> Option<syntax::tree::NodeId> {
    let root = document.root().filter(|&root| matches!(document.kind(root), Kind::Mapping { .. }))?;
    let (_, value) = document.entries(root).find(|(key, _)| document.scalar(*key) == Some(name))?;
    (!document.is_null(value)).then_some(value)
}
