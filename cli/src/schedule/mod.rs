//! A plan as a schedule: who runs when, one file a format.

pub(crate) mod dot;
pub(crate) mod json;
mod table;
pub(crate) mod text;

use pogo_grammar::fold::fold;
use pogo_plan::rounds::Cause;
use pogo_plan::{HostIdx, Plan};

/// Hosts as patterns, in their order.
fn folded(plan: &Plan, hosts: &[HostIdx]) -> Vec<String> {
    fold(hosts.iter().map(|&host| plan.hosts.name(host)))
}

/// A duration as a spec would have it: `1h30m`.
pub(crate) fn duration(ms: u64) -> String {
    let units = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];
    let mut rest = ms;
    let mut text = String::new();
    for (unit, length) in units {
        if rest >= length {
            text.push_str(&format!("{}{unit}", rest / length));
            rest %= length;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

/// What forces more than one round, in words of the plan.
fn cause(plan: &Plan, cause: Cause) -> Option<&str> {
    match cause {
        Cause::Nothing => None,
        Cause::Limit(limit) => plan.limits.get(limit).map(|limit| limit.id.as_str()),
        Cause::Concurrent => Some("concurrent"),
    }
}

/// How many of the plan's targets each limit counts, in the order of the limits.
fn targets_of_limits(plan: &Plan) -> Vec<usize> {
    let mut is_target = vec![false; plan.hosts.len()];
    for target in &plan.targets {
        if let Some(it) = is_target.get_mut(target.index()) {
            *it = true;
        }
    }
    let counted = |host: &&HostIdx| is_target.get(host.index()) == Some(&true);
    plan.limits.iter().map(|limit| limit.members.iter().filter(counted).count()).collect()
}

#[cfg(test)]
pub(crate) mod testing {
    use pogo_plan::{HostIdx, HostTable, Job, Limit, Origin, Plan, Slot, Thread};

    /// The original's example, with a pause, a limit and a host in two threads.
    pub(crate) fn plan() -> Plan {
        let mut hosts = HostTable::new();
        let mut many = |names: &[&str]| -> Vec<HostIdx> {
            names.iter().map(|name| hosts.intern(name).unwrap().host).collect()
        };
        let slot = |id: &str, hosts: Vec<HostIdx>| Slot {
            id: id.to_owned(),
            hosts,
            pause_after_ms: None,
            max_failures: None,
            at: None,
        };
        let one = many(&["host1", "host2", "host3"]);
        let two = many(&["host4", "host5", "host6"]);
        let three = many(&["host7", "host8", "host9", "host1"]);
        let free = many(&["\"cache\""]);
        let mut first = slot("foo.$colo.one", one.clone());
        first.pause_after_ms = Some(5_400_000);
        first.max_failures = Some(1);
        let threads = vec![
            Thread { id: "foo".to_owned(), slots: vec![first, slot("foo.$colo.two", two.clone())] },
            Thread {
                id: "bar".to_owned(),
                slots: vec![slot("bar.$colo.three", three), slot("bar.none", vec![])],
            },
            Thread { id: "unconstrained".to_owned(), slots: vec![slot("unconstrained", free)] },
        ];
        let limit = |id: &str, max_parallel, declared: &str, members: Vec<HostIdx>| Limit {
            id: id.to_owned(),
            max_parallel,
            declared: declared.to_owned(),
            group_size: members.len() as u32,
            members,
            at: None,
        };
        let limits = vec![limit("$colo.one", 1, "34%", one), limit("$colo.two", 2, "2", two)];
        let targets = hosts.iter().map(|(host, _)| host).collect();
        let job = Job { command: Some("date".to_owned()), ..Job::default() };
        Plan {
            namespace: "default".to_owned(),
            hosts,
            targets,
            threads,
            limits,
            job,
            origin: Origin::default(),
        }
    }

    #[test]
    fn durations_are_written_as_in_a_spec() {
        assert_eq!(super::duration(5_400_000), "1h30m");
        assert_eq!(super::duration(90_061_001), "1d1h1m1s1ms");
        assert_eq!(super::duration(0), "0s");
    }
}
