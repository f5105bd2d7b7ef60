//! `pogo schema`: the JSON schema of a format.

use std::io::Write as _;

use super::{done, jobs, log, out, output, probe, status, trust};
use crate::answer::schema as made;
use crate::args::{Schema, SchemaArgs};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::output::Output;

/// Runs the verb.
pub(crate) fn run(args: &SchemaArgs) -> Result<ExitCode, Failure> {
    let made = match args.of {
        Schema::Plan => return print(pogo_plan::PLAN_SCHEMA),
        Schema::Diagnostics => return print(pogo_plan::DIAGNOSTICS_SCHEMA),
        Schema::Events => return print(pogo_plan::EVENTS_SCHEMA),
        Schema::Summary => return print(pogo_plan::SUMMARY_SCHEMA),
        Schema::Spec => return print(pogo_plan::SPEC_SCHEMA),
        Schema::Jobs => made::<jobs::List<'_>>("jobs", "What `pogo jobs --format json` writes"),
        Schema::Status => made::<status::StatusOut<'_>>("status", "What `pogo status --format json` writes"),
        Schema::Log => made::<log::Line<'_>>("log", "A line of what `pogo log --format json` writes"),
        Schema::Output => made::<output::OutputOut<'_>>("output", "What `pogo output --format json` writes"),
        Schema::Out => made::<out::List<'_>>("out", "What `pogo out --format json` writes"),
        Schema::Trust => made::<trust::TrustOut<'_>>("trust", "What `pogo trust --format json` writes"),
        Schema::Probe => {
            made::<probe::answer::ProbeOut<'_>>("probe", "What `pogo probe --format json` writes")
        }
        Schema::Done => made::<done::DoneOut<'_>>(
            "done",
            "What `--format json` writes of the verbs that change something",
        ),
    };
    let text = serde_json::to_string_pretty(&made)
        .map_err(|error| Failure::Internal(format!("a schema is no JSON: {error}")))?;
    print(&text)
}

fn print(schema: &str) -> Result<ExitCode, Failure> {
    let mut to = Output::stdout();
    writeln!(to, "{}", schema.trim_end())?;
    to.commit()?;
    Ok(ExitCode::Success)
}
