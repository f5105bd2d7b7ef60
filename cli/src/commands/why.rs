//! `pogo why`: what concerns one host.

use std::io::{self, Write};

use pogo_compiler::Checked;
use pogo_compiler::diagnostics::Severity;
use pogo_compiler::query::{self, Why};
use pogo_compiler::source::Span;
use pogo_grammar::fold::{fold, natural_cmp};
use serde_json::{Value, json};

use crate::App;
use crate::args::{AnswerFormat, MessageFormat, WhyArgs};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::levels::Levels;
use crate::output::Output;
use crate::report::{plural, shown_path};
use crate::suggest::did_you_mean;
use crate::terminal::{Style, visible};

/// Runs the verb. A host that the spec does not name is an answer, "no", and no wrong usage.
pub(crate) fn run(args: WhyArgs, app: &App) -> Result<ExitCode, Failure> {
    let files = super::spec::world(app);
    let input = super::spec::open(&files, &args.spec)?;
    let path = input.path.clone();
    let options = super::spec::options(args.options, app);
    let mut checked = pogo_compiler::check(input, &files, &options);
    checked.diagnostics.retain(|diagnostic| diagnostic.severity == Severity::Error);
    let (found, sources) = (&checked.diagnostics, &checked.sources);
    if super::spec::tell(found, sources, &path, &Levels::default(), MessageFormat::Human, app)? {
        return Ok(ExitCode::Findings);
    }
    let Some(why) = query::why(&checked, &args.host) else {
        let shown = visible(shown_path(&path)).into_owned();
        let mut stderr = io::stderr().lock();
        let _ = writeln!(stderr, "error: no host `{}` in {shown}", visible(&args.host));
        let _ = writeln!(stderr, "help: {}", near(&args.host, &checked));
        return Ok(ExitCode::Findings);
    };
    let mut to = Output::stdout();
    match args.format {
        AnswerFormat::Human => human(&why, &checked, app.terminal.stdout, &mut to)?,
        AnswerFormat::Json => {
            serde_json::to_writer_pretty(&mut to, &json_of(&why, &checked)).map_err(io::Error::from)?;
            to.write_all(b"\n")?;
        }
    }
    to.commit()?;
    Ok(ExitCode::Success)
}

/// What host may have been meant.
fn near(host: &str, checked: &Checked) -> String {
    did_you_mean(host, query::known_hosts(checked), || "`pogo schedule` shows the hosts of a spec".to_owned())
}

fn place(at: Span, checked: &Checked) -> Option<String> {
    let source = checked.sources.get(at.source)?;
    let position = source.position(at.start);
    Some(format!("{}:{}:{}", shown_path(source.path()), position.line, position.column))
}

fn human(why: &Why, checked: &Checked, style: Style, to: &mut dyn Write) -> io::Result<()> {
    let at = |span| {
        place(span, checked)
            .map_or_else(String::new, |at| style.dim(&format!("  ({})", visible(&at))).into_owned())
    };
    let target = if why.is_target { "a target" } else { "not a target" };
    writeln!(to, "{}: {target}", style.bold(&why.host))?;
    let tags = if why.tags.is_empty() { "none".to_owned() } else { why.tags.join(", ") };
    writeln!(to, "\n{}\n  {}", style.bold("Tags"), visible(&tags))?;
    writeln!(to, "\n{}", style.bold("Threads"))?;
    if why.threads.is_empty() {
        writeln!(to, "  none")?;
    }
    for thread in &why.threads {
        writeln!(
            to,
            "  {}: slot {} of {}, {}{}",
            visible(&thread.id),
            thread.position,
            thread.of,
            visible(&thread.slot),
            at(thread.at)
        )?;
        for before in &thread.waits_for {
            let mut hosts: Vec<&str> = before.hosts.iter().map(String::as_str).collect();
            hosts.sort_by(|a, b| natural_cmp(a, b));
            let hosts = fold(hosts).join(", ");
            let hosts = if hosts.is_empty() { "no targets".to_owned() } else { hosts };
            writeln!(to, "    after {}: {}", visible(&before.slot), visible(&hosts))?;
        }
    }
    writeln!(to, "\n{}", style.bold("Limits"))?;
    if why.limits.is_empty() {
        writeln!(to, "  none")?;
    }
    for limit in &why.limits {
        let of = plural(limit.group_size, "host");
        writeln!(
            to,
            "  {}: at most {} of {of} out of service{}",
            visible(&limit.id),
            most(limit),
            at(limit.at)
        )?;
    }
    Ok(())
}

fn most(limit: &query::WhyLimit) -> String {
    let n = limit.max_parallel.to_string();
    if limit.declared == n { n } else { format!("{n} ({})", limit.declared) }
}

fn json_of(why: &Why, checked: &Checked) -> Value {
    let at = |span| place(span, checked);
    json!({
        "format": "pogo.why/1",
        "host": why.host,
        "is_target": why.is_target,
        "tags": why.tags,
        "threads": why.threads.iter().map(|thread| json!({
            "id": thread.id,
            "slot": thread.slot,
            "position": thread.position,
            "of": thread.of,
            "waits_for": thread.waits_for.iter().map(|before| json!({
                "slot": before.slot,
                "hosts": before.hosts,
            })).collect::<Vec<_>>(),
            "at": at(thread.at),
        })).collect::<Vec<_>>(),
        "limits": why.limits.iter().map(|limit| json!({
            "id": limit.id,
            "declared": limit.declared,
            "max_parallel": limit.max_parallel,
            "group_size": limit.group_size,
            "at": at(limit.at),
        })).collect::<Vec<_>>(),
    })
}
