//! Facts of a job, in parts, so that a long journal is never in memory as a whole.

use std::time::{Duration, Instant};

use pogo_plan::HostIdx;
use pogo_plan::event::{Command, Fact, JobId};
use pogo_schedule::journal::FactRecord;
use sqlx::Row;
use sqlx::sqlite::SqliteConnection;

use super::Reader;
use crate::codec;
use crate::error::StoreError;
use crate::folder::Folder;
use crate::namespace::number;

/// How many entries are in memory at once.
const PART: u32 = 500;

/// The facts of one commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The number of its last fact; the first fact of a job has number 1.
    pub last: u64,
    /// How often the job had had an owner.
    pub epoch: u64,
    /// When it was written, in microseconds since 1970, as the wall clock had it.
    pub wall: i64,
    /// The facts, in order.
    pub facts: Vec<Fact<HostIdx>>,
}

/// The entries after a fact's number, in order: at most `most` of them.
pub(crate) async fn read_part(
    db: &mut SqliteConnection,
    folder: &Folder,
    job: JobId,
    after: u64,
    most: u32,
) -> Result<Vec<Entry>, StoreError> {
    let failed = |error| StoreError::database(folder.root(), &error);
    let question =
        "SELECT last, epoch, wall, facts FROM journal WHERE job = ? AND last > ? ORDER BY last LIMIT ?";
    let after = i64::try_from(after).unwrap_or(i64::MAX);
    let rows = sqlx::query(question).bind(number(job)).bind(after).bind(most).fetch_all(db).await;
    let mut entries = Vec::new();
    for row in rows.map_err(failed)? {
        let blob: &[u8] = row.try_get(3).map_err(failed)?;
        let records: Vec<FactRecord> = codec::decode(folder.root(), "facts of a job", blob)?;
        let facts = records.into_iter().map(FactRecord::into_fact).collect::<Result<_, _>>();
        let facts = facts.map_err(|error| StoreError::corrupt(folder.root(), error.to_string()))?;
        let unsigned = |at| row.try_get::<i64, _>(at).map(i64::unsigned_abs).map_err(failed);
        let (last, epoch) = (unsigned(0)?, unsigned(1)?);
        entries.push(Entry { last, epoch, wall: row.try_get(2).map_err(failed)?, facts });
    }
    Ok(entries)
}

/// For how long the processes of a job have run since it began, or since somebody went on with it after an end: each from its
/// first entry to its last one. A process that dies has run on for a while, and nobody knows how long.
#[derive(Debug, Default)]
pub(crate) struct Ran {
    /// Of processes before the present one, in microseconds.
    before: i64,
    /// The present one: its epoch, its first and its last moment.
    now: Option<(u64, i64, i64)>,
}

impl Ran {
    fn add(&mut self, entry: &Entry) {
        let is_begun_anew =
            entry.facts.iter().any(|fact| matches!(fact, Fact::Commanded { command: Command::Resume, .. }));
        match &mut self.now {
            Some((epoch, _, last)) if *epoch == entry.epoch && !is_begun_anew => *last = entry.wall,
            _ => {
                self.before = if is_begun_anew { 0 } else { self.micros() };
                self.now = Some((entry.epoch, entry.wall, entry.wall));
            }
        }
    }

    /// A clock that was set back counts as none.
    fn micros(&self) -> i64 {
        let now = self.now.map_or(0, |(_, first, last)| last.saturating_sub(first).max(0));
        self.before.saturating_add(now)
    }

    /// In milliseconds.
    pub(crate) fn ms(&self) -> u64 {
        self.micros().unsigned_abs() / 1000
    }
}

/// All facts of a job, and for how long it has run.
pub(crate) async fn read_all(
    db: &mut SqliteConnection,
    folder: &Folder,
    job: JobId,
) -> Result<(Vec<Fact<HostIdx>>, Ran), StoreError> {
    let (mut facts, mut ran) = (Vec::new(), Ran::default());
    let mut after = 0;
    loop {
        let part = read_part(db, folder, job, after, PART).await?;
        let Some(last) = part.last() else { return Ok((facts, ran)) };
        after = last.last;
        part.iter().for_each(|entry| ran.add(entry));
        facts.extend(part.into_iter().flat_map(|entry| entry.facts));
    }
}

/// The entries of a job in order, read a part at a time.
#[derive(Debug)]
pub struct Facts<'a> {
    reader: &'a mut Reader,
    job: JobId,
    part: std::vec::IntoIter<Entry>,
    after: u64,
    is_over: bool,
}

impl Reader {
    /// What is on record of a job, in order. Ends where the record ended when it came there.
    pub fn facts(&mut self, job: JobId) -> Facts<'_> {
        self.facts_after(job, 0)
    }

    /// The same from the entry on that comes after a fact's number.
    pub fn facts_after(&mut self, job: JobId, after: u64) -> Facts<'_> {
        Facts { reader: self, job, part: Vec::new().into_iter(), after, is_over: false }
    }

    /// What has come after a fact's number; waits for something to come, at most so long.
    ///
    /// # Errors
    ///
    /// Whatever is wrong with the store: see [`StoreError`].
    pub fn follow(&mut self, job: JobId, after: u64, most: Duration) -> Result<Vec<Entry>, StoreError> {
        let start = Instant::now();
        loop {
            let seen = self.version()?;
            let part = self.runtime.block_on(read_part(&mut self.db, &self.folder, job, after, PART))?;
            if !part.is_empty() || start.elapsed() >= most {
                return Ok(part);
            }
            self.wait_for_more(seen, most.saturating_sub(start.elapsed()))?;
        }
    }
}

impl Iterator for Facts<'_> {
    type Item = Result<Entry, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(entry) = self.part.next() {
            self.after = entry.last;
            return Some(Ok(entry));
        }
        if self.is_over {
            return None;
        }
        let Reader { runtime, db, folder, .. } = &mut *self.reader;
        let part = runtime.block_on(read_part(db, folder, self.job, self.after, PART));
        match part {
            Ok(part) => {
                self.is_over = part.is_empty();
                self.part = part.into_iter();
                self.next()
            }
            Err(error) => {
                self.is_over = true;
                Some(Err(error))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use pogo_plan::outcome::JobState;

    use super::*;

    fn ran(entries: &[(u64, i64, bool)]) -> u64 {
        let mut ran = Ran::default();
        for &(epoch, ms, is_resumed) in entries {
            let fact = if is_resumed {
                Fact::Commanded { command: Command::Resume, by: Box::default() }
            } else {
                Fact::JobState { state: JobState::Running }
            };
            ran.add(&Entry { last: 0, epoch, wall: ms * 1000, facts: vec![fact] });
        }
        ran.ms()
    }

    #[test]
    fn pauses_between_processes_do_not_count() {
        assert_eq!(ran(&[]), 0);
        assert_eq!(ran(&[(1, 500, false)]), 0);
        assert_eq!(ran(&[(1, 500, false), (1, 520, false), (1, 800, false)]), 300);
        assert_eq!(ran(&[(1, 500, false), (1, 800, false), (2, 9_000, false), (2, 9_050, false)]), 350);
        assert_eq!(ran(&[(1, 0, false), (1, 10, false), (2, 50, false), (3, 70, false), (3, 75, false)]), 15);
    }

    #[test]
    fn a_job_that_ended_has_its_whole_time_again() {
        let ended = [(1, 500, false), (1, 800, false), (2, 9_000, true), (2, 9_050, false)];
        assert_eq!(ran(&ended), 50);
        let interrupted_again = [&ended[..], &[(3, 20_000, false), (3, 20_007, false)]].concat();
        assert_eq!(ran(&interrupted_again), 57);
    }

    #[test]
    fn a_clock_that_is_set_back_takes_nothing_away() {
        assert_eq!(ran(&[(1, 500, false), (1, 800, false), (2, 100, false), (2, 40, false)]), 300);
    }
}
