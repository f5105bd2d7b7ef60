//! Which hosts a spec or a plan is about and how they are reached, for the verbs that run nothing.

use std::path::Path;

use pogo_compiler::diagnostics::Severity;
use pogo_compiler::{Input, Options, Override, query};
use pogo_plan::{Job, Plan};

use super::super::{schedule, spec};
use crate::App;
use crate::args::{MessageFormat, SpecArgs};
use crate::failure::Failure;
use crate::levels::Levels;
use crate::report::shown_path;

/// Hosts, and how to reach them.
pub(in crate::commands) struct Targets {
    pub(in crate::commands) hosts: Vec<String>,
    pub(in crate::commands) job: Job,
}

/// Reads a spec or a plan; `None` if it has errors, which have been reported. Of a plan `--targets` selects some hosts.
///
/// # Errors
/// If it cannot be read, or options do not fit it.
pub(in crate::commands) fn read(
    path: &Path,
    options: SpecArgs,
    overrides: Vec<Override>,
    format: MessageFormat,
    app: &App,
) -> Result<Option<Targets>, Failure> {
    let files = spec::world(app);
    let input = spec::open(&files, path)?;
    if !schedule::is_plan(&input.bytes) {
        return compile(input, options, overrides, format, app);
    }
    let SpecArgs { targets, set, .. } = options;
    if !set.is_empty() || !overrides.is_empty() {
        return Err(Failure::with_help(
            "a plan says how its hosts are reached, and cannot be changed",
            "give these options with the spec",
        ));
    }
    let plan = Plan::read_json(&input.bytes)
        .map_err(|error| Failure::usage(format!("{}: {error}", shown_path(&input.path))))?;
    let known: Vec<&str> = plan.targets.iter().map(|&host| plan.hosts.name(host)).collect();
    let hosts = match targets {
        None => known.into_iter().map(str::to_owned).collect(),
        Some(expr) => {
            let Some(hosts) = expand(&expr, app)? else { return Ok(None) };
            if let Some(other) = hosts.iter().find(|host| !known.contains(&host.as_str())) {
                return Err(Failure::usage(format!("`{other}` is no target of the plan")));
            }
            hosts
        }
    };
    Ok(Some(Targets { hosts, job: plan.job }))
}

/// How hosts are reached that no spec says anything about.
///
/// # Errors
/// As [`read`].
pub(in crate::commands) fn usual(overrides: Vec<Override>, app: &App) -> Result<Option<Job>, Failure> {
    let bytes = b"tag: {hosts: [host]}".to_vec();
    let input = Input { path: "command line".to_owned(), identity: String::new(), bytes };
    let targets = compile(input, SpecArgs::default(), overrides, MessageFormat::Human, app)?;
    Ok(targets.map(|targets| targets.job))
}

fn compile(
    input: Input,
    options: SpecArgs,
    overrides: Vec<Override>,
    format: MessageFormat,
    app: &App,
) -> Result<Option<Targets>, Failure> {
    let files = spec::world(app);
    let path = input.path.clone();
    let mut options = spec::options(options, app);
    options.overrides.extend(overrides);
    let compiled = pogo_compiler::compile(input, &files, &options);
    let levels = Levels::new(&app.settings, &app.level_order)?;
    let errors = spec::tell(&compiled.diagnostics, &compiled.sources, &path, &levels, format, app)?;
    Ok(compiled.plan.filter(|_| !errors).map(|plan| Targets {
        hosts: plan.targets.iter().map(|&host| plan.hosts.name(host).to_owned()).collect(),
        job: plan.job,
    }))
}

/// The hosts of patterns; `None` if they are wrong, which has been reported.
///
/// # Errors
/// If that cannot be reported.
pub(crate) fn expand(expr: &str, app: &App) -> Result<Option<Vec<String>>, Failure> {
    let files = spec::world(app);
    let options = Options { allow_unknown_hosts: true, ..spec::options(SpecArgs::default(), app) };
    let input = Input { path: "EXPR".to_owned(), identity: String::new(), bytes: Vec::new() };
    let mut checked = pogo_compiler::check(input, &files, &options);
    match query::hosts(&mut checked, expr, &files, &options) {
        Ok(hosts) => Ok(Some(hosts)),
        Err(mut diagnostics) => {
            diagnostics.retain(|diagnostic| diagnostic.severity == Severity::Error);
            let (levels, format) = (Levels::default(), MessageFormat::Human);
            spec::tell(&diagnostics, &checked.sources, "EXPR", &levels, format, app)?;
            Ok(None)
        }
    }
}
