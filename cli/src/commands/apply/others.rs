//! Jobs of other processes that this one waits for: which hosts they have out of service.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use pogo_plan::event::{JobId, WaitsFor};
use pogo_plan::outcome::HostState;
use pogo_store::{OutHost, Reader, Store};

use crate::run::words;

/// What is out of service is asked for no more often than this: each question reads the whole ledger.
const PAUSE: Duration = Duration::from_secs(1);
/// Hosts that are named.
const MAX_NAMED: usize = 3;

/// Looks who has what a host waits for. Opens the store at the first question; what goes wrong there is left out of the
/// words and nothing else.
pub(super) struct Others {
    store: Store,
    reader: Option<Reader>,
    namespace: String,
    job: JobId,
    out: Option<(Instant, Vec<OutHost>)>,
    /// What was said of each limit last: it is said once.
    said: HashMap<String, String>,
}

impl Others {
    pub(super) fn new(store: Store, namespace: String, job: JobId) -> Self {
        Self { store, reader: None, namespace, job, out: None, said: HashMap::new() }
    }

    /// Which hosts of which other jobs it is that a host waits for; nothing if there are none, or that was said.
    pub(super) fn words(&mut self, waits: &WaitsFor) -> Option<String> {
        let limit = match waits {
            WaitsFor::Limit { limit } => limit,
            WaitsFor::OtherJob { .. } => return Some("goes on by itself when that has ended".to_owned()),
            _ => return None,
        };
        let text = self.holders(limit)?;
        if self.said.get(limit) == Some(&text) {
            return None;
        }
        self.said.insert(limit.clone(), text.clone());
        Some(text)
    }

    fn holders(&mut self, limit: &str) -> Option<String> {
        let job = self.job;
        let out = self.look()?;
        let holders: Vec<(&str, JobId, Option<HostState>)> = out
            .iter()
            .filter(|host| host.limits.iter().any(|of| of.limit == limit))
            .filter_map(|host| {
                let running = host.running.map(|(job, _)| (job, None));
                let bad = host.bad.iter().map(|bad| (bad.job, Some(bad.state)));
                let (other, how) = running.into_iter().chain(bad).find(|(other, _)| *other != job)?;
                Some((host.host.as_str(), other, how))
            })
            .collect();
        let (first, _) = holders.split_first()?;
        let mut named: Vec<String> = holders
            .iter()
            .take(MAX_NAMED)
            .map(|(host, other, how)| match how {
                None => format!("{host} runs in job {other}"),
                Some(state) => format!("{host} is {} in job {other}", words::host_state(*state)),
            })
            .collect();
        if holders.len() > MAX_NAMED {
            named.push(format!("{} more", holders.len() - MAX_NAMED));
        }
        let end = match holders.iter().all(|(_, _, how)| how.is_some()) {
            true => format!("; `pogo status {}` says what to do", first.1),
            false => "; goes on by itself".to_owned(),
        };
        Some(named.join(", ") + &end)
    }

    fn look(&mut self) -> Option<&[OutHost]> {
        if self.out.as_ref().is_none_or(|(when, _)| when.elapsed() >= PAUSE) {
            if self.reader.is_none() {
                self.reader = Reader::open(&self.store).ok();
            }
            let out = self.reader.as_mut()?.out(&self.namespace).ok()?;
            self.out = Some((Instant::now(), out));
        }
        self.out.as_ref().map(|(_, out)| out.as_slice())
    }
}
