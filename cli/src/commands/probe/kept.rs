//! Asking about a job that is in the store, and putting the answers on record.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use pogo_actors::{RunOptions, TakeUp};
use pogo_plan::outcome::{Attempt, HostState};
use pogo_plan::worker::AttemptKey;
use pogo_plan::{Job, Plan};
use pogo_store::Status;
use pogo_transport::ssh::Ssh;
use pogo_transport::wrapper::Probed;
use pogo_transport::{Learned, Probing, Progress, Refused, Running, Stop, Transport};

use super::super::apply::secrets;
use super::super::status;
use super::*;
use crate::kept;

/// What a host said of an attempt.
type Heard = Arc<Mutex<BTreeMap<(String, Attempt), Result<Probed, String>>>>;

/// Asks hosts, and remembers what they said. An answer is asked for once.
struct Witness {
    ssh: Ssh,
    /// How hosts are reached, which may differ from what the plan says.
    job: Arc<Job>,
    heard: Heard,
}

impl Transport for Witness {
    fn check(&self, job: &Job) -> Result<(), Refused> {
        self.ssh.check(job)
    }

    fn attempt(&self, attempt: pogo_transport::Attempt, progress: Progress, stop: Stop) -> Running {
        self.ssh.attempt(attempt, progress, stop)
    }

    fn probe(&self, attempt: pogo_transport::Attempt) -> Probing {
        let (ssh, job, heard) = (self.ssh.clone(), Arc::clone(&self.job), Arc::clone(&self.heard));
        Box::pin(async move {
            let key = attempt.key;
            let name = (key.host.to_string(), key.attempt);
            if heard.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&name) {
                return None;
            }
            // The host forgets an end only when it is on record.
            let said = ssh.look(&key, &job).await.map_err(|failure| failure.to_string());
            let known = match &said {
                Ok(Probed::Ended(outcome)) => Some(Learned::new(*outcome)),
                Ok(_) | Err(_) => None,
            };
            heard.lock().unwrap_or_else(PoisonError::into_inner).insert(name, said);
            known
        })
    }
}

/// Runs the verb for a job that is kept.
pub(super) fn run(
    args: &ProbeArgs,
    row: &JobRow,
    kept: &Kept,
    mut reader: Reader,
    app: &App,
) -> Result<ExitCode, Failure> {
    let plan = reader.plan(row.id).map_err(problem::of_store)?;
    let status = reader.status(&row.id.to_string()).map_err(problem::of_store)?;
    let Some(asked) = asked(args, &plan, &status, app)? else { return Ok(ExitCode::Usage) };
    let owner = status.job.owner.as_deref();
    if asked.is_empty() {
        let report = Report { job: row.id, owner: None, answers: &[] };
        return tell(&report, args.format, app, |to| {
            writeln!(to, "job {}: no attempt is without an end on record", row.id)
        });
    }
    let Some(job) = over(plan.job.clone(), args, app)? else { return Ok(ExitCode::Usage) };
    let ssh = open(&job, args)?;
    if owner.is_some() || args.attempt.is_some() {
        let answers = look(&asked, &status, &job, &ssh, args)?;
        return tell(&Report { job: row.id, owner, answers: &answers }, args.format, app, |_| Ok(()));
    }
    let options = RunOptions {
        job: row.id,
        seed: 0,
        fanout: 1,
        max_connecting: args.max_connecting.get(),
        secrets: secrets::read(&plan.job.secrets)?,
    };
    let heard = Heard::default();
    let witness = Witness { ssh: ssh.clone(), job: Arc::new(job.clone()), heard: Arc::clone(&heard) };
    let transport: Arc<dyn Transport> = Arc::new(witness);
    let at = TakeUp {
        store: kept.store.clone(),
        namespace: row.namespace.clone(),
        by: kept::author(Some("probe")),
    };
    let hosts: Vec<String> = asked.iter().map(|(host, _)| host.clone()).collect();
    let learned = pogo_actors::probe(&at, &hosts, &options, &transport).map_err(problem::of_run)?;
    let learned: HashSet<String> = learned.into_iter().map(|(host, _)| host).collect();
    forget(&status, &learned, row.id, &job, &ssh, args)?;
    let mut heard = std::mem::take(&mut *heard.lock().unwrap_or_else(PoisonError::into_inner));
    let answers: Vec<Answer> = open_attempts(&status)
        .filter_map(|(host, attempt)| {
            let said = heard.remove(&(host.clone(), attempt));
            let said = said.or_else(|| hosts.contains(&host).then(|| Err("no answer in time".to_owned())))?;
            let fate = if learned.contains(&host) { Fate::Recorded } else { Fate::Kept };
            Some(Answer { host, attempt, said, fate })
        })
        .collect();
    let report = Report { job: row.id, owner: None, answers: &answers };
    let now = reader.status(&row.id.to_string()).map_err(problem::of_store)?;
    let skipped = status::passed_over(&mut reader, row.id, &plan)?;
    tell(&report, args.format, app, |to| {
        status::write_next(&now, &[], &skipped, &plan, &kept.option, app.terminal.stdout, to)
    })
}

/// The attempts that have no end on record.
fn open_attempts(status: &Status) -> impl Iterator<Item = (String, Attempt)> {
    let open = status.hosts.iter().filter(|row| matches!(row.state, HostState::Running | HostState::Unknown));
    open.map(|row| (row.host.clone(), row.attempt))
}

/// The attempts that are asked about; `None` if the hosts are wrong, which has been reported.
fn asked(
    args: &ProbeArgs,
    plan: &Plan,
    status: &Status,
    app: &App,
) -> Result<Option<Vec<(String, Attempt)>>, Failure> {
    let open: Vec<_> = open_attempts(status).collect();
    let names = if args.hosts.is_empty() {
        open.iter().map(|(host, _)| host.clone()).collect()
    } else {
        let Some(hosts) = kept::targets(plan, status.job.id, &args.hosts, app)? else { return Ok(None) };
        hosts.into_iter().map(|(_, name)| name).collect::<Vec<_>>()
    };
    if let Some(attempt) = args.attempt {
        return Ok(Some(names.into_iter().map(|name| (name, Attempt(attempt.get()))).collect()));
    }
    let find = |name: String| {
        open.iter().find(|(host, _)| *host == name).cloned().ok_or_else(|| Failure::Refused {
            message: format!("no attempt on `{name}` is without an end on record"),
            help: Some(format!(
                "`pogo log {} {name}` says what is on record; `--attempt N` asks the host all the same",
                status.job.id
            )),
        })
    };
    names.into_iter().map(find).collect::<Result<_, _>>().map(Some)
}

/// Asks, and changes nothing. A host to which the process of the job is connected is not asked: it keeps no record of an
/// attempt as long as somebody listens, and would say that there is no trace of it.
fn look(
    asked: &[(String, Attempt)],
    status: &Status,
    job: &Job,
    ssh: &Ssh,
    args: &ProbeArgs,
) -> Result<Vec<Answer>, Failure> {
    let id = status.job.id;
    let is_watched = |host: &str, attempt| {
        let mut rows = status.hosts.iter();
        status.job.owner.is_some()
            && rows.any(|row| {
                row.state == HostState::Running && (row.host.as_str(), row.attempt) == (host, attempt)
            })
    };
    many::ask(asked.to_vec(), args.max_connecting, |(host, attempt)| {
        let (ssh, job, is_watched) = (ssh.clone(), job.clone(), is_watched(&host, attempt));
        async move {
            if is_watched {
                return Answer { host, attempt, said: Ok(Probed::Running), fate: Fate::Watched };
            }
            let key = AttemptKey { job: id, host: host.as_str().into(), attempt };
            let said = ssh.look(&key, &job).await.map_err(|failure| failure.to_string());
            Answer { host, attempt, said, fate: Fate::Kept }
        }
    })
}

/// Lets hosts forget ends that are on record now. One that is not reached any more forgets it by itself after a week.
fn forget(
    status: &Status,
    learned: &HashSet<String>,
    id: JobId,
    job: &Job,
    ssh: &Ssh,
    args: &ProbeArgs,
) -> Result<(), Failure> {
    let known = open_attempts(status).filter(|(host, _)| learned.contains(host)).collect();
    let _said = many::ask(known, args.max_connecting, |(host, attempt): (String, Attempt)| {
        let (ssh, job) = (ssh.clone(), job.clone());
        async move {
            let key = AttemptKey { job: id, host: host.as_str().into(), attempt };
            ssh.probe(&key, &job, None).await.is_ok()
        }
    })?;
    Ok(())
}
