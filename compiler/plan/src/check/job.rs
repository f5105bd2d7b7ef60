//! What is wrong with a job by itself.

use std::collections::BTreeSet;

use super::fault::{Fault, MAX_EXACT};
use crate::{Job, job::Script};

/// The longest script, in bytes.
const MAX_SCRIPT: usize = 1024 * 1024;

pub(super) fn check(job: &Job, faults: &mut Vec<Fault>) {
    if job.command.is_some() && job.script.is_some() {
        faults.push(Fault::CommandAndScript);
    }
    if let Some(script) = &job.script {
        check_script(script, faults);
    }
    check_environment(job, faults);
    check_options(job, faults);
    check_numbers(job, faults);
    let retry_on = &job.retry.retry_on;
    if retry_on.iter().collect::<BTreeSet<_>>().len() < retry_on.len() {
        faults.push(Fault::RetryOnTwice);
    }
}

fn check_script(script: &Script, faults: &mut Vec<Fault>) {
    let Script { name, base64 } = script;
    if matches!(name.as_str(), "" | "." | "..") || name.contains(['/', '\0']) {
        faults.push(Fault::ScriptName { name: name.clone() });
    }
    let text = base64.strip_suffix("==").or_else(|| base64.strip_suffix('=')).unwrap_or(base64);
    let is_base64 = base64.len().is_multiple_of(4)
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'));
    if !is_base64 || text.len() / 4 * 3 + text.len() % 4 * 3 / 4 > MAX_SCRIPT {
        faults.push(Fault::ScriptBytes);
    }
}

fn check_environment(job: &Job, faults: &mut Vec<Fault>) {
    for name in job.env.keys().chain(job.secrets.keys()) {
        let starts_well =
            name.bytes().next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_');
        let is_name = starts_well && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !is_name || name.starts_with("POGO_") {
            faults.push(Fault::EnvName { name: name.clone() });
        }
    }
    for name in job.env.keys().filter(|&name| job.secrets.contains_key(name)) {
        faults.push(Fault::EnvTwice { name: name.clone() });
    }
}

fn check_options(job: &Job, faults: &mut Vec<Fault>) {
    if job.shell.is_empty() {
        faults.push(Fault::Empty { what: "`shell`" });
    }
    let single = [("user", &job.user), ("run_as", &job.run_as)];
    let single = single.into_iter().filter_map(|(key, value)| value.as_ref().map(|value| (key, value)));
    for (key, value) in single.chain(job.ssh.jump.iter().map(|jump| ("ssh.jump", jump))) {
        if value.is_empty() || value.starts_with('-') {
            faults.push(Fault::Option { key, value: value.clone() });
        }
    }
}

fn check_numbers(job: &Job, faults: &mut Vec<Fault>) {
    let never_zero = [
        ("timeout_ms", Some(job.timeout_ms)),
        ("connect_timeout_ms", Some(job.connect_timeout_ms)),
        ("job_timeout_ms", job.job_timeout_ms),
        ("verify.timeout_ms", job.verify.as_ref().map(|verify| verify.timeout_ms)),
        ("verify.successes", job.verify.as_ref().map(|verify| u64::from(verify.successes))),
        ("concurrent", job.concurrent.map(u64::from)),
        ("ramp", job.ramp.iter().min().copied().map(u64::from)),
        ("ssh.port", job.ssh.port.map(u64::from)),
    ];
    let any = [
        ("verify.interval_ms", job.verify.as_ref().map(|verify| verify.interval_ms)),
        ("retry.backoff_ms", Some(job.retry.backoff_ms)),
        ("retry.max_backoff_ms", Some(job.retry.max_backoff_ms)),
        ("stagger_ms", Some(job.stagger_ms)),
        ("max_output_bytes", Some(job.max_output_bytes)),
    ];
    for &(key, value) in &never_zero {
        if value == Some(0) {
            faults.push(Fault::Zero { key });
        }
    }
    for (key, value) in never_zero.into_iter().chain(any) {
        faults.extend(too_large(key, value));
    }
}

/// The fault of a number that not every JSON reader would read as it stands.
pub(super) fn too_large(key: &'static str, value: Option<u64>) -> Option<Fault> {
    value.filter(|&value| value > MAX_EXACT).map(|value| Fault::TooLarge { key, value })
}
