//! `pogo apply --dry-run`: what would run in which order; nothing runs, and no secret is read.

use std::io::{self, Write};

use pogo_compiler::world::{File, GroupAnswer, World, WorldError};
use pogo_compiler::{Input, Options};
use pogo_plan::job::{KnownHosts, Ssh, Transport};
use pogo_plan::{Job, Plan};
use serde_json::{Map, Value};

use crate::App;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::output::Output;
use crate::schedule;
use crate::terminal::{Style, visible};

/// Shows the schedule, and what would be run.
pub(super) fn show(plan: &Plan, app: &App) -> Result<ExitCode, Failure> {
    let mut to = Output::stdout();
    let style = app.terminal.stdout;
    schedule::text::write(plan, style, &mut to)?;
    writeln!(to)?;
    job(plan, style, &mut to)?;
    writeln!(to)?;
    writeln!(to, "{}", visible(&reached(&plan.job)))?;
    writeln!(to, "Nothing was run (--dry-run).")?;
    to.commit()?;
    Ok(ExitCode::Success)
}

/// How the hosts would be reached, as far as the plan says it.
fn reached(job: &Job) -> String {
    if job.transport == Transport::Local {
        return "Every host is a process on this machine (transport: local).".to_owned();
    }
    let Ssh { config, port, identity, jump, options, known_hosts } = &job.ssh;
    let mut text = "Hosts are reached over ssh".to_owned();
    let mut put = |words: &str, value: &str| text.push_str(&format!("{words}{value}"));
    if let Some(user) = &job.user {
        put(" as ", user);
    }
    if let Some(port) = port {
        put(" on port ", &port.to_string());
    }
    if !jump.is_empty() {
        put(" through ", &jump.join(", then "));
    }
    if let Some(identity) = identity {
        put(" with the key ", identity);
    }
    for (name, value) in options {
        put(&format!(", {name} "), value);
    }
    put("; all else is as in ", config.as_deref().unwrap_or("the user's ssh configuration"));
    put(
        ", and host keys that are not on record are ",
        match known_hosts {
            KnownHosts::Strict => "refused.",
            KnownHosts::AcceptNew => "recorded; changed ones are refused.",
            KnownHosts::Ignore => "ACCEPTED, changed ones too.",
        },
    );
    text
}

/// The command, and the settings that are not as they are without being set.
fn job(plan: &Plan, style: Style, to: &mut dyn Write) -> io::Result<()> {
    let usual = defaults();
    let settings = settings(plan);
    for (key, value) in &settings {
        if usual.as_ref().is_some_and(|usual| usual.get(key) == Some(value)) {
            continue;
        }
        let (name, text) = shown(key, value);
        let mut lines = text.lines();
        let first = visible(lines.next().unwrap_or("")).into_owned();
        let rest: Vec<_> = lines.map(visible).collect();
        if rest.is_empty() {
            writeln!(to, "{}: {first}", style.bold(&name))?;
        } else {
            writeln!(to, "{}:\n  {first}", style.bold(&name))?;
            rest.iter().try_for_each(|line| writeln!(to, "  {line}"))?;
        }
    }
    Ok(())
}

fn settings(plan: &Plan) -> Map<String, Value> {
    match serde_json::to_value(&plan.job) {
        Ok(Value::Object(settings)) => settings,
        // A job always is an object.
        _ => Map::new(),
    }
}

/// A key as a spec has it, with its value in a form that can be read.
fn shown(key: &str, value: &Value) -> (String, String) {
    if let (Some(name), Some(ms)) = (key.strip_suffix("_ms"), value.as_u64()) {
        return (name.to_owned(), schedule::duration(ms));
    }
    let name = key.strip_suffix("_bytes").unwrap_or(key);
    let text = match value {
        Value::String(text) => text.clone(),
        // The bytes of a script are of no use to anybody here.
        Value::Object(object) if key == "script" => {
            object.get("name").and_then(Value::as_str).unwrap_or("").to_owned()
        }
        Value::Object(object) => object
            .iter()
            .filter(|(_, value)| !is_empty(value))
            .map(|(key, value)| {
                let (name, text) = shown(key, value);
                format!("{name}={text}")
            })
            .collect::<Vec<_>>()
            .join(" "),
        Value::Array(items) => items.iter().map(|item| shown("", item).1).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    };
    (name.to_owned(), text)
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(object) => object.is_empty(),
        _ => false,
    }
}

/// The settings of a spec that sets none, asked of whoever knows: the compiler.
fn defaults() -> Option<Map<String, Value>> {
    let bytes = b"tag: {hosts: [host]}".to_vec();
    let input = Input { path: "-".to_owned(), identity: "-".to_owned(), bytes };
    let compiled = pogo_compiler::compile(input, &Nothing, &Options::default());
    compiled.plan.as_ref().map(settings)
}

/// A world in which there is nothing.
struct Nothing;

impl World for Nothing {
    fn include(&self, _: &str, _: &str) -> Result<File, WorldError> {
        Err(WorldError { message: "no such file".to_owned(), help: None })
    }

    fn host_file(&self, _: Option<&str>, path: &str) -> Result<File, WorldError> {
        self.include("", path)
    }

    fn script(&self, _: Option<&str>, path: &str, _: usize) -> Result<File, WorldError> {
        self.include("", path)
    }

    fn external_group(&self, _: &str, _: &[String]) -> GroupAnswer {
        GroupAnswer::NotAsked
    }
}

#[cfg(test)]
mod tests {
    use snapbox::{IntoData as _, str};

    use super::*;

    fn shown_job(change: impl FnOnce(&mut Plan)) -> String {
        let mut plan = schedule::testing::plan();
        let usual = defaults().unwrap();
        plan.job = serde_json::from_value(Value::Object(usual)).unwrap();
        change(&mut plan);
        let mut out = Vec::new();
        job(&plan, Style::PLAIN, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn how_hosts_are_reached_is_said_as_far_as_the_plan_says_it() {
        let mut job = schedule::testing::plan().job;
        (job.transport, job.ssh, job.user) = (Transport::Ssh, Ssh::default(), None);
        assert_eq!(
            reached(&job),
            "Hosts are reached over ssh; all else is as in the user's ssh configuration, and host keys that are not on \
             record are refused."
        );
        job.user = Some("deploy".to_owned());
        job.ssh.port = Some(2222);
        job.ssh.jump = vec!["gate".to_owned(), "jo@inner:22".to_owned()];
        job.ssh.known_hosts = KnownHosts::Ignore;
        assert_eq!(
            reached(&job),
            "Hosts are reached over ssh as deploy on port 2222 through gate, then jo@inner:22; all else is as in the \
             user's ssh configuration, and host keys that are not on record are ACCEPTED, changed ones too."
        );
    }

    #[test]
    fn only_what_is_set_is_shown() {
        assert_eq!(shown_job(|_| ()), "");
        let text = shown_job(|plan| {
            plan.job.command = Some("one\ntwo".to_owned());
            plan.job.timeout_ms = 90_000;
            plan.job.ramp = vec![1, 5];
            plan.job.retry.attempts = 2;
            plan.job.transport = Transport::Local;
            plan.job.secrets =
                [("TOKEN".to_owned(), pogo_plan::job::SecretRef::Env("VAULT".to_owned()))].into();
        });
        snapbox::assert_data_eq!(
            text,
            str![[r#"
command:
  one
  two
ramp: 1 5
retry: attempts=2 backoff=1s max_backoff=1m retry_on=unreachable
secrets: TOKEN=env=VAULT
timeout: 1m30s
transport: local

"#]]
            .raw()
        );
    }
}
