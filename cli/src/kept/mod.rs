//! Jobs that are kept: the store that holds them, which job and which hosts are meant, and what is wrong in plain words.

pub(crate) mod next;
mod place;
pub(crate) mod problem;
pub(crate) mod table;
pub(crate) mod words;

use std::io::{self, Write as _};
use std::path::PathBuf;

use pogo_plan::event::{Author, JobId};
use pogo_plan::{HostIdx, Plan};
use pogo_store::{JobRow, Reader, Store, Who};

use crate::App;
use crate::args::ShownState;
use crate::failure::Failure;
use crate::settings::Origin;
use crate::suggest::nearest;

/// An open store.
pub(crate) struct Kept {
    pub(crate) store: Store,
    /// What a further command line needs to find the same store.
    pub(crate) option: String,
}

impl Kept {
    /// The store that the settings name, made if it is not there.
    ///
    /// # Errors
    /// If it cannot be used.
    pub(crate) fn open(app: &App) -> Result<Self, Failure> {
        let path = folder(app)?;
        let style = app.terminal.stderr;
        let store = Store::open(&path).map_err(problem::of_store)?.on_stalled(move |stalled| {
            // Nothing can be done about a standard error that is gone.
            let _ = writeln!(io::stderr().lock(), "{} {}", style.yellow("warning:"), words::stalled(stalled));
        });
        let option = match app.settings.store.origin {
            Origin::Flag => format!(" --store {}", words::quoted(&path.to_string_lossy())),
            _ => String::new(),
        };
        Ok(Self { store, option })
    }

    /// The store that the settings name; `None` if nothing has been kept there yet.
    ///
    /// # Errors
    /// If it cannot be used.
    pub(crate) fn find(app: &App) -> Result<Option<Self>, Failure> {
        if folder(app)?.join("pogo.db").exists() { Self::open(app).map(Some) } else { Ok(None) }
    }

    /// The store of a job that is to be found in it.
    ///
    /// # Errors
    /// If it cannot be used, or nothing has been kept there yet.
    pub(crate) fn of_jobs(app: &App) -> Result<(Self, Reader), Failure> {
        let Some(kept) = Self::find(app)? else {
            let path = folder(app)?;
            return Err(Failure::with_help(
                format!("no job has been kept in the store `{}` yet", path.display()),
                "`pogo settings` says which store holds; `--store` or POGO_STORE names another one",
            ));
        };
        let reader = kept.reader()?;
        Ok((kept, reader))
    }

    /// Asks the store.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(crate) fn reader(&self) -> Result<Reader, Failure> {
        Reader::open(&self.store).map_err(problem::of_store)
    }

    /// Where it is, and who else uses it.
    pub(crate) fn place(&self) -> String {
        place::words(&self.store)
    }
}

fn folder(app: &App) -> Result<PathBuf, Failure> {
    app.settings.store.value.clone().ok_or_else(|| {
        Failure::with_help(
            "there is no place to keep jobs in: neither XDG_STATE_HOME nor HOME is set",
            "name a folder with `--store` or POGO_STORE",
        )
    })
}

/// The job that is meant.
///
/// # Errors
/// If there is none, or several fit.
pub(crate) fn job(reader: &mut Reader, text: &str) -> Result<JobRow, Failure> {
    reader.job(text).map_err(problem::of_store)
}

/// Who says something, and why.
pub(crate) fn author(reason: Option<&str>) -> Author {
    Author { name: Who::this_process().user, reason: reason.map(str::to_owned) }
}

/// The state of a job as people see it.
pub(crate) fn state(job: &JobRow) -> ShownState {
    use pogo_plan::outcome::JobState;
    match job.state {
        JobState::Running | JobState::Halting if job.owner.is_none() => ShownState::Interrupted,
        JobState::Running => ShownState::Running,
        JobState::Halting => ShownState::Halting,
        JobState::Succeeded => ShownState::Succeeded,
        JobState::Failed => ShownState::Failed,
        JobState::Blocked => ShownState::Blocked,
        JobState::Halted => ShownState::Halted,
    }
}

/// The targets of a job that patterns name; `None` if the patterns are wrong, which has been reported.
///
/// # Errors
/// If one of them is no target of the job.
pub(crate) fn targets(
    plan: &Plan,
    job: JobId,
    patterns: &[String],
    app: &App,
) -> Result<Option<Vec<(HostIdx, String)>>, Failure> {
    let Some(names) = crate::commands::expand_hosts(&patterns.join(","), app)? else { return Ok(None) };
    let known = || plan.targets.iter().map(|&host| plan.hosts.name(host));
    let is_target: std::collections::HashSet<HostIdx> = plan.targets.iter().copied().collect();
    let find = |name: String| match plan.hosts.get(&name).filter(|host| is_target.contains(host)) {
        Some(host) => Ok((host, plan.hosts.name(host).to_owned())),
        None => Err(Failure::with_help(
            format!("`{name}` is no target of job {job}"),
            match nearest(&name, known()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("its targets are {}", words::some_hosts(&known().collect::<Vec<_>>())),
            },
        )),
    };
    names.into_iter().map(find).collect::<Result<_, _>>().map(Some)
}
