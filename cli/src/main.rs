//! The program `pogo`.

use std::process::ExitCode;

fn main() -> ExitCode {
    pogo::main(std::env::args_os()).into()
}
