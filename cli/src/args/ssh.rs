//! The arguments about hosts over ssh: how they are reached, what is typed for them, and the verbs `one`, `trust`, `probe`.

use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;

use clap::Args;

use super::{AnswerFormat, JobArgs, LevelArgs, LogArgs, MessageFormat, SpecArgs, StoreArgs};

/// A flag for `job.user` and for every key of `job.ssh`.
#[derive(Args, Debug, Default, Clone)]
#[command(next_help_heading = "Ssh, in place of the spec's settings and over the user's ssh configuration")]
pub struct SshArgs {
    /// The user to log in as
    #[arg(long, value_name = "USER")]
    pub user: Option<String>,
    /// A configuration file of ssh, in place of the user's and the system's
    #[arg(long, value_name = "FILE")]
    pub ssh_config: Option<String>,
    /// The port of the hosts
    #[arg(long, value_name = "PORT")]
    pub ssh_port: Option<String>,
    /// The private key to log in with
    #[arg(long, value_name = "FILE")]
    pub ssh_identity: Option<String>,
    /// A host to jump through, as USER@HOST:PORT or a part of it; may be repeated, the first is the nearest
    #[arg(long, value_name = "HOST")]
    pub ssh_jump: Vec<String>,
    /// An option of ssh for the hosts, such as Compression=yes; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = super::apply::name_value)]
    pub ssh_option: Vec<(String, String)>,
    /// What to do with a host key that is not on record: `strict`, `accept-new` or `ignore`
    #[arg(long, value_name = "WHAT")]
    pub known_hosts: Option<String>,
}

/// What is typed, or read from a descriptor, and never written anywhere.
#[derive(Args, Debug, Default)]
#[command(next_help_heading = "Passwords, for ssh and sudo: asked for once, or a line of a descriptor")]
pub struct PasswordArgs {
    /// Ask for the password of the login user
    #[arg(long)]
    pub password: bool,
    /// Read that password from descriptor N, such as `--password-fd 3 3<FILE`
    #[arg(long, value_name = "N", conflicts_with = "password")]
    pub password_fd: Option<u16>,
    /// Ask for the passphrase of the private key
    #[arg(long)]
    pub ask_key_passphrase: bool,
    /// Read that passphrase from descriptor N
    #[arg(long, value_name = "N", conflicts_with = "ask_key_passphrase")]
    pub key_passphrase_fd: Option<u16>,
    /// Ask for the password that sudo wants on the hosts, with `run_as`
    #[arg(long)]
    pub ask_sudo_password: bool,
    /// Read that password from descriptor N
    #[arg(long, value_name = "N", conflicts_with = "ask_sudo_password")]
    pub sudo_password_fd: Option<u16>,
}

/// Which hosts a spec is about.
#[derive(Args, Debug, Default)]
#[command(next_help_heading = "Spec")]
pub struct TargetArgs {
    /// The targets, in place of those of the spec
    ///
    /// A set expression: host patterns, selectors and @files, joined by `&` (and), `!` (without), `^` (either, not both)
    /// and `,` (or). It takes the place of `job.targets`.
    #[arg(long, value_name = "EXPR", allow_hyphen_values = true)]
    pub targets: Option<String>,
    /// Set a key of the spec, such as `job.user=deploy`; may be repeated
    #[arg(long, value_name = "KEY=VALUE", value_parser = super::key_value)]
    pub set: Vec<(String, String)>,
    /// Accept targets that the spec does not name
    #[arg(long)]
    pub allow_unknown_hosts: bool,
    /// Folder with programs of external groups; may be repeated
    #[arg(long, value_name = "FOLDER")]
    pub resolver_path: Vec<PathBuf>,
}

impl TargetArgs {
    /// As the arguments of the verbs that read all of a spec.
    #[must_use]
    pub fn spec(&self) -> SpecArgs {
        SpecArgs {
            targets: self.targets.clone(),
            set: self.set.clone(),
            allow_unknown_hosts: self.allow_unknown_hosts,
            resolver_path: self.resolver_path.clone(),
            ..SpecArgs::default()
        }
    }
}

/// `pogo one`
#[derive(Args, Debug)]
pub struct OneArgs {
    /// The spec with the tags, sequences and constraints, or `-` for standard input
    #[arg(short, long, value_name = "SPEC")]
    pub config: PathBuf,
    /// Attempts that may run at once
    #[arg(long, value_name = "N", default_value = "64")]
    pub fanout: NonZeroUsize,
    /// Attempts that may be connecting at once
    #[arg(long, value_name = "N", default_value = "16")]
    pub max_connecting: NonZeroUsize,
    /// How to report findings in the spec, on standard error
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub message_format: MessageFormat,
    /// What is typed for ssh and sudo.
    #[command(flatten)]
    pub passwords: PasswordArgs,
    /// What to tell of pogo's own steps.
    #[command(flatten)]
    pub log: LogArgs,
    /// Where the run is kept.
    #[command(flatten)]
    pub store: StoreArgs,
    /// What is laid over the spec's `job`.
    #[command(flatten)]
    pub job: JobArgs,
    /// Which findings count.
    #[command(flatten)]
    pub levels: LevelArgs,
    /// What changes what a spec means.
    #[command(flatten)]
    pub options: SpecArgs,
}

/// `pogo trust`
#[derive(Args, Debug)]
pub struct TrustArgs {
    /// A spec, a plan made by `pogo compile`, or `-` for one of them on standard input
    #[arg(value_name = "SPEC|PLAN")]
    pub input: PathBuf,
    /// Record without asking; without a terminal nothing is recorded otherwise
    #[arg(short, long)]
    pub yes: bool,
    /// Also record the keys of hosts that have another one on record, in place of it
    ///
    /// A changed key is what an attack looks like. Know why it changed (the host was installed anew) before you give this
    /// option, and name the hosts with --targets.
    #[arg(long)]
    pub replace: bool,
    /// How to answer
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub format: AnswerFormat,
    /// Hosts that may be asked at once
    #[arg(long, value_name = "N", default_value = "16")]
    pub max_connecting: NonZeroUsize,
    /// Time to reach a host
    #[arg(long, value_name = "DURATION")]
    pub connect_timeout: Option<String>,
    /// How to report findings in the spec, on standard error
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub message_format: MessageFormat,
    /// How the hosts are reached.
    #[command(flatten)]
    pub ssh: SshArgs,
    /// What to tell of pogo's own steps.
    #[command(flatten)]
    pub log: LogArgs,
    /// Which hosts.
    #[command(flatten)]
    pub targets: TargetArgs,
}

/// `pogo probe`
#[derive(Args, Debug)]
pub struct ProbeArgs {
    /// A job: its id, the beginning of one, or `last`; the whole id of one that is not in the store
    #[arg(value_name = "JOB")]
    pub job: String,
    /// The hosts: names or patterns [default: all of the job whose end is not on record]
    #[arg(value_name = "HOST")]
    pub hosts: Vec<String>,
    /// Ask about this attempt, and put nothing on record [default: the one without an end on record; 1 of a job that is not
    /// in the store]
    #[arg(long, value_name = "N")]
    pub attempt: Option<NonZeroU32>,
    /// A spec or plan that says how the hosts are reached (`job.ssh`, `user`, `run_as`) [default: the job's plan]
    #[arg(short, long, value_name = "SPEC|PLAN")]
    pub config: Option<PathBuf>,
    /// The user that the attempt ran as
    #[arg(long, value_name = "USER")]
    pub run_as: Option<String>,
    /// How to answer
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub format: AnswerFormat,
    /// Hosts that may be asked at once
    #[arg(long, value_name = "N", default_value = "16")]
    pub max_connecting: NonZeroUsize,
    /// Time to reach a host
    #[arg(long, value_name = "DURATION")]
    pub connect_timeout: Option<String>,
    /// Where the job is kept.
    #[command(flatten)]
    pub store: StoreArgs,
    /// How the hosts are reached.
    #[command(flatten)]
    pub ssh: SshArgs,
    /// What is typed for ssh and sudo.
    #[command(flatten)]
    pub passwords: PasswordArgs,
    /// What to tell of pogo's own steps.
    #[command(flatten)]
    pub log: LogArgs,
}
