//! An attempt as the input of the wrapper.

use std::fmt::Write;
use std::time::Duration;

use pogo_plan::outcome::Phase;
use secrecy::ExposeSecret;

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

    /// What the wrapper reads after the nonce: assignments, texts, and the nonce once more.
    pub(super) fn body(&self, nonce: &str, tag: &str) -> Vec<u8> {
        let (blobs, bytes) = self.blobs();
        let config = self.config(tag, &blobs);
        let lines = config.lines().count();
        let mut body = format!("{lines}\n{config}{nonce}\n").into_bytes();
        body.extend_from_slice(&bytes);
        body.extend_from_slice(format!("{nonce}\n").as_bytes());
        body
    }

    fn config(&self, tag: &str, blobs: &str) -> String {
        let job = self.attempt.job.run();
        let mut config = String::new();
        let mut set = |name: &str, value: &str| {
            let _always_fits = writeln!(config, "p_{name}={}", quoted(value));
        };
        let ms = |time: Duration| time.as_millis().to_string();
        set("id", &self.id);
        set("tag", tag);
        set("blobs", blobs);
        set("parts", &self.texts().map(|(phase, _)| name(phase)).collect::<Vec<_>>().join(" "));
        set("shell", &job.shell);
        set("script", job.script.as_ref().map_or("", |script| &script.name));
        set("args", &job.args.iter().map(|arg| quoted(arg)).collect::<Vec<_>>().join(" "));
        set("env", &self.env());
        set("timeout", &job.timeout_ms.max(1).to_string());
        set("grace", &ms(self.times.grace));
        set("last_words", &ms(self.times.last_words));
        if let Some(verify) = &job.verify {
            set("verify_timeout", &verify.timeout_ms.max(1).to_string());
            set("verify_interval", &verify.interval_ms.to_string());
            set("verify_rest", &format!("{}.{:03}", verify.interval_ms / 1000, verify.interval_ms % 1000));
            set("verify_successes", &verify.successes.to_string());
        }
        config
    }

    /// The environment as a shell's command. It is run only in the child that becomes the command.
    fn env(&self) -> String {
        let job = self.attempt.job.run();
        let key = &self.attempt.key;
        let own = [
            ("POGO_JOB_ID", key.job.to_string()),
            ("POGO_HOST", key.host.to_string()),
            ("POGO_SLOT", self.attempt.slots.join(",")),
            ("POGO_ATTEMPT", key.attempt.to_string()),
        ];
        let mut env = String::from("export");
        let secrets =
            self.attempt.job.secrets().iter().map(|(name, value)| (name.as_str(), value.expose_secret()));
        let given = job.env.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        for (name, value) in
            given.chain(secrets).chain(own.iter().map(|(name, value)| (*name, value.as_str())))
        {
            let _always_fits = write!(env, " {name}={}", quoted(value));
        }
        env
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

    /// What follows the assignments: a list of it, and the bytes.
    fn blobs(&self) -> (String, Vec<u8>) {
        let (mut list, mut bytes) = (Vec::new(), Vec::new());
        for (phase, text) in self.texts() {
            let Some(text) = text else { continue };
            let start = bytes.len();
            bytes.extend_from_slice(text.as_bytes());
            if !text.ends_with('\n') {
                bytes.push(b'\n');
            }
            let sent = bytes.get(start..).unwrap_or_default();
            let (kind, count) = if sent.len() > SMALL || sent.contains(&0) {
                ("bytes", sent.len())
            } else {
                let kind = if sent.len() <= SHORT { "short" } else { "lines" };
                (kind, sent.iter().filter(|&&byte| byte == b'\n').count())
            };
            list.push(format!("{}:{kind}:{count}", name(phase)));
        }
        if let Some(script) = self.attempt.job.script() {
            let kind = if script.is_empty() { "lines" } else { "bytes" };
            list.push(format!("script:{kind}:{}", script.len()));
            bytes.extend_from_slice(script);
        }
        (list.join(" "), bytes)
    }
}

/// A word that a shell takes as it is.
fn quoted(text: &str) -> String {
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
