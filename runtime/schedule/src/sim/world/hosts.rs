//! Workers and the processes that they start on hosts.

#![expect(clippy::indexing_slicing, reason = "the simulator is a test: a panic in it is a finding")]

use pogo_plan::HostIdx;
use pogo_plan::outcome::{Attempt, Exit, Outcome, Phase};

use super::{MS, Msg, Process, World, task_actor, worker_actor};
use crate::host_task;

impl World<'_> {
    pub(super) fn worker_start(
        &mut self,
        job: usize,
        life: u32,
        host: HostIdx,
        attempt: Attempt,
    ) -> Result<(), String> {
        let scenario = self.scenario;
        let timeout = self.jobs[job].plan.job.timeout_ms;
        let verifies = self.jobs[job].plan.job.verify.is_some();
        let calm = self.is_repaired;
        let dice = self.chance.below(100);
        let unreachable = if calm { 0 } else { scenario.unreachable };
        let me = worker_actor(job, host);
        let task = |event| Msg::Task(job, life, host, event);
        if dice < unreachable {
            let after = self.chance.below(10_000) * MS;
            let ended = host_task::Event::Ended { attempt, outcome: Outcome::Unreachable };
            self.send_after(after, me, task_actor(job, host), task(ended));
            return Ok(());
        }
        self.oracle.process_starts(self.now, job, host, attempt)?;
        let (fails, hangs, lost) =
            if calm { (0, 0, 0) } else { (scenario.fails, scenario.hangs, scenario.lost) };
        let is_lost = self.chance.percent(lost);
        self.jobs[job].processes.insert((host, attempt), Process { hears: !is_lost });
        let started = self.chance.below(2_000) * MS;
        let run = started + (1 + self.chance.below(scenario.run_ms.min(timeout * 2 / 3))) * MS;
        self.send_after(started, me, task_actor(job, host), task(host_task::Event::Started { attempt }));
        let failed = Outcome::Failed { exit: Exit::Status(1), phase: Phase::Command };
        let outcome = if self.chance.percent(fails) { failed } else { Outcome::Succeeded };
        if is_lost {
            // The process runs on; the connection breaks, at once or after a while, or nothing is ever heard.
            if self.chance.percent(50) {
                let after = started + self.chance.below(run - started + 1);
                self.send_after(after, me, task_actor(job, host), task(host_task::Event::Lost { attempt }));
            }
            let after = if self.chance.percent(50) { run } else { run * 20 };
            self.at(self.now + after, Msg::ProcessEnds(job, life, host, attempt, outcome, false));
        } else if self.chance.percent(hangs) {
            if self.chance.percent(50) {
                // The host keeps the deadline itself.
                let after = started + timeout * MS;
                let ends = Msg::ProcessEnds(job, life, host, attempt, Outcome::TimedOut, true);
                self.at(self.now + after, ends);
            }
        } else {
            if verifies && outcome == Outcome::Succeeded {
                let verify = host_task::Event::Phase { attempt, phase: Phase::Verify };
                self.send_after(run, me, task_actor(job, host), task(verify));
            }
            let verify = if verifies { self.chance.below(20_000) * MS } else { 0 };
            self.at(self.now + run + verify, Msg::ProcessEnds(job, life, host, attempt, outcome, true));
        }
        Ok(())
    }

    pub(super) fn worker_kill(&mut self, job: usize, life: u32, host: HostIdx, attempt: Attempt) {
        match self.jobs[job].processes.get(&(host, attempt)) {
            Some(process) if process.hears => {
                let after = self.chance.below(5_000) * MS;
                let outcome = Outcome::Stopped;
                self.at(self.now + after, Msg::ProcessEnds(job, life, host, attempt, outcome, true));
            }
            _ => {}
        }
    }
}
