//! Facts on record.

use pogo_plan::HostIdx;
use pogo_plan::event::{Author, Command, Fact};
use pogo_plan::outcome::Attempt;
use serde::{Deserialize, Serialize};

use crate::stable::{JobStateForm, OutcomeForm, RecordError, SettingForm, VerdictForm, host_of, number_of};

/// The version of [`FactRecord`]. A journal of another one is refused by whoever reads it.
pub const VERSION: u8 = 1;

/// A [`Fact`] on record. Hosts are numbers in the plan of the job. Kinds that a version does not know it refuses to write
/// and to read: a fact that is left out would be a decision that is made twice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum FactRecord {
    /// [`Fact::Granted`].
    Granted {
        /// The host's number.
        host: u32,
        /// The attempt.
        attempt: u32,
    },
    /// [`Fact::Returned`].
    Returned {
        /// The host's number.
        host: u32,
        /// The attempt.
        attempt: u32,
    },
    /// [`Fact::Started`].
    Started {
        /// The host's number.
        host: u32,
        /// The attempt.
        attempt: u32,
    },
    /// [`Fact::Ended`].
    Ended {
        /// The host's number.
        host: u32,
        /// The attempt.
        attempt: u32,
        /// How.
        outcome: OutcomeForm,
        /// Whether another attempt follows by itself.
        again: bool,
    },
    /// [`Fact::GaveUp`].
    GaveUp {
        /// The host's number.
        host: u32,
    },
    /// [`Fact::SlotOpened`].
    SlotOpened {
        /// The slot's number.
        slot: u32,
    },
    /// [`Fact::Recovering`].
    Recovering {
        /// Numbers of hosts.
        hosts: Vec<u32>,
    },
    /// [`Fact::JobState`].
    JobState {
        /// The new state.
        state: JobStateForm,
    },
    /// [`Fact::Commanded`].
    Commanded {
        /// The command.
        command: CommandRecord,
        /// Who said so and why.
        by: AuthorRecord,
    },
}

/// A [`Command`] on record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum CommandRecord {
    /// [`Command::Halt`].
    Halt {
        /// Whether running attempts are ended too.
        stop_running: bool,
    },
    /// [`Command::Stop`].
    Stop {
        /// The host's number.
        host: u32,
    },
    /// [`Command::Skip`].
    Skip {
        /// The host's number.
        host: u32,
    },
    /// [`Command::Retry`].
    Retry {
        /// The host's number.
        host: u32,
    },
    /// [`Command::Resume`].
    Resume,
    /// [`Command::Decide`].
    Decide {
        /// The host's number.
        host: u32,
        /// The verdict.
        verdict: VerdictForm,
    },
    /// [`Command::Alter`].
    Alter(SettingForm),
}

/// An [`Author`] on record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthorRecord {
    /// A user's name.
    pub name: String,
    /// In the user's words.
    pub reason: Option<String>,
}

impl FactRecord {
    /// A fact as it goes on record.
    ///
    /// # Errors
    ///
    /// [`RecordError::Unknown`] for a kind that has no form on record.
    pub fn of(fact: &Fact<HostIdx>) -> Result<Self, RecordError> {
        Ok(match fact {
            Fact::Granted { host, attempt } => Self::Granted { host: number_of(*host), attempt: attempt.0 },
            Fact::Returned { host, attempt } => Self::Returned { host: number_of(*host), attempt: attempt.0 },
            Fact::Started { host, attempt } => Self::Started { host: number_of(*host), attempt: attempt.0 },
            Fact::Ended { host, attempt, outcome, again } => Self::Ended {
                host: number_of(*host),
                attempt: attempt.0,
                outcome: (*outcome).into(),
                again: *again,
            },
            Fact::GaveUp { host } => Self::GaveUp { host: number_of(*host) },
            Fact::SlotOpened { slot } => Self::SlotOpened { slot: *slot },
            Fact::Recovering { hosts } => {
                Self::Recovering { hosts: hosts.iter().copied().map(number_of).collect() }
            }
            Fact::JobState { state } => Self::JobState { state: (*state).into() },
            Fact::Commanded { command, by } => Self::Commanded {
                command: CommandRecord::of(command)?,
                by: AuthorRecord { name: by.name.clone(), reason: by.reason.clone() },
            },
            unknown => return Err(RecordError::Unknown { what: format!("{unknown:?}") }),
        })
    }

    /// The fact that is on record.
    ///
    /// # Errors
    ///
    /// [`RecordError::NoHost`] for a number that can be no host's.
    pub fn into_fact(self) -> Result<Fact<HostIdx>, RecordError> {
        Ok(match self {
            Self::Granted { host, attempt } => {
                Fact::Granted { host: host_of(host)?, attempt: Attempt(attempt) }
            }
            Self::Returned { host, attempt } => {
                Fact::Returned { host: host_of(host)?, attempt: Attempt(attempt) }
            }
            Self::Started { host, attempt } => {
                Fact::Started { host: host_of(host)?, attempt: Attempt(attempt) }
            }
            Self::Ended { host, attempt, outcome, again } => Fact::Ended {
                host: host_of(host)?,
                attempt: Attempt(attempt),
                outcome: outcome.into(),
                again,
            },
            Self::GaveUp { host } => Fact::GaveUp { host: host_of(host)? },
            Self::SlotOpened { slot } => Fact::SlotOpened { slot },
            Self::Recovering { hosts } => {
                Fact::Recovering { hosts: hosts.into_iter().map(host_of).collect::<Result<_, _>>()? }
            }
            Self::JobState { state } => Fact::JobState { state: state.into() },
            Self::Commanded { command, by } => Fact::Commanded {
                command: command.into_command()?,
                by: Box::new(Author { name: by.name, reason: by.reason }),
            },
        })
    }
}

impl CommandRecord {
    /// A command as it goes on record.
    ///
    /// # Errors
    ///
    /// [`RecordError::Unknown`] for a kind that has no form on record.
    pub fn of(command: &Command<HostIdx>) -> Result<Self, RecordError> {
        Ok(match command {
            Command::Halt { stop_running } => Self::Halt { stop_running: *stop_running },
            Command::Stop { host } => Self::Stop { host: number_of(*host) },
            Command::Skip { host } => Self::Skip { host: number_of(*host) },
            Command::Retry { host } => Self::Retry { host: number_of(*host) },
            Command::Resume => Self::Resume,
            Command::Decide { host, verdict } => {
                Self::Decide { host: number_of(*host), verdict: (*verdict).into() }
            }
            Command::Alter(setting) => Self::Alter((*setting).try_into()?),
            unknown => return Err(RecordError::Unknown { what: format!("{unknown:?}") }),
        })
    }

    /// The command that is on record.
    ///
    /// # Errors
    ///
    /// [`RecordError::NoHost`] for a number that can be no host's.
    pub fn into_command(self) -> Result<Command<HostIdx>, RecordError> {
        Ok(match self {
            Self::Halt { stop_running } => Command::Halt { stop_running },
            Self::Stop { host } => Command::Stop { host: host_of(host)? },
            Self::Skip { host } => Command::Skip { host: host_of(host)? },
            Self::Retry { host } => Command::Retry { host: host_of(host)? },
            Self::Resume => Command::Resume,
            Self::Decide { host, verdict } => {
                Command::Decide { host: host_of(host)?, verdict: verdict.into() }
            }
            Self::Alter(setting) => Command::Alter(setting.into()),
        })
    }
}

#[cfg(test)]
mod tests {
    use pogo_plan::event::{Setting, Verdict};
    use pogo_plan::job::OnFailure;
    use pogo_plan::outcome::{Exit, JobState, Outcome, Phase};

    use super::*;

    fn one_of_each() -> Vec<Fact<HostIdx>> {
        let host = HostIdx::from_index(200).unwrap();
        let attempt = Attempt(2);
        let ended = |outcome, again| Fact::Ended { host, attempt, outcome, again };
        let failed = |exit, phase| Outcome::Failed { exit, phase };
        let commanded = |command| Fact::Commanded {
            command,
            by: Box::new(Author { name: "ann".to_owned(), reason: Some("why".to_owned()) }),
        };
        let mut all = vec![
            Fact::Granted { host, attempt },
            Fact::Returned { host, attempt },
            Fact::Started { host, attempt },
            Fact::GaveUp { host },
            Fact::SlotOpened { slot: 7 },
            Fact::Recovering { hosts: vec![host, host] },
            Fact::Commanded { command: Command::Resume, by: Box::default() },
        ];
        let states = [
            JobState::Running,
            JobState::Succeeded,
            JobState::Failed,
            JobState::Blocked,
            JobState::Halting,
            JobState::Halted,
        ];
        all.extend(states.map(|state| Fact::JobState { state }));
        let outcomes =
            [Outcome::Succeeded, Outcome::Unreachable, Outcome::TimedOut, Outcome::Stopped, Outcome::Unknown];
        all.extend(outcomes.map(|outcome| ended(outcome, false)));
        let phases = [Phase::Prehook, Phase::Command, Phase::Verify, Phase::Posthook, Phase::Finally];
        all.extend(phases.map(|phase| ended(failed(Exit::Status(3), phase), true)));
        all.push(ended(failed(Exit::Signal(9), Phase::Command), false));
        let commands = [
            Command::Halt { stop_running: true },
            Command::Stop { host },
            Command::Skip { host },
            Command::Retry { host },
            Command::Decide { host, verdict: Verdict::Succeeded },
            Command::Decide { host, verdict: Verdict::Failed },
            Command::Alter(Setting::Concurrent(Some(4))),
            Command::Alter(Setting::StaggerMs(5)),
            Command::Alter(Setting::MaxFailures(None)),
            Command::Alter(Setting::OnFailure(OnFailure::Hold)),
            Command::Alter(Setting::OnFailure(OnFailure::Continue)),
            Command::Alter(Setting::OnFailure(OnFailure::Halt)),
            Command::Alter(Setting::RetryAttempts(6)),
            Command::Alter(Setting::TimeoutMs(7)),
        ];
        all.extend(commands.map(commanded));
        all
    }

    #[test]
    fn every_kind_reads_back_from_both_formats() {
        for fact in one_of_each() {
            let record = FactRecord::of(&fact).unwrap();
            let bytes = postcard::to_stdvec(&record).unwrap();
            assert_eq!(postcard::from_bytes::<FactRecord>(&bytes).unwrap(), record);
            let text = serde_json::to_string(&record).unwrap();
            assert_eq!(serde_json::from_str::<FactRecord>(&text).unwrap(), record, "{text}");
            assert_eq!(record.into_fact().unwrap(), fact);
        }
    }

    /// Journals of this version are read forever, so a change of these bytes is a change of [`VERSION`].
    #[test]
    fn the_bytes_of_every_kind_stay_as_they_are() {
        let mut all = String::new();
        for fact in one_of_each() {
            for byte in postcard::to_stdvec(&FactRecord::of(&fact).unwrap()).unwrap() {
                all.push_str(&format!("{byte:02x}"));
            }
            all.push(' ');
        }
        let expected = "00c80102 01c80102 02c80102 04c801 0507 0602c801c801 08040000 0700 0701 0702 0703 0704 0705 \
            03c801020000 03c801020200 03c801020300 03c801020400 03c801020500 03c801020100030001 \
            03c801020100030101 03c801020100030201 03c801020100030301 03c801020100030401 03c801020101090100 \
            08000103616e6e0103776879 0801c80103616e6e0103776879 0802c80103616e6e0103776879 \
            0803c80103616e6e0103776879 0805c8010003616e6e0103776879 0805c8010103616e6e0103776879 \
            080600010403616e6e0103776879 0806010503616e6e0103776879 0806020003616e6e0103776879 \
            0806030003616e6e0103776879 0806030103616e6e0103776879 0806030203616e6e0103776879 \
            0806040603616e6e0103776879 0806050703616e6e0103776879";
        assert_eq!(all.trim_end(), expected);
    }

    #[test]
    fn what_this_version_does_not_know_is_refused() {
        assert!(postcard::from_bytes::<FactRecord>(&[9]).is_err());
        assert!(serde_json::from_str::<FactRecord>(r#"{"dreamt":{"host":1}}"#).is_err());
        assert!(serde_json::from_str::<FactRecord>(r#"{"gave_up":{"host":1,"when":2}}"#).is_err());
        let nobody = FactRecord::GaveUp { host: u32::MAX };
        assert_eq!(nobody.into_fact(), Err(RecordError::NoHost { number: u32::MAX }));
    }
}
