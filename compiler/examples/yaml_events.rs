//! The bare cost of reading YAML, which everything else is compared with: reads a file, goes through the parser's
//! events, and prints how many there are.

use std::io::Write as _;
use std::process::ExitCode;

use granit_parser::Parser;

#[expect(clippy::disallowed_methods, reason = "a program of its own, and no part of the compiler")]
fn main() -> ExitCode {
    let Some(text) = std::env::args_os().nth(1).and_then(|path| std::fs::read_to_string(path).ok()) else {
        // Nothing can be done about a standard error that is gone.
        let _ = writeln!(std::io::stderr(), "usage: yaml_events FILE");
        return ExitCode::from(2);
    };
    let mut n_events: u64 = 0;
    let mut parser = Parser::new_from_str(&text);
    while let Some(event) = parser.next_event() {
        if event.is_err() {
            return ExitCode::FAILURE;
        }
        n_events += 1;
    }
    match writeln!(std::io::stdout(), "{n_events}") {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
