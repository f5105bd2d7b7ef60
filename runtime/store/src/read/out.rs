//! Which hosts are out of service, and in which limits they count.

use std::collections::BTreeMap;

use hashbrown::{HashMap, HashSet};
use pogo_plan::event::JobId;
use pogo_plan::outcome::{Attempt, HostState};
use sqlx::Row;

use super::Reader;
use crate::db::RULES;
use crate::error::StoreError;
use crate::namespace::Namespace;
use crate::replica::Following;

/// A host out of service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutHost {
    /// Its name.
    pub host: String,
    /// Since when, in microseconds since 1970, as far as the wall clock of that time can be trusted.
    pub since: i64,
    /// The job that runs on it, and the attempt.
    pub running: Option<(JobId, Attempt)>,
    /// The jobs that left it bad.
    pub bad: Vec<BadIn>,
    /// The limits in force in which it takes a place, whatever job put it out of service: those of the jobs that have not
    /// ended. None if no such job has it in a limit.
    pub limits: Vec<InLimit>,
}

/// A limit in force in which a host takes a place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct InLimit {
    /// The group's selector.
    pub limit: String,
    /// The unfinished job that declares it.
    pub job: JobId,
    /// Hosts of the group that are out of service.
    pub in_use: u32,
    /// How many may be.
    pub max_parallel: u32,
}

/// A job that left a host bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadIn {
    /// The job; it may have ended long ago.
    pub job: JobId,
    /// The attempt.
    pub attempt: Attempt,
    /// How the host is bad.
    pub state: HostState,
}

impl Reader {
    /// The hosts of a namespace that are out of service, by name.
    ///
    /// # Errors
    ///
    /// Whatever is wrong with the store: see [`StoreError`].
    pub fn out(&mut self, namespace: &str) -> Result<Vec<OutHost>, StoreError> {
        let Some((id, replica)) = self.replica(namespace)? else { return Ok(Vec::new()) };
        let limits = limits_of(&replica);
        let boots = self.boots(id)?;
        let mut hosts: Vec<OutHost> = replica
            .ledger()
            .out_of_service()
            .map(|out| OutHost {
                host: out.host.to_owned(),
                since: wall_of(&boots, out.since.0),
                running: out.running,
                bad: out.bad.into_iter().map(|(job, attempt, state)| BadIn { job, attempt, state }).collect(),
                limits: limits.get(out.host).cloned().unwrap_or_default(),
            })
            .collect();
        hosts.sort_unstable_by(|one, other| one.host.cmp(&other.host));
        Ok(hosts)
    }

    /// The ledger of a namespace as it is now; nothing if there is no such namespace.
    pub(super) fn replica(&mut self, namespace: &str) -> Result<Option<(i64, Following)>, StoreError> {
        let (db, folder) = (&mut self.db, &self.folder);
        self.runtime.block_on(async {
            let Some(id) = Namespace::find(db, folder, namespace).await? else { return Ok(None) };
            // Snapshot and log belong together: one view of the database for both.
            let begun = sqlx::query("BEGIN").execute(&mut *db).await;
            begun.map_err(|error| StoreError::database(folder.root(), &error))?;
            let loaded = async {
                let found = Namespace::read(db, folder, id).await?;
                if found.rules > RULES || !found.is_idle(db, folder, id).await? {
                    found.follow(folder)?;
                }
                Following::load(db, folder, id).await
            };
            let loaded = loaded.await;
            let _ = sqlx::query("ROLLBACK").execute(&mut *db).await;
            Ok(Some((id, loaded?)))
        })
    }

    /// When boots began: in ledger time, and as the wall clock had it.
    fn boots(&mut self, namespace: i64) -> Result<BTreeMap<u64, i64>, StoreError> {
        let failed = |error| StoreError::database(self.folder.root(), &error);
        let question = sqlx::query("SELECT ns, wall FROM boots WHERE namespace = ?").bind(namespace);
        let rows = self.runtime.block_on(question.fetch_all(&mut self.db)).map_err(failed)?;
        let read = |row: &sqlx::sqlite::SqliteRow| {
            Ok((row.try_get::<i64, _>(0)?.unsigned_abs(), row.try_get::<i64, _>(1)?))
        };
        rows.iter().map(read).collect::<Result<_, _>>().map_err(failed)
    }
}

fn wall_of(boots: &BTreeMap<u64, i64>, ns: u64) -> i64 {
    let since = |(&from, &wall): (&u64, &i64)| {
        wall.saturating_add(i64::try_from(ns.saturating_sub(from) / 1_000).unwrap_or(i64::MAX))
    };
    boots.range(..=ns).next_back().or_else(|| boots.first_key_value()).map_or(0, since)
}

/// The limits in force of each host out of service, by the name that the ledger has for it, in the order of their selectors.
pub(super) fn limits_of(replica: &Following) -> HashMap<String, Vec<InLimit>> {
    let out: HashSet<&str> = replica.ledger().out_of_service().map(|out| out.host).collect();
    let mut limits: HashMap<String, Vec<InLimit>> = HashMap::new();
    for (job, plan) in replica.plans() {
        for limit in &plan.limits {
            let names = limit.members.iter().map(|&member| {
                let name = plan.hosts.name(member);
                name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
            });
            let names: Vec<String> = names.filter(|name| out.contains(name.as_str())).collect();
            let in_use = u32::try_from(names.len()).unwrap_or(u32::MAX);
            let max_parallel = limit.max_parallel;
            for name in names {
                let limit = InLimit { limit: limit.id.clone(), job, in_use, max_parallel };
                limits.entry(name).or_default().push(limit);
            }
        }
    }
    limits.values_mut().for_each(|limits| limits.sort_unstable());
    limits
}
