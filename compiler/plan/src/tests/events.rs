//! The schema of event streams against what this crate writes: every kind of event, reason and wait.

use serde_json::{Value, json};

use super::schemas::{accepts, validator};
use crate::EVENTS_SCHEMA;
use crate::event::{Blocker, Event, EventKind, FORMAT, HaltReason, Header, JobId, Stream, WaitsFor};
use crate::outcome::{Attempt, Exit, HostState, JobState, Outcome, Phase};

fn kinds() -> Vec<EventKind> {
    let (host, slot, limit) = (|| "web1".to_owned(), || "a.b".to_owned(), || "$colo.east".to_owned());
    let (job, attempt) = (JobId::from_bits(9), Attempt(1));
    let mut kinds = vec![
        EventKind::SlotOpened { slot: slot() },
        EventKind::SlotDone { slot: slot() },
        EventKind::AttemptStarted { host: host(), attempt },
        EventKind::LimitChanged { limit: limit(), in_use: 0, max_parallel: 1 },
    ];
    for state in [
        JobState::Running,
        JobState::Succeeded,
        JobState::Failed,
        JobState::Blocked,
        JobState::Halting,
        JobState::Halted,
    ] {
        kinds.push(EventKind::JobState { state, reason: None, blocked_by: vec![] });
    }
    for reason in [
        HaltReason::Operator,
        HaltReason::OnFailure,
        HaltReason::MaxFailures,
        HaltReason::SlotMaxFailures { slot: slot() },
        HaltReason::JobTimeout,
    ] {
        kinds.push(EventKind::JobState {
            state: JobState::Halting,
            reason: Some(reason),
            blocked_by: vec![],
        });
    }
    for limit in [None, Some(limit())] {
        let blocked_by = vec![Blocker { host: host(), job, state: HostState::Failed, limit }];
        kinds.push(EventKind::JobState { state: JobState::Blocked, reason: None, blocked_by });
    }
    for waits_for in [
        WaitsFor::Slots { slots: vec![slot()] },
        WaitsFor::Limit { limit: limit() },
        WaitsFor::Turn { limit: limit() },
        WaitsFor::InFlight,
        WaitsFor::Stagger,
        WaitsFor::OtherJob { job },
        WaitsFor::Decision { job },
        WaitsFor::Job,
    ] {
        kinds.push(EventKind::HostWaiting { host: host(), waits_for });
    }
    for (stream, text, base64) in
        [(Stream::Stdout, Some("up\n".to_owned()), None), (Stream::Stderr, None, Some("/w==".to_owned()))]
    {
        kinds.push(EventKind::Output { host: host(), attempt, stream, text, base64, dropped_bytes: 0 });
    }
    let phases = [Phase::Prehook, Phase::Command, Phase::Verify, Phase::Posthook, Phase::Finally];
    let failed = phases.map(|phase| Outcome::Failed { exit: Exit::Status(1), phase });
    let others = [
        Outcome::Succeeded,
        Outcome::Failed { exit: Exit::Signal(9), phase: Phase::Command },
        Outcome::Unreachable,
        Outcome::TimedOut,
        Outcome::Stopped,
        Outcome::Unknown,
    ];
    for outcome in failed.into_iter().chain(others) {
        kinds.push(EventKind::AttemptEnded { host: host(), attempt, outcome, duration_ms: 1 });
    }
    for state in [
        HostState::Waiting,
        HostState::Running,
        HostState::Retrying,
        HostState::Succeeded,
        HostState::Failed,
        HostState::Unreachable,
        HostState::TimedOut,
        HostState::Stopped,
        HostState::Unknown,
        HostState::Skipped,
        HostState::Cancelled,
    ] {
        kinds.push(EventKind::HostState { host: host(), state });
    }
    kinds
}

fn written(kind: EventKind) -> Value {
    serde_json::to_value(Event { seq: 1, time: "2026-11-22T10:00:00.000000Z".to_owned(), kind }).unwrap()
}

#[test]
fn every_event_is_valid() {
    let validator = validator(EVENTS_SCHEMA);
    let header = Header {
        format: FORMAT.to_owned(),
        job: JobId::from_bits(1),
        plan: format!("sha256:{}", "0".repeat(64)),
    };
    accepts(&validator, &serde_json::to_value(header).unwrap());
    for kind in kinds() {
        accepts(&validator, &written(kind));
    }
}

#[test]
fn broken_events_are_not() {
    let validator = validator(EVENTS_SCHEMA);
    for (kind, pointer, broken) in [
        ("slot_opened", "/seq", json!(0)),
        ("slot_opened", "/time", json!("2026-11-22 10:00:00")),
        ("slot_opened", "/type", json!("moon_rose")),
        ("slot_opened", "/slot", json!("")),
        ("attempt_started", "/attempt", json!(0)),
        ("attempt_ended", "/outcome", json!("lost")),
        ("attempt_ended", "/exit", json!({"status": 256})),
        ("host_state", "/state", json!("TimedOut")),
        ("host_waiting", "/waits_for", json!({"what": "limit"})),
        ("output", "/stream", json!("stdin")),
        ("limit_changed", "/max_parallel", json!(0)),
        ("job_state", "/state", json!("retrying")),
    ] {
        let values = kinds().into_iter().map(written).filter(|value| value["type"] == kind);
        for mut value in values.filter(|value| value.pointer(pointer).is_some()) {
            *value.pointer_mut(pointer).unwrap() = broken.clone();
            assert!(!validator.is_valid(&value), "{value}");
        }
        let mut more = kinds().into_iter().map(written).find(|value| value["type"] == kind).unwrap();
        more["surprise"] = json!(1);
        assert!(!validator.is_valid(&more), "{more}");
    }
    let mut both =
        written(kinds().into_iter().find(|kind| matches!(kind, EventKind::Output { .. })).unwrap());
    both["base64"] = json!("dXAK");
    assert!(!validator.is_valid(&both), "text and base64 exclude each other");
}
