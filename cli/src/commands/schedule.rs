//! `pogo schedule`: who runs when, of a spec or of a plan.

use pogo_plan::Plan;

use crate::App;
use crate::args::{ScheduleArgs, ScheduleFormat, SpecArgs};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::levels::Levels;
use crate::output::Output;
use crate::report::shown_path;
use crate::schedule;
use crate::settings::{Origin, Settings};

/// Runs the verb.
pub(crate) fn run(args: ScheduleArgs, app: &App) -> Result<ExitCode, Failure> {
    let levels = Levels::new(&app.settings, &app.level_order)?;
    let files = super::spec::world(app);
    let input = super::spec::open(&files, &args.input)?;
    let plan = if is_plan(&input.bytes) {
        if changes_the_spec(&args.options) || settings_of_the_compiler(app) {
            return Err(Failure::with_help(
                "a plan cannot be changed",
                "give these options to `pogo compile`",
            ));
        }
        Plan::read_json(&input.bytes)
            .map_err(|error| Failure::usage(format!("{}: {error}", shown_path(&input.path))))?
    } else {
        let path = input.path.clone();
        let options = super::spec::options(args.options, app);
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
        plan
    };
    let mut to = Output::stdout();
    match args.format {
        ScheduleFormat::Table => schedule::text::write(&plan, app.terminal.stdout, &mut to)?,
        ScheduleFormat::Json => schedule::json::write(&plan, &mut to)?,
        ScheduleFormat::Dot => schedule::dot::write(&plan, &mut to)?,
    }
    to.commit()?;
    Ok(ExitCode::Success)
}

pub(super) fn changes_the_spec(args: &SpecArgs) -> bool {
    let SpecArgs { targets, set, run_command, allow_unknown_hosts, max_pattern_hosts: _, resolver_path: _ } =
        args;
    targets.is_some() || !set.is_empty() || !run_command.is_empty() || *allow_unknown_hosts
}

/// Whether the command line, and not only a configuration file, has settings that are of no use to a plan.
pub(super) fn settings_of_the_compiler(app: &App) -> bool {
    let Settings { color: _, width: _, store: _, max_pattern_hosts, resolver_path, deny, allow } =
        &app.settings;
    [&max_pattern_hosts.origin, &resolver_path.origin, &deny.origin, &allow.origin].contains(&&Origin::Flag)
}

/// Whether this is a JSON object with a plan's `format`; of a version that this program does not know as well, so that
/// the message says so.
pub(super) fn is_plan(bytes: &[u8]) -> bool {
    #[derive(serde::Deserialize)]
    struct Head {
        format: String,
    }
    let is_object = bytes.trim_ascii_start().first() == Some(&b'{');
    is_object && serde_json::from_slice::<Head>(bytes).is_ok_and(|head| head.format.starts_with("pogo.plan/"))
}

#[cfg(test)]
mod tests {
    use super::is_plan;

    #[test]
    fn a_plan_is_known_by_its_format() {
        assert!(is_plan(b" \n{\"format\": \"pogo.plan/9\", \"x\": [1]}"));
        assert!(!is_plan(b"{\"tag\": {}}"));
        assert!(!is_plan(b"tag: {}\n"));
        assert!(!is_plan(b""));
    }
}
