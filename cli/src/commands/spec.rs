//! What the verbs that read a spec share: options, input, and what they say about it.

use std::io::{self, BufWriter, Write as _};
use std::path::Path;

use pogo_compiler::diagnostics::{Diagnostic, Severity};
use pogo_compiler::source::SourceMap;
use pogo_compiler::{Input, Options, Override, OverrideValue};

use crate::App;
use crate::args::{MessageFormat, SpecArgs};
use crate::failure::Failure;
use crate::levels::Levels;
use crate::report::{self, Finding, Locator};
use crate::resolver::Resolvers;
use crate::world::Files;

/// Who made a plan.
const COMPILER: &str = concat!("pogo ", env!("CARGO_PKG_VERSION"));

/// The compiler's options under these arguments.
pub(super) fn options(args: SpecArgs, app: &App) -> Options {
    let mut set = args.set.into_iter().map(|(key, value)| {
        let flag = format!("--set {key}");
        // All that can be set is in `job`, and so its name may be left out.
        let key = key.strip_prefix("job.").unwrap_or(&key).to_owned();
        Override { key, value: OverrideValue::Yaml(value), flag }
    });
    let targets = args.targets.map(|targets| Override {
        key: "targets".to_owned(),
        value: OverrideValue::Text(targets),
        flag: "--targets".to_owned(),
    });
    let mut run_command = args.run_command.into_iter().map(|command| Override {
        key: "command".to_owned(),
        value: OverrideValue::Text(command),
        flag: "--run-command".to_owned(),
    });
    let in_order = app
        .override_order
        .iter()
        .filter_map(|&is_command| if is_command { run_command.next() } else { set.next() });
    Options {
        overrides: in_order.chain(targets).collect(),
        allow_unknown_hosts: args.allow_unknown_hosts,
        max_pattern_hosts: app.settings.max_pattern_hosts.value,
        compiler: COMPILER.to_owned(),
        wants_command: false,
    }
}

/// A world in which external groups are asked for.
pub(super) fn world(app: &App) -> Files {
    Files::new(Some(Resolvers::new(&app.settings.resolver_path.value)))
}

/// Reads the file that the command line names.
pub(super) fn open(files: &Files, path: &Path) -> Result<Input, Failure> {
    match files.open(path) {
        Ok(file) => Ok(Input { path: file.path, identity: file.identity, bytes: file.bytes }),
        Err(error) => Err(Failure::usage(format!(
            "cannot read `{}`: {error}",
            report::shown_path(&path.to_string_lossy())
        ))),
    }
}

/// Reports errors and warnings on standard error, and says whether there are errors. Notes are for `check`: whoever asks
/// for a plan has read them there.
pub(super) fn tell(
    diagnostics: &[Diagnostic],
    sources: &SourceMap,
    input: &str,
    levels: &Levels,
    format: MessageFormat,
    app: &App,
) -> Result<bool, Failure> {
    let locator = Locator::default();
    let severity = |diagnostic| levels.severity(diagnostic).map(|severity| (diagnostic, severity));
    let findings: Vec<Finding<'_>> = diagnostics
        .iter()
        .filter_map(severity)
        .filter(|(_, severity)| *severity != Severity::Note)
        .map(|(diagnostic, severity)| Finding::new(diagnostic, severity, sources, input, &locator))
        .collect();
    if !findings.is_empty() {
        let mut stderr = BufWriter::new(io::stderr().lock());
        report::write(format.into(), &findings, &[input], app.terminal.stderr, &mut stderr)?;
        if format == MessageFormat::Human {
            writeln!(stderr, "{} in {}", report::counts(&findings), report::shown_path(input))?;
        }
        stderr.flush()?;
    }
    Ok(findings.iter().any(|finding| finding.severity == Severity::Error))
}
