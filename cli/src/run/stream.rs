//! Reads an event stream back.

use std::io::BufRead;

use pogo_plan::event::{Event, FORMAT, Header};

use crate::failure::plain_words;

/// A whole stream.
pub(crate) struct Stream {
    /// Its first line.
    pub(crate) header: Header,
    /// The others.
    pub(crate) events: Vec<Event>,
    /// Whether its last line is only a beginning: whoever wrote it was ended in the middle.
    pub(crate) is_cut: bool,
}

/// Reads to the end.
///
/// # Errors
/// In words, with the line: what cannot be read, or is no event stream of this version.
pub(crate) fn read(mut from: impl BufRead) -> Result<Stream, String> {
    let mut line = String::new();
    let mut next = |line: &mut String| {
        line.clear();
        from.read_line(line).map_err(|error| plain_words(&error))
    };
    next(&mut line)?;
    let header: Header =
        serde_json::from_str(&line).map_err(|_| format!("line 1: not the header of a `{FORMAT}` stream"))?;
    if header.format != FORMAT {
        return Err(format!("line 1: `{}` is not a format that this pogo reads (`{FORMAT}`)", header.format));
    }
    let (mut events, mut is_cut) = (Vec::new(), false);
    for number in 2_u64.. {
        if next(&mut line)? == 0 {
            break;
        }
        match serde_json::from_str(&line) {
            Ok(event) => events.push(event),
            Err(_) if !line.ends_with('\n') => is_cut = true,
            Err(error) => return Err(format!("line {number}: not an event of this version: {error}")),
        }
    }
    Ok(Stream { header, events, is_cut })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = r#"{"format":"pogo.events/1","job":"00000007","plan":"sha256:00"}"#;
    const EVENT: &str = r#"{"seq":1,"time":"x","type":"slot_opened","slot":"a"}"#;

    #[test]
    fn a_stream_reads_back_and_may_be_cut() {
        let whole = read(format!("{HEADER}\n{EVENT}\n").as_bytes()).unwrap();
        assert_eq!((whole.events.len(), whole.is_cut), (1, false));
        let cut = read(format!("{HEADER}\n{EVENT}\n{{\"seq\":2,\"ti").as_bytes()).unwrap();
        assert_eq!((cut.events.len(), cut.is_cut), (1, true));
    }

    #[test]
    fn what_is_no_stream_is_refused_with_its_line() {
        let refused = |text: &str| read(text.as_bytes()).err().unwrap();
        assert_eq!(refused(""), "line 1: not the header of a `pogo.events/1` stream");
        assert!(refused(&HEADER.replace("events/1", "events/2")).contains("`pogo.events/2` is not a format"));
        assert!(refused(&format!("{HEADER}\nnonsense\n{EVENT}\n")).starts_with("line 2: not an event"));
        assert!(
            refused(&format!("{HEADER}\n{}\n", EVENT.replace("slot_opened", "moon_rose")))
                .starts_with("line 2: ")
        );
    }
}
