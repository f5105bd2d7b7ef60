//! Any spec, with any answers of the world outside, is a sound plan or has errors that say where.

#![no_main]

#[path = "../claims/case.rs"]
mod case;
#[path = "../claims/compile.rs"]
mod compile;
#[path = "../claims/diagnostics.rs"]
mod diagnostics;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| compile::holds(bytes));
