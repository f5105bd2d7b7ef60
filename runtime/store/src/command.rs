//! Operators' commands on record.

use pogo_plan::event::{Author, Command};
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use crate::db::Asked;
use crate::error::StoreError;
use crate::folder::Folder;

/// A command that waits for an answer.
pub(crate) struct Pending {
    pub(crate) id: i64,
    pub(crate) command: Command,
    pub(crate) author: Author,
}

/// The commands to a job that have no answer, after a certain one.
pub(crate) async fn pending(
    db: &mut SqliteConnection,
    folder: &Folder,
    job: i64,
    after: i64,
) -> Result<Vec<Pending>, StoreError> {
    let question = "SELECT id, command, author, reason FROM commands \
         WHERE job = ? AND state = 0 AND id > ? ORDER BY id";
    let failed = |error| StoreError::database(folder.root(), &error);
    let rows = sqlx::query(question).bind(job).bind(after).fetch_all(db).await.map_err(failed)?;
    let read = |row: &SqliteRow| -> Asked<(i64, String, String, Option<String>)> {
        Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?, row.try_get(3)?))
    };
    rows.iter()
        .map(|row| {
            let (id, text, name, reason) = read(row).map_err(failed)?;
            Ok(Pending { id, command: parse(folder, &text)?, author: Author { name, reason } })
        })
        .collect()
}

/// A command's text. Operators' words are few, and people look at them: JSON.
pub(crate) fn parse(folder: &Folder, text: &str) -> Result<Command, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Newer {
        path: folder.root().to_owned(),
        what: format!("an operator's command is of a kind that this pogo does not know ({error})"),
    })
}
