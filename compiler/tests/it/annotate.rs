//! Findings written under the lines they are about.
//!
//! ```text
//! sequence:
//!   - $colr.one
//! #   ^^^^^ error[pogo::resolve::unknown_tag]: unknown tag `colr`
//! #   label: no tag has this name
//! #   help: did you mean `$colo`?
//! ```
//!
//! `^` stands under the characters of the primary mark, `~` under those of others, which name the code and say their
//! text. A mark of no width is `|`, or `:`. `^^^>+2:5` goes on to column 5, two lines below. A mark in the first column
//! takes the place of the `#`. Columns count characters, a tab as one. What is about no place, or one on the command
//! line, stands behind the text.

use pogo_compiler::diagnostics::Diagnostic;
use pogo_compiler::source::{SourceMap, Span};

/// Takes the expectations out of a text.
pub(crate) fn strip(text: &str) -> String {
    text.split_inclusive('\n').filter(|line| !is_expectation(line)).collect()
}

fn is_expectation(line: &str) -> bool {
    let severities = ["error[pogo::", "warning[pogo::", "note[pogo::"];
    let body = line.strip_prefix('#').unwrap_or(line).trim_start_matches(' ');
    if line.starts_with('#') && severities.iter().any(|word| body.starts_with(word)) {
        return true;
    }
    if line.starts_with('#')
        && ["help: ", "label: ", "on ", "also "].iter().any(|word| body.starts_with(word))
    {
        return true;
    }
    let Some(mark) = body.chars().next().filter(|c| "^~|:".contains(*c)) else { return false };
    let Some((marks, rest)) = body.split_once(' ') else { return false };
    let marks = marks.split('>').next().unwrap_or("");
    if !marks.chars().all(|c| c == mark) {
        return false;
    }
    match mark {
        '^' | '|' => severities.iter().any(|word| rest.starts_with(word)),
        _ => rest
            .split_ascii_whitespace()
            .next()
            .is_some_and(|code| code.contains("::") && code.ends_with(':')),
    }
}

/// Lines to be written behind a line of a source.
struct Notes {
    path: String,
    /// From 1; 0 for what goes behind the whole text.
    line: usize,
    text: String,
}

/// Writes what was found under the lines of each text; `texts` are paths with texts.
pub(crate) fn annotate(
    texts: &[(Option<String>, String)],
    findings: &[Diagnostic],
    sources: &SourceMap,
) -> Vec<String> {
    let mut notes = Vec::new();
    for finding in findings {
        describe(finding, sources, texts, &mut notes);
    }
    let mut behind: String =
        notes.iter().filter(|note| note.line == 0).map(|note| note.text.as_str()).collect();
    texts
        .iter()
        .map(|(path, text)| {
            let mut out = String::new();
            for (index, line) in text.split_inclusive('\n').enumerate() {
                out.push_str(line);
                let here: Vec<&Notes> = notes
                    .iter()
                    .filter(|note| note.line == index + 1 && Some(&note.path) == path.as_ref())
                    .collect();
                if !here.is_empty() && !line.ends_with('\n') {
                    out.push('\n');
                }
                out.extend(here.iter().map(|note| note.text.as_str()));
            }
            // A mark behind the last line.
            let lines = text.split_inclusive('\n').count();
            out.extend(
                notes
                    .iter()
                    .filter(|note| note.line > lines && Some(&note.path) == path.as_ref())
                    .map(|note| note.text.as_str()),
            );
            // The spec is the first text.
            out.push_str(&std::mem::take(&mut behind));
            out
        })
        .collect()
}

fn describe(
    finding: &Diagnostic,
    sources: &SourceMap,
    texts: &[(Option<String>, String)],
    notes: &mut Vec<Notes>,
) {
    let head = format!("{}[{}]: {}", finding.severity.as_str(), finding.code.id, visible(&finding.message));
    let code = finding.code.id.trim_start_matches("pogo::");
    let help = |indent: &str| {
        let help = finding.help.as_ref();
        help.map_or(String::new(), |help| format!("{indent}help: {}\n", visible(help)))
    };
    if finding.labels.is_empty() {
        notes.push(Notes { path: String::new(), line: 0, text: format!("# {head}\n{}", help("#   ")) });
        return;
    }
    for label in &finding.labels {
        let path = sources.path(label.span.source);
        let known = texts.iter().any(|(known, _)| known.as_deref() == Some(path));
        let place = Place::of(label.span, sources);
        if !known {
            let slice = visible(sources.slice(label.span));
            let at = format!("# on {path}:{}:{} `{slice}`: ", place.line, place.column);
            let text = if label.primary {
                format!("{at}{head}\n{}{}", labelled("#   ", &label.text), help("#   "))
            } else {
                format!("{at}{code}: {}\n", visible(&label.text))
            };
            notes.push(Notes { path: String::new(), line: 0, text });
            continue;
        }
        let (wide, none) = if label.primary { ("^", "|") } else { ("~", ":") };
        let mut marks =
            if label.span.start == label.span.end { none.to_owned() } else { wide.repeat(place.width) };
        if let Some((lines, column)) = place.goes_on {
            marks.push_str(&format!(">+{lines}:{column}"));
        }
        let indent =
            if place.column == 1 { String::new() } else { format!("#{}", " ".repeat(place.column - 2)) };
        let under = if place.column == 1 { "# " } else { &indent };
        let text = if label.primary {
            format!("{indent}{marks} {head}\n{}{}", labelled(under, &label.text), help(under))
        } else {
            format!("{}\n", format!("{indent}{marks} {code}: {}", visible(&label.text)).trim_end())
        };
        notes.push(Notes { path: path.to_owned(), line: place.line, text });
    }
}

fn labelled(indent: &str, text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("{indent}label: {}\n", visible(text)) }
}

/// Control characters as escapes, so that an expectation is a line.
fn visible(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}

struct Place {
    line: usize,
    column: usize,
    /// Characters on the first line, at least one.
    width: usize,
    /// Lines below, and the column there that is no longer marked.
    goes_on: Option<(usize, usize)>,
}

impl Place {
    fn of(span: Span, sources: &SourceMap) -> Self {
        let text = sources.get(span.source).unwrap().text();
        let (before, marked) = (&text[..span.start as usize], &text[span.start as usize..span.end as usize]);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap().chars().count() + 1;
        let width = marked.split('\n').next().unwrap().chars().count().max(1);
        let below = marked.matches('\n').count();
        let last = marked.rsplit('\n').next().unwrap().chars().count();
        Self { line, column, width, goes_on: (below > 0).then_some((below, last + 1)) }
    }
}
