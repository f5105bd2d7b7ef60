//! `pogo completions`: a completion script for a shell.

use std::io::Write as _;

use crate::args::CompletionsArgs;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::output::Output;

/// Runs the verb.
pub(crate) fn run(args: &CompletionsArgs, mut definition: clap::Command) -> Result<ExitCode, Failure> {
    // The generator panics where it cannot write.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut definition, "pogo", &mut script);
    let mut to = Output::stdout();
    to.write_all(&script)?;
    to.commit()?;
    Ok(ExitCode::Success)
}
