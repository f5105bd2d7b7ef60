//! Operators, while jobs run and afterwards.

#![expect(clippy::indexing_slicing, reason = "the simulator is a test: a panic in it is a finding")]

use std::collections::VecDeque;
use std::sync::Arc;

use pogo_plan::HostIdx;
use pogo_plan::event::{Command, Setting, Verdict};
use pogo_plan::job::OnFailure;
use pogo_plan::outcome::{HostState, JobState};

use super::{LEDGER, Msg, OPERATOR, World, job_actor};
use crate::job;
use crate::ledger::Op;

impl World<'_> {
    /// An operator does something.
    pub(super) fn operator(&mut self) {
        let job = usize::try_from(self.chance.below(self.jobs.len() as u64)).unwrap_or(0);
        let plan = Arc::clone(&self.jobs[job].plan);
        let Some(host) = self.chance.pick(&plan.targets) else { return };
        let n_targets = plan.targets.len() as u32;
        let command = match self.chance.below(12) {
            0 => Command::Halt { stop_running: self.chance.percent(50) },
            1 => Command::Stop { host },
            2 | 3 => Command::Skip { host },
            4 | 5 => Command::Retry { host },
            6 | 7 => Command::Resume,
            8 => {
                let name = plan.hosts.name(host).to_owned();
                self.send(OPERATOR, LEDGER, Msg::Ledger(Op::Release { host: name }));
                return;
            }
            9 => match self.chance.below(4) {
                0 => Command::Alter(Setting::OnFailure(OnFailure::Continue)),
                1 => Command::Alter(Setting::Concurrent(Some(self.chance.between(1, n_targets)))),
                2 => Command::Alter(Setting::StaggerMs(self.chance.below(5_000))),
                _ => Command::Alter(Setting::MaxFailures(None)),
            },
            _ => return self.probe(job, host),
        };
        self.command(job, command);
    }

    pub(super) fn command(&mut self, job: usize, command: Command<HostIdx>) {
        let life = self.jobs[job].life;
        let event = job::Event::Command { command, by: Box::default() };
        self.send(OPERATOR, job_actor(job), Msg::Job(job, life, event));
    }

    /// Looks at a host of which nobody knows, and says what became of it if it runs no longer.
    pub(super) fn probe(&mut self, job: usize, host: HostIdx) {
        let machine = self.jobs[job].machine.as_ref();
        let Some((HostState::Unknown, attempt)) = machine.and_then(|machine| machine.host(host)) else {
            return;
        };
        let truth = self.oracle.truth.get(&(job, host.index(), attempt.0)).copied().unwrap_or_default();
        if truth.started_at.is_some() && truth.ended_at.is_none() {
            return;
        }
        let verdict = if truth.succeeded { Verdict::Succeeded } else { Verdict::Failed };
        self.command(job, Command::Decide { host, verdict });
    }

    /// Nothing happens any more: operators mend what is bad, and resume.
    pub(super) fn repair(&mut self) {
        self.is_repaired = self.chance.percent(50);
        for job in 0..self.jobs.len() {
            if self.oracle.jobs[job].job_state == JobState::Succeeded {
                continue;
            }
            // What still runs unseen is ended by hand first.
            let unseen: VecDeque<_> = self.jobs[job].processes.keys().copied().collect();
            for (host, attempt) in unseen {
                self.jobs[job].processes.remove(&(host, attempt));
                self.oracle.process_ends(self.now, job, host, attempt, false);
            }
            let plan = Arc::clone(&self.jobs[job].plan);
            for &host in &plan.targets {
                self.probe(job, host);
                match self.chance.below(3) {
                    0 => self.command(job, Command::Skip { host }),
                    _ => self.command(job, Command::Retry { host }),
                }
                if self.chance.percent(10) {
                    let name = plan.hosts.name(host).to_owned();
                    self.send(OPERATOR, LEDGER, Msg::Ledger(Op::Release { host: name }));
                }
            }
            self.command(job, Command::Resume);
        }
    }
}
