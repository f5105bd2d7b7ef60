//! The command line of pogo: arguments, files, terminal and reports around the compiler.

mod answer;
pub mod args;
mod commands;
pub mod exit_code;
mod failure;
mod kept;
mod levels;
mod logging;
mod output;
mod prompt;
mod report;
mod resolver;
mod run;
mod schedule;
mod settings;
mod suggest;
mod terminal;
mod world;

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::panic::{self, AssertUnwindSafe};
use std::path::PathBuf;

use clap::{ArgMatches, CommandFactory as _, FromArgMatches as _, ValueEnum as _};

use crate::args::{Cli, Color, Command, LevelArgs, SpecArgs};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::levels::Action;
use crate::settings::{Flags, Settings};
use crate::terminal::{Terminal, visible};

/// What every verb has at hand.
struct App {
    settings: Settings,
    terminal: Terminal,
    /// In which order `--deny` and `--allow` stood on the command line.
    level_order: Vec<Action>,
    /// The name of each `--set` and `--run-command` in the order of the command line: true for `--run-command`.
    override_order: Vec<bool>,
}

/// Runs the program with these arguments, the first of which is its own name.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    panic::set_hook(Box::new(|info| {
        // Nothing can be done about a standard error that is gone.
        let _ = writeln!(
            io::stderr(),
            "pogo: internal error: {info}\n\
             This is a bug in pogo, not in what you wrote. Please report it with the command line, what\n\
             `pogo --version` prints, the spec if you may share it, and the text above."
        );
    }));
    guarded(|| run(args))
}

/// A panic is a fault of pogo's own, with an exit code of its own.
fn guarded(run: impl FnOnce() -> ExitCode) -> ExitCode {
    panic::catch_unwind(AssertUnwindSafe(run)).unwrap_or(ExitCode::Internal)
}

fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args: Vec<OsString> = args.into_iter().collect();
    if let Some(question) = commands::ssh::askpass::question(&args) {
        return commands::ssh::askpass::answer(question);
    }
    let mut definition = Cli::command();
    let matches = match definition.try_get_matches_from_mut(&args) {
        Ok(matches) => matches,
        Err(error) => return clap_answer(error, definition, &args),
    };
    let cli = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(error) => return clap_answer(error.format(&mut definition), definition, &args),
    };
    match dispatch(cli, &matches, definition) {
        Ok(code) => code,
        Err(failure) => {
            complain(&failure);
            ExitCode::from(&failure)
        }
    }
}

/// Help and version go to standard output and are no error; the rest is wrong usage.
fn clap_answer(error: clap::Error, definition: clap::Command, args: &[OsString]) -> ExitCode {
    let color = match color_of(args) {
        Color::Auto => clap::ColorChoice::Auto,
        Color::Always => clap::ColorChoice::Always,
        Color::Never => clap::ColorChoice::Never,
    };
    let error = error.with_cmd(&definition.color(color));
    match error.print() {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::BROKEN_PIPE,
        Err(_) => ExitCode::Usage,
        Ok(()) if error.use_stderr() => ExitCode::Usage,
        Ok(()) => ExitCode::Success,
    }
}

/// The `--color` of a command line that could not be read; without one, what the settings say as far as they can be read.
fn color_of(args: &[OsString]) -> Color {
    let words = || args.iter().take_while(|arg| *arg != "--").filter_map(|arg| arg.to_str());
    let after = words().zip(words().skip(1)).filter(|(arg, _)| *arg == "--color").map(|(_, value)| value);
    let within = words().filter_map(|arg| arg.strip_prefix("--color="));
    let said = after.chain(within).find_map(|value| Color::from_str(value, false).ok());
    said.or_else(|| Some(Settings::load(Flags::default()).ok()?.color.value)).unwrap_or_default()
}

fn complain(failure: &Failure) {
    let mut stderr = io::stderr().lock();
    // Nothing can be done about a standard error that is gone.
    let _ = match failure {
        Failure::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Failure::Output(error) => writeln!(stderr, "error: cannot write: {}", failure::plain_words(error)),
        Failure::Internal(message) => writeln!(stderr, "error: internal: {}", visible(message)),
        Failure::Halted(message) => writeln!(stderr, "error: {}", visible(message)),
        Failure::Usage { message, help } | Failure::Refused { message, help } => {
            let _ = writeln!(stderr, "error: {}", visible(message));
            help.as_ref().map_or(Ok(()), |help| writeln!(stderr, "help: {}", visible(help)))
        }
    };
}

fn dispatch(cli: Cli, matches: &ArgMatches, definition: clap::Command) -> Result<ExitCode, Failure> {
    let verb = matches.subcommand().map(|(_, matches)| matches);
    let app = App::new(&cli, verb)?;
    match cli.command {
        Command::Check(args) => commands::check::run(args, &app),
        Command::Compile(args) => commands::compile::run(args, &app),
        Command::Schedule(args) => commands::schedule::run(args, &app),
        Command::Apply(args) => commands::apply::run(*args, &app),
        Command::One(args) => commands::one::run(*args, &app),
        Command::Trust(args) => commands::trust::run(*args, &app),
        Command::Probe(args) => commands::probe::run(&args, &app),
        Command::Jobs(args) => commands::jobs::run(&args, &app),
        Command::Status(args) => commands::status::run(&args, &app),
        Command::Log(args) => commands::log::run(&args, &app),
        Command::Output(args) => commands::output::run(&args, &app),
        Command::Resume(args) => commands::resume::resume(*args, &app),
        Command::Retry(args) => commands::resume::retry(*args, &app),
        Command::Skip(args) => commands::orders::skip(&args, &app),
        Command::Halt(args) => commands::orders::halt(&args, &app),
        Command::Stop(args) => commands::orders::stop(&args, &app),
        Command::Alter(args) => commands::orders::alter(&args, &app),
        Command::Out(args) => commands::out::run(&args, &app),
        Command::Release(args) => commands::release::run(&args, &app),
        Command::Decide(args) => commands::orders::decide(&args, &app),
        Command::Prune(args) => commands::prune::run(&args, &app),
        Command::Replay(args) => commands::replay::run(&args, &app),
        Command::Explain(args) => commands::explain::run(&args, &app),
        Command::Why(args) => commands::why::run(args, &app),
        Command::Hosts(args) => commands::hosts::run(&args, &app),
        Command::Schema(args) => commands::schema::run(&args),
        Command::Settings => commands::settings::run(&app),
        Command::Completions(args) => commands::completions::run(&args, definition),
        Command::Man(args) => commands::man::run(&args, definition),
    }
}

impl App {
    fn new(cli: &Cli, verb: Option<&ArgMatches>) -> Result<Self, Failure> {
        let mut none = (LevelArgs::default(), SpecArgs::default());
        if let Command::Trust(args) = &cli.command {
            none.1 = args.targets.spec();
        }
        let (levels, spec) = match &cli.command {
            Command::Check(args) => (&args.levels, &args.spec),
            Command::Compile(args) => (&args.levels, &args.options),
            Command::Schedule(args) => (&args.levels, &args.options),
            Command::Apply(args) => (&args.levels, &args.options),
            Command::One(args) => (&args.levels, &args.options),
            Command::Why(args) => (&none.0, &args.options),
            Command::Jobs(_)
            | Command::Status(_)
            | Command::Log(_)
            | Command::Output(_)
            | Command::Resume(_)
            | Command::Retry(_)
            | Command::Skip(_)
            | Command::Halt(_)
            | Command::Stop(_)
            | Command::Alter(_)
            | Command::Out(_)
            | Command::Release(_)
            | Command::Decide(_)
            | Command::Prune(_)
            | Command::Hosts(_)
            | Command::Explain(_)
            | Command::Schema(_)
            | Command::Replay(_)
            | Command::Trust(_)
            | Command::Probe(_)
            | Command::Settings
            | Command::Completions(_)
            | Command::Man(_) => (&none.0, &none.1),
        };
        let (max_pattern_hosts, resolver_path) = match &cli.command {
            Command::Hosts(args) => (args.max_pattern_hosts, &args.resolver_path),
            _ => (spec.max_pattern_hosts, &spec.resolver_path),
        };
        let settings = Settings::load(Flags {
            color: cli.global.color,
            width: cli.global.width,
            max_pattern_hosts,
            resolver_path: resolver_path.clone(),
            deny: levels.deny.clone(),
            allow: levels.allow.clone(),
            store: store_of(&cli.command),
        })?;
        let terminal = Terminal::detect(settings.color.value, settings.width.value, cli.global.ascii);
        let level_order = order(verb, [("deny", Action::Deny), ("allow", Action::Allow)]);
        let override_order = order(verb, [("set", false), ("run_command", true)]);
        Ok(Self { settings, terminal, level_order, override_order })
    }
}

/// The store that the command line names.
fn store_of(command: &Command) -> Option<PathBuf> {
    let args = match command {
        Command::Apply(args) => &args.store,
        Command::One(args) => &args.store,
        Command::Probe(args) => &args.store,
        Command::Jobs(args) => &args.store,
        Command::Status(args) => &args.store,
        Command::Log(args) => &args.store,
        Command::Output(args) => &args.store,
        Command::Resume(args) => &args.again.store,
        Command::Retry(args) => &args.again.store,
        Command::Skip(args) => &args.order.store,
        Command::Halt(args) => &args.order.store,
        Command::Stop(args) => &args.order.store,
        Command::Alter(args) => &args.order.store,
        Command::Decide(args) => &args.order.store,
        Command::Out(args) => &args.store,
        Command::Release(args) => &args.store,
        Command::Prune(args) => &args.store,
        _ => return None,
    };
    args.store.clone()
}

/// The order in which two arguments stood on the command line.
fn order<T: Copy>(matches: Option<&ArgMatches>, arguments: [(&str, T); 2]) -> Vec<T> {
    let Some(matches) = matches else { return Vec::new() };
    let known = |id: &str| matches.try_contains_id(id).unwrap_or(false);
    let mut places: Vec<(usize, T)> = arguments
        .into_iter()
        .filter(|(id, _)| known(id))
        .flat_map(|(id, what)| matches.indices_of(id).into_iter().flatten().map(move |at| (at, what)))
        .collect();
    places.sort_by_key(|(at, _)| *at);
    places.into_iter().map(|(_, what)| what).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_internal_error() {
        assert_eq!(guarded(|| panic!("as a test")), ExitCode::Internal);
        assert_eq!(guarded(|| ExitCode::Findings), ExitCode::Findings);
    }

    #[test]
    fn the_order_of_the_command_line_is_kept() {
        let line = "pogo compile a.cfg --set a=1 --allow x --run-command date --deny y --set b=2 --deny z";
        let matches = Cli::command().try_get_matches_from(line.split(' ')).unwrap();
        let verb = matches.subcommand().map(|(_, matches)| matches);
        assert_eq!(order(verb, [("set", false), ("run_command", true)]), [false, true, false]);
        assert_eq!(
            order(verb, [("deny", Action::Deny), ("allow", Action::Allow)]),
            [Action::Allow, Action::Deny, Action::Deny]
        );
        let matches = Cli::command().try_get_matches_from(["pogo", "settings"]).unwrap();
        let verb = matches.subcommand().map(|(_, matches)| matches);
        assert_eq!(order(verb, [("deny", 1), ("allow", 2)]), [0; 0]);
    }
}
