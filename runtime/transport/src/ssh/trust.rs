//! Host keys: fetching the one that a host shows, and putting it on record.
//!
//! ssh itself is the judge of what is known already, and it goes to the host as it would for an attempt, through its jump
//! hosts; but it does not log in. What it is shown is written to a file of pogo's own. Only [`Ssh::trust`] writes to the
//! user's.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use pogo_plan::Job;
use sha2::{Digest, Sha256};
use tokio::process::Command;
use tokio::time::Instant;

use super::bastion::option;
use super::class::Class;
use super::failure::{Failure, HostKeyProblem, KeyProblem, Kind};
use super::knock::knock;
use super::run::failed;
use super::settings::Settings;
use super::{Ssh, master};

/// A host's key, as the host shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostKey {
    /// The host.
    pub host: String,
    /// Under which name ssh keeps the key: with a port in `[name]:port`.
    pub name: String,
    /// Its type, as `ssh-ed25519`.
    pub kind: String,
    /// The key, in base64.
    pub key: String,
    /// `SHA256:…`, as ssh shows it.
    pub fingerprint: String,
    /// What is wrong with it.
    pub problem: KeyProblem,
    /// Where another key of the host is on record: `path:line`.
    pub on_record: Option<String>,
}

/// What became of a host's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// It is on record already.
    Known,
    /// It is not, or another one is.
    Other(HostKey),
}

/// A key that cannot be put on record.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrustError {
    /// Another key is on record, or this one is revoked: that is for a person to remove.
    #[error(
        "another key of {name} is on record at {on_record}; if you know why it changed, remove it with `ssh-keygen -R`"
    )]
    Contradicts {
        /// The name of the host.
        name: String,
        /// Where.
        on_record: String,
    },
    /// ssh does not say where.
    #[error(transparent)]
    Ssh(#[from] Failure),
    /// The user's configuration keeps host keys nowhere.
    #[error("the ssh configuration has no file for the host keys of {name} (`UserKnownHostsFile`)")]
    NoFile {
        /// The name of the host.
        name: String,
    },
    /// The file cannot be written.
    #[error("cannot record the key in `{path}`", path = path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Ssh {
    /// Fetches the key that a host shows, reached as for an attempt of this job. Nothing is recorded, nobody logs in.
    ///
    /// # Errors
    ///
    /// If the host cannot be reached, or its jump host does not let pass ([`Failure::is_at_jump`]): the key of a jump host
    /// is fetched with its own name.
    pub async fn host_key(&self, host: &str, job: &Job) -> Result<Shown, Failure> {
        let class = self.strict(host, job)?;
        let (failure, problem) = knock(&self.shared, host, &class, None, Self::until(&class)).await?;
        let is_target = problem.as_ref().is_some_and(|_| !failure.is_at_jump);
        match problem.filter(|_| is_target) {
            Some(problem) => self.fetch(host, &class, problem).await.map(Shown::Other),
            // It got as far as the login, which was not tried.
            None if matches!(failure.kind, Kind::Denied { .. } | Kind::TooManyKeys)
                && !failure.is_at_jump =>
            {
                Ok(Shown::Known)
            }
            None => Err(failure),
        }
    }

    /// Puts a key on record, in the file in which ssh would for this job: hashed if ssh would do that.
    ///
    /// # Errors
    ///
    /// If another key is on record, or nothing can be written.
    pub async fn trust(&self, key: &HostKey, job: &Job) -> Result<PathBuf, TrustError> {
        if key.problem != KeyProblem::Unknown {
            let on_record =
                key.on_record.clone().unwrap_or_else(|| "a place that ssh did not name".to_owned());
            return Err(TrustError::Contradicts { name: key.name.clone(), on_record });
        }
        let class = self.strict(&key.host, job)?;
        let resolved = self.shared.resolve(&key.host, &class).await?;
        let files = option(&resolved, "userknownhostsfile").unwrap_or_default();
        let path = files.split_whitespace().next().filter(|path| !matches!(*path, "none" | "/dev/null"));
        let path = path.map(home).ok_or_else(|| TrustError::NoFile { name: key.name.clone() })?;
        let hashed = option(&resolved, "hashknownhosts").is_some_and(|value| value == "yes");
        let write = |source| TrustError::Write { path: path.clone(), source };
        let line = format!("{} {} {}\n", key.name, key.kind, key.key);
        let line = if hashed { self.hash(&line).await.map_err(write)? } else { line };
        append(&path, &line).map_err(write)?;
        Ok(path)
    }

    fn strict(&self, host: &str, job: &Job) -> Result<std::sync::Arc<Class>, Failure> {
        if host.starts_with('-') {
            return Err(Failure::new(host, Kind::BadName));
        }
        let mut settings = Settings::new(job, self.shared.may_ask());
        settings.ssh.known_hosts = pogo_plan::job::KnownHosts::Strict;
        self.shared.class(settings).map_err(|error| failed(host, &error))
    }

    fn until(class: &Class) -> Instant {
        Instant::now() + class.settings().connect_timeout
    }

    async fn fetch(&self, host: &str, class: &Class, problem: HostKeyProblem) -> Result<HostKey, Failure> {
        let file = self.shared.name('k');
        let knocked = knock(&self.shared, host, class, Some(&file), Self::until(class)).await;
        let text = fs::read_to_string(&file);
        let _none = fs::remove_file(&file);
        let (failure, _) = knocked?;
        let Ok(text) = text else { return Err(failure) };
        let words: Option<[&str; 3]> =
            text.lines().next().and_then(|line| line.split(' ').collect::<Vec<_>>().try_into().ok());
        let Some([name, kind, key]) = words else { return Err(failure) };
        let Some(fingerprint) = fingerprint(key) else { return Err(failure) };
        Ok(HostKey {
            host: host.to_owned(),
            name: name.to_owned(),
            kind: kind.to_owned(),
            key: key.to_owned(),
            fingerprint,
            problem: problem.what,
            on_record: problem.on_record,
        })
    }

    /// Hides the name in a line, as ssh does.
    async fn hash(&self, line: &str) -> io::Result<String> {
        let file = self.shared.name('k');
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&file)?
            .write_all(line.as_bytes())?;
        let mut command = Command::new("ssh-keygen");
        command.args(["-q", "-H", "-f"]).arg(&file);
        let done = master::ask(command, Instant::now() + std::time::Duration::from_secs(10)).await;
        let hashed = fs::read_to_string(&file);
        let _none = fs::remove_file(&file);
        let _none = fs::remove_file(file.with_extension("old"));
        match done? {
            (status, ..) if status.success() => hashed,
            _ => Err(io::Error::other("ssh-keygen cannot hash the name")),
        }
    }
}

fn fingerprint(key: &str) -> Option<String> {
    let bytes = STANDARD.decode(key).ok()?;
    Some(format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(bytes))))
}

/// `ssh -G` leaves the tilde.
fn home(path: &str) -> PathBuf {
    match (path.strip_prefix("~/"), std::env::var_os("HOME")) {
        (Some(rest), Some(home)) => PathBuf::from(home).join(rest),
        _ => PathBuf::from(path),
    }
}

/// In one write, as ssh does it: others may append at the same time.
fn append(path: &Path, line: &str) -> io::Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.exists()) {
        fs::DirBuilder::new().mode(0o700).recursive(true).create(folder)?;
    }
    let ends_well = fs::read(path).map_or(true, |bytes| bytes.last().is_none_or(|&byte| byte == b'\n'));
    let line = if ends_well { line.to_owned() } else { format!("\n{line}") };
    OpenOptions::new().append(true).create(true).mode(0o600).open(path)?.write_all(line.as_bytes())
}
