//! `pogo release`: hosts that an operator knows to be well.

use std::io::Write as _;

use pogo_store::{Session, StoreError};

use crate::App;
use crate::args::ReleaseArgs;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::kept::{Kept, problem};
use crate::output::Output;
use crate::terminal::visible;

/// Runs the verb. What is said of one host does not depend on the others.
pub(crate) fn run(args: &ReleaseArgs, app: &App) -> Result<ExitCode, Failure> {
    let Some(hosts) = super::expand_hosts(&args.hosts.join(","), app)? else { return Ok(ExitCode::Usage) };
    let (kept, _reader) = Kept::of_jobs(app)?;
    let session = Session::open(&kept.store, &args.namespace, Box::new(|_| {})).map_err(problem::of_store)?;
    let mut to = Output::stdout();
    let mut code = ExitCode::Success;
    for host in &hosts {
        match session.release(host, &args.reason) {
            Ok(()) => writeln!(to, "{}: in service", visible(host))?,
            Err(
                error @ (StoreError::NotOut { .. }
                | StoreError::Running { .. }
                | StoreError::NotReleased { .. }),
            ) => {
                code = ExitCode::Refused;
                writeln!(to, "{}: refused: {}", visible(host), visible(&error.to_string()))?;
            }
            Err(error) => return Err(problem::of_store(error)),
        }
    }
    to.commit()?;
    Ok(code)
}
