//! What the attempts of one job have in common.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use pogo_plan::Job;

/// The value of a secret: not printed, and wiped from memory when dropped.
pub type Secret = secrecy::SecretString;

/// What the attempts of one job run, with everything read that its plan only refers to.
#[derive(Clone, Debug)]
pub struct JobContext {
    run: Job,
    secrets: BTreeMap<String, Secret>,
    script: Option<Vec<u8>>,
}

/// A job of which something is missing or cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ContextError {
    /// Neither `command` nor `script`.
    #[error("the plan has neither `command` nor `script`")]
    NothingToRun,
    /// Both `command` and `script`.
    #[error("the plan has both `command` and `script`")]
    TwoToRun,
    /// The script's bytes.
    #[error("the bytes of script `{name}` are not base64")]
    Script {
        /// The script's name.
        name: String,
        /// Why.
        source: base64::DecodeError,
    },
    /// A secret that nobody has read.
    #[error("secret `{name}` has no value")]
    NoSecret {
        /// The secret's name.
        name: String,
    },
}

impl JobContext {
    /// Checks that everything is there. Of `secrets` those are kept that the job names.
    ///
    /// # Errors
    ///
    /// What is missing or cannot be read.
    pub fn new(run: Job, secrets: &BTreeMap<String, Secret>) -> Result<Self, ContextError> {
        match (&run.command, &run.script) {
            (None, None) => return Err(ContextError::NothingToRun),
            (Some(_), Some(_)) => return Err(ContextError::TwoToRun),
            _ => {}
        }
        let value = |name: &String| {
            let value = secrets.get(name).cloned();
            let value = value.ok_or_else(|| ContextError::NoSecret { name: name.clone() })?;
            Ok((name.clone(), value))
        };
        let secrets = run.secrets.keys().map(value).collect::<Result<_, ContextError>>()?;
        let decode = |script: &pogo_plan::job::Script| {
            let bytes = STANDARD.decode(&script.base64);
            bytes.map_err(|source| ContextError::Script { name: script.name.clone(), source })
        };
        let script = run.script.as_ref().map(decode).transpose()?;
        Ok(Self { run, secrets, script })
    }

    /// What is left of the job on a host whose restart ended the command: `verify` and what follows it. Nothing without a
    /// `verify`, which alone could tell whether that is a success.
    #[must_use]
    pub fn after_restart(&self) -> Option<Self> {
        self.run.verify.as_ref()?;
        let run = Job { prehook: None, command: None, script: None, ..self.run.clone() };
        Some(Self { run, secrets: self.secrets.clone(), script: None })
    }

    /// The job's settings.
    #[must_use]
    pub const fn run(&self) -> &Job {
        &self.run
    }

    /// The values of the job's secrets, by their names.
    #[must_use]
    pub const fn secrets(&self) -> &BTreeMap<String, Secret> {
        &self.secrets
    }

    /// The bytes of the job's script.
    #[must_use]
    pub fn script(&self) -> Option<&[u8]> {
        self.script.as_deref()
    }
}
