//! What hosts say of attempts, for people and for programs.

use std::io::{self, Write};

use pogo_plan::event::JobId;
use pogo_plan::outcome::{Attempt, Outcome};
use pogo_transport::wrapper::Probed;
use schemars::JsonSchema;
use serde::Serialize;

use crate::run::words;
use crate::terminal::{Style, visible};

/// What becomes of an end that a host tells.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fate {
    /// It is on record now.
    Recorded,
    /// The host keeps it, and nothing is put on record.
    Kept,
    /// The host has forgotten it.
    Forgotten,
    /// It will be told to the process that runs the job, which is connected to the host.
    Watched,
}

/// What a host says, or why it does not.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) host: String,
    pub(super) attempt: Attempt,
    pub(super) said: Result<Probed, String>,
    /// If it tells of an end.
    pub(super) fate: Fate,
}

/// All that was answered.
pub(super) struct Report<'a> {
    pub(super) job: JobId,
    /// The process that runs the job.
    pub(super) owner: Option<&'a str>,
    pub(super) answers: &'a [Answer],
}

impl Report<'_> {
    /// Whether everything that was asked about ended well.
    pub(super) fn is_good(&self) -> bool {
        self.answers.iter().all(|answer| matches!(answer.said, Ok(Probed::Ended(Outcome::Succeeded))))
    }

    pub(super) fn show(&self, style: Style, to: &mut dyn Write) -> io::Result<()> {
        let columns = self.answers.iter().map(|answer| answer.host.len()).max().unwrap_or(0);
        for answer in self.answers {
            writeln!(to, "{:columns$}  {}", visible(&answer.host), answer.words(style))?;
        }
        if let Some(owner) = self.owner {
            let text = format!("job {} is run by {owner}: nothing is put on record", self.job);
            writeln!(to, "{}", visible(&text))?;
        }
        Ok(())
    }

    pub(super) fn out(&self) -> ProbeOut<'_> {
        ProbeOut {
            format: "pogo.probe/1",
            job: self.job,
            owner: self.owner,
            hosts: self.answers.iter().map(Answer::out).collect(),
        }
    }
}

/// What hosts say of attempts.
#[derive(Serialize, JsonSchema)]
pub(in crate::commands) struct ProbeOut<'a> {
    /// The name and the version of this format.
    #[schemars(extend("const" = "pogo.probe/1"))]
    format: &'static str,
    /// The job that was asked about.
    job: JobId,
    /// The process that runs it: then nothing is put on record; absent if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<&'a str>,
    /// The hosts that were asked; empty if no attempt is without an end on record.
    hosts: Vec<HostOut<'a>>,
}

/// What a host says of an attempt.
#[derive(Serialize, JsonSchema)]
struct HostOut<'a> {
    /// The host.
    host: &'a str,
    /// The attempt.
    attempt: Attempt,
    #[serde(flatten)]
    said: SaidOut<'a>,
}

/// What a host says of an attempt.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
enum SaidOut<'a> {
    /// It still runs; if a process runs the job and is connected to the host, as far as that process knows.
    Running,
    /// It has ended.
    Ended {
        /// How.
        #[serde(flatten)]
        outcome: Outcome,
        /// Whether the store has it now.
        is_recorded: bool,
    },
    /// The host has no record of its end, and has restarted since.
    Rebooted,
    /// The host has no record of its end.
    Gone,
    /// The host cannot be asked.
    Unreachable {
        /// Why.
        message: &'a str,
    },
}

impl Answer {
    fn words(&self, style: Style) -> String {
        let gone = |why| format!("{}: {why}", style.red("gone without a trace"));
        match &self.said {
            Ok(Probed::Running) if self.fate == Fate::Watched => {
                style.yellow("running, and seen by the process that runs the job").into_owned()
            }
            Ok(Probed::Running) => style.yellow("still running").into_owned(),
            Ok(Probed::Ended(outcome)) => {
                let state = words::host_state(outcome.host_state());
                let ended = format!("ended: {state}");
                let is_good = *outcome == Outcome::Succeeded;
                let ended = if is_good { style.green(&ended) } else { style.red(&ended) };
                let more = words::outcome(*outcome).filter(|_| !is_good);
                let more = more.map(|more| format!(", {more}")).unwrap_or_default();
                let fate = match self.fate {
                    Fate::Recorded => "that is on record now",
                    Fate::Kept | Fate::Watched => "the host keeps its record of it",
                    Fate::Forgotten => "the host's record of it is removed",
                };
                format!("{ended}{more}; {fate}")
            }
            Ok(Probed::Rebooted) => gone("the host has restarted since, and has no record of its end"),
            Ok(Probed::Gone) => gone("the host has no record of its end"),
            Err(why) => format!("{} {}", style.red("error:"), visible(why)),
        }
    }

    fn out(&self) -> HostOut<'_> {
        let said = match &self.said {
            Ok(Probed::Running) => SaidOut::Running,
            Ok(Probed::Ended(outcome)) => {
                SaidOut::Ended { outcome: *outcome, is_recorded: self.fate == Fate::Recorded }
            }
            Ok(Probed::Rebooted) => SaidOut::Rebooted,
            Ok(Probed::Gone) => SaidOut::Gone,
            Err(message) => SaidOut::Unreachable { message },
        };
        HostOut { host: &self.host, attempt: self.attempt, said }
    }
}

#[cfg(test)]
mod tests {
    use pogo_plan::outcome::{Exit, Phase};
    use snapbox::{IntoData as _, str};

    use super::*;

    #[test]
    fn each_answer_has_its_words_and_its_state() {
        let failed = Outcome::Failed { exit: Exit::Status(3), phase: Phase::Command };
        let answer =
            |host: &str, said, fate| Answer { host: host.to_owned(), attempt: Attempt(2), said, fate };
        let answers = [
            answer("a", Ok(Probed::Running), Fate::Kept),
            answer("b", Ok(Probed::Ended(Outcome::Succeeded)), Fate::Recorded),
            answer("web1", Ok(Probed::Ended(failed)), Fate::Forgotten),
            answer("c", Ok(Probed::Gone), Fate::Kept),
            answer("d", Ok(Probed::Ended(failed)), Fate::Kept),
            answer("e", Err("cannot reach e".to_owned()), Fate::Kept),
        ];
        let report = Report { job: JobId::from_bits(9), owner: Some("ann on ops1"), answers: &answers };
        let mut out = Vec::new();
        report.show(Style::PLAIN, &mut out).unwrap();
        snapbox::assert_data_eq!(
            String::from_utf8(out).unwrap(),
            str![[r#"
a     still running
b     ended: succeeded; that is on record now
web1  ended: failed, exit status 3; the host's record of it is removed
c     gone without a trace: the host has no record of its end
d     ended: failed, exit status 3; the host keeps its record of it
e     error: cannot reach e
job 00000009 is run by ann on ops1: nothing is put on record

"#]]
            .raw()
        );
        assert!(!report.is_good());
        let value = serde_json::to_value(report.out()).unwrap();
        crate::answer::testing::accepts::<ProbeOut<'_>>(&value);
        let states: Vec<_> =
            value["hosts"].as_array().unwrap().iter().map(|host| host["state"].clone()).collect();
        assert_eq!(states, ["running", "ended", "ended", "gone", "ended", "unreachable"]);
        assert_eq!(
            (&value["hosts"][1]["is_recorded"], &value["hosts"][2]["is_recorded"]),
            (&true.into(), &false.into())
        );
        assert_eq!(value["hosts"][2]["outcome"], "failed");
        assert_eq!(value["hosts"][2]["exit"]["status"], 3);
        assert_eq!(value["hosts"][2]["attempt"], 2);
        assert_eq!(value["owner"], "ann on ops1");
    }
}
