//! The plan to run: read as it is, or compiled of a spec.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use pogo_plan::Plan;

use super::super::{schedule, spec};
use super::overrides;
use crate::App;
use crate::args::{JobArgs, MessageFormat, SpecArgs};
use crate::failure::Failure;
use crate::levels::Levels;
use crate::report::shown_path;
use crate::run::summary::age;

/// What the command line asks for.
pub(in crate::commands) struct Wanted<'a> {
    pub(in crate::commands) path: &'a Path,
    pub(in crate::commands) options: SpecArgs,
    pub(in crate::commands) job: JobArgs,
    pub(in crate::commands) message_format: MessageFormat,
    /// In milliseconds.
    pub(in crate::commands) max_age: Option<u64>,
}

/// Reads the input; `None` if it is a spec with errors, which have been reported.
///
/// # Errors
/// If it cannot be read, is too old, or options do not fit it.
pub(in crate::commands) fn load(wanted: Wanted<'_>, app: &App) -> Result<Option<Plan>, Failure> {
    let levels = Levels::new(&app.settings, &app.level_order)?;
    let files = spec::world(app);
    let input = spec::open(&files, wanted.path)?;
    let overrides = overrides::of(wanted.job)?;
    if schedule::is_plan(&input.bytes) {
        let changes = schedule::changes_the_spec(&wanted.options) || schedule::settings_of_the_compiler(app);
        if changes || !overrides.is_empty() {
            return Err(Failure::with_help(
                "a plan is run as it is and cannot be changed",
                "give these options to `pogo compile`, or run the spec",
            ));
        }
        if let Some(most) = wanted.max_age {
            not_older(wanted.path, most)?;
        }
        let plan = Plan::read_json(&input.bytes)
            .map_err(|error| Failure::usage(format!("{}: {error}", shown_path(&input.path))))?;
        return Ok(Some(plan));
    }
    if wanted.max_age.is_some() {
        return Err(Failure::with_help(
            "`--max-age` is about plan files, and this is a spec: it is compiled now",
            "leave the option out",
        ));
    }
    let path = input.path.clone();
    let mut options = spec::options(wanted.options, app);
    options.overrides.extend(overrides);
    let compiled = pogo_compiler::compile(input, &files, &options);
    let (findings, sources) = (&compiled.diagnostics, &compiled.sources);
    let errors = spec::tell(findings, sources, &path, &levels, wanted.message_format, app)?;
    Ok(compiled.plan.filter(|_| !errors))
}

fn not_older(path: &Path, most_ms: u64) -> Result<(), Failure> {
    let metadata = fs::metadata(path).ok().filter(|_| path != Path::new("-"));
    let Some(modified) = metadata.filter(fs::Metadata::is_file).and_then(|file| file.modified().ok()) else {
        return Err(Failure::with_help(
            "`--max-age` needs a plan file: what comes through a pipe has no age",
            "name the file, or leave the option out",
        ));
    };
    // A file of the future is as new as can be.
    let ms = SystemTime::now().duration_since(modified).map_or(0, |age| age.as_millis());
    if ms <= u128::from(most_ms) {
        return Ok(());
    }
    Err(Failure::Refused {
        message: format!(
            "the plan `{}` is {} old, and `--max-age` allows {}",
            path.display(),
            age(u64::try_from(ms).unwrap_or(u64::MAX)),
            age(most_ms)
        ),
        help: Some("compile the spec again, and look at what changed".to_owned()),
    })
}
