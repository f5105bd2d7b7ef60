//! The program `pogo`.

use std::process::ExitCode;

/// Many small messages go between threads, and are let go of on another thread than the one that made them. The
/// system's allocator makes that a third of what a run costs.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    pogo::main(std::env::args_os()).into()
}
