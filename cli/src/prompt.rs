//! Asks on the terminal for what must not be seen.
//!
//! The echo is off before the question is shown: whoever answers a question that is on the screen is not seen. Whatever
//! ends the asking, Ctrl-C too, the terminal is left as it was found.

use std::fs::File;
use std::io::{self, Read, Write as _};

use rustix::process::{Signal, getpid, kill_process};
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};

/// The terminal of this process, silent until this is dropped.
pub(crate) struct Silent {
    tty: File,
    before: Termios,
}

/// What came of a question.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Answer {
    Line(String),
    /// Ctrl-C.
    Interrupt,
    /// Ctrl-D on an empty line, or a terminal that is gone.
    Nothing,
    NotUtf8,
}

impl Silent {
    /// Turns the echo off.
    ///
    /// # Errors
    /// If the process has no terminal.
    pub(crate) fn new() -> io::Result<Self> {
        let tty = File::options().read(true).write(true).open("/dev/tty")?;
        let before = tcgetattr(&tty)?;
        let mut silent = before.clone();
        // Line by line the terminal would cut an answer at 4096 bytes. Without signals Ctrl-C comes as a character, and
        // nobody is ended with the echo off.
        silent.local_modes -= LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ICANON | LocalModes::ISIG;
        silent.special_codes[SpecialCodeIndex::VMIN] = 1;
        silent.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(&tty, OptionalActions::Now, &silent)?;
        Ok(Self { tty, before })
    }

    /// Asks, and gives the line that was typed. After Ctrl-C the process ends as by SIGINT.
    ///
    /// # Errors
    /// If nothing was typed, or what was typed is not UTF-8.
    pub(crate) fn ask(&mut self, question: &str) -> io::Result<String> {
        self.tty.write_all(question.as_bytes())?;
        let answer = read_line(&self.tty);
        self.tty.write_all(b"\n")?;
        match answer? {
            Answer::Line(line) => Ok(line),
            Answer::Nothing => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "nothing was typed")),
            Answer::NotUtf8 => Err(io::Error::new(io::ErrorKind::InvalidData, "what was typed is not UTF-8")),
            Answer::Interrupt => {
                self.restore();
                let _ = kill_process(getpid(), Signal::INT);
                // Whoever ignores the signal goes on without an answer.
                Err(io::ErrorKind::Interrupted.into())
            }
        }
    }

    fn restore(&self) {
        // Nothing can be done about a terminal that is gone.
        let _ = tcsetattr(&self.tty, OptionalActions::Now, &self.before);
    }
}

impl Drop for Silent {
    fn drop(&mut self) {
        self.restore();
    }
}

/// Reads one line, byte by byte, so that the next answer stays in the terminal.
fn read_line(mut from: impl Read) -> io::Result<Answer> {
    let mut line: Vec<u8> = Vec::with_capacity(4096);
    loop {
        let mut byte = [0];
        if let Err(error) = from.read_exact(&mut byte) {
            return match error.kind() {
                io::ErrorKind::UnexpectedEof => Ok(Answer::Nothing),
                _ => Err(error),
            };
        }
        match byte {
            [b'\n' | b'\r'] => {
                return Ok(String::from_utf8(line).map_or(Answer::NotUtf8, Answer::Line));
            }
            [0x03] => return Ok(Answer::Interrupt),
            [0x04] if line.is_empty() => return Ok(Answer::Nothing),
            // Backspace takes the last character, however many bytes it has.
            [0x08 | 0x7f] => while line.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {},
            // Ctrl-U
            [0x15] => line.clear(),
            // Arrows and function keys; what they would do to an unseen line nobody could follow.
            [0x1b] => skip_escape(&mut from)?,
            [byte] if byte.is_ascii_control() && byte != b'\t' => {}
            [byte] => line.push(byte),
        }
    }
}

fn skip_escape(from: &mut impl Read) -> io::Result<()> {
    let mut byte = [0];
    from.read_exact(&mut byte)?;
    if matches!(byte, [b'[' | b'O']) {
        loop {
            from.read_exact(&mut byte)?;
            if matches!(byte, [0x40..=0x7e]) {
                break;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_may_be_mended_while_it_is_typed() {
        let read = |typed: &[u8]| read_line(typed).unwrap();
        let line = |text: &str| Answer::Line(text.to_owned());
        assert_eq!(read(b"s3cret\nnext"), line("s3cret"));
        assert_eq!(read(b"\r"), line(""));
        assert_eq!(read("né\u{7f}o\u{8}\u{8}\u{8}\u{8}ja\n".as_bytes()), line("ja"));
        assert_eq!(read(b"wrong\x15right\x1b[D\x1bOA\x01\n"), line("right"));
        assert_eq!(read(b"a\x04b\tc\n"), line("ab\tc"));
        assert_eq!(read(b"abc\x03"), Answer::Interrupt);
        assert_eq!((read(b"\x04"), read(b"abc")), (Answer::Nothing, Answer::Nothing));
        assert_eq!(read(b"\xff\n"), Answer::NotUtf8);
        let long = "x".repeat(10_000);
        assert_eq!(read(format!("{long}\n").as_bytes()), line(&long));
    }
}
