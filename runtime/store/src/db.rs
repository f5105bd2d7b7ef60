//! The database: making it, opening it, and what its errors mean.

use std::path::Path;
use std::time::{Duration, Instant};

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteRow};
use sqlx::{Connection, Row};

use crate::error::StoreError;
use crate::folder::Folder;
use crate::lock::OwnerLock;

/// How long somebody else's lock on the database is waited for, in milliseconds.
pub(crate) const BUSY_MS: u64 = 5_000;

/// "pogo": the mark in the database's header by which it is known as a store.
const APPLICATION: i64 = 0x706f_676f;

/// The version of the tables that this pogo writes.
pub(crate) const VERSION: i64 = 1;

/// The version of the ledger's rules that this pogo follows.
pub(crate) const RULES: i64 = 1;

const SCHEMA: &str = include_str!("schema.sql");

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// Transactions.
    Write,
    /// Questions.
    Read,
}

/// The outcome of a question to the database.
pub(crate) type Asked<T> = Result<T, sqlx::Error>;

/// Opens the database of a folder, and makes it if there is none.
pub(crate) async fn open(folder: &Folder, purpose: Use) -> Result<SqliteConnection, StoreError> {
    let path = folder.root();
    if folder.identity().is_none() {
        return create(folder).await;
    }
    let mut db = connect(folder, purpose).await?;
    match form(&mut db, path).await? {
        VERSION => Ok(db),
        0 => {
            // Whoever began to make it has not come to the end, or is about to.
            drop(db);
            create(folder).await
        }
        newer => Err(StoreError::Newer {
            path: path.to_owned(),
            what: format!("its tables have version {newer}, and this pogo knows {VERSION}"),
        }),
    }
}

async fn connect(folder: &Folder, purpose: Use) -> Result<SqliteConnection, StoreError> {
    let options = SqliteConnectOptions::new()
        .filename(folder.database())
        .busy_timeout(Duration::from_millis(BUSY_MS))
        .foreign_keys(false)
        .pragma("synchronous", "FULL")
        .pragma("query_only", if purpose == Use::Read { "ON" } else { "OFF" });
    SqliteConnection::connect_with(&options)
        .await
        .map_err(|error| StoreError::database(folder.root(), &error))
}

/// The version of the tables; 0 for an empty database.
async fn form(db: &mut SqliteConnection, path: &Path) -> Result<i64, StoreError> {
    const QUESTION: &str = "SELECT a.application_id, u.user_version, (SELECT count(*) FROM sqlite_schema) \
         FROM pragma_application_id a, pragma_user_version u";
    let failed = |error| StoreError::database(path, &error);
    let row = sqlx::query(QUESTION).fetch_one(db).await.map_err(failed)?;
    let (application, version, tables) = triple(&row).map_err(failed)?;
    match (application, version, tables) {
        (0, 0, 0) => Ok(0),
        (APPLICATION, version, _) => Ok(version),
        _ => Err(StoreError::corrupt(path, "`pogo.db` belongs to another program")),
    }
}

fn triple(row: &SqliteRow) -> Asked<(i64, i64, i64)> {
    Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?))
}

/// Makes the tables, unless somebody else does so at the same time.
async fn create(folder: &Folder) -> Result<SqliteConnection, StoreError> {
    let failed = |error| StoreError::database(folder.root(), &error);
    let _making = wait_for_form(folder)?;
    if folder.identity().is_none() {
        // Closed again before the first connection of this process: closing a file drops SQLite's locks on it.
        drop(folder.open(&folder.database())?);
    }
    let mut db = connect(folder, Use::Write).await?;
    if form(&mut db, folder.root()).await? == 0 {
        sqlx::query("PRAGMA journal_mode = WAL").execute(&mut db).await.map_err(failed)?;
        let script = format!(
            "BEGIN IMMEDIATE; {SCHEMA} PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {VERSION}; COMMIT;"
        );
        sqlx::raw_sql(sqlx::AssertSqlSafe(script)).execute(&mut db).await.map_err(failed)?;
    }
    Ok(db)
}

fn wait_for_form(folder: &Folder) -> Result<OwnerLock, StoreError> {
    let start = Instant::now();
    loop {
        if let Some(lock) = OwnerLock::take(folder, &folder.form_lock())? {
            return Ok(lock);
        }
        let waited = start.elapsed();
        if waited > Duration::from_millis(BUSY_MS) {
            let waited_ms = u64::try_from(waited.as_millis()).unwrap_or(u64::MAX);
            return Err(StoreError::Locked { path: folder.root().to_owned(), waited_ms, pid: None });
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}
