//! What can be wrong with a store: each kind says what, where, and what to do.

use std::io;
use std::path::{Path, PathBuf};

use pogo_plan::PlanError;
use pogo_plan::event::JobId;
use pogo_schedule::job::Refusal;

/// Why a store cannot be used, or does not do what was asked. Nothing was changed, unless the kind says otherwise.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The store lies where kernel locks do not reach every user of it.
    #[error(
        "the store `{}` is on a network file system ({kind}): locks there cannot be relied on. Put it on a local disk \
         with `--store`",
        path.display()
    )]
    NetworkFileSystem {
        /// The store's folder.
        path: PathBuf,
        /// The name of the file system.
        kind: &'static str,
    },
    /// A newer pogo wrote it, or a part of it.
    #[error(
        "the store `{}` was written by a newer pogo: {what}. Use that pogo, or another store with `--store`",
        path.display()
    )]
    Newer {
        /// The store's folder.
        path: PathBuf,
        /// What this pogo does not know, and which version has it.
        what: String,
    },
    /// The ledger of a namespace was made by other rules than those of this pogo.
    #[error("{}", rules(path, namespace, *found, *known))]
    Rules {
        /// The store's folder.
        path: PathBuf,
        /// The namespace.
        namespace: String,
        /// The version of the rules that its ledger follows.
        found: i64,
        /// The version that this pogo follows.
        known: i64,
    },
    /// It is damaged, or something else than a store.
    #[error(
        "the store `{}` is damaged or is no store: {detail}. Restore it from a copy, or move it away; hosts that it has \
         out of service are then forgotten",
        path.display()
    )]
    Corrupt {
        /// The store's folder.
        path: PathBuf,
        /// What was seen.
        detail: String,
    },
    /// It may not be written.
    #[error(
        "the store `{}` cannot be written: {detail}. It must be writable for you or your group, with all that is in it",
        path.display()
    )]
    ReadOnly {
        /// The store's folder.
        path: PathBuf,
        /// What was refused.
        detail: String,
    },
    /// There is no room to write.
    #[error("no room to write to the store `{}`: {detail}. Free some space, then `pogo resume`", path.display())]
    Full {
        /// The store's folder.
        path: PathBuf,
        /// What was seen.
        detail: String,
    },
    /// Some other program keeps the database locked.
    #[error(
        "the store `{}` has been locked for {waited_ms} ms by another program{}. End that program (a database browser, \
         a backup, a stopped pogo), then try again",
        path.display(),
        process(*pid)
    )]
    Locked {
        /// The store's folder.
        path: PathBuf,
        /// How long was waited, in milliseconds.
        waited_ms: u64,
        /// The process that holds it, where that is known.
        pid: Option<u32>,
    },
    /// It was deleted or replaced while it was in use.
    #[error(
        "the store `{}` was deleted or replaced while it was in use: nothing more is started. Put it back if you can; \
         what ran is not on record any more",
        path.display()
    )]
    Gone {
        /// The store's folder.
        path: PathBuf,
    },
    /// Another process runs the job.
    #[error("job {job} is run by {owner}: end that first, or use `pogo halt {job}`")]
    Owned {
        /// The job.
        job: JobId,
        /// Who: user, host and process.
        owner: String,
    },
    /// This process ran the job and does not any more: another has taken it over. Nothing was written.
    #[error("job {job} has been taken over by {owner}")]
    TakenOver {
        /// The job.
        job: JobId,
        /// Who: user, host and process.
        owner: String,
    },
    /// There is no such job.
    #[error("there is no job `{text}` in the store `{}`", path.display())]
    NoJob {
        /// The store's folder.
        path: PathBuf,
        /// What was asked for.
        text: String,
    },
    /// The beginning of an id fits several jobs.
    #[error("`{text}` fits several jobs: {}", list(jobs))]
    Ambiguous {
        /// What was asked for.
        text: String,
        /// Some of the jobs.
        jobs: Vec<JobId>,
    },
    /// An operator's command makes no sense in the present state.
    #[error("job {job} refuses: {why:?}")]
    Refused {
        /// The job.
        job: JobId,
        /// Why.
        why: Refusal,
    },
    /// A host is not released while the end of an attempt on it is unknown.
    #[error(
        "`{host}` is not released: the end of job {job}'s attempt on it is unknown. `pogo decide {job} {host}` first"
    )]
    NotReleased {
        /// The host.
        host: String,
        /// The job.
        job: JobId,
    },
    /// The host is in service.
    #[error("`{host}` is not out of service in the namespace `{namespace}`")]
    NotOut {
        /// The host.
        host: String,
        /// The namespace.
        namespace: String,
    },
    /// An attempt of a running job is under way on the host.
    #[error("`{host}` is not released: job {job} runs on it")]
    Running {
        /// The host.
        host: String,
        /// The job.
        job: JobId,
    },
    /// A plan on record cannot be read.
    #[error("the plan of job {job} on record cannot be read")]
    Plan {
        /// The job.
        job: JobId,
        /// Why.
        source: Box<PlanError>,
    },
    /// The operating system refused something.
    #[error("{what} `{}`: {source}", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// Something else in the database.
    #[error("the database of the store `{}` failed: {detail}", path.display())]
    Database {
        /// The store's folder.
        path: PathBuf,
        /// What it said.
        detail: String,
    },
    /// The session has failed or ended before.
    #[error("the session with the store has ended")]
    SessionOver,
}

/// What an error means for who asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The store cannot be used: where it lies, what is in it, or what the machine has left.
    Store,
    /// What was named is not there, or is not clear.
    Name,
    /// It can be done, and is not allowed as things are.
    Refused,
    /// A fault of the program.
    Fault,
}

fn process(pid: Option<u32>) -> String {
    pid.map(|pid| format!(" (process {pid})")).unwrap_or_default()
}

fn rules(path: &Path, namespace: &str, found: i64, known: i64) -> String {
    let path = path.display();
    if found > known {
        format!(
            "the namespace `{namespace}` of the store `{path}` is kept by a newer pogo (version {found} of the ledger's rules, \
             and this one follows {known}). Use that pogo, or another store with `--store`"
        )
    } else {
        format!(
            "the namespace `{namespace}` of the store `{path}` has unfinished jobs of an older pogo (version {found} of the \
             ledger's rules, and this one follows {known}). Finish or prune them with that pogo; then this one goes on by itself"
        )
    }
}

fn list(jobs: &[JobId]) -> String {
    jobs.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

impl StoreError {
    /// What it means for who asked.
    #[must_use]
    pub const fn cause(&self) -> Cause {
        match self {
            Self::NetworkFileSystem { .. }
            | Self::Corrupt { .. }
            | Self::ReadOnly { .. }
            | Self::Full { .. }
            | Self::Locked { .. }
            | Self::Gone { .. }
            | Self::Plan { .. }
            | Self::Io { .. }
            | Self::Database { .. } => Cause::Store,
            Self::NoJob { .. } | Self::Ambiguous { .. } => Cause::Name,
            Self::Newer { .. }
            | Self::Rules { .. }
            | Self::Owned { .. }
            | Self::TakenOver { .. }
            | Self::Refused { .. }
            | Self::NotReleased { .. }
            | Self::NotOut { .. }
            | Self::Running { .. } => Cause::Refused,
            Self::SessionOver => Cause::Fault,
        }
    }

    pub(crate) fn io(what: &'static str, path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                Self::Full { path, detail: source.to_string() }
            }
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                Self::ReadOnly { detail: format!("{what}: {source}"), path }
            }
            _ => Self::Io { what, path, source },
        }
    }

    pub(crate) fn corrupt(path: &Path, detail: impl Into<String>) -> Self {
        Self::Corrupt { path: path.to_owned(), detail: detail.into() }
    }

    /// What an error of the database means for who uses the store in `path`.
    pub(crate) fn database(path: &Path, error: &sqlx::Error) -> Self {
        let detail = error.to_string();
        let path = path.to_owned();
        let code = error.as_database_error().and_then(|error| error.code()?.parse::<u32>().ok());
        // The lower byte is the kind; what is above it says more, and is in the text.
        match code.map(|code| code & 0xff) {
            Some(5 | 6) => Self::Locked { path, waited_ms: crate::db::BUSY_MS, pid: None },
            Some(3 | 8 | 23) => Self::ReadOnly { path, detail },
            Some(13) => Self::Full { path, detail },
            // The extended code of a failed write or of room that the system would not give. SQLite keeps the reason to
            // itself, so the disk is asked.
            Some(10) if crate::folder::is_full(&path) => Self::Full { path, detail },
            Some(14) if crate::folder::is_gone(&path) => Self::Gone { path },
            Some(14) => Self::ReadOnly { path, detail },
            Some(11 | 26) => Self::Corrupt { path, detail },
            _ => Self::Database { path, detail },
        }
    }
}
