//! Which jobs there are, and which one is meant.

use pogo_plan::event::JobId;
use pogo_plan::outcome::JobState;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::Reader;
use crate::author::Who;
use crate::db::Asked;
use crate::error::StoreError;
use crate::lock::OwnerProbe;
use crate::namespace::{job_of, number};
use crate::state;

/// Which jobs are wanted; all without.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only of this namespace.
    pub namespace: Option<String>,
    /// Only of this user, by number.
    pub uid: Option<u32>,
    /// Only those that have not ended.
    pub unfinished: bool,
    /// At most so many, the newest.
    pub most: Option<u32>,
}

/// A job as `pogo jobs` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobRow {
    /// Its id.
    pub id: JobId,
    /// Its namespace.
    pub namespace: String,
    /// The digest of its plan.
    pub plan: String,
    /// When it was begun, in microseconds since 1970.
    pub created: i64,
    /// When something was last put on record.
    pub changed: i64,
    /// Who began it.
    pub user: String,
    /// On which machine.
    pub host: String,
    /// The command line in short.
    pub summary: String,
    /// Its state on record. A running job without an owner is one whose process died.
    pub state: JobState,
    /// The process that runs it; nothing if there is none.
    pub owner: Option<String>,
    /// How often it has had an owner.
    pub epoch: u64,
    /// How many facts are on record.
    pub facts: u64,
    /// Its targets.
    pub targets: u64,
    /// Of those, how many are running or about to be retried.
    pub active: u64,
    /// Known good.
    pub succeeded: u64,
    /// Failed, unreachable, timed out, stopped or unknown.
    pub bad: u64,
    /// Skipped without being bad.
    pub skipped: u64,
    /// Not started because the job halted.
    pub cancelled: u64,
}

/// The eight counts come as one text: what a list costs is the number of its values.
const COLUMNS: &str = "SELECT j.id, n.name, j.plan, j.created, j.changed, j.user, j.host, j.summary, j.state, j.owner, \
     j.epoch || ' ' || j.seq || ' ' || j.targets || ' ' || j.active || ' ' || j.succeeded || ' ' || j.bad || ' ' || \
     j.skipped || ' ' || j.cancelled FROM jobs j JOIN namespaces n ON n.id = j.namespace";

impl Reader {
    /// The jobs that a filter lets through, newest first.
    ///
    /// # Errors
    ///
    /// Whatever is wrong with the store: see [`StoreError`].
    pub fn jobs(&mut self, filter: &Filter) -> Result<Vec<JobRow>, StoreError> {
        let question = format!(
            "{COLUMNS} WHERE (?1 IS NULL OR n.name = ?1) AND (?2 IS NULL OR j.uid = ?2) AND (?3 = 0 OR j.state < 16) \
             ORDER BY j.created DESC, j.id LIMIT ?4"
        );
        let question = sqlx::query(sqlx::AssertSqlSafe(question)).bind(filter.namespace.as_deref());
        let question =
            question.bind(filter.uid).bind(filter.unfinished).bind(filter.most.map_or(-1, i64::from));
        let rows = self.runtime.block_on(question.fetch_all(&mut self.db));
        let rows = rows.map_err(|error| StoreError::database(self.folder.root(), &error))?;
        rows.iter().map(|row| self.job_row(row)).collect()
    }

    /// The job with an id, a unique beginning of one, or `last`: the last one that this user began.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoJob`], [`StoreError::Ambiguous`]; else see [`StoreError`].
    pub fn job(&mut self, text: &str) -> Result<JobRow, StoreError> {
        let none = || StoreError::NoJob { path: self.folder.root().to_owned(), text: text.to_owned() };
        if text == "last" {
            let none = none();
            let filter = Filter { uid: Some(Who::this_process().uid), most: Some(1), ..Filter::default() };
            return self.jobs(&filter)?.pop().ok_or(none);
        }
        let end = |filler: &str| {
            let rest = 8usize.checked_sub(text.chars().count())?;
            format!("{text}{}", filler.repeat(rest)).parse::<JobId>().ok()
        };
        let (Some(first), Some(last)) = (end("0"), end("z")) else { return Err(none()) };
        let question = format!("{COLUMNS} WHERE j.id BETWEEN ? AND ? LIMIT 5");
        let question = sqlx::query(sqlx::AssertSqlSafe(question)).bind(number(first)).bind(number(last));
        let rows = self.runtime.block_on(question.fetch_all(&mut self.db));
        let rows = rows.map_err(|error| StoreError::database(self.folder.root(), &error))?;
        match rows.as_slice() {
            [] => Err(none()),
            [row] => self.job_row(row),
            several => {
                let jobs = several.iter().map(|row| self.job_row(row).map(|row| row.id));
                Err(StoreError::Ambiguous { text: text.to_owned(), jobs: jobs.collect::<Result<_, _>>()? })
            }
        }
    }

    fn job_row(&self, row: &SqliteRow) -> Result<JobRow, StoreError> {
        let (mut row, code) = read(row).map_err(|error| StoreError::database(self.folder.root(), &error))?;
        row.state = state::of(code).ok_or_else(|| StoreError::Newer {
            path: self.folder.root().to_owned(),
            what: format!("job {} has a state that this pogo does not know", row.id),
        })?;
        // Most jobs have ended, and a process that looks after an ended one is about to leave it.
        if row.state.has_ended() || !OwnerProbe::new(&self.folder.job_lock(row.id)).is_alive() {
            row.owner = None;
        }
        Ok(row)
    }
}

fn read(row: &SqliteRow) -> Asked<(JobRow, i64)> {
    let counts: &str = row.try_get(10)?;
    let mut counts = counts.split(' ').map(|count| count.parse::<u64>().unwrap_or(0));
    let mut count = || counts.next().unwrap_or(0);
    let found = JobRow {
        id: job_of(row.try_get(0)?),
        namespace: row.try_get(1)?,
        plan: row.try_get(2)?,
        created: row.try_get(3)?,
        changed: row.try_get(4)?,
        user: row.try_get(5)?,
        host: row.try_get(6)?,
        summary: row.try_get(7)?,
        state: JobState::Running,
        owner: row.try_get(9)?,
        epoch: count(),
        facts: count(),
        targets: count(),
        active: count(),
        succeeded: count(),
        bad: count(),
        skipped: count(),
        cancelled: count(),
    };
    Ok((found, row.try_get(8)?))
}
