//! A look at the brackets and quotes before the parser proper: it runs in one pass without a stack of calls, so that
//! `((((…` is refused before a recursive parser sees it, and its errors name the bracket or quote that is missing.

use crate::{Span, SyntaxError, SyntaxErrorKind};

/// Parentheses, braces and brackets may be nested this deep.
pub(crate) const MAX_DEPTH: usize = 64;

/// Whether `byte` is what the grammar calls space.
pub(crate) const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

const fn is_operator(byte: u8) -> bool {
    matches!(byte, b'&' | b'!' | b'^' | b',')
}

/// Checks that brackets and quotes in `text` are closed and not too deep.
///
/// # Errors
/// `Unclosed`, `Unopened`, `UnclosedQuote` or `TooDeep`, the first of them.
pub(crate) fn check_brackets(text: &str) -> Result<(), SyntaxError> {
    Scanner { bytes: text.as_bytes(), at: 0, open: Vec::new() }.run()
}

struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
    open: Vec<(u8, usize)>,
}

impl Scanner<'_> {
    fn byte(&self, at: usize) -> Option<u8> {
        self.bytes.get(at).copied()
    }

    fn run(mut self) -> Result<(), SyntaxError> {
        // Whether an operand may start here: only there `$` and `@` open something that is not made of brackets.
        let mut operand = true;
        while let Some(byte) = self.byte(self.at) {
            let start = self.at;
            self.at += 1;
            match byte {
                b'(' | b'[' | b'{' => self.push(byte, start)?,
                b')' | b']' | b'}' => self.pop(byte, start)?,
                b'$' if operand => self.skip_arguments()?,
                b'@' if operand => self.skip_path()?,
                b'"' if start > 0 && self.byte(start - 1) == Some(b'.') => self.skip_quoted(start, true)?,
                _ => {}
            }
            if !is_space(byte) {
                operand = is_operator(byte) || byte == b'(';
            }
        }
        match self.open.last() {
            Some(&(byte, at)) => Err(error(at, at + 1, SyntaxErrorKind::Unclosed(char::from(byte)))),
            None => Ok(()),
        }
    }

    fn push(&mut self, byte: u8, start: usize) -> Result<(), SyntaxError> {
        if self.open.len() >= MAX_DEPTH {
            return Err(error(start, start + 1, SyntaxErrorKind::TooDeep(MAX_DEPTH)));
        }
        self.open.push((byte, start));
        Ok(())
    }

    fn pop(&mut self, byte: u8, start: usize) -> Result<(), SyntaxError> {
        let wanted = match byte {
            b')' => b'(',
            b']' => b'[',
            _ => b'{',
        };
        match self.open.last() {
            Some(&(open, _)) if open == wanted => {
                self.open.pop();
                Ok(())
            }
            Some(&(open, at)) if self.open.iter().any(|&(open, _)| open == wanted) || !self.closes(open) => {
                Err(error(at, at + 1, SyntaxErrorKind::Unclosed(char::from(open))))
            }
            _ => Err(error(start, start + 1, SyntaxErrorKind::Unopened(char::from(byte)))),
        }
    }

    /// Whether this bracket is closed further on, before another one like it opens. In `[1-3}` it is not: its own end is
    /// what is missing. In `[1-3}]` the brace is too much.
    fn closes(&self, open: u8) -> bool {
        let close = match open {
            b'(' => b')',
            b'[' => b']',
            _ => b'}',
        };
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        rest.iter().find(|&&byte| byte == open || byte == close) == Some(&close)
    }

    /// Behind a `$`: if a call's arguments follow, goes past them; brackets in them are ordinary characters.
    fn skip_arguments(&mut self) -> Result<(), SyntaxError> {
        let mut at = self.at;
        while self.byte(at).is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')) {
            at += 1;
        }
        if at == self.at {
            return Ok(());
        }
        loop {
            let word = at;
            while self.byte(at).is_some_and(is_space) {
                at += 1;
            }
            let starts = self.byte(at).is_some_and(|b| !is_operator(b) && !matches!(b, b'(' | b')' | b'$'));
            if at == word || !starts {
                self.at = word;
                return Ok(());
            }
            while let Some(byte) = self.byte(at) {
                match byte {
                    b',' | b'(' | b')' => break,
                    b'\\' => at += 1,
                    b'\'' | b'"' => {
                        self.at = at + 1;
                        self.skip_quoted(at, byte == b'"')?;
                        at = self.at;
                        continue;
                    }
                    _ if is_space(byte) => break,
                    _ => {}
                }
                at += 1;
            }
            // A backslash at the very end steps beyond it; the parser reports it.
            at = at.min(self.bytes.len());
        }
    }

    /// Behind an `@`: goes past the path; brackets in it are ordinary characters.
    fn skip_path(&mut self) -> Result<(), SyntaxError> {
        if self.byte(self.at) == Some(b'"') {
            self.at += 1;
            return self.skip_quoted(self.at - 1, true);
        }
        while self.byte(self.at).is_some_and(|b| !is_space(b) && !is_operator(b) && b != b')') {
            self.at += 1;
        }
        Ok(())
    }

    /// Goes past the end of the quoted text that `start` opens; `self.at` is behind it.
    fn skip_quoted(&mut self, start: usize, backslash: bool) -> Result<(), SyntaxError> {
        let quote = self.byte(start);
        while let Some(byte) = self.byte(self.at) {
            self.at += 1;
            if backslash && byte == b'\\' {
                self.at += 1;
            } else if Some(byte) == quote {
                return Ok(());
            }
        }
        Err(error(start, self.bytes.len(), SyntaxErrorKind::UnclosedQuote))
    }
}

fn error(start: usize, end: usize, kind: SyntaxErrorKind) -> SyntaxError {
    SyntaxError { span: Span::at(start, end), kind }
}
