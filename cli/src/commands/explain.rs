//! `pogo explain`: the long text of a diagnostic code.

use std::io::{self, Write};

use pogo_compiler::diagnostics::all;

use crate::App;
use crate::args::{ExplainArgs, PageFormat};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::levels::find;
use crate::output::Output;
use crate::report::title;
use crate::terminal::Style;

/// Runs the verb.
pub(crate) fn run(args: &ExplainArgs, app: &App) -> Result<ExitCode, Failure> {
    let mut to = Output::stdout();
    match &args.code {
        None => list(&mut to)?,
        Some(text) => {
            let code = find(text, all())?;
            match args.format {
                PageFormat::Markdown => writeln!(to, "{}", code.page.trim_end())?,
                PageFormat::Human => {
                    let style = app.terminal.stdout;
                    writeln!(to, "{}", style.dim(&format!("{} ({})\n", code.id, code.severity.as_str())))?;
                    page(code.page, style, &mut to)?;
                }
            }
        }
    }
    to.commit()?;
    Ok(ExitCode::Success)
}

fn list(to: &mut dyn Write) -> io::Result<()> {
    let mut codes = all().to_vec();
    codes.sort_by_key(|code| code.id);
    let width = codes.iter().map(|code| code.id.len()).max().unwrap_or(0);
    for code in codes {
        writeln!(to, "{:width$}  {:7}  {}", code.id, code.severity.as_str(), title(code.page))?;
    }
    Ok(())
}

/// Renders the little Markdown that the pages are written in: headings, code blocks, lists, paragraphs, `code` and
/// **strong** words.
fn page(markdown: &str, style: Style, to: &mut dyn Write) -> io::Result<()> {
    let mut paragraph = String::new();
    let mut in_code = false;
    for line in markdown.lines() {
        if line.trim_start().starts_with("```") {
            flush(&mut paragraph, style, to)?;
            in_code = !in_code;
        } else if in_code {
            let line = format!("    {line}");
            writeln!(to, "{}", style.dim(line.trim_end()))?;
        } else if line.trim().is_empty() {
            flush(&mut paragraph, style, to)?;
            writeln!(to)?;
        } else if line.starts_with('#') {
            flush(&mut paragraph, style, to)?;
            writeln!(to, "{}", style.bold(line.trim_start_matches('#').trim()))?;
        } else if line.starts_with("- ") || line.starts_with("* ") {
            flush(&mut paragraph, style, to)?;
            paragraph.push_str(line);
        } else {
            if !paragraph.is_empty() {
                paragraph.push(' ');
            }
            paragraph.push_str(line.trim());
        }
    }
    flush(&mut paragraph, style, to)
}

/// Writes a paragraph or a list item, wrapped.
fn flush(paragraph: &mut String, style: Style, to: &mut dyn Write) -> io::Result<()> {
    if paragraph.is_empty() {
        return Ok(());
    }
    let hang = if paragraph.starts_with("- ") || paragraph.starts_with("* ") { "  " } else { "" };
    let width = style.width.min(100);
    let mut lines = vec![String::new()];
    for word in paragraph.split_whitespace() {
        let Some(line) = lines.last_mut() else { break };
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
            lines.push(format!("{hang}{word}"));
        } else {
            if !line.is_empty() && *line != hang {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    let text = inline(&lines.join("\n"), style);
    paragraph.clear();
    writeln!(to, "{text}")
}

/// Strong words and code become bold; without color they keep their marks, save for the stars.
fn inline(text: &str, style: Style) -> String {
    let mut out = String::with_capacity(text.len());
    for (at, part) in text.split("**").enumerate() {
        if at % 2 == 1 {
            out.push_str(&style.bold(part));
        } else if style.color {
            for (at, part) in part.split('`').enumerate() {
                out.push_str(&if at % 2 == 1 { style.bold(part) } else { part.into() });
            }
        } else {
            out.push_str(part);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use snapbox::{IntoData as _, str};

    use super::*;

    const PAGE: &str = "# A title\n\nSome **strong** text with `code`\nover two lines.\n\nWrong:\n\n```yaml\na:\n  - b\n```\n\n- one\n  and more\n- two\n";

    fn rendered(style: Style) -> String {
        let mut out = Vec::new();
        page(PAGE, style, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn plain() {
        snapbox::assert_data_eq!(
            rendered(Style { width: 40, ..Style::PLAIN }),
            str![[r#"
A title

Some strong text with `code` over
two lines.

Wrong:

    a:
      - b

- one and more
- two

"#]]
            .raw()
        );
    }

    #[test]
    fn colored() {
        let text = rendered(Style { color: true, ..Style::PLAIN });
        snapbox::assert_data_eq!(text.escape_debug().to_string(), str![[r#"\u{1b}[1mA title\u{1b}[0m\n\nSome \u{1b}[1mstrong\u{1b}[0m text with \u{1b}[1mcode\u{1b}[0m over two lines.\n\nWrong:\n\n\u{1b}[2m    a:\u{1b}[0m\n\u{1b}[2m      - b\u{1b}[0m\n\n- one and more\n- two\n"#]].raw());
    }
}
