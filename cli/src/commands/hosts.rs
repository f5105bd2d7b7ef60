//! `pogo hosts`: the hosts that a set expression selects.

use std::io::Write as _;

use pogo_compiler::diagnostics::Severity;
use pogo_compiler::{Input, Options, query};
use pogo_grammar::fold::{fold, natural_cmp};

use crate::App;
use crate::args::{HostsArgs, MessageFormat, SpecArgs};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::levels::Levels;
use crate::output::Output;

/// Runs the verb.
pub(crate) fn run(args: &HostsArgs, app: &App) -> Result<ExitCode, Failure> {
    let files = super::spec::world(app);
    let input = match &args.config {
        Some(path) => super::spec::open(&files, path)?,
        None => Input { path: "EXPR".to_owned(), identity: String::new(), bytes: Vec::new() },
    };
    let path = input.path.clone();
    let options = Options { allow_unknown_hosts: true, ..super::spec::options(SpecArgs::default(), app) };
    let mut checked = pogo_compiler::check(input, &files, &options);
    // Only errors stand between the spec and its hosts; `check` tells the rest.
    checked.diagnostics.retain(|diagnostic| diagnostic.severity == Severity::Error);
    let tell = |diagnostics: &[_], sources: &_| {
        super::spec::tell(diagnostics, sources, &path, &Levels::default(), MessageFormat::Human, app)
    };
    if args.config.is_some() && tell(&checked.diagnostics, &checked.sources)? {
        return Ok(ExitCode::Findings);
    }
    let hosts = match query::hosts(&mut checked, &args.expr, &files, &options) {
        Ok(hosts) => hosts,
        Err(diagnostics) => {
            tell(&diagnostics, &checked.sources)?;
            return Ok(ExitCode::Findings);
        }
    };
    let mut to = Output::stdout();
    if args.count {
        writeln!(to, "{}", hosts.len())?;
    } else if args.fold {
        let mut hosts: Vec<&str> = hosts.iter().map(String::as_str).collect();
        hosts.sort_by(|a, b| natural_cmp(a, b));
        print(&fold(hosts), args.separator.as_deref(), &mut to)?;
    } else {
        print(&hosts, args.separator.as_deref(), &mut to)?;
    }
    to.commit()?;
    Ok(ExitCode::Success)
}

fn print(items: &[String], separator: Option<&str>, to: &mut Output) -> Result<(), Failure> {
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            to.write_all(separator.unwrap_or("\n").as_bytes())?;
        }
        to.write_all(item.as_bytes())?;
    }
    if !items.is_empty() {
        to.write_all(b"\n")?;
    }
    Ok(())
}
