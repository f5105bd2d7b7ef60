//! Each key of `job`: what it takes and what is wrong with what it was given.

use pogo_grammar::{Share, SyntaxError, parse_duration, parse_share, parse_size};
use pogo_plan::job::{KnownHosts, OnDisconnect, OnFailure, RetryOn, SecretRef, Transport, Verify};

use super::value::{Entry, Value};
use crate::diagnostics::{Findings, job as codes, suggest, yaml};
use crate::source::Span;
use crate::syntax::ast::{At, Job, Retry, Set};
use crate::syntax::embed::Embedded;
use crate::syntax::reader::{Place, Reader};
use crate::syntax::tree::{Document, Kind, NodeId, Style};

const KEYS: [&str; 27] = [
    "command",
    "script",
    "args",
    "shell",
    "targets",
    "user",
    "run_as",
    "env",
    "secrets",
    "prehook",
    "posthook",
    "finally",
    "verify",
    "timeout",
    "connect_timeout",
    "job_timeout",
    "retry",
    "on_disconnect",
    "concurrent",
    "ramp",
    "stagger",
    "on_failure",
    "max_failures",
    "recover",
    "max_output",
    "ssh",
    "transport",
];
const RETRY_KEYS: [&str; 4] = ["attempts", "backoff", "max_backoff", "retry_on"];
const VERIFY_KEYS: [&str; 4] = ["command", "interval", "timeout", "successes"];
const SSH_KEYS: [&str; 6] = ["config", "port", "identity", "jump", "options", "known_hosts"];

const DEFAULT_VERIFY_INTERVAL_MS: u64 = 1_000;
const DEFAULT_VERIFY_TIMEOUT_MS: u64 = 60_000;

/// Reads the merged entries of `job`.
pub(crate) fn read(reader: Reader<'_>, entries: &[Entry<'_>]) -> Job {
    let mut reader = JobReader { reader, job: Job::default() };
    for entry in entries {
        reader.key(entry);
    }
    reader.env_and_secrets();
    reader.command_or_script();
    reader.job
}

struct JobReader<'a> {
    /// For set expressions and findings.
    reader: Reader<'a>,
    job: Job,
}

impl JobReader<'_> {
    /// One name is one variable.
    fn env_and_secrets(&mut self) {
        let mut doubled = Vec::new();
        self.job.secrets.retain(|(name, _)| {
            let double = self.job.env.iter().find(|(env, _)| env.value == name.value);
            doubled.extend(double.map(|(env, _)| codes::env_and_secret(&name.value, name.span, env.span)));
            double.is_none()
        });
        for finding in doubled {
            self.findings().push(finding);
        }
    }

    /// One thing to run, and arguments only for what takes them.
    fn command_or_script(&mut self) {
        let Job { command, script, args, .. } = &self.job;
        let finding = match (command, script, args) {
            (Some(command), Some(script), _) => codes::command_and_script(command.span, script.span),
            (Some(_), None, Some(args)) => codes::args_without_script(args.span),
            _ => return,
        };
        self.findings().push(finding);
    }

    fn findings(&mut self) -> &mut Findings {
        self.reader.findings
    }

    fn key(&mut self, entry: &Entry<'_>) {
        let value = &entry.value;
        match entry.key.as_str() {
            "command" => {
                self.job.command = self.shell_text("command", value).map(|text| At::new(text, value.span()));
            }
            "script" => {
                self.job.script = self.string("script", value).map(|text| At::new(text, value.span()));
            }
            "args" => self.job.args = self.strings("args", value).map(|args| At::new(args, entry.key_span)),
            "shell" => self.job.shell = self.string("shell", value),
            "targets" => self.job.targets = Some(self.targets(value)),
            "user" => self.job.user = self.user("user", value),
            "run_as" => self.job.run_as = self.user("run_as", value),
            "env" => self.env(value),
            "secrets" => self.secrets(value),
            "prehook" => self.job.prehook = self.shell_text("prehook", value),
            "posthook" => self.job.posthook = self.shell_text("posthook", value),
            "finally" => self.job.finally = self.shell_text("finally", value),
            "verify" => self.job.verify = self.verify(value),
            "timeout" => self.job.timeout_ms = self.positive_duration("timeout", value),
            "connect_timeout" => {
                self.job.connect_timeout_ms = self.positive_duration("connect_timeout", value);
            }
            "job_timeout" => self.job.job_timeout_ms = self.positive_duration("job_timeout", value),
            "retry" => self.job.retry = self.retry(value),
            "on_disconnect" => {
                let choices = [("unknown", OnDisconnect::Unknown), ("verify", OnDisconnect::Verify)];
                self.job.on_disconnect =
                    self.choice("on_disconnect", value, &choices).map(|it| At::new(it, value.span()));
            }
            "concurrent" => self.job.concurrent = self.share("concurrent", value, 1),
            "ramp" => self.job.ramp = self.ramp(value),
            "stagger" => self.job.stagger_ms = self.duration("stagger", value),
            "on_failure" => {
                let choices =
                    [("hold", OnFailure::Hold), ("continue", OnFailure::Continue), ("halt", OnFailure::Halt)];
                self.job.on_failure = self.choice("on_failure", value, &choices);
            }
            "max_failures" => self.job.max_failures = self.share("max_failures", value, 0),
            "recover" => {
                self.job.recover = self.choice("recover", value, &[("true", true), ("false", false)]);
            }
            "max_output" => self.job.max_output_bytes = self.size("max_output", value),
            "ssh" => self.ssh(value),
            "transport" => {
                let choices = [("ssh", Transport::Ssh), ("local", Transport::Local)];
                self.job.transport = self.choice("transport", value, &choices);
            }
            _ => self.unknown_key(entry, "job", &KEYS),
        }
    }

    fn unknown_key(&mut self, entry: &Entry<'_>, of: &str, known: &[&'static str]) {
        let near = suggest::nearest(&entry.key, known.iter().copied());
        self.findings().push(codes::unknown_key(&entry.key, of, entry.key_span, near));
    }

    fn missing(&mut self, value: &Value<'_>, wanted: &str) {
        self.findings().push(yaml::missing_value(value.span(), wanted));
    }

    fn wrong_shape(&mut self, value: &Value<'_>, wanted: &str) {
        if value.is_null() {
            self.missing(value, wanted);
        } else {
            self.findings().push(yaml::wrong_shape(value.span(), value.shape(), wanted));
        }
    }

    /// A scalar that says something.
    fn scalar<'v>(&mut self, value: &Value<'v>, wanted: &str) -> Option<&'v str> {
        match value.scalar() {
            Some(text) if !value.is_null() => Some(text),
            _ => {
                self.wrong_shape(value, wanted);
                None
            }
        }
    }

    fn string(&mut self, key: &str, value: &Value<'_>) -> Option<String> {
        let text = self.scalar(value, "a text")?;
        self.no_nul(key, text, value)?;
        if text.trim().is_empty() {
            self.findings().push(codes::bad_value(key, text, value.span(), "a text that is not empty", None));
            return None;
        }
        Some(text.to_owned())
    }

    /// No process takes a NUL character, in whatever it is handed.
    fn no_nul(&mut self, key: &str, text: &str, value: &Value<'_>) -> Option<()> {
        if text.contains('\0') {
            self.findings().push(codes::bad_value(
                key,
                "…\\0…",
                value.span(),
                "a text without NUL characters",
                None,
            ));
            return None;
        }
        Some(())
    }

    /// A command or hook.
    fn shell_text(&mut self, key: &str, value: &Value<'_>) -> Option<String> {
        if let Value::Node(document, id) = value {
            self.comment_behind(key, document, *id);
        }
        let text = self.string(key, value)?;
        Some(text)
    }

    /// YAML ends a plain scalar at ` #`, and the command with it.
    fn comment_behind(&mut self, key: &str, document: &Document, id: NodeId) {
        if !matches!(document.kind(id), Kind::Scalar(Style::Plain)) || document.is_null(id) {
            return;
        }
        let span = document.span(id);
        let rest = document.text().get(span.end as usize..).unwrap_or("");
        let line = rest.lines().next().unwrap_or("");
        let comment = line.trim_start();
        if comment.starts_with('#') && comment.len() < line.len() {
            #[expect(clippy::cast_possible_truncation, reason = "`SourceMap::add` refuses texts of 4 GiB")]
            let (at, length) = ((line.len() - comment.len()) as u32, comment.trim_end().len() as u32);
            let mark = Span::new(span.source, span.end + at, span.end + at + length);
            let own = document.own_span(id);
            // An alias stands elsewhere than the text it repeats.
            if own == span {
                self.findings().push(yaml::comment_cuts_command(key, mark, span));
            }
        }
    }

    fn user(&mut self, key: &str, value: &Value<'_>) -> Option<String> {
        let text = self.string(key, value)?;
        let good =
            !text.starts_with('-') && !text.chars().any(|c| c.is_whitespace() || c.is_control() || c == ':');
        if good {
            return Some(text);
        }
        self.findings().push(codes::bad_value(key, &text, value.span(), "the name of a user", None));
        None
    }

    /// The items of what must be a list.
    fn list<'v>(&mut self, value: &Value<'v>, wanted: &str) -> Option<Vec<Value<'v>>> {
        let items = value.items();
        if items.is_none() {
            self.wrong_shape(value, wanted);
        }
        items
    }

    fn strings(&mut self, key: &str, value: &Value<'_>) -> Option<Vec<String>> {
        let items = self.list(value, "a list of arguments such as `[--fast, all]`")?;
        let mut texts = Vec::with_capacity(items.len());
        for item in items {
            let text = self.scalar(&item, "a text")?;
            self.no_nul(key, text, &item)?;
            texts.push(text.to_owned());
        }
        Some(texts)
    }

    fn targets(&mut self, value: &Value<'_>) -> At<Vec<At<Set>>> {
        let span = value.span();
        let items = match value.items() {
            Some(items) => items,
            None => vec![value.clone()],
        };
        if items.is_empty() || value.is_null() {
            self.findings().push(codes::no_targets(span, "`targets` is empty"));
            return At::new(vec![At::new(Set::Broken, span)], span);
        }
        At::new(items.iter().map(|item| At::new(self.target(item), item.span())).collect(), span)
    }

    fn target(&mut self, value: &Value<'_>) -> Set {
        match (value, value.embedded()) {
            (Value::Node(document, id), _) => {
                // A value of the command line has a document of its own.
                let mut reader = Reader {
                    document,
                    hosts: self.reader.hosts,
                    findings: self.reader.findings,
                    by: self.reader.by,
                };
                reader.set(*id, Place::Expression).value
            }
            (Value::Text(..), Some(text)) => self.expression(text),
            _ => {
                self.wrong_shape(value, "a set expression");
                Set::Broken
            }
        }
    }

    fn expression(&mut self, text: Embedded<'_>) -> Set {
        self.reader.expression(text, Place::Expression)
    }

    fn env(&mut self, value: &Value<'_>) {
        let Some(entries) = value.entries() else {
            return self.wrong_shape(value, "a mapping from names to values");
        };
        for entry in entries {
            if !self.env_name(&entry) {
                continue;
            }
            // `NAME: ''` is a value; nothing at all most likely is not.
            let Some(text) = self.scalar(&entry.value, "a value (`''` for an empty one)") else { continue };
            if self.no_nul(&entry.key, text, &entry.value).is_some() {
                self.job.env.push((At::new(entry.key.clone(), entry.key_span), text.to_owned()));
            }
        }
    }

    fn env_name(&mut self, entry: &Entry<'_>) -> bool {
        let mut chars = entry.key.chars();
        let good = chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
            && chars.all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !good {
            self.findings().push(codes::bad_env_name(&entry.key, entry.key_span));
        } else if entry.key.starts_with("POGO_") {
            self.findings().push(codes::reserved_env(&entry.key, entry.key_span));
        } else {
            return true;
        }
        false
    }

    fn secrets(&mut self, value: &Value<'_>) {
        let Some(entries) = value.entries() else {
            return self.wrong_shape(value, "a mapping from names to where the secrets come from");
        };
        for entry in entries {
            if !self.env_name(&entry) {
                continue;
            }
            let name = At::new(entry.key.clone(), entry.key_span);
            if let Some(secret) = self.secret(&entry) {
                self.job.secrets.push((name, secret));
            }
        }
    }

    fn secret(&mut self, entry: &Entry<'_>) -> Option<SecretRef> {
        let value = &entry.value;
        if value.scalar() == Some("prompt") {
            return Some(SecretRef::Prompt);
        }
        let entries = value.entries().unwrap_or_default();
        if let [only] = entries.as_slice() {
            match only.key.as_str() {
                "env" => return self.string("env", &only.value).map(SecretRef::Env),
                "file" => return self.string("file", &only.value).map(SecretRef::File),
                _ => {}
            }
        }
        self.findings().push(codes::secret_value(&entry.key, value.span()));
        None
    }

    fn verify(&mut self, value: &Value<'_>) -> Option<Verify> {
        let mut verify = Verify {
            command: String::new(),
            interval_ms: DEFAULT_VERIFY_INTERVAL_MS,
            timeout_ms: DEFAULT_VERIFY_TIMEOUT_MS,
            successes: 1,
        };
        let Some(entries) = value.entries() else {
            self.wrong_shape(value, "a mapping with a `command`");
            return None;
        };
        let mut has_command = false;
        for entry in entries {
            match entry.key.as_str() {
                "command" => {
                    has_command = true;
                    verify.command = self.shell_text("command", &entry.value).unwrap_or_default();
                }
                "interval" => {
                    verify.interval_ms = self.duration("interval", &entry.value).unwrap_or_default();
                }
                "timeout" => {
                    verify.timeout_ms = self.positive_duration("timeout", &entry.value).unwrap_or_default();
                }
                "successes" => {
                    verify.successes = self.number("successes", &entry.value, 1, u32::MAX).unwrap_or(1);
                }
                _ => self.unknown_key(&entry, "verify", &VERIFY_KEYS),
            }
        }
        if !has_command {
            self.findings().push(codes::verify_without_command(value.span()));
            return None;
        }
        Some(verify)
    }

    fn retry(&mut self, value: &Value<'_>) -> Option<Retry> {
        let Some(entries) = value.entries() else {
            let attempts = self.number("retry", value, 0, u32::MAX)?;
            return Some(Retry { attempts: Some(attempts), ..Retry::default() });
        };
        let mut retry = Retry::default();
        for entry in entries {
            match entry.key.as_str() {
                "attempts" => retry.attempts = self.number("attempts", &entry.value, 0, u32::MAX),
                "backoff" => retry.backoff_ms = self.duration("backoff", &entry.value),
                "max_backoff" => retry.max_backoff_ms = self.duration("max_backoff", &entry.value),
                "retry_on" => retry.retry_on = self.retry_on(&entry.value),
                _ => self.unknown_key(&entry, "retry", &RETRY_KEYS),
            }
        }
        Some(retry)
    }

    fn retry_on(&mut self, value: &Value<'_>) -> Option<Vec<RetryOn>> {
        let choices =
            [("unreachable", RetryOn::Unreachable), ("timeout", RetryOn::Timeout), ("exit", RetryOn::Exit)];
        let items = self.list(value, "a list such as `[unreachable, exit]`")?;
        let mut ends = Vec::with_capacity(items.len());
        for item in items {
            let end = self.choice("retry_on", &item, &choices)?;
            if !ends.contains(&end) {
                ends.push(end);
            }
        }
        Some(ends)
    }

    fn ramp(&mut self, value: &Value<'_>) -> Vec<Share> {
        let wanted = "a list of steps such as `[1, 5, 20%]`";
        let Some(items) = self.list(value, wanted) else { return Vec::new() };
        if items.is_empty() {
            self.findings().push(codes::bad_value("ramp", "[]", value.span(), wanted, None));
        }
        items.iter().filter_map(|item| self.share("ramp", item, 1)).collect()
    }

    fn ssh(&mut self, value: &Value<'_>) {
        let Some(entries) = value.entries() else {
            return self.wrong_shape(value, "a mapping of ssh settings");
        };
        for entry in entries {
            match entry.key.as_str() {
                "config" => self.job.ssh.config = self.string("config", &entry.value),
                "port" => {
                    let port = self.number("port", &entry.value, 1, u32::from(u16::MAX));
                    self.job.ssh.port = port.and_then(|port| u16::try_from(port).ok());
                }
                "identity" => self.job.ssh.identity = self.string("identity", &entry.value),
                "jump" => self.job.ssh.jump = self.jump(&entry.value),
                "options" => self.ssh_options(&entry.value),
                "known_hosts" => {
                    let choices = [
                        ("strict", KnownHosts::Strict),
                        ("accept-new", KnownHosts::AcceptNew),
                        ("ignore", KnownHosts::Ignore),
                    ];
                    let known_hosts = self.choice("known_hosts", &entry.value, &choices);
                    self.job.ssh.known_hosts = known_hosts.unwrap_or_default();
                }
                _ => self.unknown_key(&entry, "ssh", &SSH_KEYS),
            }
        }
    }

    /// Jump hosts reach ssh as an option's value: none may look like an option itself.
    fn jump(&mut self, value: &Value<'_>) -> Vec<String> {
        let items = value.items().unwrap_or_else(|| vec![value.clone()]);
        let mut jump = Vec::with_capacity(items.len());
        for item in items {
            let Some(text) = self.string("jump", &item) else { continue };
            for hop in text.split(',').map(str::trim) {
                let good = !hop.is_empty()
                    && !hop.starts_with('-')
                    && !hop.chars().any(|c| c.is_whitespace() || c.is_control());
                if good {
                    jump.push(hop.to_owned());
                } else {
                    let finding = codes::bad_value(
                        "jump",
                        hop,
                        item.span(),
                        "a host, `user@host` or `host:port`",
                        None,
                    );
                    self.findings().push(finding);
                }
            }
        }
        jump
    }

    fn ssh_options(&mut self, value: &Value<'_>) {
        let Some(entries) = value.entries() else {
            return self.wrong_shape(value, "a mapping from ssh options to their values");
        };
        for entry in entries {
            let good_key =
                !entry.key.is_empty() && entry.key.bytes().all(|byte| byte.is_ascii_alphanumeric());
            if !good_key {
                let wanted = "the name of an option of `ssh_config`";
                self.findings().push(codes::bad_value("options", &entry.key, entry.key_span, wanted, None));
                continue;
            }
            let Some(text) = self.string(&entry.key, &entry.value) else { continue };
            if text.contains(['\n', '\r']) {
                // A line break would start another option in the configuration that ssh reads.
                let finding =
                    codes::bad_value(&entry.key, "…", entry.value.span(), "a value of one line", None);
                self.findings().push(finding);
                continue;
            }
            self.job.ssh.options.insert(entry.key.clone(), text);
        }
    }

    fn number(&mut self, key: &str, value: &Value<'_>, min: u32, max: u32) -> Option<u32> {
        let text = self.scalar(value, "a number")?;
        let number = text
            .parse()
            .ok()
            .filter(|number| (min..=max).contains(number) && text.bytes().all(|byte| byte.is_ascii_digit()));
        if number.is_none() {
            let wanted = match (min, max) {
                (min, u32::MAX) => format!("a whole number from {min}"),
                (min, max) => format!("a whole number from {min} to {max}"),
            };
            self.findings().push(codes::bad_value(key, text, value.span(), &wanted, None));
        }
        number
    }

    fn choice<T: Copy>(&mut self, key: &str, value: &Value<'_>, choices: &[(&'static str, T)]) -> Option<T> {
        let names: Vec<&'static str> = choices.iter().map(|(name, _)| *name).collect();
        let wanted = codes::one_of(&names);
        let text = self.scalar(value, &wanted)?;
        if let Some((_, chosen)) = choices.iter().find(|(name, _)| *name == text) {
            return Some(*chosen);
        }
        let near = suggest::nearest(text, names);
        self.findings().push(codes::bad_value(key, text, value.span(), &wanted, near));
        None
    }

    fn duration(&mut self, key: &str, value: &Value<'_>) -> Option<u64> {
        self.quantity(key, value, "a duration such as `10m`", parse_duration, codes::bad_duration)
    }

    /// A time limit of nothing would end everything before it began.
    fn positive_duration(&mut self, key: &str, value: &Value<'_>) -> Option<u64> {
        let duration = self.duration(key, value)?;
        if duration == 0 {
            let text = value.scalar().unwrap_or("");
            self.findings().push(codes::bad_value(
                key,
                text,
                value.span(),
                "a duration of more than nothing",
                None,
            ));
            return None;
        }
        Some(duration)
    }

    fn size(&mut self, key: &str, value: &Value<'_>) -> Option<u64> {
        self.quantity(key, value, "a size such as `1MiB`", parse_size, codes::bad_size)
    }

    fn share(&mut self, key: &str, value: &Value<'_>, min: u32) -> Option<Share> {
        let parse = |text: &str| parse_share(text, min);
        self.quantity(key, value, "a number of hosts or a percentage", parse, codes::bad_share)
    }

    fn quantity<T>(
        &mut self,
        key: &str,
        value: &Value<'_>,
        wanted: &str,
        parse: impl Fn(&str) -> Result<T, SyntaxError>,
        report: impl Fn(&str, &str, Span, &SyntaxError) -> crate::diagnostics::Diagnostic,
    ) -> Option<T> {
        let text = self.scalar(value, wanted)?;
        match parse(text) {
            Ok(quantity) => Some(quantity),
            Err(error) => {
                self.findings().push(report(key, text, value.span(), &error));
                None
            }
        }
    }
}
