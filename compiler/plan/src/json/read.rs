//! Reading a plan: host names go straight into the table of hosts, whatever the order of the keys.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor},
};

use super::PlanError;
use crate::{HostIdx, HostTable, Job, Limit, Plan, Slot, Thread, plan::FORMAT};

impl Plan {
    /// Reads a plan and makes sure of it: its format, its digest, and that it does not contradict itself
    /// ([`Plan::check`]). White space and the order of keys are free.
    ///
    /// # Errors
    ///
    /// Everything that is not exactly a plan of format [`FORMAT`] is refused; see [`PlanError`].
    pub fn read_json(bytes: &[u8]) -> Result<Self, PlanError> {
        let (plan, stated) = read(bytes).map_err(|error| match format_of(bytes) {
            Some(found) if found != FORMAT => PlanError::Format { found },
            _ => PlanError::Json(error),
        })?;
        let computed = plan.digest();
        if stated != computed {
            return Err(PlanError::Digest { stated, computed });
        }
        let faults = plan.check();
        if faults.is_empty() { Ok(plan) } else { Err(PlanError::Faults(faults)) }
    }
}

fn read(bytes: &[u8]) -> serde_json::Result<(Plan, String)> {
    let mut hosts = HostTable::new();
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let mut parts = Seed::<PlanParts>::new(&mut hosts).deserialize(&mut json)?;
    json.end()?;
    hosts.shrink_to_fit();
    parts.plan.hosts = hosts;
    Ok((parts.plan, parts.digest))
}

/// What a file that could not be read says of its format, wherever in it: that explains more than whatever else is
/// wrong with it.
fn format_of(bytes: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Head {
        format: String,
    }
    serde_json::from_slice(bytes).ok().map(|Head { format }| format)
}

/// A plan whose table of hosts is still being filled, and the digest that it states.
struct PlanParts {
    plan: Plan,
    digest: String,
}

/// Reads a `T`, whose host names go into `hosts`.
struct Seed<'a, T> {
    hosts: &'a mut HostTable,
    made: PhantomData<T>,
}

impl<'a, T> Seed<'a, T> {
    fn new(hosts: &'a mut HostTable) -> Self {
        Self { hosts, made: PhantomData }
    }
}

/// Objects with hosts somewhere in them.
trait Object: Sized {
    /// "a plan", for messages.
    const WHAT: &'static str;

    fn read<'de, A: MapAccess<'de>>(hosts: &mut HostTable, map: A) -> Result<Self, A::Error>;
}

impl<'de, T: Object> DeserializeSeed<'de> for Seed<'_, T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, T: Object> Visitor<'de> for Seed<'_, T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::WHAT)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::read(self.hosts, map)
    }
}

/// A list of objects with hosts in them.
struct ListSeed<'a, T>(Seed<'a, T>);

impl<'de, T: Object> DeserializeSeed<'de> for ListSeed<'_, T> {
    type Value = Vec<T>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<T>, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, T: Object> Visitor<'de> for ListSeed<'_, T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list, of which each is {}", T::WHAT)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<T>, A::Error> {
        let mut list = Vec::new();
        while let Some(part) = seq.next_element_seed(Seed::new(self.0.hosts))? {
            list.push(part);
        }
        Ok(list)
    }
}

/// A list of host names.
struct NamesSeed<'a>(&'a mut HostTable);

impl<'de> DeserializeSeed<'de> for NamesSeed<'_> {
    type Value = Vec<HostIdx>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<HostIdx>, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for NamesSeed<'_> {
    type Value = Vec<HostIdx>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of host names")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<HostIdx>, A::Error> {
        let mut list = Vec::new();
        let mut guesses = [0, 0];
        while let Some(host) = seq.next_element_seed(NameSeed { hosts: self.0, guesses })? {
            let at = host.index();
            let before = list.last().copied().map_or(at, HostIdx::index);
            guesses = [at + 1, at + at.saturating_sub(before)];
            list.push(host);
        }
        list.shrink_to_fit();
        Ok(list)
    }
}

/// One host name.
struct NameSeed<'a> {
    hosts: &'a mut HostTable,
    /// Numbers that this host may well have: hosts mostly stand in the order of the targets, one by one or at equal
    /// steps. A look at a name costs far less than a search.
    guesses: [usize; 2],
}

impl<'de> DeserializeSeed<'de> for NameSeed<'_> {
    type Value = HostIdx;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<HostIdx, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for NameSeed<'_> {
    type Value = HostIdx;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a host name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<HostIdx, E> {
        let mut guesses = self.guesses.into_iter().filter_map(HostIdx::from_index);
        if let Some(host) = guesses.find(|&host| !name.is_empty() && self.hosts.name(host) == name) {
            return Ok(host);
        }
        let found =
            self.hosts.intern(name).ok_or_else(|| E::custom("the names of the hosts fill four gigabytes"))?;
        // Refused here and not in the check: a table full of twins would be slow to fill.
        if let Some(twin) = found.twin {
            let twin = self.hosts.name(twin);
            return Err(E::custom(format_args!(
                "hosts `{twin}` and `{name}` differ only in case or in a trailing dot"
            )));
        }
        Ok(found.host)
    }
}

/// Keeps the value of a key that stands once.
fn put<T, E: Error>(field: &mut Option<T>, name: &'static str, value: T) -> Result<(), E> {
    match field.replace(value) {
        None => Ok(()),
        Some(_) => Err(E::duplicate_field(name)),
    }
}

fn need<T, E: Error>(field: Option<T>, name: &'static str) -> Result<T, E> {
    field.ok_or_else(|| E::missing_field(name))
}

impl Object for PlanParts {
    const WHAT: &'static str = "a plan";

    fn read<'de, A: MapAccess<'de>>(hosts: &mut HostTable, mut map: A) -> Result<Self, A::Error> {
        #[derive(Deserialize)]
        #[serde(field_identifier, rename_all = "snake_case")]
        enum Key {
            Format,
            Digest,
            Namespace,
            Targets,
            Threads,
            Limits,
            Job,
            Origin,
        }
        let (mut format, mut digest, mut namespace, mut targets) = (None::<String>, None, None, None);
        let (mut threads, mut limits, mut job, mut origin) = (None, None, None::<Job>, None);
        while let Some(key) = map.next_key()? {
            match key {
                Key::Format => {
                    let stated: String = map.next_value()?;
                    if stated != FORMAT {
                        return Err(A::Error::custom("the format is another"));
                    }
                    put(&mut format, "format", stated)?;
                }
                Key::Digest => put(&mut digest, "digest", map.next_value()?)?,
                Key::Namespace => put(&mut namespace, "namespace", map.next_value()?)?,
                Key::Targets => put(&mut targets, "targets", map.next_value_seed(NamesSeed(hosts))?)?,
                Key::Threads => {
                    put(&mut threads, "threads", map.next_value_seed(ListSeed(Seed::new(hosts)))?)?;
                }
                Key::Limits => put(&mut limits, "limits", map.next_value_seed(ListSeed(Seed::new(hosts)))?)?,
                Key::Job => put(&mut job, "job", map.next_value()?)?,
                Key::Origin => put(&mut origin, "origin", map.next_value()?)?,
            }
        }
        need(format, "format")?;
        let plan = Plan {
            namespace: need(namespace, "namespace")?,
            hosts: HostTable::new(),
            targets: need(targets, "targets")?,
            threads: need(threads, "threads")?,
            limits: need(limits, "limits")?,
            job: need(job, "job")?,
            origin: need(origin, "origin")?,
        };
        Ok(Self { plan, digest: need(digest, "digest")? })
    }
}

impl Object for Thread {
    const WHAT: &'static str = "a thread";

    fn read<'de, A: MapAccess<'de>>(hosts: &mut HostTable, mut map: A) -> Result<Self, A::Error> {
        #[derive(Deserialize)]
        #[serde(field_identifier, rename_all = "snake_case")]
        enum Key {
            Id,
            Slots,
        }
        let (mut id, mut slots) = (None, None);
        while let Some(key) = map.next_key()? {
            match key {
                Key::Id => put(&mut id, "id", map.next_value()?)?,
                Key::Slots => put(&mut slots, "slots", map.next_value_seed(ListSeed(Seed::new(hosts)))?)?,
            }
        }
        Ok(Self { id: need(id, "id")?, slots: need(slots, "slots")? })
    }
}

impl Object for Slot {
    const WHAT: &'static str = "a slot";

    fn read<'de, A: MapAccess<'de>>(table: &mut HostTable, mut map: A) -> Result<Self, A::Error> {
        #[derive(Deserialize)]
        #[serde(field_identifier, rename_all = "snake_case")]
        enum Key {
            Id,
            Hosts,
            PauseAfterMs,
            MaxFailures,
            At,
        }
        let (mut id, mut hosts, mut pause_after_ms, mut max_failures, mut at) =
            (None, None, None, None, None);
        while let Some(key) = map.next_key()? {
            match key {
                Key::Id => put(&mut id, "id", map.next_value()?)?,
                Key::Hosts => put(&mut hosts, "hosts", map.next_value_seed(NamesSeed(table))?)?,
                Key::PauseAfterMs => put(&mut pause_after_ms, "pause_after_ms", map.next_value()?)?,
                Key::MaxFailures => put(&mut max_failures, "max_failures", map.next_value()?)?,
                Key::At => put(&mut at, "at", map.next_value()?)?,
            }
        }
        Ok(Self { id: need(id, "id")?, hosts: need(hosts, "hosts")?, pause_after_ms, max_failures, at })
    }
}

impl Object for Limit {
    const WHAT: &'static str = "a limit";

    fn read<'de, A: MapAccess<'de>>(hosts: &mut HostTable, mut map: A) -> Result<Self, A::Error> {
        #[derive(Deserialize)]
        #[serde(field_identifier, rename_all = "snake_case")]
        enum Key {
            Id,
            MaxParallel,
            Declared,
            GroupSize,
            Members,
            At,
        }
        let (mut id, mut max_parallel, mut declared, mut group_size) = (None, None, None, None);
        let (mut members, mut at) = (None, None);
        while let Some(key) = map.next_key()? {
            match key {
                Key::Id => put(&mut id, "id", map.next_value()?)?,
                Key::MaxParallel => put(&mut max_parallel, "max_parallel", map.next_value()?)?,
                Key::Declared => put(&mut declared, "declared", map.next_value()?)?,
                Key::GroupSize => put(&mut group_size, "group_size", map.next_value()?)?,
                Key::Members => put(&mut members, "members", map.next_value_seed(NamesSeed(hosts))?)?,
                Key::At => put(&mut at, "at", map.next_value()?)?,
            }
        }
        Ok(Self {
            id: need(id, "id")?,
            max_parallel: need(max_parallel, "max_parallel")?,
            declared: need(declared, "declared")?,
            group_size: need(group_size, "group_size")?,
            members: need(members, "members")?,
            at,
        })
    }
}
