//! What operators do.

use std::sync::Arc;

use pogo_plan::event::{Author, Command, Fact, JobId};
use pogo_plan::outcome::{Attempt, HostState, Outcome};
use pogo_schedule::fault::Faults;
use pogo_schedule::ids::Slots;
use pogo_schedule::job::{Machine, Refusal};
use pogo_schedule::ledger::Op;
use pogo_schedule::policy::Policy;

use super::commit::Draft;
use super::writer::Writer;
use super::{CommandId, Decision};
use crate::error::StoreError;
use crate::lock::OwnerProbe;
use crate::namespace::number;

/// What became of an operator's word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Given {
    /// It was carried out here.
    Done,
    /// It is on record for the process that runs the job.
    ToOwner(CommandId),
    /// It is on record; nobody runs the job, so it waits until the job is taken up.
    Waits(CommandId),
}

/// What was deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// These jobs, with all that was kept of them.
    pub jobs: Vec<JobId>,
    /// Old enough and run by nobody, but kept: they have hosts out of service, or a process that lives has yet to read of them.
    pub kept: Vec<JobId>,
}

impl Writer {
    pub(super) async fn release(&mut self, host: &str, reason: &str) -> Result<(), StoreError> {
        let mut draft = self.begin_turn().await?;
        let work = async {
            self.advance(&mut draft).await?;
            let canonical = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
            let out = self.following.ledger().out_of_service().find(|out| out.host == canonical);
            let Some(out) = out else {
                let question = sqlx::query("SELECT name FROM namespaces WHERE id = ?").bind(self.namespace);
                let row = question.fetch_one(&mut self.db).await;
                let name = row.and_then(|row| sqlx::Row::try_get(&row, 0));
                let namespace = name.map_err(|error| StoreError::database(self.folder.root(), &error))?;
                return Err(StoreError::NotOut { host: host.to_owned(), namespace });
            };
            if let Some((job, _)) = out.running {
                return Err(StoreError::Running { host: host.to_owned(), job });
            }
            if let Some(&(job, ..)) = out.bad.iter().find(|(_, _, state)| *state == HostState::Unknown) {
                return Err(StoreError::NotReleased { host: host.to_owned(), job });
            }
            self.decide_by(None, Vec::new(), vec![Op::Release { host: canonical }], &mut draft);
            self.audit("release", host, None, reason).await
        };
        let done = work.await;
        self.end_order(done, draft).await
    }

    pub(super) async fn decide(&mut self, decision: Decision) -> Result<Given, StoreError> {
        let job = decision.job;
        if self.jobs.contains_key(&job) || OwnerProbe::new(&self.folder.job_lock(job)).is_alive() {
            let Decision { host, verdict, reason, .. } = decision;
            return self.give(job, &Command::Decide { host, verdict }, Some(reason)).await;
        }
        let mut draft = self.begin_turn().await?;
        let work = async {
            self.advance(&mut draft).await?;
            // Nobody else takes it up in the meantime: that needs the turn.
            self.take_up(job, &mut draft).await?;
            self.decide_now(decision, &mut draft).await
        };
        let done = work.await;
        let done = self.end_order(done, draft).await;
        self.disown(job);
        done
    }

    /// Decides about a host of a job that this session has taken up for a moment.
    async fn decide_now(&mut self, decision: Decision, draft: &mut Draft) -> Result<Given, StoreError> {
        let Decision { job, host: name, verdict, reason } = decision;
        let refused = |why| StoreError::Refused { job, why };
        let plan = self.following.load_plan(&mut self.db, &self.folder, job).await?;
        let host = plan.hosts.get(&name).ok_or_else(|| refused(Refusal::NotATarget))?;
        let (facts, _) = crate::read::facts::read_all(&mut self.db, &self.folder, job).await?;
        let slots = Arc::new(Slots::new(&plan));
        let machine = Machine::recover(job, Arc::clone(&plan), slots, 0, Faults::default(), facts);
        let (state, attempt) = machine.host(host).ok_or_else(|| refused(Refusal::NotATarget))?;
        let mut facts = Vec::new();
        let mut ops = Vec::new();
        match state {
            HostState::Unknown => {}
            // Granted, and the process that would have seen the end is gone.
            HostState::Running => {
                let outcome = Outcome::Unknown;
                facts.push(Fact::Ended { host, attempt, outcome, again: false });
                ops.push(Op::End { job, host, attempt, outcome });
            }
            state => return Err(refused(Refusal::HostIs(state))),
        }
        let by = Box::new(Author { name: self.who.user.clone(), reason: Some(reason.clone()) });
        facts.push(Fact::Commanded { command: Command::Decide { host, verdict }, by });
        let restores = Policy::of(&plan.job).restores;
        ops.push(Op::Decide { job, host: name.clone().into(), verdict, restores });
        self.decide_by(Some(job), facts, ops, draft);
        let what = match verdict {
            pogo_plan::event::Verdict::Succeeded => "decide succeeded",
            pogo_plan::event::Verdict::Failed => "decide failed",
        };
        let target = format!("{name} (attempt {attempt})", attempt = Attempt::to_string(&attempt));
        self.audit(what, &target, Some(job), &reason).await?;
        Ok(Given::Done)
    }

    pub(super) async fn give(
        &mut self,
        job: JobId,
        command: &Command,
        reason: Option<String>,
    ) -> Result<Given, StoreError> {
        self.check_place()?;
        let failed = |error| StoreError::database(self.folder.root(), &error);
        let question = sqlx::query("SELECT 1 FROM jobs WHERE id = ?").bind(number(job));
        if question.fetch_optional(&mut self.db).await.map_err(failed)?.is_none() {
            return Err(StoreError::NoJob { path: self.folder.root().to_owned(), text: job.to_string() });
        }
        let text = serde_json::to_string(command).map_err(|error| StoreError::Database {
            path: self.folder.root().to_owned(),
            detail: error.to_string(),
        })?;
        let row = "INSERT INTO commands (job, wall, author, uid, host, reason, command) VALUES (?, ?, ?, ?, ?, ?, ?)";
        let row = sqlx::query(row).bind(number(job)).bind(self.clock.wall()).bind(&self.who.user);
        let row = row.bind(self.who.uid).bind(&self.who.host).bind(reason).bind(text);
        let id = CommandId(row.execute(&mut self.db).await.map_err(failed)?.last_insert_rowid());
        self.voice.wake(&self.folder, job);
        let is_alive = self.jobs.contains_key(&job) || OwnerProbe::new(&self.folder.job_lock(job)).is_alive();
        Ok(if is_alive { Given::ToOwner(id) } else { Given::Waits(id) })
    }

    async fn audit(
        &mut self,
        what: &'static str,
        target: &str,
        job: Option<JobId>,
        reason: &str,
    ) -> Result<(), StoreError> {
        let row = "INSERT INTO audit (namespace, wall, author, uid, machine, what, target, job, reason) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";
        let row = sqlx::query(row).bind(self.namespace).bind(self.clock.wall()).bind(&self.who.user);
        let row = row.bind(self.who.uid).bind(&self.who.host).bind(what).bind(target);
        let row = row.bind(job.map(number)).bind(reason);
        let done = row.execute(&mut self.db).await;
        done.map(drop).map_err(|error| StoreError::database(self.folder.root(), &error))
    }
}
