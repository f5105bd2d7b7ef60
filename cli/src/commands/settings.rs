//! `pogo settings`: each effective setting and where it comes from.

use std::io::Write as _;

use crate::App;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::output::Output;
use crate::terminal::visible;

/// Runs the verb. What it prints can be pasted into a configuration file.
pub(crate) fn run(app: &App) -> Result<ExitCode, Failure> {
    let rows = app.settings.rows();
    let lines: Vec<_> =
        rows.iter().map(|(name, value, origin)| (format!("{name}: {}", visible(value)), origin)).collect();
    let width = lines.iter().map(|(line, _)| line.chars().count()).max().unwrap_or(0);
    let mut to = Output::stdout();
    for (line, origin) in &lines {
        writeln!(to, "{line:width$}  {}", app.terminal.stdout.dim(&format!("# {}", visible(origin))))?;
    }
    to.commit()?;
    Ok(ExitCode::Success)
}
