//! The rule about circles against a simulation of what it promises: a spec is accepted exactly if its job can end.

use proptest::collection::vec;
use proptest::prelude::*;

use crate::flags::check;

/// Threads of slots of hosts.
type Threads = Vec<Vec<Vec<u8>>>;

fn threads() -> impl Strategy<Value = Threads> {
    vec(vec(vec(0_u8..5, 1..=3), 1..=3), 1..=3)
}

fn spec(threads: &Threads) -> String {
    let mut text = "sequence:\n".to_owned();
    for (number, slots) in threads.iter().enumerate() {
        text.push_str(&format!("  t{number}:\n"));
        for hosts in slots {
            let hosts: Vec<String> = hosts.iter().map(|host| format!("h{host}")).collect();
            text.push_str(&format!("    - {}\n", hosts.join(", ")));
        }
    }
    text
}

/// A host in two slots of one thread belongs to the first.
fn first_slots_only(threads: &Threads) -> Threads {
    let mut seen;
    let mut kept = Vec::new();
    for slots in threads {
        seen = [false; 5];
        let mut kept_slots = Vec::new();
        for hosts in slots {
            let mut kept_hosts = Vec::new();
            for &host in hosts {
                if !std::mem::replace(&mut seen[usize::from(host)], true) {
                    kept_hosts.push(host);
                }
            }
            kept_slots.push(kept_hosts);
        }
        kept.push(kept_slots);
    }
    kept
}

/// Runs the job step by step: every host that may start starts, and ends well.
fn ends(threads: &Threads) -> bool {
    let mut done = [false; 5];
    loop {
        let slot_is_done = |hosts: &[u8]| hosts.iter().all(|&host| done[usize::from(host)]);
        let mut may_start = [true; 5];
        for slots in threads {
            let mut is_open = true;
            for hosts in slots {
                if !is_open {
                    for &host in hosts {
                        may_start[usize::from(host)] = false;
                    }
                }
                is_open = is_open && slot_is_done(hosts);
            }
        }
        if done == [true; 5] {
            return true;
        }
        let mut moved = false;
        for (done, may_start) in done.iter_mut().zip(may_start) {
            moved |= may_start && !*done;
            *done |= may_start;
        }
        if !moved {
            return false;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_spec_is_accepted_exactly_if_its_job_can_end(threads in threads()) {
        let outcome = check(&spec(&threads));
        let has_circle = outcome.codes().contains(&"sequence::cycle");
        prop_assert_eq!(!has_circle, ends(&first_slots_only(&threads)), "{}", spec(&threads));
        for code in outcome.codes() {
            prop_assert!(matches!(code, "sequence::cycle" | "sequence::host_in_two_slots"), "{}", code);
        }
    }

    #[test]
    fn a_circle_names_hosts_that_are_in_both_slots(threads in threads()) {
        let outcome = check(&spec(&threads));
        for finding in outcome.diagnostics.iter().filter(|finding| finding.code.id == "pogo::sequence::cycle") {
            let steps = finding.message.split_once(": ").unwrap().1;
            for step in steps.split("; ") {
                let names: Vec<&str> = step.split('`').collect();
                let [_, host, waits, waits_in, holds, holds_up, _] = names[..] else { panic!("{step}") };
                prop_assert_eq!((waits, holds), (" waits in ", " and holds up "));
                for slot in [waits_in, holds_up] {
                    let hosts = slot.split_once('.').unwrap().1.split('#').next().unwrap();
                    prop_assert!(hosts.split(", ").any(|other| other == host), "{} in {}", host, slot);
                }
            }
        }
    }
}

#[test]
fn the_simulation_knows_a_circle_when_it_sees_one() {
    assert!(ends(&vec![vec![vec![0], vec![1]], vec![vec![0], vec![1]]]));
    assert!(!ends(&vec![vec![vec![0], vec![1]], vec![vec![1], vec![0]]]));
    assert!(!ends(&vec![vec![vec![0], vec![1]], vec![vec![1], vec![2]], vec![vec![2], vec![0]]]));
}
