//! The smallest program that ssh may ask: prints what the pogo that started ssh answers, or fails.

use std::process::ExitCode;

use pogo_transport::ssh::askpass;
use secrecy::ExposeSecret;

#[expect(clippy::print_stdout, reason = "ssh reads the answer there")]
fn main() -> ExitCode {
    let question = std::env::args().nth(1).unwrap_or_default();
    match askpass::answer(&question) {
        Ok(Some(answer)) => {
            println!("{}", answer.expose_secret());
            ExitCode::SUCCESS
        }
        Ok(None) | Err(_) => ExitCode::FAILURE,
    }
}
