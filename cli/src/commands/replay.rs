//! `pogo replay`: shows a run again, and checks what its plan promises.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write as _};
use std::path::Path;

use pogo_plan::Plan;
use pogo_plan::event::EventKind;

use crate::App;
use crate::args::ReplayArgs;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::output::Output;
use crate::report::{plural, shown_path};
use crate::run::promises::Checker;
use crate::run::{Lines, Tally, stream, summary};
use crate::terminal::visible;

/// Most broken promises that are listed.
const MAX_SHOWN: usize = 50;

/// Runs the verb.
pub(crate) fn run(args: &ReplayArgs, app: &App) -> Result<ExitCode, Failure> {
    if args.events == Path::new("-") && args.plan.as_deref() == Some(Path::new("-")) {
        return Err(Failure::usage("the events and the plan cannot both come from standard input"));
    }
    let named = shown_path(&args.events.to_string_lossy()).to_owned();
    let from: Box<dyn BufRead> = if args.events == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        let file = File::open(&args.events).map_err(|error| Failure::file("read", &named, &error))?;
        Box::new(BufReader::with_capacity(1 << 16, file))
    };
    let run = stream::read(from).map_err(|problem| Failure::usage(format!("{named}: {problem}")))?;
    let plan = args.plan.as_deref().map(|path| read_plan(path, app)).transpose()?;
    if let Some(plan) = &plan
        && plan.digest() != run.header.plan
    {
        return Err(Failure::with_help(
            format!("the events are of another plan: {} is not {}", visible(&run.header.plan), plan.digest()),
            "give the plan that was run; `pogo compile` makes the same plan of the same spec",
        ));
    }

    let (mut to, style) = (Output::stdout(), app.terminal.stdout);
    let mut tally = plan.as_ref().map(Tally::of).unwrap_or_default();
    // A job that was taken up again begins with how its hosts stood.
    let is_rest = run
        .events
        .first()
        .is_some_and(|event| event.seq == 1 && matches!(event.kind, EventKind::HostState { .. }));
    let mut checker = plan.as_ref().filter(|_| !is_rest).map(Checker::new);
    let mut lines = Lines::new(&mut to, style, args.quiet, plan.as_ref());
    for event in &run.events {
        lines.show(event)?;
        tally.event(event);
        if let Some(checker) = &mut checker {
            checker.event(event);
        }
    }
    drop(lines);
    summary::write(run.header.job, &tally, plan.as_ref(), style, &mut to)?;
    if run.is_cut {
        writeln!(to, "The stream ends in the middle of a line: whoever wrote it was ended there.")?;
    }
    if is_rest {
        writeln!(
            to,
            "Its promises were not checked: the job was taken up again, and what happened before is not in these events."
        )?;
        to.commit()?;
        return Ok(ExitCode::Success);
    }
    let (Some(checker), Some(plan)) = (checker, &plan) else {
        writeln!(to, "Its promises were not checked: give the plan with --plan.")?;
        to.commit()?;
        return Ok(ExitCode::Success);
    };
    let broken = checker.finish();
    if broken.is_empty() {
        let slots = plan.threads.iter().map(|thread| thread.slots.len()).sum();
        writeln!(
            to,
            "{}: {} in order, {}, each of {} at most once at a time and never after a success.",
            style.green("Every promise was kept"),
            plural(slots, "slot"),
            plural(plan.limits.len(), "limit"),
            plural(plan.targets.len(), "host"),
        )?;
    } else {
        writeln!(to, "{}:", style.red(&format!("{} broken", plural(broken.len(), "promise"))))?;
        for violation in broken.iter().take(MAX_SHOWN) {
            writeln!(to, "  event {}: {}", violation.seq, visible(&violation.what))?;
        }
        if broken.len() > MAX_SHOWN {
            writeln!(to, "  and {} more", broken.len() - MAX_SHOWN)?;
        }
    }
    to.commit()?;
    Ok(if broken.is_empty() { ExitCode::Success } else { ExitCode::Findings })
}

fn read_plan(path: &Path, app: &App) -> Result<Plan, Failure> {
    let input = super::spec::open(&super::spec::world(app), path)?;
    Plan::read_json(&input.bytes).map_err(|error| {
        Failure::with_help(
            format!("{}: {error}", shown_path(&input.path)),
            "the plan is what `pogo compile` writes, and what was given to `pogo apply`",
        )
    })
}
