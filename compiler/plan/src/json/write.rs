//! A plan as serde sees it, host names straight from their table, and as a file.

use std::io;

use serde::ser::{Serialize, SerializeSeq, SerializeStruct, Serializer};

use super::layout::Layout;
use crate::{HostIdx, HostTable, Limit, Plan, Slot, Thread, plan::FORMAT};

impl Plan {
    /// Writes the plan as one JSON object that a person can read, ending with a line feed. The same plan gives the
    /// same bytes. The writer gets many small pieces: hand in a buffered one.
    ///
    /// # Errors
    ///
    /// What the writer says.
    pub fn write_json(&self, mut writer: impl io::Write) -> io::Result<()> {
        let mut json = serde_json::Serializer::with_formatter(&mut writer, Layout::default());
        self.serialize(&mut json).map_err(io::Error::from)?;
        writer.write_all(b"\n")
    }
}

/// The fields of `formats.md` in its order, `digest` computed; for every format that serde knows.
impl Serialize for Plan {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { namespace, hosts, targets, threads, limits, job, origin } = self;
        let mut plan = serializer.serialize_struct("Plan", 8)?;
        plan.serialize_field("format", FORMAT)?;
        plan.serialize_field("digest", &self.digest())?;
        plan.serialize_field("namespace", namespace)?;
        plan.serialize_field("targets", &Names { hosts, list: targets })?;
        plan.serialize_field("threads", &List { hosts, list: threads })?;
        plan.serialize_field("limits", &List { hosts, list: limits })?;
        plan.serialize_field("job", job)?;
        plan.serialize_field("origin", origin)?;
        plan.end()
    }
}

/// Hosts by their names.
struct Names<'a> {
    hosts: &'a HostTable,
    list: &'a [HostIdx],
}

impl Serialize for Names<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.list.iter().map(|&host| self.hosts.name(host)))
    }
}

/// Parts of a plan, each together with the table of its hosts' names.
struct List<'a, T> {
    hosts: &'a HostTable,
    list: &'a [T],
}

impl<T> Serialize for List<'_, T>
where
    for<'a> Named<'a, T>: Serialize,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.list.len()))?;
        for part in self.list {
            list.serialize_element(&Named { hosts: self.hosts, part })?;
        }
        list.end()
    }
}

struct Named<'a, T> {
    hosts: &'a HostTable,
    part: &'a T,
}

impl Serialize for Named<'_, Thread> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Thread { id, slots } = self.part;
        let mut thread = serializer.serialize_struct("Thread", 2)?;
        thread.serialize_field("id", id)?;
        thread.serialize_field("slots", &List { hosts: self.hosts, list: slots })?;
        thread.end()
    }
}

impl Serialize for Named<'_, Slot> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Slot { id, hosts, pause_after_ms, max_failures, at } = self.part;
        let fields = 2 + [pause_after_ms.is_some(), max_failures.is_some(), at.is_some()]
            .map(usize::from)
            .iter()
            .sum::<usize>();
        let mut slot = serializer.serialize_struct("Slot", fields)?;
        slot.serialize_field("id", id)?;
        slot.serialize_field("hosts", &Names { hosts: self.hosts, list: hosts })?;
        match pause_after_ms {
            Some(pause_after_ms) => slot.serialize_field("pause_after_ms", pause_after_ms)?,
            None => slot.skip_field("pause_after_ms")?,
        }
        match max_failures {
            Some(max_failures) => slot.serialize_field("max_failures", max_failures)?,
            None => slot.skip_field("max_failures")?,
        }
        match at {
            Some(at) => slot.serialize_field("at", at)?,
            None => slot.skip_field("at")?,
        }
        slot.end()
    }
}

impl Serialize for Named<'_, Limit> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Limit { id, max_parallel, declared, group_size, members, at } = self.part;
        let mut limit = serializer.serialize_struct("Limit", 5 + usize::from(at.is_some()))?;
        limit.serialize_field("id", id)?;
        limit.serialize_field("max_parallel", max_parallel)?;
        limit.serialize_field("declared", declared)?;
        limit.serialize_field("group_size", group_size)?;
        limit.serialize_field("members", &Names { hosts: self.hosts, list: members })?;
        match at {
            Some(at) => limit.serialize_field("at", at)?,
            None => limit.skip_field("at")?,
        }
        limit.end()
    }
}
