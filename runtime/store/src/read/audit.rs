//! What operators did to the ledger itself: who, when and why.

use pogo_plan::event::JobId;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::Reader;
use crate::db::Asked;
use crate::error::StoreError;
use crate::namespace::job_of;

/// Something that an operator did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRow {
    /// When, in microseconds since 1970.
    pub wall: i64,
    /// Who.
    pub author: String,
    /// On which machine.
    pub machine: String,
    /// What: `release`, `decide succeeded`, `decide failed`.
    pub what: String,
    /// To what: a host.
    pub target: String,
    /// The job that it was about, if it was about one.
    pub job: Option<JobId>,
    /// Why, in their words.
    pub reason: String,
}

impl Reader {
    /// What operators did to the ledger of a namespace, in order.
    ///
    /// # Errors
    ///
    /// Whatever is wrong with the store: see [`StoreError`].
    pub fn audit(&mut self, namespace: &str) -> Result<Vec<AuditRow>, StoreError> {
        let question = "SELECT a.wall, a.author, a.machine, a.what, a.target, a.job, a.reason \
             FROM audit a JOIN namespaces n ON n.id = a.namespace WHERE n.name = ? ORDER BY a.id";
        let rows = self.runtime.block_on(sqlx::query(question).bind(namespace).fetch_all(&mut self.db));
        let failed = |error| StoreError::database(self.folder.root(), &error);
        let read = |row: &SqliteRow| -> Asked<AuditRow> {
            Ok(AuditRow {
                wall: row.try_get(0)?,
                author: row.try_get(1)?,
                machine: row.try_get(2)?,
                what: row.try_get(3)?,
                target: row.try_get(4)?,
                job: row.try_get::<Option<i64>, _>(5)?.map(job_of),
                reason: row.try_get(6)?,
            })
        };
        rows.map_err(failed)?.iter().map(|row| read(row).map_err(failed)).collect()
    }
}
