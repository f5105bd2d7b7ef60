//! `pogo compile`: from a spec to a plan.

use std::io::Write as _;

use crate::App;
use crate::args::{CompileArgs, PlanFormat};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::levels::Levels;
use crate::output::Output;

/// Runs the verb.
pub(crate) fn run(args: CompileArgs, app: &App) -> Result<ExitCode, Failure> {
    let levels = Levels::new(&app.settings, &app.level_order)?;
    let files = super::spec::world(app);
    let input = super::spec::open(&files, &args.spec)?;
    let path = input.path.clone();
    let options = pogo_compiler::Options { wants_command: true, ..super::spec::options(args.options, app) };
    let compiled = pogo_compiler::compile(input, &files, &options);
    let errors = super::spec::tell(
        &compiled.diagnostics,
        &compiled.sources,
        &path,
        &levels,
        args.message_format,
        app,
    )?;
    let Some(plan) = compiled.plan.filter(|_| !errors) else { return Ok(ExitCode::Findings) };
    let mut to = Output::open(args.output.as_deref())?;
    match args.format {
        PlanFormat::Json => plan.write_json(&mut to)?,
        PlanFormat::Yaml => {
            serde_yaml::to_writer(&mut to, &plan).map_err(std::io::Error::other)?;
            to.flush()?;
        }
    }
    to.commit()?;
    Ok(ExitCode::Success)
}
