//! Tests of the whole crate, which share a way to write plans down in a few words.

mod check;
mod events;
mod hosts;
mod json;
mod rounds;
mod schemas;

use crate::{
    At, HostIdx, Job, Limit, Origin, Plan, Slot, SourceFile, Thread,
    job::{KnownHosts, OnDisconnect, OnFailure, Retry, RetryOn, Script, SecretRef, Ssh, Transport, Verify},
};

/// A job in which nothing is set.
pub(crate) fn job() -> Job {
    Job { command: Some("date".to_owned()), ..Job::default() }
}

/// A job in which everything is set, with text that JSON must escape.
pub(crate) fn full_job() -> Job {
    let text = |text: &str| Some(text.to_owned());
    Job {
        command: None,
        script: Some(Script { name: "roll out.sh".to_owned(), base64: "ZWNobyBoaQo=".to_owned() }),
        args: vec![
            "--fast".to_owned(),
            String::new(),
            "q\"\\\u{1}\u{8}\t\n\u{c}\r\u{7f}é😀\u{e000}".to_owned(),
        ],
        shell: "bash -eu".to_owned(),
        user: text("deploy"),
        run_as: text("root"),
        env: [("B", "2"), ("A", "1"), ("_c", "")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
        secrets: [
            ("TOKEN".to_owned(), SecretRef::Env("CI_TOKEN".to_owned())),
            ("KEY".to_owned(), SecretRef::File("/run/key".to_owned())),
            ("PIN".to_owned(), SecretRef::Prompt),
        ]
        .into(),
        prehook: text("drain"),
        posthook: text("undrain"),
        finally: text("rm -f /tmp/x"),
        verify: Some(Verify {
            command: "curl -f :80".to_owned(),
            interval_ms: 1000,
            timeout_ms: 60_000,
            successes: 3,
        }),
        timeout_ms: 1,
        connect_timeout_ms: 2,
        job_timeout_ms: Some((1 << 53) - 1),
        retry: Retry {
            attempts: 2,
            backoff_ms: 500,
            max_backoff_ms: 9,
            retry_on: vec![RetryOn::Exit, RetryOn::Timeout],
        },
        on_disconnect: OnDisconnect::Verify,
        concurrent: Some(4),
        ramp: vec![1, 5, 20],
        stagger_ms: 250,
        on_failure: OnFailure::Continue,
        max_failures: Some(0),
        recover: true,
        max_output_bytes: 65_536,
        ssh: Ssh {
            config: text("ssh_config"),
            port: Some(2222),
            identity: text("id"),
            jump: vec!["b1".to_owned(), "b2".to_owned()],
            options: [("Compression".to_owned(), "yes".to_owned())].into(),
            known_hosts: KnownHosts::AcceptNew,
        },
        transport: Transport::Local,
    }
}

/// A plan over `targets` (names separated by blanks) whose threads are `id: hosts / hosts`, one a line. The thread
/// `unconstrained` is added, with the targets that no thread has.
pub(crate) fn plan(targets: &str, threads: &str) -> Plan {
    let mut plan = Plan {
        namespace: "default".to_owned(),
        hosts: crate::HostTable::new(),
        targets: Vec::new(),
        threads: Vec::new(),
        limits: Vec::new(),
        job: job(),
        origin: Origin {
            compiler: "pogo 0.1.0".to_owned(),
            sources: vec![SourceFile { path: "specs/triple.cfg".to_owned(), sha256: "0".repeat(64) }],
        },
    };
    plan.targets = hosts(&mut plan, targets);
    for line in threads.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (id, slots) = line.split_once(": ").unwrap();
        let slots = (1..).zip(slots.split('/')).map(|(number, names)| Slot {
            id: format!("{id}.{number}"),
            hosts: hosts(&mut plan, names),
            pause_after_ms: None,
            max_failures: None,
            at: None,
        });
        let slots = slots.collect();
        plan.threads.push(Thread { id: id.to_owned(), slots });
    }
    let placed: Vec<_> =
        plan.threads.iter().flat_map(|thread| &thread.slots).flat_map(|slot| &slot.hosts).collect();
    let rest = plan.targets.iter().filter(|host| !placed.contains(host)).copied().collect();
    let id = "unconstrained".to_owned();
    let slot = Slot { id: id.clone(), hosts: rest, pause_after_ms: None, max_failures: None, at: None };
    plan.threads.push(Thread { id, slots: vec![slot] });
    plan
}

/// Adds a limit over `members` (names separated by blanks).
pub(crate) fn limit(plan: &mut Plan, id: &str, max_parallel: u32, members: &str) {
    let members = hosts(plan, members);
    plan.limits.push(Limit {
        id: id.to_owned(),
        max_parallel,
        declared: max_parallel.to_string(),
        group_size: u32::try_from(members.len()).unwrap(),
        members,
        at: None,
    });
}

/// A plan that has everything a plan can have.
pub(crate) fn full_plan() -> Plan {
    let mut plan = plan("h1 h2 h3 fe80:0:0:0:0:0:0:1", "foo: h2 / h1 /\nbar: h1");
    limit(&mut plan, "$colo.one", 1, "h1 h5 h6");
    limit(&mut plan, "$colo.\"1.10\"", 2, "h2 h3");
    plan.limits[0].declared = "34%".to_owned();
    plan.limits[0].at = Some(At { source: 0, line: 24, column: 5 });
    plan.threads[0].slots[0].pause_after_ms = Some(1_800_000);
    plan.threads[0].slots[0].max_failures = Some(3);
    plan.threads[0].slots[0].at = Some(At { source: 0, line: 18, column: 7 });
    plan.job = full_job();
    plan
}

pub(crate) fn hosts(plan: &mut Plan, names: &str) -> Vec<HostIdx> {
    names.split_whitespace().map(|name| plan.hosts.intern(name).unwrap().host).collect()
}

pub(crate) fn text(plan: &Plan) -> String {
    let mut bytes = Vec::new();
    plan.write_json(&mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}
