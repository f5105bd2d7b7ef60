//! The ledger in memory: one for all jobs, which hears of operations one by one.

#![expect(clippy::indexing_slicing, reason = "the simulator is a test: a panic in it is a finding")]

use pogo_plan::event::Fact;

use super::{LEDGER, Msg, World, event_of, job_actor, number, number_of};
use crate::fault::Fault;
use crate::job;
use crate::ledger::{Effect, Op};
use crate::time::Monotonic;

impl World<'_> {
    /// The log of operations goes on with one: the oracle sees it, and what the ledger makes of it.
    pub(super) fn logged(&mut self, now: Monotonic, op: Op) -> Result<Vec<Effect>, String> {
        self.oracle.looks(now.0, &op);
        match &op {
            Op::Register { job, .. } => self.oracle.registered(number(*job)),
            Op::Claim { job, hosts } => self.oracle.claimed(now.0, number(*job), hosts),
            Op::Withdraw { job, hosts } => self.oracle.withdrawn(number(*job), hosts.as_deref()),
            Op::OwnerLost { job } => self.oracle.withdrawn(number(*job), None),
            Op::Return { job, host, attempt } => self.oracle.returned(number(*job), *host, *attempt)?,
            Op::End { job, host, outcome, .. } => self.oracle.end_heard(number(*job), *host, *outcome),
            Op::Finish { job } => self.oracle.finished(number(*job)),
            Op::SetPace { job, concurrent, stagger_ms } => {
                self.oracle.paced(number(*job), *concurrent, *stagger_ms);
            }
            Op::Decide { job, host, verdict, .. } => {
                self.oracle.decided(number(*job), number_of(host), *verdict);
            }
            Op::Release { .. } | Op::Idle { .. } | Op::Tick => {}
        }
        if let Op::Release { host } = &op
            && !self.faults_skip_release()
        {
            self.oracle.released(number_of(host));
        }
        let mut out = Vec::new();
        self.ledger.apply(now, op, &mut out);
        for effect in &out {
            self.say(|| format!("  ledger: {effect:?}"));
            match effect {
                Effect::Granted { job, host, attempt } => {
                    self.oracle.granted(now.0, number(*job), *host, *attempt)?;
                }
                Effect::Blocked { job, .. } => self.oracle.blocked_said(now.0, number(*job))?,
                _ => {}
            }
        }
        Ok(out)
    }

    /// The ledger hears of an operation at once, and everybody of its effects.
    pub(super) fn ledger(&mut self, now: Monotonic, op: Op) -> Result<(), String> {
        for effect in self.logged(now, op)? {
            if let Effect::WakeAt(at) = effect {
                self.at(at.0, Msg::Ledger(Op::Tick));
            }
            let Some((id, event)) = event_of(effect) else { continue };
            let job = number(id);
            if let job::Event::Granted { host, attempt } = event {
                self.oracle.grant_recorded(job, host, attempt)?;
                self.jobs[job].journal.push(Fact::Granted { host, attempt });
            }
            let life = self.jobs[job].life;
            self.send(LEDGER, job_actor(job), Msg::Job(job, life, event));
        }
        Ok(())
    }

    /// With the fault planted it is the machine, not an operator, who releases.
    pub(super) fn faults_skip_release(&self) -> bool {
        self.faults.has(Fault::SkipReleases)
    }
}
