//! Each fault, seeded.

use proptest::prelude::*;

use super::{full_job, full_plan, hosts, limit, plan};
use crate::{Fault, Plan, Slot, check::Step, job::Script};

fn faults(plan: &Plan) -> Vec<String> {
    plan.check().iter().map(Fault::to_string).collect()
}

#[track_caller]
fn expect(plan: &Plan, expected: &[&str]) {
    assert_eq!(faults(plan), expected);
}

/// A plan with a change, which is a mistake.
fn changed(change: impl FnOnce(&mut Plan)) -> Plan {
    let mut plan = plan("a b c", "one: a / b\ntwo: a / c");
    limit(&mut plan, "$x", 1, "a z");
    assert_eq!(plan.check(), []);
    change(&mut plan);
    plan
}

#[test]
fn plans_without_a_mistake_have_no_fault() {
    expect(&full_plan(), &[]);
    expect(&plan("a b c", ""), &[]);
    expect(&plan("a b c d", "x: a / b / / c\ny: a b / c\nz: d / a"), &[]);
}

#[test]
fn targets() {
    expect(&plan("", ""), &["the plan has no targets"]);
    let twice = changed(|plan| plan.targets.push(plan.targets[0]));
    expect(&twice, &["host `a` is in `targets` more than once"]);
    let without = changed(|plan| {
        plan.threads[1].slots[1].hosts.clear();
    });
    expect(&without, &["target `c` is in no slot"]);
    let stranger = changed(|plan| {
        let more = hosts(plan, "z");
        plan.threads[1].slots[1].hosts.extend(more);
    });
    expect(&stranger, &["host `z` of the slot `two.2` is not in `targets`"]);
}

#[test]
fn host_names() {
    let named = |name: &str| faults(&plan(name, ""));
    for good in ["a", "9", "_dmarc.example.org.", "A-b_c", "10.0.0.1", "2001:db8:0:0:0:0:0:FFFF"] {
        assert_eq!(named(good), [""; 0], "{good}");
    }
    for bad in [
        "-oProxyCommand=x",
        ".a",
        "u@h",
        "h:22",
        "a/b",
        "é",
        "::1",
        "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9",
        "12345:2:3:4:5:6:7:8",
        "1:2:3:4:5:6:7:g",
        "$a",
        "a\u{0}",
    ] {
        assert_eq!(named(bad), [format!("`{bad}` is not a host name")]);
    }
    let mut empty = plan("a", "");
    empty.targets[0] = empty.hosts.intern("").unwrap().host;
    empty.threads[0].slots[0].hosts = empty.targets.clone();
    expect(&empty, &["`` is not a host name"]);
    expect(&plan("Web1 web1.", ""), &["hosts `Web1` and `web1.` differ only in case or in a trailing dot"]);
}

#[test]
fn hosts_that_the_plan_does_not_name_do_not_matter() {
    let mut spare = plan("a", "");
    hosts(&mut spare, "A -x");
    expect(&spare, &[]);
}

#[test]
fn numbers_without_a_host() {
    let unknown = changed(|plan| {
        let host = crate::HostIdx::from_index(77).unwrap();
        plan.targets.push(host);
        plan.threads[0].slots[0].hosts.push(host);
        plan.limits[0].members.push(host);
        plan.limits[0].group_size += 1;
    });
    expect(&unknown, &["host number 77 has no name"; 3]);
}

#[test]
fn ids() {
    expect(&changed(|plan| plan.namespace.clear()), &["the namespace is empty"]);
    expect(&changed(|plan| plan.threads[1].id = "one".to_owned()), &["two threads have the id `one`"]);
    expect(
        &changed(|plan| plan.threads[1].slots[1].id = "one.2".to_owned()),
        &["two slots have the id `one.2`"],
    );
    expect(&changed(|plan| limit(plan, "$x", 1, "a")), &["two limits have the id `$x`"]);
    expect(&changed(|plan| plan.threads[0].id.clear()), &["the id of a thread is empty"]);
    expect(&changed(|plan| plan.threads[0].slots[0].id.clear()), &["the id of a slot is empty"]);
    expect(&changed(|plan| plan.limits[0].id.clear()), &["the id of a limit is empty"]);
}

#[test]
fn unconstrained_is_last_and_always_there() {
    expect(&changed(|plan| plan.threads.truncate(2)), &["the last thread is not `unconstrained`"]);
    expect(&changed(|plan| plan.threads.swap(1, 2)), &["the last thread is not `unconstrained`"]);
    let slots = "the thread `unconstrained` does not have exactly one slot, `unconstrained`";
    expect(&changed(|plan| plan.threads[2].slots.clear()), &[slots]);
    expect(&changed(|plan| plan.threads[2].slots[0].id = "x".to_owned()), &[slots]);
    let another = changed(|plan| {
        let mut slot: Slot = plan.threads[2].slots[0].clone();
        slot.id = "y".to_owned();
        plan.threads[2].slots.push(slot);
    });
    expect(&another, &[slots]);
    let also = changed(|plan| {
        let host = plan.targets[1];
        plan.threads[2].slots[0].hosts.push(host);
    });
    expect(&also, &["host `b` is in the slot `unconstrained` and also in another"]);
}

#[test]
fn a_host_is_once_in_a_thread() {
    let twice = changed(|plan| {
        let host = plan.targets[0];
        plan.threads[0].slots[1].hosts.push(host);
    });
    expect(&twice, &["host `a` is more than once in the thread `one`"]);
    let slot = changed(|plan| {
        let host = plan.targets[0];
        plan.threads[0].slots[0].hosts.push(host);
    });
    expect(&slot, &["host `a` is more than once in the thread `one`"]);
}

#[test]
fn limits() {
    expect(&changed(|plan| plan.limits[0].max_parallel = 0), &["`max_parallel` of the limit `$x` is 0"]);
    expect(&changed(|plan| plan.limits[0].declared.clear()), &["the `declared` of a limit is empty"]);
    let size = "the limit `$x` says that its group has 3 hosts, and lists 2";
    expect(&changed(|plan| plan.limits[0].group_size = 3), &[size]);
    expect(
        &changed(|plan| limit(plan, "$y", 1, "a a")),
        &["host `a` is more than once a member of the limit `$y`"],
    );
    expect(&changed(|plan| limit(plan, "$y", 1, "z")), &["no member of the limit `$y` is in `targets`"]);
    expect(&changed(|plan| limit(plan, "$y", 1, "")), &["no member of the limit `$y` is in `targets`"]);
}

#[test]
fn circles() {
    let two = plan("a b", "x: a / b\ny: b / a");
    expect(
        &two,
        &["the order of the threads has a circle: \
           `x.1` needs `a`, which waits for `y.2`, which opens after `y.1`; \
           `y.1` needs `b`, which waits for `x.2`, which opens after `x.1`"],
    );
    // Three threads, empty slots in between, a host outside of the circle, and a thread that only waits for it.
    let three = plan("a b c d e", "w: e / d\nx: d / a / / b\ny: b / c\nz: c e / / a");
    let step =
        |from: &str, host: &str, to: &str| Step { from: from.into(), host: host.into(), to: to.into() };
    let expected = [step("x.2", "a", "z.3"), step("z.1", "c", "y.2"), step("y.1", "b", "x.4")];
    match three.check().as_slice() {
        [Fault::Circle(steps)] => {
            let start = steps.iter().position(|step| step.from == "x.2").unwrap();
            assert_eq!([&steps[start..], &steps[..start]].concat(), expected);
        }
        other => unreachable!("{other:?}"),
    }
}

#[test]
fn what_a_job_runs() {
    let script = |name: &str, base64: &str| {
        changed(|plan| {
            plan.job =
                crate::Job { script: Some(Script { name: name.into(), base64: base64.into() }), ..full_job() }
        })
    };
    expect(&script("x.sh", "ZWNobw=="), &[]);
    expect(&script("x.sh", ""), &[]);
    let both = changed(|plan| plan.job = crate::Job { command: Some("x".into()), ..full_job() });
    expect(&both, &["the job has both a command and a script"]);
    for name in ["", ".", "..", "a/b"] {
        expect(&script(name, ""), &[&format!("the script's name `{name}` is not the name of a file")]);
    }
    let largest = "AAAA".repeat(1024 * 1024 / 3) + "AA==";
    expect(&script("x", &largest), &[]);
    for bad in ["A", "AA", "A===", "====", "AA=A", "AAA\n", "AA-_", &"AAAA".repeat(1024 * 1024 / 3 + 1)] {
        expect(&script("x", bad), &["the script is not base64 of at most 1 MiB"]);
    }
}

#[test]
fn the_environment_of_a_job() {
    for name in ["", "1A", "A-B", "A=B", "POGO_HOST", "É"] {
        let set = changed(|plan| plan.job.env = [(name.to_owned(), String::new())].into());
        expect(&set, &[&format!("`{name}` cannot be set in the environment of the command")]);
    }
    let twice = changed(|plan| {
        plan.job = full_job();
        plan.job.env.insert("PIN".into(), "1234".into());
    });
    expect(&twice, &["`PIN` is both in `env` and in `secrets`"]);
}

#[test]
fn options_of_a_job() {
    expect(&changed(|plan| plan.job.shell.clear()), &["`shell` is empty"]);
    expect(
        &changed(|plan| plan.job.user = Some("-x".into())),
        &["`user` is `-x`, which is empty or starts with `-`"],
    );
    expect(
        &changed(|plan| plan.job.run_as = Some("".into())),
        &["`run_as` is ``, which is empty or starts with `-`"],
    );
    let jump = changed(|plan| plan.job.ssh.jump = vec!["a".into(), "-J".into()]);
    expect(&jump, &["`ssh.jump` is `-J`, which is empty or starts with `-`"]);
    let twice = changed(|plan| plan.job.retry.retry_on = vec![crate::job::RetryOn::Exit; 2]);
    expect(&twice, &["`retry.retry_on` names the same end of an attempt more than once"]);
}

#[test]
fn numbers_of_a_job() {
    let full = |change: fn(&mut crate::Job)| {
        changed(|plan| {
            plan.job = full_job();
            change(&mut plan.job);
        })
    };
    expect(&full(|job| job.timeout_ms = 0), &["`timeout_ms` is 0"]);
    expect(&full(|job| job.connect_timeout_ms = 0), &["`connect_timeout_ms` is 0"]);
    expect(&full(|job| job.job_timeout_ms = Some(0)), &["`job_timeout_ms` is 0"]);
    expect(&full(|job| job.verify.as_mut().unwrap().timeout_ms = 0), &["`verify.timeout_ms` is 0"]);
    expect(&full(|job| job.verify.as_mut().unwrap().successes = 0), &["`verify.successes` is 0"]);
    expect(&full(|job| job.concurrent = Some(0)), &["`concurrent` is 0"]);
    expect(&full(|job| job.ramp = vec![1, 0, 2]), &["`ramp` is 0"]);
    expect(&full(|job| job.ssh.port = Some(0)), &["`ssh.port` is 0"]);
    let large = "9007199254740992, which is more than 9007199254740991";
    for (key, plan) in [
        ("timeout_ms", full(|job| job.timeout_ms = 1 << 53)),
        ("connect_timeout_ms", full(|job| job.connect_timeout_ms = 1 << 53)),
        ("job_timeout_ms", full(|job| job.job_timeout_ms = Some(1 << 53))),
        ("verify.timeout_ms", full(|job| job.verify.as_mut().unwrap().timeout_ms = 1 << 53)),
        ("verify.interval_ms", full(|job| job.verify.as_mut().unwrap().interval_ms = 1 << 53)),
        ("retry.backoff_ms", full(|job| job.retry.backoff_ms = 1 << 53)),
        ("retry.max_backoff_ms", full(|job| job.retry.max_backoff_ms = 1 << 53)),
        ("stagger_ms", full(|job| job.stagger_ms = 1 << 53)),
        ("max_output_bytes", full(|job| job.max_output_bytes = 1 << 53)),
        ("pause_after_ms", changed(|plan| plan.threads[0].slots[0].pause_after_ms = Some(1 << 53))),
    ] {
        expect(&plan, &[&format!("`{key}` is {large}")]);
    }
}

/// Whether all hosts of the plan get done, by trying again and again instead of counting.
fn ends(plan: &Plan) -> bool {
    let mut done = vec![false; plan.hosts.len()];
    loop {
        let is_done = |slot: &Slot| slot.hosts.iter().all(|host| done[host.index()]);
        let is_open = |slots: &[Slot], at: usize| slots[..at].iter().all(is_done);
        let mut held = vec![false; plan.hosts.len()];
        for thread in &plan.threads {
            for (at, slot) in thread.slots.iter().enumerate() {
                if !is_open(&thread.slots, at) {
                    slot.hosts.iter().for_each(|host| held[host.index()] = true);
                }
            }
        }
        let now: Vec<bool> = held.iter().map(|held| !held).collect();
        if now == done {
            return done.iter().all(|done| *done);
        }
        done = now;
    }
}

proptest! {
    /// Threads of slots over six hosts, each host at most once in a thread.
    #[test]
    fn circles_are_those_plans_that_never_end(threads in prop::collection::vec(prop::collection::vec(0_usize..5, 6), 0..5)) {
        let names = ["a", "b", "c", "d", "e", "f"];
        let text: String = threads.iter().enumerate().map(|(number, slot_of)| {
            // Number 4 is no slot: the host is not in this thread.
            let slots: Vec<String> = (0..4).map(|slot| {
                let members = names.iter().zip(slot_of).filter(|(_, of)| **of == slot).map(|(name, _)| *name);
                members.collect::<Vec<_>>().join(" ")
            }).collect();
            format!("t{number}: {}\n", slots.join(" / "))
        }).collect();
        let plan = plan("a b c d e f", &text);
        let faults = plan.check();
        prop_assert_eq!(faults.is_empty(), ends(&plan), "{}{:?}", text, faults);
        if let [Fault::Circle(steps)] = faults.as_slice() {
            prop_assert!(is_circle(&plan, steps), "{}{:?}", text, steps);
        } else {
            prop_assert!(faults.is_empty());
        }
    }
}

/// Whether every step of a circle is true of the plan.
fn is_circle(plan: &Plan, steps: &[Step]) -> bool {
    let place = |id: &str| {
        let all = plan.threads.iter().enumerate().flat_map(|(thread, slots)| {
            slots.slots.iter().enumerate().map(move |(position, slot)| (thread, position, slot))
        });
        all.into_iter().find(|(_, _, slot)| slot.id == id).unwrap()
    };
    steps.iter().zip(steps.iter().cycle().skip(1)).all(|(step, next)| {
        let host = plan.hosts.get(&step.host).unwrap();
        let (to, from, after) = (place(&step.to), place(&step.from), place(&next.from));
        to.2.hosts.contains(&host) && from.2.hosts.contains(&host) && to.0 == after.0 && after.1 < to.1
    })
}
