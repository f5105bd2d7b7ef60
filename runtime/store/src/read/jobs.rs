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

/// A job's row as JSON. What a list costs is not the reading of rows but their handing over, value by value, from the
/// database's thread to this one: a whole list comes as one text.
const ROW: &str = "SELECT json_array(j.id, n.name, j.plan, j.created, j.changed, j.user, j.host, j.summary, j.state, \
     j.owner, json_array(j.epoch, j.seq, j.targets, j.active, j.succeeded, j.bad, j.skipped, j.cancelled)) AS row \
     FROM jobs j JOIN namespaces n ON n.id = j.namespace";

/// What [`ROW`] gives, in its order.
type Listed = (i64, String, String, i64, i64, String, String, String, i64, Option<String>, [u64; 8]);

impl Reader {
    /// The jobs that a filter lets through, newest first.
    ///
    /// # Errors
    ///
    /// Whatever is wrong with the store: see [`StoreError`].
    pub fn jobs(&mut self, filter: &Filter) -> Result<Vec<JobRow>, StoreError> {
        let question = format!(
            "{ROW} WHERE (?1 IS NULL OR n.name = ?1) AND (?2 IS NULL OR j.uid = ?2) AND (?3 = 0 OR j.state < 16) \
             ORDER BY j.created DESC, j.id LIMIT ?4"
        );
        let question = list(&question);
        let question = sqlx::query(question).bind(filter.namespace.as_deref()).bind(filter.uid);
        let question = question.bind(filter.unfinished).bind(filter.most.map_or(-1, i64::from));
        let row = self.runtime.block_on(question.fetch_one(&mut self.db));
        let mut jobs = self.read_list(row)?;
        jobs.sort_unstable_by_key(|job| (std::cmp::Reverse(job.created), job.id));
        Ok(jobs)
    }

    /// The names of all namespaces, in their order.
    ///
    /// # Errors
    ///
    /// Whatever is wrong with the store: see [`StoreError`].
    pub fn namespaces(&mut self) -> Result<Vec<String>, StoreError> {
        let failed = |error| StoreError::database(self.folder.root(), &error);
        let question = sqlx::query("SELECT name FROM namespaces ORDER BY name");
        let rows = self.runtime.block_on(question.fetch_all(&mut self.db)).map_err(failed)?;
        rows.iter().map(|row| row.try_get(0).map_err(failed)).collect()
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
        let question = format!("{ROW} WHERE j.id BETWEEN ?1 AND ?2 ORDER BY j.id LIMIT 5");
        let question = sqlx::query(list(&question)).bind(number(first)).bind(number(last));
        let row = self.runtime.block_on(question.fetch_one(&mut self.db));
        let mut jobs = self.read_list(row)?;
        if jobs.len() > 1 {
            let jobs = jobs.iter().map(|job| job.id).collect();
            return Err(StoreError::Ambiguous { text: text.to_owned(), jobs });
        }
        jobs.pop().ok_or_else(none)
    }

    fn read_list(&self, row: Asked<SqliteRow>) -> Result<Vec<JobRow>, StoreError> {
        let failed = |error| StoreError::database(self.folder.root(), &error);
        let row = row.map_err(failed)?;
        let text: &str = row.try_get(0).map_err(failed)?;
        let rows: Vec<Listed> = serde_json::from_str(text)
            .map_err(|error| StoreError::corrupt(self.folder.root(), format!("the list of jobs: {error}")))?;
        rows.into_iter().map(|row| self.job_row(row)).collect()
    }

    fn job_row(&self, row: Listed) -> Result<JobRow, StoreError> {
        let (id, namespace, plan, created, changed, user, host, summary, code, owner, counts) = row;
        let id = job_of(id);
        let state = state::of(code).ok_or_else(|| StoreError::Newer {
            path: self.folder.root().to_owned(),
            what: format!("job {id} has a state that this pogo does not know"),
        })?;
        let [epoch, facts, targets, active, succeeded, bad, skipped, cancelled] = counts;
        // Most jobs have ended, and a process that looks after an ended one is about to leave it.
        let is_owned = !state.has_ended() && OwnerProbe::new(&self.folder.job_lock(id)).is_alive();
        Ok(JobRow {
            id,
            namespace,
            plan,
            created,
            changed,
            user,
            host,
            summary,
            state,
            owner: owner.filter(|_| is_owned),
            epoch,
            facts,
            targets,
            active,
            succeeded,
            bad,
            skipped,
            cancelled,
        })
    }
}

/// The rows of a question as one JSON text.
fn list(question: &str) -> sqlx::AssertSqlSafe<String> {
    sqlx::AssertSqlSafe(format!(
        "SELECT '[' || coalesce(group_concat(row, ','), '') || ']' FROM ({question})"
    ))
}
