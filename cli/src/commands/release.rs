//! `pogo release`: hosts that an operator knows to be well.

use std::io::Write as _;

use pogo_store::{Session, StoreError};

use super::done::{Done, DoneOut, Release, ReleasedOut};
use crate::App;
use crate::answer;
use crate::args::{AnswerFormat, ReleaseArgs};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::kept::{self, Kept, problem};
use crate::output::Output;
use crate::terminal::visible;

/// Runs the verb. What is said of one host does not depend on the others.
pub(crate) fn run(args: &ReleaseArgs, app: &App) -> Result<ExitCode, Failure> {
    let Some(hosts) = super::expand_hosts(&args.hosts.join(","), app)? else { return Ok(ExitCode::Usage) };
    let (kept, _reader) = Kept::of_jobs(app)?;
    let session = Session::open(&kept.store, &args.namespace, Box::new(|_| {})).map_err(problem::of_store)?;
    let mut code = ExitCode::Success;
    let mut done = Vec::with_capacity(hosts.len());
    let mut broken = None;
    for host in hosts {
        let fate = match session.release(&host, &args.reason) {
            Ok(()) => Release::Released,
            Err(
                error @ (StoreError::NotOut { .. }
                | StoreError::Running { .. }
                | StoreError::NotReleased { .. }),
            ) => {
                code = ExitCode::Refused;
                Release::Refused { why: error.to_string() }
            }
            Err(error) => {
                broken = Some(problem::of_store(error));
                break;
            }
        };
        done.push(ReleasedOut { host, fate });
    }
    // What was done is told, also if the store failed in the middle of it.
    if broken.is_none() || !done.is_empty() {
        tell(done, args)?;
    }
    broken.map_or(Ok(code), Err)
}

fn tell(done: Vec<ReleasedOut>, args: &ReleaseArgs) -> Result<(), Failure> {
    let mut to = Output::stdout();
    match args.format {
        AnswerFormat::Human => {
            for ReleasedOut { host, fate } in &done {
                match fate {
                    Release::Released => writeln!(to, "{}: in service", visible(host))?,
                    Release::Refused { why } => writeln!(to, "{}: refused: {}", visible(host), visible(why))?,
                }
            }
        }
        AnswerFormat::Json => {
            let by = kept::author(Some(&args.reason));
            let done = Done::Release { namespace: &args.namespace, by, hosts: done };
            answer::write(&DoneOut::new(done), &mut to)?;
        }
    }
    to.commit()
}
