//! `pogo replay` over real streams.

use crate::Home;

fn ran() -> Home {
    let home = Home::new();
    home.spec(
        "tag: {all: ['h[1-3]']}\nsequence: {t: [h1, 'h2,h3']}\nconstraint: {$all: {max_parallel: 1}}",
        "echo up",
        "",
    );
    assert_eq!(home.run(&["compile", "a.cfg", "-o", "plan.json"]).code, 0);
    assert_eq!(home.apply(&["plan.json", "--events", "events", "--quiet"]).code, 0);
    home
}

#[test]
fn a_run_is_shown_again_and_keeps_its_promises() {
    let home = ran();
    let replayed = home.run(&["replay", "events", "--plan", "plan.json"]);
    assert_eq!((replayed.code, replayed.stderr.as_str()), (0, ""), "{replayed:?}");
    assert!(replayed.stdout.contains("Z h2 | up\n"), "{replayed:?}");
    assert!(replayed.stdout.contains("Every promise was kept: 3 slots in order, 1 limit"), "{replayed:?}");
    let unchecked = home.run(&["replay", "events", "--quiet"]);
    assert_eq!(unchecked.code, 0);
    assert!(unchecked.stdout.contains("promises were not checked"), "{unchecked:?}");
}

#[test]
fn a_stream_that_was_changed_is_found_out() {
    let home = ran();
    let text = home.read("events");
    // Without its success h1 is still out of service, and not done, when the others start.
    let changed: String = text
        .lines()
        .filter(|line| !line.contains(r#""type":"host_state","host":"h1","state":"succeeded""#))
        .map(|line| format!("{line}\n"))
        .collect();
    assert_ne!(text, changed);
    home.write("events", &changed);
    let replayed = home.run(&["replay", "events", "--plan", "plan.json", "--quiet"]);
    assert_eq!(replayed.code, 1, "{replayed:?}");
    for broken in
        ["some are missing", "started as number 2 out of service in $all, 1 may be", "opened before"]
    {
        assert!(replayed.stdout.contains(broken), "{broken}: {replayed:?}");
    }
    let half: String = text.chars().take(text.len() / 2).collect();
    home.write("events", &half);
    let replayed = home.run(&["replay", "events", "--plan", "plan.json", "--quiet"]);
    assert_eq!(replayed.code, 1, "{replayed:?}");
    assert!(replayed.stdout.contains("the stream ends before the job does"), "{replayed:?}");
}

#[test]
fn times_and_what_is_in_flight_are_checked() {
    let home = Home::new();
    // Nobody opens it: one host waits there until its time is over.
    home.gate("gate");
    home.spec(
        "tag: {all: ['h[1-6]']}\nsequence: {t: [{hosts: h1, pause_after: 30ms}, 'h[2-5]']}",
        "if [ $POGO_HOST$POGO_ATTEMPT = h31 ]; then exit 1; fi\n[ $POGO_HOST != h5 ] || read go < gate",
        "  ramp: [1, 2, 3]\n  concurrent: 2\n  stagger: 20ms\n  on_failure: continue\n  finally: 'true'\n  \
         retry: {attempts: 1, backoff: 20ms, retry_on: [exit]}",
    );
    assert_eq!(home.run(&["compile", "a.cfg", "-o", "plan.json", "--set", "timeout=500ms"]).code, 0);
    assert_eq!(home.apply(&["plan.json", "--events", "events", "--quiet"]).code, 1);
    let replay = || home.run(&["replay", "events", "--plan", "plan.json", "--quiet"]);
    let replayed = replay();
    assert_eq!(replayed.code, 0, "{replayed:?}");
    assert!(home.read("events").contains("timed_out"));
    // What follows the first start is moved by years.
    let mut has_started = false;
    let changed: String = home
        .read("events")
        .lines()
        .map(|line| {
            let mut event: serde_json::Value = serde_json::from_str(line).unwrap();
            if has_started {
                event["time"] = "2199-01-01T00:00:00.000000Z".into();
            }
            has_started |= event["type"] == "attempt_started";
            format!("{event}\n")
        })
        .collect();
    home.write("events", &changed);
    let replayed = replay();
    assert_eq!(replayed.code, 1, "{replayed:?}");
    assert!(replayed.stdout.contains(" s, its `timeout` is 0.500 s"), "{replayed:?}");
}

#[test]
fn events_of_another_plan_are_refused() {
    let home = ran();
    assert_eq!(home.run(&["compile", "a.cfg", "-o", "other.json", "--set", "timeout=2m"]).code, 0);
    let replayed = home.run(&["replay", "events", "--plan", "other.json"]);
    assert_eq!((replayed.code, replayed.stdout.as_str()), (2, ""));
    assert!(replayed.stderr.contains("the events are of another plan"), "{replayed:?}");
    assert_eq!(home.run(&["replay", "plan.json"]).code, 2);
    assert_eq!(home.run(&["replay", "none"]).code, 2);
}
