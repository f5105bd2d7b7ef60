//! Who is looked for on a host.

use std::fmt;
use std::str::FromStr;

/// A process, told apart from a later one with the same number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// When it started, in the system's own words; `-` if that cannot be had.
    pub start: String,
}

/// What an attempt is known by on its host. Its text form (`Display`, `FromStr`) is one line for a journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Traces {
    /// The boot of the host; `-` if that cannot be had.
    pub boot_id: String,
    /// The leader of the process group of the part that runs; its number is the group's.
    pub group: Process,
    /// The shell that owns the attempt. It is not in the group.
    pub keeper: Process,
}

/// Text that is no [`Traces`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not what a host says of an attempt: boot id, group, its start, keeper, its start")]
pub struct TracesError;

impl fmt::Display for Traces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { boot_id, group, keeper } = self;
        write!(f, "{boot_id} {} {} {} {}", group.pid, group.start, keeper.pid, keeper.start)
    }
}

impl FromStr for Traces {
    type Err = TracesError;

    fn from_str(text: &str) -> Result<Self, TracesError> {
        let mut words = text.split(' ');
        let mut word = || words.next().filter(|word| is_word(word)).ok_or(TracesError);
        let boot_id = word()?.to_owned();
        let mut process = || {
            let pid = word()?.parse().map_err(|_| TracesError)?;
            Ok(Process { pid, start: word()?.to_owned() })
        };
        let (group, keeper) = (process()?, process()?);
        // No host has processes below 2 that could be an attempt's, and `kill -- -1` would reach everybody.
        let are_sane = group.pid > 1 && keeper.pid > 1 && words.next().is_none();
        if are_sane { Ok(Self { boot_id, group, keeper }) } else { Err(TracesError) }
    }
}

/// What goes into a script's input as one word.
fn is_word(word: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':');
    !word.is_empty() && word.len() <= 128 && word.bytes().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traces_are_one_line_there_and_back() {
        let line = "7e1d-22 4711 93811 4700 93800";
        let traces: Traces = line.parse().unwrap();
        assert_eq!(traces.group, Process { pid: 4711, start: "93811".to_owned() });
        assert_eq!(traces.to_string(), line);
    }

    #[test]
    fn what_could_reach_others_is_refused() {
        for bad in
            ["", "b 0 1 5 1", "b 1 1 5 1", "b 5 1 1 1", "b -5 1 7 1", "b 5 1 7", "b 5 1 7 1 9", "b 5 $x 7 1"]
        {
            assert_eq!(bad.parse::<Traces>(), Err(TracesError), "{bad}");
        }
    }
}
