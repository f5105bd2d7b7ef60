//! Questions to a store. They never take a namespace's turn, and never wait for who writes.
//!
//! | file | what it answers |
//! | --- | --- |
//! | `jobs` | which jobs there are, and which one is meant |
//! | `audit` | what operators did to the ledger itself |
//! | `facts` | what is on record of a job, also while it is written |
//! | `status` | how a job and its hosts stand, and what waits for what |
//! | `out` | which hosts are out of service, and in which limits they count |

mod audit;
pub(crate) mod facts;
mod jobs;
mod out;
mod status;

use std::sync::Arc;
use std::time::{Duration, Instant};

use pogo_plan::event::{Author, Command, JobId, Stream};
use pogo_plan::outcome::Attempt;
use pogo_plan::{HostIdx, Plan};
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

pub use audit::AuditRow;
pub use facts::{Entry, Facts};
pub use jobs::{Filter, JobRow};
pub use out::{BadIn, InLimit, OutHost};
pub use status::{Holder, HostRow, Status, Wait};

use crate::command;
use crate::db::{self, Asked, Use};
use crate::error::StoreError;
use crate::folder::Folder;
use crate::namespace::{number, read_plan};
use crate::output::{self, Output};
use crate::session::{Answer, CommandId};
use crate::store::Store;

/// How often it is looked whether something was committed: a look reads a number that processes share in memory, nothing else.
const LOOK: Duration = Duration::from_millis(5);

/// Asks a store. Each call waits for the answer; for use by one thread.
#[derive(Debug)]
pub struct Reader {
    runtime: tokio::runtime::Runtime,
    db: SqliteConnection,
    folder: Arc<Folder>,
}

/// An operator's command on record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandRow {
    /// Its number.
    pub id: CommandId,
    /// When it was given, in microseconds since 1970.
    pub wall: i64,
    /// Who gave it, and why.
    pub author: Author,
    /// From which machine.
    pub host: String,
    /// What.
    pub command: Command,
    /// What became of it; nothing yet while it waits for the job's owner.
    pub answer: Option<Answer>,
}

impl Reader {
    /// Opens the database of a store.
    ///
    /// # Errors
    ///
    /// Whatever is wrong with the store: see [`StoreError`].
    pub fn open(store: &Store) -> Result<Self, StoreError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        let runtime =
            runtime.map_err(|error| StoreError::io("cannot start a runtime for", store.path(), error))?;
        let db = runtime.block_on(db::open(&store.folder, Use::Read))?;
        Ok(Self { runtime, db, folder: Arc::clone(&store.folder) })
    }

    /// The plan of a job. Hosts on record are numbers in it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Plan`]; else see [`StoreError`].
    pub fn plan(&mut self, job: JobId) -> Result<Plan, StoreError> {
        self.runtime.block_on(read_plan(&mut self.db, &self.folder, job))
    }

    /// What operators said to a job, in order.
    ///
    /// # Errors
    ///
    /// Whatever is wrong with the store: see [`StoreError`].
    pub fn commands(&mut self, job: JobId) -> Result<Vec<CommandRow>, StoreError> {
        let question = "SELECT id, wall, author, host, reason, command, state, answer FROM commands \
             WHERE job = ? ORDER BY id";
        let rows = self.runtime.block_on(sqlx::query(question).bind(number(job)).fetch_all(&mut self.db));
        let failed = |error| StoreError::database(self.folder.root(), &error);
        let read = |row: &SqliteRow| -> Asked<(CommandRow, String)> {
            let answer = match row.try_get::<i64, _>(6)? {
                0 => None,
                1 => Some(Answer::Done),
                _ => Some(Answer::Refused { why: row.try_get::<Option<String>, _>(7)?.unwrap_or_default() }),
            };
            let author = Author { name: row.try_get(2)?, reason: row.try_get(4)? };
            let (id, wall, host) = (CommandId(row.try_get(0)?), row.try_get(1)?, row.try_get(3)?);
            Ok((CommandRow { id, wall, author, host, command: Command::Resume, answer }, row.try_get(5)?))
        };
        rows.map_err(failed)?
            .iter()
            .map(|row| {
                let (row, text) = read(row).map_err(failed)?;
                Ok(CommandRow { command: command::parse(&self.folder, &text)?, ..row })
            })
            .collect()
    }

    /// Waits for the answer to a command; nothing if there is none in time.
    ///
    /// # Errors
    ///
    /// Whatever is wrong with the store: see [`StoreError`].
    pub fn wait_answer(&mut self, id: CommandId, most: Duration) -> Result<Option<Answer>, StoreError> {
        let start = Instant::now();
        loop {
            let seen = self.version()?;
            let question = sqlx::query("SELECT state, answer FROM commands WHERE id = ?").bind(id.0);
            let row = self.runtime.block_on(question.fetch_optional(&mut self.db));
            let failed = |error| StoreError::database(self.folder.root(), &error);
            if let Some(row) = row.map_err(failed)? {
                let why: Option<String> = row.try_get(1).map_err(failed)?;
                match row.try_get::<i64, _>(0).map_err(failed)? {
                    0 => {}
                    1 => return Ok(Some(Answer::Done)),
                    _ => return Ok(Some(Answer::Refused { why: why.unwrap_or_default() })),
                }
            }
            if start.elapsed() >= most {
                return Ok(None);
            }
            self.wait_for_more(seen, most.saturating_sub(start.elapsed()))?;
        }
    }

    /// Changes with every commit of others.
    fn version(&mut self) -> Result<i64, StoreError> {
        let row = self.runtime.block_on(sqlx::query("PRAGMA data_version").fetch_one(&mut self.db));
        let failed = |error| StoreError::database(self.folder.root(), &error);
        row.map_err(failed)?.try_get(0).map_err(failed)
    }

    /// Until something was committed after the version that was seen, at most so long.
    fn wait_for_more(&mut self, seen: i64, most: Duration) -> Result<(), StoreError> {
        let start = Instant::now();
        while start.elapsed() < most && self.version()? == seen {
            std::thread::sleep(LOOK.min(most));
        }
        Ok(())
    }

    /// What is kept of an attempt's output so far.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`].
    pub fn read_output(
        &self,
        job: JobId,
        host: HostIdx,
        attempt: Attempt,
        stream: Stream,
    ) -> Result<Output, StoreError> {
        output::read(&self.folder, job, host, attempt, stream)
    }
}
