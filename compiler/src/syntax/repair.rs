//! Reads around an unquoted pattern in a flow collection.
//!
//! `[web[1-3], db1]` is no YAML, and the parser gives up there. To find the mistakes behind it as well, the word is
//! overwritten with as many harmless characters, so that every place behind it keeps its offset, and the text is read
//! once more.

use granit_parser::ErrorKind;

/// A text in which a broken word was made harmless.
pub(super) struct Repair {
    pub(super) text: String,
    /// The word's first byte.
    pub(super) start: u32,
    /// The first byte after the word.
    pub(super) end: u32,
}

/// If the parser stopped at `at` because of a bracket inside a word, that word.
pub(super) fn unquoted_pattern(text: &str, at: u32, kind: &ErrorKind) -> Option<Repair> {
    if !matches!(kind, ErrorKind::ExpectedFlowSequenceSeparator | ErrorKind::ExpectedFlowMappingSeparator) {
        return None;
    }
    let bytes = text.as_bytes();
    let at = at as usize;
    // The parser stops at the bracket itself or just behind the word before it.
    let line_end =
        bytes.get(at..)?.iter().position(|&byte| byte == b'\n').map_or(bytes.len(), |length| at + length);
    let bracket =
        (at.saturating_sub(1)..line_end).find(|&index| matches!(bytes.get(index), Some(b'[' | b'{')))?;
    if bracket > at + 1 {
        return None;
    }
    let before = bytes.get(..bracket)?;
    let word_start =
        before.iter().rposition(|byte| b" \t\r\n,[{".contains(byte)).map_or(0, |index| index + 1);
    if word_start == bracket {
        return None;
    }
    let mut depth = 0_u32;
    let mut end = bracket;
    for (index, &byte) in bytes.iter().enumerate().take(line_end).skip(bracket) {
        match byte {
            b'[' | b'{' => depth += 1,
            b']' | b'}' if depth == 0 => break,
            b']' | b'}' => depth -= 1,
            b' ' | b'\t' | b'\r' | b',' | b'#' | b':' if depth == 0 => break,
            _ => {}
        }
        end = index + 1;
    }
    if depth != 0 {
        return None;
    }
    let mut patched = text.as_bytes().to_vec();
    // A character that starts no YAML token and cannot be part of a host: nothing else takes it for a name.
    for byte in patched.get_mut(word_start..end)? {
        *byte = b'~';
    }
    let text = String::from_utf8(patched).ok()?;
    Some(Repair { text, start: u32::try_from(word_start).ok()?, end: u32::try_from(end).ok()? })
}
