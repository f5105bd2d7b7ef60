//! From the model to the plan: only targets are left, every share is a number, every default is written out.

use std::collections::BTreeMap;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use fixedbitset::FixedBitSet;
use pogo_grammar::Share;
use pogo_plan::job;
use pogo_plan::{At, HostIdx, Limit, Origin, Plan, Slot, SourceFile, Thread};
use sha2::{Digest, Sha256};

use crate::resolve::Model;
use crate::source::{SourceKind, SourceMap, Span};
use crate::syntax::ast;

/// The name of the thread and the slot of targets that stand in no slot.
const UNCONSTRAINED: &str = "unconstrained";

/// Makes the plan of a model without errors.
pub(crate) fn lower(model: Model, sources: &SourceMap, compiler: &str) -> Plan {
    let files: Vec<_> = sources.iter().filter(|(_, source)| source.kind() == SourceKind::File).collect();
    let numbers: BTreeMap<_, u32> = (0..).zip(&files).map(|(number, (id, _))| (*id, number)).collect();
    let at = |span: Span| {
        let position = sources.get(span.source)?.position(span.start);
        Some(At { source: *numbers.get(&span.source)?, line: position.line, column: position.column })
    };

    let mut is_target = FixedBitSet::with_capacity(model.hosts.len());
    is_target.extend(model.targets.iter().map(|host| host.index()));
    let mut in_slot = FixedBitSet::with_capacity(model.hosts.len());
    let mut threads = Vec::with_capacity(model.threads.len() + 1);
    for thread in model.threads {
        let mut slots = Vec::with_capacity(thread.slots.len());
        for mut slot in thread.slots {
            slot.hosts.retain(|host| is_target.contains(host.index()));
            in_slot.extend(slot.hosts.iter().map(|host| host.index()));
            slots.push(Slot {
                id: slot.id,
                hosts: slot.hosts,
                pause_after_ms: slot.pause_after_ms,
                max_failures: slot.max_failures,
                at: at(slot.span),
            });
        }
        threads.push(Thread { id: thread.id, slots });
    }
    let free = model.targets.iter().copied().filter(|host| !in_slot.contains(host.index())).collect();
    threads.push(unconstrained(free));

    let limits = model
        .limits
        .into_iter()
        .filter(|limit| limit.members.iter().any(|host| is_target.contains(host.index())))
        .map(|limit| Limit {
            id: limit.id,
            max_parallel: limit.max_parallel,
            declared: limit.declared,
            group_size: u32::try_from(limit.members.len()).unwrap_or(u32::MAX),
            members: limit.members,
            at: at(limit.span),
        })
        .collect();

    let n_targets = u32::try_from(model.targets.len()).unwrap_or(u32::MAX);
    let script = model
        .script
        .map(|script| job::Script { name: script.name, base64: BASE64_STANDARD.encode(&script.bytes) });
    let sources = files
        .iter()
        .map(|(_, source)| SourceFile {
            path: source.path().to_owned(),
            // A text without errors is the file, byte for byte.
            sha256: hex(&Sha256::digest(source.text())),
        })
        .collect();
    Plan {
        namespace: model.namespace,
        hosts: model.hosts.table,
        targets: model.targets,
        threads,
        limits,
        job: lower_job(model.job, script, n_targets),
        origin: Origin { compiler: compiler.to_owned(), sources },
    }
}

fn unconstrained(hosts: Vec<HostIdx>) -> Thread {
    let slot =
        Slot { id: UNCONSTRAINED.to_owned(), hosts, pause_after_ms: None, max_failures: None, at: None };
    Thread { id: UNCONSTRAINED.to_owned(), slots: vec![slot] }
}

fn lower_job(job: ast::Job, script: Option<job::Script>, n_targets: u32) -> job::Job {
    let default = job::Job::default();
    let retry = job.retry.unwrap_or_default();
    let of_targets = |share: Share| share.of(n_targets);
    job::Job {
        command: job.command.map(|command| command.value),
        script,
        args: job.args.map(|args| args.value).unwrap_or_default(),
        shell: job.shell.unwrap_or(default.shell),
        user: job.user,
        run_as: job.run_as,
        env: job.env.into_iter().map(|(name, value)| (name.value, value)).collect(),
        secrets: job.secrets.into_iter().map(|(name, secret)| (name.value, secret)).collect(),
        prehook: job.prehook,
        posthook: job.posthook,
        finally: job.finally,
        verify: job.verify,
        timeout_ms: job.timeout_ms.unwrap_or(default.timeout_ms),
        connect_timeout_ms: job.connect_timeout_ms.unwrap_or(default.connect_timeout_ms),
        job_timeout_ms: job.job_timeout_ms,
        retry: job::Retry {
            attempts: retry.attempts.unwrap_or(default.retry.attempts),
            backoff_ms: retry.backoff_ms.unwrap_or(default.retry.backoff_ms),
            max_backoff_ms: retry.max_backoff_ms.unwrap_or(default.retry.max_backoff_ms),
            retry_on: retry.retry_on.unwrap_or(default.retry.retry_on),
        },
        on_disconnect: job.on_disconnect.map_or(default.on_disconnect, |choice| choice.value),
        concurrent: job.concurrent.map(of_targets),
        ramp: job.ramp.into_iter().map(of_targets).collect(),
        stagger_ms: job.stagger_ms.unwrap_or(default.stagger_ms),
        on_failure: job.on_failure.unwrap_or(default.on_failure),
        max_failures: job.max_failures.map(|share| failures(share, n_targets)),
        recover: job.recover.unwrap_or(default.recover),
        max_output_bytes: job.max_output_bytes.unwrap_or(default.max_output_bytes),
        ssh: job.ssh,
        transport: job.transport.unwrap_or(default.transport),
    }
}

/// Bad hosts that a job bears. A percentage is rounded down, and unlike a limit it may come to none: 1% of ten hosts
/// halts at the first bad one.
fn failures(share: Share, n_targets: u32) -> u32 {
    match share {
        Share::Count(count) => count,
        Share::Percent(percent) => {
            u32::try_from(u64::from(n_targets) * u64::from(percent) / 100).unwrap_or(u32::MAX)
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
