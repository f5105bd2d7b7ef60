//! Any text is read as YAML, or it is said what is wrong with it; and every place is a place.

#![no_main]

#[path = "../claims/diagnostics.rs"]
mod diagnostics;
#[path = "../claims/yaml.rs"]
mod yaml;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| yaml::holds(text));
