//! `pogo schema`: the JSON schema of a format.

use std::io::Write as _;

use crate::args::{Schema, SchemaArgs};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::output::Output;

/// Runs the verb.
pub(crate) fn run(args: &SchemaArgs) -> Result<ExitCode, Failure> {
    let schema = match args.of {
        Schema::Plan => pogo_plan::PLAN_SCHEMA,
        Schema::Diagnostics => pogo_plan::DIAGNOSTICS_SCHEMA,
        Schema::Events => pogo_plan::EVENTS_SCHEMA,
        Schema::Summary => pogo_plan::SUMMARY_SCHEMA,
        Schema::Spec => pogo_plan::SPEC_SCHEMA,
    };
    let mut to = Output::stdout();
    writeln!(to, "{}", schema.trim_end())?;
    to.commit()?;
    Ok(ExitCode::Success)
}
