//! Words about jobs that are kept.

use std::borrow::Cow;

use pogo_grammar::fold::{fold, natural_cmp};
use pogo_plan::event::{Command, Fact, Setting, Verdict, WaitsFor};
use pogo_plan::job::OnFailure;
use pogo_plan::{HostIdx, Plan};
use pogo_store::{Holder, Stalled, Wait};

use crate::args::ShownState;
use crate::kept::table::Paint;
use crate::run::words;
use crate::terminal::{Style, visible};

/// Holders of places that are named.
const MAX_HOLDERS: usize = 5;
/// Characters of a list of hosts that are shown.
const MAX_HOSTS: usize = 400;

/// A moment for people: `2026-11-22 20:50:01Z`.
pub(crate) fn moment(wall: i64) -> String {
    let text = pogo_store::rfc3339(wall);
    match (text.get(..10), text.get(11..19)) {
        (Some(day), Some(time)) => format!("{day} {time}Z"),
        _ => text,
    }
}

/// Milliseconds since a moment; 0 for one that is to come.
pub(crate) fn since(wall: i64) -> u64 {
    let now = jiff::Timestamp::now().as_microsecond();
    u64::try_from(now.saturating_sub(wall) / 1000).unwrap_or(0)
}

/// That the turn of a namespace does not come, and what can be done about it.
pub(crate) fn stalled(stalled: Stalled<'_>) -> String {
    let Stalled { namespace, waited, pid } = stalled;
    let who = pid.map_or_else(String::new, |pid| format!("process {pid} had the turn last; "));
    let text = format!(
        "for {} another process has not let go of the namespace {namespace} in the store, and nothing can be put on record: \
         {who}if it is stopped, let it go on or end it",
        crate::run::words::elapsed(u64::try_from(waited.as_millis()).unwrap_or(u64::MAX)),
    );
    visible(&text).into_owned()
}

/// A state in one word, and its color.
pub(crate) fn state(state: ShownState) -> (&'static str, Paint) {
    let plain: Paint = |_, text| Cow::Borrowed(text);
    match state {
        ShownState::Running => ("running", plain),
        ShownState::Halting => ("halting", Style::yellow),
        ShownState::Interrupted => ("interrupted", Style::red),
        ShownState::Succeeded => ("succeeded", Style::green),
        ShownState::Failed => ("failed", Style::red),
        ShownState::Blocked => ("blocked", Style::red),
        ShownState::Halted => ("halted", Style::yellow),
    }
}

/// A word for a shell.
pub(crate) fn quoted(word: &str) -> Cow<'_, str> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@,+%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return Cow::Borrowed(word);
    }
    Cow::Owned(format!("'{}'", word.replace('\'', r"'\''")))
}

/// Hosts as patterns; many are cut.
pub(crate) fn some_hosts(hosts: &[&str]) -> String {
    let folded = folded(hosts);
    match folded.char_indices().nth(MAX_HOSTS) {
        Some((at, _)) => format!("{}... ({} hosts)", folded.get(..at).unwrap_or_default(), hosts.len()),
        None => folded,
    }
}

/// Hosts as patterns, in their natural order, all of them.
pub(crate) fn folded(hosts: &[&str]) -> String {
    let mut hosts = hosts.to_vec();
    hosts.sort_by(|one, other| natural_cmp(one, other));
    fold(hosts).join(",")
}

/// What hosts wait for, and who has it.
pub(crate) fn wait(wait: &Wait) -> String {
    let what = words::waits_for(&wait.on, |_| None);
    match wait.on {
        WaitsFor::Limit { .. } | WaitsFor::Turn { .. } if !wait.holders.is_empty() => {
            format!("{what}: {}", holders(&wait.holders))
        }
        _ => what,
    }
}

/// Who takes the places of a limit.
pub(crate) fn holders(holders: &[Holder]) -> String {
    let mut named: Vec<String> = holders
        .iter()
        .take(MAX_HOLDERS)
        .map(|holder| {
            let how = if holder.is_running { "runs on it" } else { "left it bad" };
            format!("{} (job {} {how})", holder.host, holder.job)
        })
        .collect();
    if holders.len() > MAX_HOLDERS {
        named.push(format!("{} more", holders.len() - MAX_HOLDERS));
    }
    named.join(", ")
}

/// The host that a fact is about, and what it says.
pub(crate) fn fact(fact: &Fact<HostIdx>, plan: &Plan) -> (Option<String>, String) {
    let name = |host: &HostIdx| Some(plan.hosts.name(*host).to_owned());
    let nth = |attempt: pogo_plan::outcome::Attempt| match attempt.0 {
        1 => String::new(),
        n => format!(", attempt {n}"),
    };
    match fact {
        Fact::Granted { host, attempt } => (name(host), format!("goes out of service{}", nth(*attempt))),
        Fact::Returned { host, .. } => {
            (name(host), "was not begun after all: in service as before".to_owned())
        }
        Fact::Started { host, attempt } => (name(host), format!("running{}", nth(*attempt))),
        Fact::Ended { host, attempt, outcome, again } => {
            let mut text = words::host_state(outcome.host_state()).to_owned();
            if let Some(more) = words::outcome(*outcome) {
                text.push_str(&format!(": {more}"));
            }
            text.push_str(&nth(*attempt));
            if *again {
                text.push_str("; is tried again");
            }
            (name(host), text)
        }
        Fact::GaveUp { host } => (name(host), "is not tried again".to_owned()),
        Fact::SlotOpened { slot } => (None, format!("{} opened", slot_name(*slot, plan))),
        Fact::Recovering { hosts } => {
            let hosts: Vec<&str> = hosts.iter().map(|&host| plan.hosts.name(host)).collect();
            (None, format!("{} go first: they were out of service", some_hosts(&hosts)))
        }
        Fact::JobState { state } => (None, format!("job {}", words::job_state(*state))),
        Fact::Commanded { command, by } => {
            let (host, text) = self::command(command, |host| plan.hosts.name(*host).to_owned());
            let name = if by.name.is_empty() { "Ctrl-C" } else { by.name.as_str() };
            let reason = by.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
            (host, format!("{name} said: {text}{reason}"))
        }
        _ => (None, "something that this pogo does not know".to_owned()),
    }
}

/// Hosts that a fact is about; none for all.
pub(crate) fn hosts_of(fact: &Fact<HostIdx>) -> Vec<HostIdx> {
    let mut hosts = Vec::new();
    // Every name is asked for, whatever the kind.
    let _named = fact.clone().try_map_host(|host| {
        hosts.push(host);
        Some(host)
    });
    hosts
}

/// Whether a fact tells of a slot without hosts, which is not worth a line.
pub(crate) fn is_empty_slot(fact: &Fact<HostIdx>, plan: &Plan) -> bool {
    let mut slots = plan.threads.iter().flat_map(|thread| &thread.slots);
    match fact {
        Fact::SlotOpened { slot } => slots.nth(*slot as usize).is_some_and(|slot| slot.hosts.is_empty()),
        _ => false,
    }
}

fn slot_name(slot: u32, plan: &Plan) -> &str {
    let mut slots = plan.threads.iter().flat_map(|thread| &thread.slots);
    slots.nth(slot as usize).map_or("recovery", |slot| slot.id.as_str())
}

/// An operator's command: the host, and the words.
pub(crate) fn command<H>(command: &Command<H>, name: impl Fn(&H) -> String) -> (Option<String>, String) {
    match command {
        Command::Halt { stop_running: false } => (None, "halt".to_owned()),
        Command::Halt { stop_running: true } => (None, "halt, and end what runs".to_owned()),
        Command::Stop { host } => (Some(name(host)), "stop it".to_owned()),
        Command::Skip { host } => (Some(name(host)), "skip it".to_owned()),
        Command::Retry { host } => (Some(name(host)), "run it again".to_owned()),
        Command::Resume => (None, "resume".to_owned()),
        Command::Decide { host, verdict: Verdict::Succeeded } => {
            (Some(name(host)), "it has succeeded".to_owned())
        }
        Command::Decide { host, verdict: Verdict::Failed } => (Some(name(host)), "it has failed".to_owned()),
        Command::Alter(setting) => (None, format!("alter {}", self::setting(*setting))),
        _ => (None, "something that this pogo does not know".to_owned()),
    }
}

/// `concurrent=5`
pub(crate) fn setting(setting: Setting) -> String {
    let count = |n: Option<u32>| n.map_or_else(|| "none".to_owned(), |n| n.to_string());
    match setting {
        Setting::Concurrent(n) => format!("concurrent={}", count(n)),
        Setting::StaggerMs(ms) => format!("stagger={ms}ms"),
        Setting::MaxFailures(n) => format!("max_failures={}", count(n)),
        Setting::OnFailure(OnFailure::Hold) => "on_failure=hold".to_owned(),
        Setting::OnFailure(OnFailure::Continue) => "on_failure=continue".to_owned(),
        Setting::OnFailure(OnFailure::Halt) => "on_failure=halt".to_owned(),
        Setting::TimeoutMs(ms) => format!("timeout={ms}ms"),
        Setting::RetryAttempts(n) => format!("retry={n}"),
        _ => "a setting that this pogo does not know".to_owned(),
    }
}
