//! What a job runs on each host and how: every key of a spec's `job`, resolved.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer};

/// Every key of `job` with its resolved value. Durations are in milliseconds, sizes in bytes, shares of the targets are
/// numbers of hosts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Job {
    /// The shell command; of `command` and `script` at most one is set, and one must be to run the plan.
    pub command: Option<String>,
    /// The script that is sent to the host, run and removed.
    pub script: Option<Script>,
    /// Arguments of the script.
    pub args: Vec<String>,
    /// What runs the command and the hooks: `sh -e`.
    pub shell: String,
    /// Login user; ssh's own choice if absent.
    pub user: Option<String>,
    /// User to run as; the login user if absent.
    pub run_as: Option<String>,
    /// Exported to the command.
    pub env: BTreeMap<String, String>,
    /// Exported to the command; read when the plan is applied, never stored.
    pub secrets: BTreeMap<String, SecretRef>,
    /// Runs before the command.
    pub prehook: Option<String>,
    /// Runs after the command and `verify` have succeeded.
    pub posthook: Option<String>,
    /// Runs last, whatever happened.
    pub finally: Option<String>,
    /// Decides whether the host is known good.
    pub verify: Option<Verify>,
    /// Of one attempt, without connecting and `verify`.
    pub timeout_ms: u64,
    /// To reach the host.
    pub connect_timeout_ms: u64,
    /// Of the whole job.
    pub job_timeout_ms: Option<u64>,
    /// Which attempts are made again, and when.
    pub retry: Retry,
    /// What becomes of an attempt whose connection was lost.
    pub on_disconnect: OnDisconnect,
    /// At most this many hosts of the job run at once.
    pub concurrent: Option<u32>,
    /// Hosts in flight, step by step.
    pub ramp: Vec<u32>,
    /// Least time between two starts.
    pub stagger_ms: u64,
    /// What a bad host holds up.
    pub on_failure: OnFailure,
    /// More bad hosts than this halt the job.
    pub max_failures: Option<u32>,
    /// Whether a success of this job puts hosts back in service that another job took out.
    pub recover: bool,
    /// Bytes kept per host and stream.
    pub max_output_bytes: u64,
    /// How to reach the hosts.
    pub ssh: Ssh,
    /// Over what to reach them.
    pub transport: Transport,
}

/// What holds of every key that a spec does not set; there is nothing to run yet.
impl Default for Job {
    fn default() -> Self {
        Self {
            command: None,
            script: None,
            args: Vec::new(),
            shell: "sh -e".to_owned(),
            user: None,
            run_as: None,
            env: BTreeMap::new(),
            secrets: BTreeMap::new(),
            prehook: None,
            posthook: None,
            finally: None,
            verify: None,
            timeout_ms: 10 * 60 * 1000,
            connect_timeout_ms: 10 * 1000,
            job_timeout_ms: None,
            retry: Retry::default(),
            on_disconnect: OnDisconnect::default(),
            concurrent: None,
            ramp: Vec::new(),
            stagger_ms: 0,
            on_failure: OnFailure::default(),
            max_failures: None,
            recover: false,
            max_output_bytes: 1024 * 1024,
            ssh: Ssh::default(),
            transport: Transport::default(),
        }
    }
}

/// A script: its bytes are in the plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// The file's name, without its folder.
    pub name: String,
    /// Its contents, in base64 (RFC 4648, with padding).
    pub base64: String,
}

/// Where a secret comes from when the plan is applied; never its value.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum SecretRef {
    /// An environment variable of pogo.
    Env(String),
    /// A file on pogo's machine.
    File(String),
    /// Asked for once on the terminal.
    Prompt,
}

/// The form that a spec has, `{env: NAME}` or `prompt`, in every format: left to itself, YAML would make tags of it.
impl Serialize for SecretRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Env(name) => serializer.collect_map([("env", name)]),
            Self::File(path) => serializer.collect_map([("file", path)]),
            Self::Prompt => serializer.serialize_str("prompt"),
        }
    }
}

/// The check that decides whether a host is known good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verify {
    /// The shell command.
    pub command: String,
    /// Time between two tries.
    pub interval_ms: u64,
    /// Time for all tries.
    pub timeout_ms: u64,
    /// How many must succeed, one after the other.
    pub successes: u32,
}

/// Which attempts are made again, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retry {
    /// Further attempts after the first.
    pub attempts: u32,
    /// Time before the first further attempt; doubled for each one after it.
    pub backoff_ms: u64,
    /// Longest time between two attempts.
    pub max_backoff_ms: u64,
    /// Which ends of an attempt are worth another.
    pub retry_on: Vec<RetryOn>,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            attempts: 0,
            backoff_ms: 1000,
            max_backoff_ms: 60 * 1000,
            retry_on: vec![RetryOn::Unreachable],
        }
    }
}

/// An end of an attempt that may be followed by another attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetryOn {
    /// The command provably never started.
    Unreachable,
    /// Ended at its deadline, and known to be gone.
    Timeout,
    /// Ended with an exit status other than 0, or by a signal.
    Exit,
}

/// What becomes of an attempt whose connection was lost after its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnDisconnect {
    /// Its end is unknown.
    #[default]
    Unknown,
    /// Reconnect, make sure that it ended, then verify.
    Verify,
}

/// What a bad host holds up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// What depends on it waits, all else goes on.
    #[default]
    Hold,
    /// It counts as done for sequences, never for limits.
    Continue,
    /// No new start.
    Halt,
}

/// How to reach the hosts; what is absent is left to the user's ssh configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ssh {
    /// A configuration file in place of the user's.
    pub config: Option<String>,
    /// Port.
    pub port: Option<u16>,
    /// Private key file.
    pub identity: Option<String>,
    /// Hosts to jump through, in order.
    pub jump: Vec<String>,
    /// Further options, as in `ssh_config`.
    pub options: BTreeMap<String, String>,
    /// What to do with a host key that is not on record.
    pub known_hosts: KnownHosts,
}

/// What to do with a host key that is not on record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KnownHosts {
    /// Refuse the host.
    #[default]
    Strict,
    /// Record it; refuse a changed one.
    AcceptNew,
    /// Accept any.
    Ignore,
}

/// Over what to reach the hosts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// The OpenSSH client.
    #[default]
    Ssh,
    /// Processes on this machine.
    Local,
}
