//! What the machines say to each other, to the ledger and to the world.

#![expect(clippy::indexing_slicing, reason = "the simulator is a test: a panic in it is a finding")]

use pogo_plan::HostIdx;
use pogo_plan::outcome::JobState;

use super::{LEDGER, Msg, World, job_actor, slot_actor, task_actor, thread_actor, worker_actor};
use crate::ids::{SlotIdx, ThreadIdx};
use crate::notice::Notice;
use crate::time::Monotonic;
use crate::{host_task, job, slot, thread};

impl World<'_> {
    pub(super) fn job(&mut self, job: usize, event: job::Event) -> Result<(), String> {
        let mut out = Vec::new();
        let now = Monotonic(self.now);
        if let Some(machine) = &mut self.jobs[job].machine {
            machine.handle(now, event, &mut out);
        }
        if self.store.is_some() {
            return self.submit(job, out);
        }
        let life = self.jobs[job].life;
        for action in out {
            match &action {
                job::Action::Record(fact) => {
                    self.say(|| format!("  job {job} records {fact:?}"));
                    self.oracle.recorded(self.now, job, fact)?;
                    self.jobs[job].journal.push(fact.clone());
                }
                job::Action::Ledger(op) => self.send(job_actor(job), LEDGER, Msg::Ledger(op.clone())),
                _ => {}
            }
            self.judge(job, &action)?;
            self.act(job, life, action);
        }
        Ok(())
    }

    /// Lets the oracle see what a job has decided to do.
    pub(super) fn judge(&mut self, job: usize, action: &job::Action) -> Result<(), String> {
        match action {
            job::Action::Task(host, host_task::Event::Begin { attempt }) => {
                self.report.attempts += 1;
                self.oracle.begins(self.now, job, *host, *attempt)
            }
            job::Action::Task(host, host_task::Event::Stop) => {
                self.oracle.stop_asked(job, *host);
                Ok(())
            }
            job::Action::Notify(Notice::JobState(news)) if news.state == JobState::Blocked => {
                self.report.blocked += 1;
                self.oracle.blocked_told(job, &news.blocked_by)
            }
            _ => Ok(()),
        }
    }

    /// Does what a job wants done besides recording.
    pub(super) fn act(&mut self, job: usize, life: u32, action: job::Action) {
        let me = job_actor(job);
        if self.jobs[job].life != life {
            return;
        }
        match action {
            job::Action::Record(_) | job::Action::Ledger(_) | job::Action::Notify(_) => {}
            job::Action::Thread(thread, event) => {
                self.send(me, thread_actor(job, thread), Msg::Thread(job, life, thread, event));
            }
            job::Action::Slot(slot, event) => {
                self.send(me, slot_actor(job, slot), Msg::Slot(job, life, slot, event));
            }
            job::Action::Spawn { host, policy, seed } => {
                let task = host_task::Machine::new(host, policy, seed, self.faults);
                self.jobs[job].tasks.insert(host, task);
            }
            job::Action::Task(host, event) => {
                self.send(me, task_actor(job, host), Msg::Task(job, life, host, event));
            }
            job::Action::SetTimer { number, at } => {
                self.at(at.0.max(self.now), Msg::Job(job, life, job::Event::Timer { number }));
            }
            job::Action::Refused { command, why } => {
                self.say(|| format!("  job {job} refuses {command:?}: {why:?}"));
            }
        }
    }

    pub(super) fn thread(
        &mut self,
        now: Monotonic,
        job: usize,
        life: u32,
        thread: ThreadIdx,
        event: thread::Event,
    ) {
        if self.jobs[job].life != life {
            return;
        }
        let mut out = Vec::new();
        self.jobs[job].threads[thread.0 as usize].handle(now, event, &mut out);
        let me = thread_actor(job, thread);
        for action in out {
            match action {
                thread::Action::Open { slot, after_pause } => {
                    let open = slot::Event::Open { after_pause };
                    self.send(me, slot_actor(job, slot), Msg::Slot(job, life, slot, open));
                    continue;
                }
                thread::Action::Pausing { after, until } => {
                    self.at(until.0, Msg::Thread(job, life, thread, thread::Event::PauseOver { after }));
                }
                thread::Action::Noted | thread::Action::Finished => {}
            }
            self.send(me, job_actor(job), Msg::Job(job, life, job::Event::Thread { thread, action }));
        }
    }

    pub(super) fn slot(&mut self, now: Monotonic, job: usize, life: u32, slot: SlotIdx, event: slot::Event) {
        if self.jobs[job].life != life {
            return;
        }
        let mut out = Vec::new();
        self.jobs[job].slot_machines[slot.0 as usize].handle(now, event, &mut out);
        let me = slot_actor(job, slot);
        for action in out {
            if action == slot::Action::Done
                && let Some(thread) = self.jobs[job].slots.thread(slot)
            {
                let done = thread::Event::SlotDone { slot };
                self.send(me, thread_actor(job, thread), Msg::Thread(job, life, thread, done));
            }
            self.send(me, job_actor(job), Msg::Job(job, life, job::Event::Slot { slot, action }));
        }
    }

    pub(super) fn task(
        &mut self,
        now: Monotonic,
        job: usize,
        life: u32,
        host: HostIdx,
        event: host_task::Event,
    ) {
        let world = &mut self.jobs[job];
        if world.life != life {
            return;
        }
        let Some(machine) = world.tasks.get_mut(&host) else { return };
        if let host_task::Event::Ended { attempt, .. } | host_task::Event::Lost { attempt } = event {
            self.oracle.heard(self.now, job, host, attempt);
        }
        let mut out = Vec::new();
        machine.handle(now, event, &mut out);
        if machine.is_over() {
            world.tasks.remove(&host);
        }
        let me = task_actor(job, host);
        for action in out {
            match action {
                host_task::Action::Start { attempt } => {
                    self.send(me, worker_actor(job, host), Msg::WorkerStart(job, life, host, attempt));
                }
                host_task::Action::Kill { attempt } => {
                    self.send(me, worker_actor(job, host), Msg::WorkerKill(job, life, host, attempt));
                }
                host_task::Action::SetTimer { attempt, number, at } => {
                    self.at(at.0, Msg::Task(job, life, host, host_task::Event::Timer { attempt, number }));
                }
                action => {
                    self.send(me, job_actor(job), Msg::Job(job, life, job::Event::Task { host, action }));
                }
            }
        }
    }
}
