//! `pogo check`: all findings of all files in one run.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use pogo_compiler::diagnostics::{Diagnostic, Severity};
use pogo_compiler::source::SourceMap;

use crate::App;
use crate::args::{CheckArgs, ReportFormat};
use crate::exit_code::ExitCode;
use crate::failure::{Failure, plain_words};
use crate::levels::Levels;
use crate::output::Output;
use crate::report::{self, Finding, Locator, plural, shown_path};
use crate::resolver::Resolvers;
use crate::terminal::visible;
use crate::world::Files;

/// What is left of a file that was checked and has findings.
struct Checked {
    path: String,
    sources: SourceMap,
    diagnostics: Vec<(Diagnostic, Severity)>,
}

/// Runs the verb.
pub(crate) fn run(args: CheckArgs, app: &App) -> Result<ExitCode, Failure> {
    let levels = Levels::new(&app.settings, &app.level_order)?;
    let mut unreadable = false;
    let mut cannot = |path: &Path, problem: &str| {
        unreadable = true;
        let path = path.to_string_lossy();
        // Nothing can be done about a standard error that is gone.
        let _ = writeln!(io::stderr(), "error: cannot read `{}`: {problem}", visible(shown_path(&path)));
    };
    let paths = search(&args.paths, &mut cannot);
    let files = Files::new(args.resolve.then(|| Resolvers::new(&app.settings.resolver_path.value)));
    let options = super::spec::options(args.spec, app);

    let mut inputs = Vec::with_capacity(paths.len());
    let mut checked = Vec::new();
    for path in &paths {
        let file = match files.open(path) {
            Ok(file) => file,
            Err(error) => {
                cannot(path, &error.message);
                continue;
            }
        };
        inputs.push(file.path.clone());
        let path = file.path.clone();
        let result = pogo_compiler::check(
            pogo_compiler::Input { path: file.path, identity: file.identity, bytes: file.bytes },
            &files,
            &options,
        );
        let diagnostics: Vec<_> = result
            .diagnostics
            .into_iter()
            .filter_map(|diagnostic| Some((levels.severity(&diagnostic)?, diagnostic)))
            .map(|(severity, diagnostic)| (diagnostic, severity))
            .collect();
        if !diagnostics.is_empty() {
            checked.push(Checked { path, sources: result.sources, diagnostics });
        }
    }
    let findings = findings(&checked);
    let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
    report(args.format, args.output.as_deref(), &findings, &inputs, app)?;
    if !args.quiet {
        let _ = writeln!(io::stderr(), "{}", closing_line(&findings, &inputs));
    }
    let found = findings.iter().any(|finding| finding.severity == Severity::Error);
    let code = if found { ExitCode::Findings } else { ExitCode::Success };
    Ok(code.worse(if unreadable { ExitCode::Usage } else { ExitCode::Success }))
}

fn report(
    format: ReportFormat,
    output: Option<&Path>,
    findings: &[Finding<'_>],
    inputs: &[&str],
    app: &App,
) -> Result<(), Failure> {
    let mut to = Output::open(output)?;
    let mut style = app.terminal.stdout;
    if output.is_some() {
        style.unicode = false;
        style.color &= app.settings.color.value == crate::args::Color::Always;
    }
    report::write(format, findings, inputs, style, &mut to)?;
    to.commit()?;
    let in_actions = std::env::var_os("GITHUB_ACTIONS").is_some_and(|value| value == "true");
    if format == ReportFormat::Human && in_actions {
        let mut stdout = Output::stdout();
        report::write(ReportFormat::Github, findings, inputs, style, &mut stdout)?;
        stdout.commit()?;
    }
    Ok(())
}

/// All findings by path, then by place. What several specs say of a file that they share is said once.
fn findings(checked: &[Checked]) -> Vec<Finding<'_>> {
    let locator = Locator::default();
    let mut owners = HashMap::new();
    let mut findings = Vec::new();
    for (owner, file) in checked.iter().enumerate() {
        for (diagnostic, severity) in &file.diagnostics {
            let finding = Finding::new(diagnostic, *severity, &file.sources, &file.path, &locator);
            let span = diagnostic.primary_span().map(|span| (span.start, span.end));
            let message = if span.is_none() { diagnostic.message.as_str() } else { "" };
            if *owners.entry((finding.path, span, diagnostic.code.id, message)).or_insert(owner) == owner {
                findings.push(finding);
            }
        }
    }
    // What is about no place in a file comes behind all that is.
    let key = |finding: &Finding<'_>| (finding.place.is_none(), finding.place, finding.diagnostic.code.id);
    findings.sort_by(|a, b| (a.path, key(a)).cmp(&(b.path, key(b))));
    findings
}

fn closing_line(findings: &[Finding<'_>], inputs: &[&str]) -> String {
    let with: HashSet<&str> = findings.iter().map(|finding| finding.path).collect();
    let all: HashSet<&str> = inputs.iter().map(|path| shown_path(path)).chain(with.iter().copied()).collect();
    match report::counts(findings) {
        counts if counts.is_empty() => format!("{}, no findings", plural(all.len(), "file")),
        counts => format!("{counts} in {} of {}", with.len(), plural(all.len(), "file")),
    }
}

/// The files behind the paths of the command line, each once, by name.
fn search(paths: &[PathBuf], cannot: &mut dyn FnMut(&Path, &str)) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in paths {
        if path != Path::new("-") && path.is_dir() {
            let before = found.len();
            walk(path, &mut found, cannot);
            if found.len() == before {
                cannot(path, "the folder has no *.cfg, *.yaml or *.yml");
            }
        } else {
            found.push(path.clone());
        }
    }
    found.sort();
    let mut seen = HashSet::new();
    found.retain(|path| seen.insert(path.canonicalize().unwrap_or_else(|_| path.clone())));
    found
}

fn walk(root: &Path, found: &mut Vec<PathBuf>, cannot: &mut dyn FnMut(&Path, &str)) {
    let mut seen = HashSet::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        // A link may lead back to a folder above it.
        if folder.canonicalize().is_ok_and(|real| !seen.insert(real)) {
            continue;
        }
        let entries = match fs::read_dir(&folder).and_then(Iterator::collect::<io::Result<Vec<_>>>) {
            Ok(entries) => entries,
            Err(error) => {
                cannot(&folder, &plain_words(&error));
                continue;
            }
        };
        for entry in entries {
            if entry.file_name().as_encoded_bytes().starts_with(b".") {
                continue;
            }
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|it| it == "cfg" || it == "yaml" || it == "yml") {
                // What is found in the working folder is named as people would name it.
                found.push(path.strip_prefix(".").map(Path::to_path_buf).unwrap_or(path));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(root: &Path, paths: &[PathBuf]) -> (Vec<String>, Vec<String>) {
        let mut problems = Vec::new();
        let found =
            search(paths, &mut |path, problem| problems.push(format!("{}: {problem}", path.display())));
        let short = |path: String| path.replace(&format!("{}/", root.display()), "");
        (
            found.iter().map(|path| short(path.display().to_string())).collect(),
            problems.into_iter().map(short).collect(),
        )
    }

    #[test]
    fn folders_are_searched_once_and_without_circles() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["sub/deep", ".hidden", "empty"] {
            fs::create_dir_all(at(name)).unwrap();
        }
        for name in ["b.cfg", "a.yaml", "sub/deep/c.yml", "sub/readme.md", ".hidden/d.cfg", "sub/.e.cfg"] {
            fs::write(at(name), "").unwrap();
        }
        std::os::unix::fs::symlink(folder.path(), at("sub/deep/up")).unwrap();
        let (found, problems) = names(folder.path(), &[folder.path().to_path_buf(), at("b.cfg")]);
        assert_eq!(found, ["a.yaml", "b.cfg", "sub/deep/c.yml"]);
        assert_eq!(problems, [""; 0]);
        let (found, problems) = names(folder.path(), &[at("empty"), at("none.cfg")]);
        assert_eq!(found, ["none.cfg"]);
        assert_eq!(problems, ["empty: the folder has no *.cfg, *.yaml or *.yml"]);
    }
}
