//! The run as a log for people: a line for each step of a host and for each line of its output.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::io::{self, Write};

use pogo_plan::Plan;
use pogo_plan::event::{Event, EventKind, Stream, WaitsFor};
use pogo_plan::outcome::{HostState, JobState};

use super::Reporter;
use super::words::{self, bytes_of};
use crate::terminal::{Style, visible};

/// A line without an end is shown in pieces of this size.
const MAX_LINE_BYTES: usize = 8192;
/// Names are padded to the longest, but not beyond this.
const MAX_NAME_COLUMNS: usize = 32;

/// Writes the log.
pub(crate) struct Lines<W> {
    to: W,
    style: Style,
    /// Whether only what goes wrong is shown.
    is_quiet: bool,
    name_columns: usize,
    /// Slots without hosts are not worth a line.
    empty_slots: HashSet<String>,
    /// The beginnings of lines, by host: standard output and standard error.
    begun: HashMap<String, [Vec<u8>; 2]>,
    /// The host whose attempt ended last, and the state that was shown for it.
    shown: Option<(String, HostState)>,
    /// Whether what has been told is news; what was known before a job is taken up again is not.
    is_news: bool,
    /// Says more of what a host waits for.
    explain: Option<Explain>,
    /// What stands before everything else, until it is written.
    header: String,
}

/// What is to be said of what a host waits for, beyond the event.
type Explain = Box<dyn FnMut(&WaitsFor) -> Option<String> + Send>;

impl<W: Write> Lines<W> {
    /// A log of a run; with its plan, names stand in a column.
    pub(crate) fn new(to: W, style: Style, is_quiet: bool, plan: Option<&Plan>) -> Self {
        let longest =
            plan.and_then(|plan| plan.targets.iter().map(|&host| plan.hosts.name(host).len()).max());
        let slots = plan.into_iter().flat_map(|plan| plan.threads.iter().flat_map(|thread| &thread.slots));
        Self {
            to,
            style,
            is_quiet,
            name_columns: longest.unwrap_or(0).min(MAX_NAME_COLUMNS),
            empty_slots: slots.filter(|slot| slot.hosts.is_empty()).map(|slot| slot.id.clone()).collect(),
            begun: HashMap::new(),
            shown: None,
            is_news: true,
            explain: None,
            header: String::new(),
        }
    }

    /// With lines that are written as soon as something has happened: until then there may be nothing that they are about.
    #[must_use]
    pub(crate) fn beginning(self, header: String) -> Self {
        Self { header, ..self }
    }

    /// Leaves out what was known before the job was taken up again.
    #[must_use]
    pub(crate) fn only_news(self) -> Self {
        Self { is_news: false, ..self }
    }

    /// With more words of what hosts wait for.
    #[must_use]
    pub(crate) fn explaining(self, explain: Explain) -> Self {
        Self { explain: Some(explain), ..self }
    }

    fn line(&mut self, time: &str, host: &str, text: &str) -> io::Result<()> {
        let time = clock(time);
        let time = self.style.dim(&time);
        let host = visible(host);
        let pad = self.name_columns.saturating_sub(host.len());
        writeln!(self.to, "{time} {host}{:pad$} {text}", "")
    }

    fn job(&mut self, time: &str, text: &str) -> io::Result<()> {
        let time = clock(time);
        let time = self.style.dim(&time);
        writeln!(self.to, "{time} {}", self.style.bold(text))
    }

    fn colored<'a>(&self, state: HostState, text: &'a str) -> Cow<'a, str> {
        match state {
            HostState::Succeeded => self.style.green(text),
            HostState::Retrying => self.style.yellow(text),
            _ if state.is_bad() => self.style.red(text),
            _ => Cow::Borrowed(text),
        }
    }

    fn output(&mut self, time: &str, host: &str, stream: Stream, bytes: &[u8]) -> io::Result<()> {
        let at = usize::from(stream == Stream::Stderr);
        let mut buffers = self.begun.remove(host).unwrap_or_default();
        if let Some(begun) = buffers.get_mut(at) {
            begun.extend_from_slice(bytes);
            let mut rest = begun.as_slice();
            while let Some(end) = rest.iter().position(|&byte| byte == b'\n') {
                let (line, after) = rest.split_at(end);
                self.output_line(time, host, stream, line)?;
                rest = after.get(1..).unwrap_or_default();
            }
            while rest.len() > MAX_LINE_BYTES {
                let (piece, after) = rest.split_at(MAX_LINE_BYTES);
                self.output_line(time, host, stream, piece)?;
                rest = after;
            }
            *begun = rest.to_vec();
        }
        if buffers.iter().any(|buffer| !buffer.is_empty()) {
            self.begun.insert(host.to_owned(), buffers);
        }
        Ok(())
    }

    /// Shows lines that will not be ended any more.
    fn end_lines(&mut self, time: &str, host: &str) -> io::Result<()> {
        let [stdout, stderr] = self.begun.remove(host).unwrap_or_default();
        for (stream, rest) in [(Stream::Stdout, stdout), (Stream::Stderr, stderr)] {
            if !rest.is_empty() {
                self.output_line(time, host, stream, &rest)?;
            }
        }
        Ok(())
    }

    fn output_line(&mut self, time: &str, host: &str, stream: Stream, line: &[u8]) -> io::Result<()> {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let text = String::from_utf8_lossy(line);
        let mark = if stream == Stream::Stdout { "|" } else { "!" };
        self.line(time, host, format!("{mark} {}", visible(&text)).trim_end())
    }

    /// The next event, without waiting until it is written out.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(crate) fn show(&mut self, event: &Event) -> io::Result<()> {
        let time = event.time.as_str();
        let header = std::mem::take(&mut self.header);
        self.to.write_all(header.as_bytes())?;
        if !self.is_news {
            self.is_news = !matches!(event.kind, EventKind::HostState { .. });
            if !self.is_news {
                return Ok(());
            }
        }
        match &event.kind {
            EventKind::JobState { state: JobState::Halting, reason, .. } => {
                let why = reason.as_ref().map(words::halt_reason).unwrap_or_default();
                self.job(time, &format!("halting, nothing more is started: {}", visible(&why)))?;
            }
            // The beginning and the end of a job are told by the header and by the summary.
            EventKind::JobState { .. } => {}
            EventKind::SlotOpened { slot } if !self.is_quiet && !self.empty_slots.contains(slot) => {
                self.job(time, &format!("{} opened", visible(slot)))?;
            }
            EventKind::SlotDone { slot } if !self.is_quiet && !self.empty_slots.contains(slot) => {
                self.job(time, &format!("{} done", visible(slot)))?;
            }
            EventKind::HostWaiting { host, waits_for } if !self.is_quiet => {
                // How many are out is told a moment later than who waits; here it could only mislead.
                let what = words::waits_for(waits_for, |_| None);
                let more = self.explain.as_mut().and_then(|explain| explain(waits_for));
                let more = more.map(|more| format!(": {}", visible(&more))).unwrap_or_default();
                let text = format!("waits for {}{more}", visible(&what));
                let text = self.style.dim(&text).into_owned();
                self.line(time, host, &text)?;
            }
            EventKind::AttemptStarted { host, attempt } if !self.is_quiet => {
                let text = if attempt.0 > 1 {
                    format!("running, attempt {}", attempt.0)
                } else {
                    "running".to_owned()
                };
                self.line(time, host, &text)?;
            }
            EventKind::Output { host, stream, dropped_bytes, .. } => {
                if !self.is_quiet {
                    self.output(time, host, *stream, &bytes_of(&event.kind))?;
                }
                if *dropped_bytes > 0 {
                    self.end_lines(time, host)?;
                    let more = format!("wrote {dropped_bytes} bytes more than `max_output` keeps");
                    self.line(time, host, &more)?;
                }
            }
            EventKind::AttemptEnded { host, attempt, outcome, duration_ms } => {
                self.end_lines(time, host)?;
                let state = outcome.host_state();
                self.shown = Some((host.clone(), state));
                if !self.is_quiet || state.is_bad() {
                    let mut text = self.colored(state, words::host_state(state)).into_owned();
                    if let Some(more) = words::outcome(*outcome) {
                        text.push_str(&format!(": {more}"));
                    }
                    let attempt =
                        if attempt.0 > 1 { format!(", attempt {}", attempt.0) } else { String::new() };
                    text.push_str(&format!(" ({}{attempt})", words::elapsed(*duration_ms)));
                    self.line(time, host, &text)?;
                }
            }
            EventKind::HostState { host, state } => {
                let is_known =
                    self.shown.as_ref().is_some_and(|(name, shown)| name == host && shown == state);
                let is_news = match state {
                    HostState::Retrying => !self.is_quiet,
                    HostState::Skipped => !self.is_quiet && !is_known,
                    // Said by the attempt's start, by the halt of the job, or by nothing.
                    HostState::Waiting | HostState::Running | HostState::Cancelled => false,
                    HostState::Succeeded => !self.is_quiet && !is_known,
                    _ => !is_known,
                };
                if is_news {
                    let text = match state {
                        HostState::Retrying => "is tried again",
                        state => words::host_state(*state),
                    };
                    let text = self.colored(*state, text).into_owned();
                    self.line(time, host, &text)?;
                }
            }
            _ => {}
        }
        Ok(())
    }
}

impl<W: Write + Send> Reporter for Lines<W> {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        self.show(event)?;
        self.to.flush()
    }
}

/// The time of day of an RFC 3339 time in UTC: `10:00:01Z`.
fn clock(time: &str) -> String {
    time.get(11..19).map_or_else(|| visible(time).into_owned(), |clock| format!("{clock}Z"))
}

#[cfg(test)]
mod tests {
    use pogo_plan::outcome::{Exit, Outcome, Phase};
    use snapbox::{IntoData as _, str};

    use super::super::testing::Run;
    use super::*;

    fn shown(run: &Run, is_quiet: bool, style: Style) -> String {
        let mut out = Vec::new();
        let mut lines = Lines::new(&mut out, style, is_quiet, None);
        lines.name_columns = 4;
        run.to(&mut lines);
        String::from_utf8(out).unwrap()
    }

    fn a_run() -> Run {
        let mut run = Run::new();
        let failed = Outcome::Failed { exit: Exit::Status(3), phase: Phase::Command };
        run.job(JobState::Running).opened("$colo.east").push(EventKind::LimitChanged {
            limit: "$colo".to_owned(),
            in_use: 1,
            max_parallel: 1,
        });
        run.push(EventKind::HostWaiting {
            host: "b".to_owned(),
            waits_for: WaitsFor::Limit { limit: "$colo".to_owned() },
        });
        run.started("a").output("a", Stream::Stdout, "one\ntw").output("a", Stream::Stderr, "careful\n");
        run.output("a", Stream::Stdout, "o\r\n\u{1b}[2Jthree").ended("a", Outcome::Succeeded);
        run.started("b").attempt_ended("b", failed).state("b", HostState::Retrying);
        run.attempt(2).started("b").ended("b", failed).done("$colo.east");
        run.push(EventKind::JobState {
            state: JobState::Halting,
            reason: Some(pogo_plan::event::HaltReason::Operator),
            blocked_by: vec![],
        });
        run.state("c", HostState::Cancelled);
        run
    }

    #[test]
    fn a_line_for_each_step_and_each_line_of_output() {
        snapbox::assert_data_eq!(
            shown(&a_run(), false, Style::PLAIN),
            str![[r#"
10:00:02Z $colo.east opened
10:00:04Z b    waits for a place in $colo
10:00:06Z a    running
10:00:07Z a    | one
10:00:08Z a    ! careful
10:00:09Z a    | two
10:00:10Z a    | \u{1b}[2Jthree
10:00:10Z a    succeeded (1.2s)
10:00:13Z b    running
10:00:14Z b    failed: exit status 3 (1.2s)
10:00:15Z b    is tried again
10:00:17Z b    running, attempt 2
10:00:18Z b    failed: exit status 3 (1.2s, attempt 2)
10:00:20Z $colo.east done
10:00:21Z halting, nothing more is started: an operator said so

"#]]
            .raw()
        );
    }

    #[test]
    fn the_header_comes_with_the_first_event() {
        let mut out = Vec::new();
        let mut lines =
            Lines::new(&mut out, Style::PLAIN, false, None).only_news().beginning("job x\nkept\n".to_owned());
        assert_eq!(lines.to.len(), 0, "nothing has happened");
        // What was known before is no line, but the job is there.
        Run::new().state("a", HostState::Waiting).job(JobState::Running).to(&mut lines);
        assert_eq!(String::from_utf8(out).unwrap(), "job x\nkept\n");
    }

    #[test]
    fn quiet_shows_what_goes_wrong() {
        snapbox::assert_data_eq!(
            shown(&a_run(), true, Style::PLAIN),
            str![[r#"
10:00:14Z b    failed: exit status 3 (1.2s)
10:00:18Z b    failed: exit status 3 (1.2s, attempt 2)
10:00:21Z halting, nothing more is started: an operator said so

"#]]
            .raw()
        );
    }

    #[test]
    fn colors_only_where_they_are_wanted() {
        assert!(!shown(&a_run(), false, Style::PLAIN).contains('\u{1b}'));
        let colored = shown(&a_run(), false, Style { color: true, ..Style::PLAIN });
        assert!(colored.contains("\u{1b}[32msucceeded\u{1b}[0m"), "{colored}");
        assert!(colored.contains(r"\u{1b}[2Jthree"), "output of a host stays text");
    }

    #[test]
    fn an_endless_line_is_shown_in_pieces() {
        let mut run = Run::new();
        run.output("a", Stream::Stdout, &"x".repeat(3 * MAX_LINE_BYTES)).ended("a", Outcome::Succeeded);
        let text = shown(&run, false, Style::PLAIN);
        assert_eq!(text.lines().filter(|line| line.contains("| xxx")).count(), 3);
    }
}
