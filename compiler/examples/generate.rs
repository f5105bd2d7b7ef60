//! Writes a spec of any size to standard output: `generate 1000000 list > million.cfg`.

#[path = "../benches/generate.rs"]
mod generate;

use std::io::Write as _;
use std::process::ExitCode;

use generate::Shape;

#[expect(clippy::disallowed_methods, reason = "a program of its own, and no part of the compiler")]
fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let n_hosts = arguments.next().and_then(|word| word.parse().ok());
    let shape = arguments.next().and_then(|word| shape(&word));
    let (Some(n_hosts), Some(shape), None) = (n_hosts, shape, arguments.next()) else {
        // Nothing can be done about a standard error that is gone.
        let _ = writeln!(std::io::stderr(), "usage: generate HOSTS list|pattern");
        return ExitCode::from(2);
    };
    let spec = generate::spec(n_hosts, shape);
    match std::io::stdout().write_all(spec.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn shape(name: &str) -> Option<Shape> {
    match name {
        "list" => Some(Shape::List),
        "pattern" => Some(Shape::Pattern),
        _ => None,
    }
}
