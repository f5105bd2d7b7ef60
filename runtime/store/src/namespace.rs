//! A namespace's row, and the numbers of jobs and namespaces in the database.

use pogo_plan::Plan;
use pogo_plan::event::JobId;
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use crate::db::{Asked, RULES};
use crate::error::StoreError;
use crate::folder::Folder;

/// A namespace as its row has it.
#[derive(Clone, Debug)]
pub(crate) struct Namespace {
    pub(crate) name: String,
    pub(crate) last: i64,
    pub(crate) trimmed: i64,
    pub(crate) ns: u64,
    pub(crate) boot: String,
    pub(crate) ahead: i64,
    /// The version of the ledger's rules by which its operations are to be read.
    pub(crate) rules: i64,
}

impl Namespace {
    /// The row of a namespace, by its number, whatever rules it follows.
    pub(crate) async fn read(
        db: &mut SqliteConnection,
        folder: &Folder,
        id: i64,
    ) -> Result<Self, StoreError> {
        const QUESTION: &str =
            "SELECT name, last, trimmed, ns, boot, ahead, rules FROM namespaces WHERE id = ?";
        let failed = |error| StoreError::database(folder.root(), &error);
        let row = sqlx::query(QUESTION).bind(id).fetch_one(db).await.map_err(failed)?;
        Self::of(&row).map_err(failed)
    }

    /// The same, together with the beginning of a transaction that writes. After an error there may be one.
    pub(crate) async fn begin(
        db: &mut SqliteConnection,
        folder: &Folder,
        id: i64,
    ) -> Result<Self, StoreError> {
        const BEGIN: &str = "BEGIN IMMEDIATE; \
             SELECT name, last, trimmed, ns, boot, ahead, rules FROM namespaces WHERE id = ?";
        let failed = |error| StoreError::database(folder.root(), &error);
        let row = sqlx::query(BEGIN).bind(id).fetch_one(db).await.map_err(failed)?;
        Self::of(&row).map_err(failed)
    }

    fn of(row: &SqliteRow) -> Asked<Self> {
        Ok(Self {
            name: row.try_get(0)?,
            last: row.try_get(1)?,
            trimmed: row.try_get(2)?,
            ns: row.try_get::<i64, _>(3)?.cast_unsigned(),
            boot: row.try_get(4)?,
            ahead: row.try_get(5)?,
            rules: row.try_get(6)?,
        })
    }

    /// Refuses operations that were made by other rules: they would give another ledger here than where they come from.
    pub(crate) fn follow(self, folder: &Folder) -> Result<Self, StoreError> {
        self.check_rules(folder)?;
        Ok(self)
    }

    /// As [`Self::follow`].
    pub(crate) fn check_rules(&self, folder: &Folder) -> Result<(), StoreError> {
        let (namespace, found) = (self.name.clone(), self.rules);
        if found == RULES {
            return Ok(());
        }
        Err(StoreError::Rules { path: folder.root().to_owned(), namespace, found, known: RULES })
    }

    /// Whether its ledger follows from the snapshot alone, by whatever rules: no job is unfinished, and nothing came after the
    /// snapshot.
    pub(crate) async fn is_idle(
        &self,
        db: &mut SqliteConnection,
        folder: &Folder,
        id: i64,
    ) -> Result<bool, StoreError> {
        const QUESTION: &str = "SELECT coalesce((SELECT last FROM snapshots WHERE namespace = ?1), 0), \
             EXISTS (SELECT 1 FROM jobs WHERE namespace = ?1 AND state < 16)";
        let failed = |error| StoreError::database(folder.root(), &error);
        let row = sqlx::query(QUESTION).bind(id).fetch_one(db).await.map_err(failed)?;
        let (snapped, has_jobs): (i64, i64) =
            (row.try_get(0).map_err(failed)?, row.try_get(1).map_err(failed)?);
        Ok(has_jobs == 0 && snapped == self.last)
    }

    /// Goes on with an idle namespace of an older pogo by the rules of this one. One of a newer pogo is left alone, since what
    /// that pogo means by its snapshot is not known here.
    pub(crate) async fn take_over(
        db: &mut SqliteConnection,
        folder: &Folder,
        id: i64,
    ) -> Result<Self, StoreError> {
        let failed = |error| StoreError::database(folder.root(), &error);
        let found = Self::read(db, folder, id).await?;
        if found.rules >= RULES {
            return found.follow(folder);
        }
        sqlx::query("BEGIN IMMEDIATE").execute(&mut *db).await.map_err(failed)?;
        let work = async {
            let found = Self::read(db, folder, id).await?;
            if found.rules >= RULES || !found.is_idle(db, folder, id).await? {
                return found.follow(folder);
            }
            let change = sqlx::query("UPDATE namespaces SET rules = ? WHERE id = ?").bind(RULES).bind(id);
            change.execute(&mut *db).await.map_err(failed)?;
            sqlx::query("COMMIT").execute(&mut *db).await.map_err(failed)?;
            Ok(Self { rules: RULES, ..found })
        };
        let taken = work.await;
        if taken.is_err() {
            let _ = sqlx::query("ROLLBACK").execute(&mut *db).await;
        }
        taken
    }

    /// The number of a namespace; `None` if nobody has used it yet.
    pub(crate) async fn find(
        db: &mut SqliteConnection,
        folder: &Folder,
        name: &str,
    ) -> Result<Option<i64>, StoreError> {
        let failed = |error| StoreError::database(folder.root(), &error);
        let row = sqlx::query("SELECT id FROM namespaces WHERE name = ?").bind(name).fetch_optional(db);
        row.await.map_err(failed)?.map(|row| row.try_get(0)).transpose().map_err(failed)
    }

    /// The number of a namespace, which is made if there is none.
    pub(crate) async fn ensure(
        db: &mut SqliteConnection,
        folder: &Folder,
        name: &str,
    ) -> Result<i64, StoreError> {
        if let Some(id) = Self::find(db, folder, name).await? {
            return Ok(id);
        }
        let made = sqlx::query("INSERT INTO namespaces (name, rules) VALUES (?, ?) ON CONFLICT DO NOTHING");
        let made = made.bind(name).bind(RULES).execute(&mut *db).await;
        made.map_err(|error| StoreError::database(folder.root(), &error))?;
        Self::find(db, folder, name).await?.ok_or(StoreError::SessionOver)
    }
}

/// A job's number in the database.
#[expect(clippy::cast_possible_wrap, reason = "a job id has forty bits")]
pub(crate) const fn number(job: JobId) -> i64 {
    job.bits() as i64
}

/// The job with a number in the database.
#[expect(clippy::cast_sign_loss, reason = "a job id has forty bits")]
pub(crate) const fn job_of(number: i64) -> JobId {
    JobId::from_bits(number as u64)
}

/// The plan of a job on record.
pub(crate) async fn read_plan(
    db: &mut SqliteConnection,
    folder: &Folder,
    job: JobId,
) -> Result<Plan, StoreError> {
    let failed = |error| StoreError::database(folder.root(), &error);
    let question = "SELECT json FROM plans WHERE digest = (SELECT plan FROM jobs WHERE id = ?)";
    let row = sqlx::query(question).bind(number(job)).fetch_optional(db).await.map_err(failed)?;
    let Some(row) = row else {
        return Err(StoreError::corrupt(folder.root(), format!("the plan of job {job} is missing")));
    };
    let json: &[u8] = row.try_get(0).map_err(failed)?;
    Plan::read_json(json).map_err(|source| StoreError::Plan { job, source: Box::new(source) })
}
