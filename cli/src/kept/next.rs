//! What an operator can do about a job that did not succeed: commands to paste.

use std::collections::HashSet;
use std::io::{self, Write};

use pogo_plan::event::{Blocker, JobId};
use pogo_plan::outcome::HostState;

use super::words::{folded, quoted};
use crate::args::ShownState;
use crate::terminal::{Style, columns, visible};

/// How a job stands.
pub(crate) struct Stand<'a> {
    pub(crate) job: JobId,
    pub(crate) state: ShownState,
    /// Bad hosts of the job.
    pub(crate) bad: Vec<(&'a str, HostState)>,
    /// Those of them that somebody has skipped.
    pub(crate) passed_over: &'a HashSet<String>,
    /// Bad hosts of other jobs that it waits for.
    pub(crate) others: &'a [Blocker],
    /// Whether hosts wait or were cancelled.
    pub(crate) is_left: bool,
    /// Whether hosts can be asked about an attempt.
    pub(crate) can_probe: bool,
    /// What a further command line needs to find the same store.
    pub(crate) option: &'a str,
}

/// Commands, and what each is for.
pub(crate) fn steps(stand: &Stand<'_>) -> Vec<(String, &'static str)> {
    let Stand { job, option, .. } = *stand;
    if matches!(stand.state, ShownState::Running | ShownState::Halting | ShownState::Succeeded) {
        return Vec::new();
    }
    let names = |is_meant: &dyn Fn(&str, HostState) -> bool| {
        let hosts = stand.bad.iter().filter(|(name, state)| is_meant(name, *state));
        let hosts: Vec<&str> = hosts.map(|(name, _)| *name).collect();
        (!hosts.is_empty()).then(|| quoted(&folded(&hosts)).into_owned())
    };
    let unknown = names(&|_, state| state == HostState::Unknown);
    // What is passed over is in nobody's way any more, and may still be run again in the end.
    let bad = names(&|name, state| {
        state != HostState::Unknown && !(stand.is_left && stand.passed_over.contains(name))
    });
    let mut steps = Vec::new();
    if stand.state == ShownState::Interrupted {
        steps.push((format!("pogo resume {job}{option}"), "go on where its process died"));
        return steps;
    }
    if let Some(hosts) = &unknown {
        if stand.can_probe {
            steps.push((
                format!("pogo probe {job} {hosts}{option}"),
                "ask what became of the attempts that nobody saw end",
            ));
        }
        let first =
            stand.bad.iter().find(|(_, state)| *state == HostState::Unknown).map_or("", |(name, _)| name);
        steps.push((
            format!("pogo decide {job} {} --as failed --reason '...'{option}", quoted(first)),
            "say what became of one; or `--as succeeded`",
        ));
    }
    if bad.is_some() {
        steps.push((format!("pogo retry {job}{option}"), "run the bad hosts again, and go on"));
    }
    for blocker in stand.others {
        steps.push((
            format!("pogo retry {} {}{option}", blocker.job, quoted(&blocker.host)),
            "mend it in its own job; or release it, if you know that it is well:",
        ));
        steps.push((format!("pogo release {} --reason '...'{option}", quoted(&blocker.host)), ""));
    }
    if stand.is_left {
        if let Some(hosts) = bad.as_ref().filter(|_| stand.state == ShownState::Blocked) {
            steps.push((
                format!("pogo skip {job} {hosts} --reason '...'{option}"),
                "or pass over them: they stay out of service",
            ));
        }
        let what = if steps.is_empty() { "run what is left" } else { "then run what is left" };
        steps.push((format!("pogo resume {job}{option}"), what));
    }
    steps
}

/// Writes the steps.
///
/// # Errors
/// If `to` cannot be written to.
pub(crate) fn write(stand: &Stand<'_>, style: Style, to: &mut dyn Write) -> io::Result<()> {
    let steps = steps(stand);
    if steps.is_empty() {
        return Ok(());
    }
    let width = steps.iter().map(|(command, _)| columns(command)).max().unwrap_or(0).min(60);
    writeln!(to, "To go on:")?;
    for (command, what) in steps {
        let pad = width.saturating_sub(columns(&command));
        let what = if what.is_empty() { String::new() } else { format!("{:pad$}  # {what}", "") };
        writeln!(to, "  {}{}", visible(&command), style.dim(&what))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stand(state: ShownState, bad: Vec<(&'static str, HostState)>, is_left: bool) -> Vec<String> {
        let job = JobId::from_bits(7);
        let passed_over = HashSet::from(["skipped1".to_owned()]);
        let (others, can_probe, option) = (&[], true, "");
        let stand = Stand { job, state, bad, passed_over: &passed_over, others, is_left, can_probe, option };
        steps(&stand).into_iter().map(|(command, _)| command).collect()
    }

    #[test]
    fn each_state_has_its_way_on() {
        assert_eq!(stand(ShownState::Succeeded, vec![], false), [""; 0]);
        assert_eq!(stand(ShownState::Running, vec![("a", HostState::Failed)], true), [""; 0]);
        assert_eq!(stand(ShownState::Interrupted, vec![], true), ["pogo resume 00000007"]);
        assert_eq!(stand(ShownState::Halted, vec![], true), ["pogo resume 00000007"]);
        assert_eq!(stand(ShownState::Failed, vec![("a", HostState::Failed)], false), ["pogo retry 00000007"]);
        assert_eq!(
            stand(
                ShownState::Blocked,
                vec![("web1", HostState::Failed), ("web2", HostState::TimedOut)],
                true
            ),
            ["pogo retry 00000007", "pogo skip 00000007 'web[1-2]' --reason '...'", "pogo resume 00000007"]
        );
        assert_eq!(
            stand(
                ShownState::Blocked,
                vec![("web1", HostState::Failed), ("skipped1", HostState::Failed)],
                true
            ),
            ["pogo retry 00000007", "pogo skip 00000007 web1 --reason '...'", "pogo resume 00000007"]
        );
        let skipped = || vec![("skipped1", HostState::Failed)];
        assert_eq!(stand(ShownState::Blocked, skipped(), true), ["pogo resume 00000007"]);
        assert_eq!(stand(ShownState::Failed, skipped(), false), ["pogo retry 00000007"]);
        assert_eq!(
            stand(ShownState::Failed, vec![("web1", HostState::Unknown)], false),
            ["pogo probe 00000007 web1", "pogo decide 00000007 web1 --as failed --reason '...'"]
        );
    }
}
