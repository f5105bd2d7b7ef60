//! An attempt as the input of the wrapper.

use std::fmt::{self, Write};
use std::time::Duration;

use pogo_plan::outcome::Phase;
use secrecy::ExposeSecret;

use super::text;
use crate::Attempt;

/// The times of an attempt that are not the job's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// From TERM to KILL.
    pub grace: Duration,
    /// What `finally` has at least, after a deadline or a stop.
    pub last_words: Duration,
}

impl Default for Times {
    fn default() -> Self {
        Self { grace: Duration::from_secs(5), last_words: Duration::from_secs(10) }
    }
}

/// An attempt that no shell can be told to make.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvocationError {
    /// A zero byte where a shell can have none.
    #[error("{what} contains a zero byte, which no shell can take")]
    Zero {
        /// What contains it.
        what: String,
    },
    /// The name of an environment variable.
    #[error("`{name}` is no name for an environment variable")]
    Name {
        /// The name.
        name: String,
    },
    /// A shell without a name.
    #[error("`shell` is empty")]
    NoShell,
    /// A host's or a script's name that cannot be a file's.
    #[error("`{name}` cannot be the name of a file on the host")]
    File {
        /// The name.
        name: String,
    },
}

/// An attempt, checked and ready to be sent.
#[derive(Clone, Debug)]
pub struct Invocation {
    attempt: Attempt,
    times: Times,
    id: String,
}

/// What the wrapper takes for the shell of a job that names none.
const SHELL: &str = "sh -e";

/// Texts up to this size, in bytes, are read line by line, which needs no process on the host.
const SMALL: usize = 8 * 1024;

/// Texts up to this size, in bytes, need no file on the host: they fit into a pipe in one piece, wherever pipes are.
const SHORT: usize = 2 * 1024;

impl Invocation {
    /// Checks that the attempt can be sent.
    ///
    /// # Errors
    ///
    /// What of it no shell can take.
    pub fn new(attempt: Attempt, times: Times) -> Result<Self, InvocationError> {
        let job = attempt.job.run();
        if job.shell.split_whitespace().next().is_none() {
            return Err(InvocationError::NoShell);
        }
        let no_zero = |what: &str, text: &str| {
            if text.contains('\0') { Err(InvocationError::Zero { what: what.to_owned() }) } else { Ok(()) }
        };
        for name in job.env.keys().chain(attempt.job.secrets().keys()) {
            let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            // A variable named so would be the wrapper's own.
            let is_ours = name.starts_with("p_");
            if !is_name
                || name.is_empty()
                || name.as_bytes().first().is_some_and(u8::is_ascii_digit)
                || is_ours
            {
                return Err(InvocationError::Name { name: name.clone() });
            }
        }
        for (name, value) in &job.env {
            no_zero(&format!("environment variable `{name}`"), value)?;
        }
        for (name, value) in attempt.job.secrets() {
            no_zero(&format!("secret `{name}`"), value.expose_secret())?;
        }
        for text in job.args.iter().chain([&job.shell]).chain(attempt.slots.iter()) {
            no_zero("`args`, `shell` or a slot", text)?;
        }
        if let Some(script) = &job.script {
            let is_file =
                !matches!(script.name.as_str(), "" | "." | "..") && !script.name.contains(['/', '\0']);
            if !is_file {
                return Err(InvocationError::File { name: script.name.clone() });
            }
        }
        let key = &attempt.key;
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':');
        if !key.host.bytes().all(fits) || key.host.is_empty() {
            return Err(InvocationError::File { name: key.host.to_string() });
        }
        let id = format!("{}-{}-{}", key.job, key.host, key.attempt);
        Ok(Self { attempt, times, id })
    }

    /// `<job>-<host>-<attempt>`: what a [`super::Probe`] asks for.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What the wrapper reads after the nonce: the head, lines of configuration, texts.
    pub(super) fn body(&self, nonce: &str, tag: &str) -> Vec<u8> {
        let (blobs, bytes) = self.blobs(nonce);
        let config = self.config(&blobs);
        let count = config.lines().count();
        let key = &self.attempt.key;
        let timeout = self.attempt.job.run().timeout_ms.max(1);
        let blobs: Vec<_> = blobs.iter().map(Blob::to_string).collect();
        let mut body =
            format!("{count} {} {} {} {tag} {timeout} {}\n", key.job, key.host, key.attempt, blobs.join(" "))
                .into_bytes();
        body.extend_from_slice(config.as_bytes());
        body.extend_from_slice(&bytes);
        body
    }

    /// What the wrapper does not assume: first the functions that only such a job needs, then settings. A line that is not
    /// sent is one that the host does not have to read, byte by byte.
    fn config(&self, blobs: &[Blob]) -> String {
        let job = self.attempt.job.run();
        let mut config = String::new();
        let mut function = |text: &str| {
            config.push_str(text);
            config.push('\n');
        };
        if !matches!(blobs, [Blob { phase: Phase::Command, .. }]) {
            function(&text::PARTS);
        }
        if job.verify.is_some() {
            function(&text::VERIFY);
        }
        if blobs.iter().any(|blob| blob.kind == Kind::Bytes) {
            function(&text::BYTES);
        }
        if job.script.is_some() {
            function(&text::SCRIPT);
        }
        if let Some(env) = self.env() {
            let _always_fits = writeln!(config, "{}() {{ {env}; }}", text::name("p_env"));
        }
        let mut set = |name: &'static str, value: &str| {
            let _always_fits = writeln!(config, "{}={}", text::name(name), quoted(value));
        };
        if job.shell != SHELL {
            set("p_shell", &job.shell);
        }
        if let Some(script) = &job.script {
            set("p_script", &script.name);
            set("p_args", &job.args.iter().map(|arg| quoted(arg)).collect::<Vec<_>>().join(" "));
        }
        if !self.attempt.slots.is_empty() {
            set("p_slot", &self.attempt.slots.join(","));
        }
        let assumed = Times::default();
        let ms = |time: Duration| time.as_millis().to_string();
        if self.times.grace != assumed.grace {
            set("p_grace", &ms(self.times.grace));
        }
        if job.finally.is_some() && self.times.last_words != assumed.last_words {
            set("p_last_words", &ms(self.times.last_words));
        }
        if let Some(verify) = &job.verify {
            set("p_verify_timeout", &verify.timeout_ms.max(1).to_string());
            set("p_verify_interval", &verify.interval_ms.to_string());
            set("p_verify_rest", &format!("{}.{:03}", verify.interval_ms / 1000, verify.interval_ms % 1000));
            set("p_verify_successes", &verify.successes.to_string());
        }
        config
    }

    /// The job's own environment as a shell's command. It is run only in the child that becomes the command.
    fn env(&self) -> Option<String> {
        let job = self.attempt.job.run();
        let secrets =
            self.attempt.job.secrets().iter().map(|(name, value)| (name.as_str(), value.expose_secret()));
        let given = job.env.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let mut env = String::from("export");
        for (name, value) in given.chain(secrets) {
            let _always_fits = write!(env, " {name}={}", quoted(value));
        }
        (env != "export").then_some(env)
    }

    /// The phases with a text, in order; a script stands for the command.
    fn texts(&self) -> impl Iterator<Item = (Phase, Option<&str>)> {
        let job = self.attempt.job.run();
        let verify = job.verify.as_ref().map(|verify| verify.command.as_str());
        let command = job.command.as_deref().map(Some).or(job.script.as_ref().map(|_| None));
        [
            (Phase::Prehook, job.prehook.as_deref().map(Some)),
            (Phase::Command, command),
            (Phase::Verify, verify.map(Some)),
            (Phase::Posthook, job.posthook.as_deref().map(Some)),
            (Phase::Finally, job.finally.as_deref().map(Some)),
        ]
        .into_iter()
        .filter_map(|(phase, text)| Some((phase, text?)))
    }

    /// What follows the configuration: a list of it, and the bytes.
    fn blobs(&self, nonce: &str) -> (Vec<Blob>, Vec<u8>) {
        let (mut list, mut bytes) = (Vec::new(), Vec::new());
        for (phase, text) in self.texts() {
            let start = bytes.len();
            if let Some(text) = text {
                bytes.extend_from_slice(text.as_bytes());
                if !text.ends_with('\n') {
                    bytes.push(b'\n');
                }
            } else {
                bytes.extend_from_slice(self.attempt.job.script().unwrap_or_default());
            }
            let sent = bytes.get(start..).unwrap_or_default();
            let n_lines = sent.iter().filter(|&&byte| byte == b'\n').count();
            let (kind, count) = if text.is_none() || sent.len() > SMALL || sent.contains(&0) {
                (Kind::Bytes, sent.len())
            } else if sent.len() > SHORT {
                (Kind::Lines, n_lines)
            } else {
                (Kind::Short, n_lines)
            };
            if kind == Kind::Bytes {
                bytes.extend_from_slice(nonce.as_bytes());
                bytes.push(b'\n');
            }
            list.push(Blob { phase, kind, count });
        }
        (list, bytes)
    }
}

/// A text or a script as it is sent.
struct Blob {
    phase: Phase,
    kind: Kind,
    /// Of bytes, or else of lines.
    count: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Kept by the wrapper.
    Short,
    /// Read line by line into a file.
    Lines,
    /// Read by length, with the nonce after it.
    Bytes,
}

impl fmt::Display for Blob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            Kind::Short => 's',
            Kind::Lines => 'l',
            Kind::Bytes => 'b',
        };
        write!(f, "{}:{kind}{}", name(self.phase), self.count)
    }
}

/// A word that a shell takes as it is.
fn quoted(text: &str) -> String {
    let is_plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b',' | b'/' | b':');
    if !text.is_empty() && text.bytes().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

const fn name(phase: Phase) -> &'static str {
    match phase {
        Phase::Prehook => "prehook",
        Phase::Command => "command",
        Phase::Verify => "verify",
        Phase::Posthook => "posthook",
        Phase::Finally => "finally",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use pogo_plan::event::JobId;
    use pogo_plan::outcome::Attempt as Number;
    use pogo_plan::worker::AttemptKey;

    use super::*;
    use crate::JobContext;

    fn body(job: pogo_plan::Job, times: Times) -> String {
        let key = AttemptKey { job: JobId::from_bits(9), host: "web1".into(), attempt: Number(2) };
        let job = Arc::new(JobContext::new(job, &BTreeMap::new()).unwrap());
        let attempt = Attempt { key, slots: Vec::new().into(), job };
        String::from_utf8(Invocation::new(attempt, times).unwrap().body("NONCE", "TAG")).unwrap()
    }

    fn command() -> pogo_plan::Job {
        pogo_plan::Job { command: Some("true".to_owned()), ..pogo_plan::Job::default() }
    }

    #[test]
    fn what_the_host_assumes_is_not_sent() {
        assert_eq!(body(command(), Times::default()), "0 00000009 web1 2 TAG 600000 command:s1\ntrue\n");
        let assumed = Times::default();
        let (wrapper, parts) = (include_str!("wrapper.sh"), include_str!("parts.sh"));
        assert!(wrapper.contains(&format!("\np_shell=\"{SHELL}\"\n")));
        assert!(wrapper.contains(&format!("\np_grace={}\n", assumed.grace.as_millis())));
        assert!(parts.contains(&format!("\np_last_words={}\n", assumed.last_words.as_millis())));
        assert_eq!(pogo_plan::Job::default().shell, SHELL);
    }

    #[test]
    fn what_differs_is_sent() {
        let times = Times { grace: Duration::from_millis(7), ..Times::default() };
        let job = pogo_plan::Job { shell: "bash -e".to_owned(), ..command() };
        let (shell, grace) = (text::name("p_shell"), text::name("p_grace"));
        let wanted = format!("2 00000009 web1 2 TAG 600000 command:s1\n{shell}='bash -e'\n{grace}=7\ntrue\n");
        assert_eq!(body(job, times), wanted);
    }

    #[test]
    fn functions_come_with_the_jobs_that_need_them() {
        let finally = Some("true".to_owned());
        let with_parts = body(pogo_plan::Job { finally, ..command() }, Times::default());
        assert!(with_parts.contains(text::PARTS.as_str()) && !with_parts.contains(text::BYTES.as_str()));
        let command = Some("x".repeat(SMALL + 1));
        let large = body(pogo_plan::Job { command, ..pogo_plan::Job::default() }, Times::default());
        assert!(!large.contains(text::PARTS.as_str()) && large.contains(text::BYTES.as_str()));
        assert!(large.ends_with("x\nNONCE\n"));
    }
}
