//! What the ledger must still hear when a job is taken up again.
//!
//! Ledger and journal are one store, and what a process did in one step is in both or in neither. Two things still come
//! apart. A grant may come out of another process's operation: then the ledger has it at once, and the journal only when
//! the job's owner learns of it; an owner that died before has not begun anything. And a ledger may have been put back
//! from before an end that the journal has.

use pogo_plan::HostIdx;
use pogo_plan::event::{Fact, JobId};
use pogo_plan::outcome::{Attempt, Outcome};

use crate::ledger::{Ledger, Op};

/// What the journal says about a host.
#[derive(Clone, Copy, Default)]
struct Said {
    /// The latest attempt that was granted and not given back.
    granted: Option<Attempt>,
    /// The latest attempt that ended, and whether another one was to follow.
    ended: Option<(Attempt, Outcome, bool)>,
}

/// The operations that make the ledger agree with a job's journal, once nobody owns the job any more: to be applied
/// before it registers again.
///
/// - A host that the ledger has as running without a [`Fact::Granted`] was never begun: [`Op::Return`].
/// - One whose end is on record, with nothing to follow: [`Op::End`].
/// - One that was granted and has no end stays as it is: nobody knows, and the job says so when it starts
///   ([`crate::job::Machine::recover`]).
#[must_use]
pub fn reconcile<'a>(
    ledger: &Ledger,
    job: JobId,
    facts: impl IntoIterator<Item = &'a Fact<HostIdx>>,
) -> Vec<Op> {
    let running: Vec<(HostIdx, Attempt)> = ledger.running_of(job).collect();
    let Some(most) = running.iter().map(|(host, _)| host.index()).max() else { return Vec::new() };
    let mut said = vec![Said::default(); most + 1];
    for fact in facts {
        fold(fact, &mut said);
    }
    let mut ops = Vec::new();
    for (host, attempt) in running {
        let said = said.get(host.index()).copied().unwrap_or_default();
        match said.ended {
            Some((ended, outcome, false)) if ended == attempt => {
                ops.push(Op::End { job, host, attempt, outcome });
            }
            // Between two attempts: the ledger keeps the host for the next one.
            Some((ended, _, true)) if ended == attempt => {}
            _ if said.granted == Some(attempt) => {}
            _ => ops.push(Op::Return { job, host, attempt }),
        }
    }
    ops
}

fn fold(fact: &Fact<HostIdx>, said: &mut [Said]) {
    match fact {
        Fact::Granted { host, attempt } => {
            if let Some(said) = said.get_mut(host.index()) {
                said.granted = Some(*attempt);
            }
        }
        Fact::Returned { host, attempt } => {
            if let Some(said) = said.get_mut(host.index()).filter(|said| said.granted == Some(*attempt)) {
                said.granted = None;
            }
        }
        Fact::Ended { host, attempt, outcome, again } => {
            if let Some(said) = said.get_mut(host.index()) {
                said.granted = None;
                said.ended = Some((*attempt, *outcome, *again));
            }
        }
        Fact::GaveUp { host } => {
            if let Some((_, _, again)) = said.get_mut(host.index()).and_then(|said| said.ended.as_mut()) {
                *again = false;
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::ledger::Effect;
    use crate::sim::plain_job;
    use crate::time::Monotonic;

    const JOB: JobId = JobId::from_bits(1);
    const FAILED: Outcome = Outcome::Failed {
        exit: pogo_plan::outcome::Exit::Status(1),
        phase: pogo_plan::outcome::Phase::Command,
    };

    fn host(number: usize) -> HostIdx {
        HostIdx::from_index(number).unwrap()
    }

    fn granted(number: usize, attempt: u32) -> Fact<HostIdx> {
        Fact::Granted { host: host(number), attempt: Attempt(attempt) }
    }

    fn ended(number: usize, attempt: u32, again: bool) -> Fact<HostIdx> {
        Fact::Ended { host: host(number), attempt: Attempt(attempt), outcome: FAILED, again }
    }

    /// A ledger in which these hosts run.
    fn ledger(claims: &[(usize, u32)]) -> Ledger {
        let mut hosts = pogo_plan::HostTable::new();
        let targets = (0..4).map(|number| hosts.intern(&format!("h{number}")).unwrap().host).collect();
        let (namespace, origin) = ("default".to_owned(), pogo_plan::Origin::default());
        let (threads, limits) = (Vec::new(), Vec::new());
        let plan = pogo_plan::Plan { namespace, hosts, targets, threads, limits, job: plain_job(), origin };
        let mut ledger = Ledger::default();
        apply(&mut ledger, Op::Register { job: JOB, plan: Arc::new(plan) });
        for &(number, attempt) in claims {
            let claim = Op::Claim { job: JOB, hosts: vec![(host(number), Attempt(attempt))] };
            let effects = apply(&mut ledger, claim);
            assert!(matches!(effects[..], [Effect::Granted { .. }]), "{effects:?}");
        }
        ledger
    }

    fn apply(ledger: &mut Ledger, op: Op) -> Vec<Effect> {
        let mut out = Vec::new();
        ledger.apply(Monotonic(0), op, &mut out);
        out
    }

    fn said(ledger: &Ledger, facts: &[Fact<HostIdx>]) -> Vec<String> {
        reconcile(ledger, JOB, facts).iter().map(|op| format!("{op:?}")).collect()
    }

    #[test]
    fn a_host_that_was_granted_and_never_begun_comes_back() {
        let mut ledger = ledger(&[(0, 1), (2, 1)]);
        let ops = reconcile(&ledger, JOB, &[granted(0, 1)]);
        assert_eq!(
            format!("{ops:?}"),
            format!("{:?}", [Op::Return { job: JOB, host: host(2), attempt: Attempt(1) }])
        );
        for op in ops {
            apply(&mut ledger, op);
        }
        assert_eq!(ledger.running_of(JOB).collect::<Vec<_>>(), [(host(0), Attempt(1))]);
        assert_eq!(ledger.out_of_service().count(), 1);
    }

    #[test]
    fn what_began_and_was_not_seen_to_end_stays_for_the_job_to_say() {
        assert!(said(&ledger(&[(0, 1)]), &[granted(0, 1)]).is_empty());
        let started = Fact::Started { host: host(0), attempt: Attempt(1) };
        assert!(said(&ledger(&[(0, 1)]), &[granted(0, 1), started]).is_empty());
    }

    #[test]
    fn a_host_between_two_attempts_stays_out_for_the_next() {
        let facts = [granted(0, 1), ended(0, 1, true)];
        assert!(said(&ledger(&[(0, 1)]), &facts).is_empty());
        // The next one was granted, and its owner never learned of it.
        let mut ledger = ledger(&[(0, 1), (0, 2)]);
        for op in reconcile(&ledger, JOB, &facts) {
            apply(&mut ledger, op);
        }
        assert_eq!(ledger.running_of(JOB).collect::<Vec<_>>(), [(host(0), Attempt(1))]);
        assert!(said(&ledger, &facts).is_empty());
    }

    #[test]
    fn an_end_on_record_that_the_ledger_did_not_hear_is_said_again() {
        let facts = [granted(0, 1), ended(0, 1, false)];
        let mut ledger = ledger(&[(0, 1)]);
        for op in reconcile(&ledger, JOB, &facts) {
            apply(&mut ledger, op);
        }
        assert_eq!(ledger.running_of(JOB).count(), 0);
        assert_eq!(ledger.out_of_service().count(), 1, "it is bad");
    }

    #[test]
    fn a_grant_that_was_given_back_is_none() {
        let returned = Fact::Returned { host: host(0), attempt: Attempt(1) };
        let facts = [granted(0, 1), returned];
        assert_eq!(said(&ledger(&[(0, 1)]), &facts).len(), 1);
        let again = [facts[0].clone(), facts[1].clone(), granted(0, 1)];
        assert!(said(&ledger(&[(0, 1)]), &again).is_empty());
    }
}
