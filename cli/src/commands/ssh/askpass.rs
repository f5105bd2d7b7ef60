//! The program as ssh starts it to ask for a password: it fetches the answer from the pogo that started ssh, and prints it.
//!
//! It is no verb and has no help: ssh calls it with its question as the one argument.

use std::ffi::OsString;
use std::io::{self, Write as _};

use pogo_transport::ssh::askpass;
use secrecy::ExposeSecret as _;

use crate::exit_code::ExitCode;

/// The question, if ssh started this. A question has blanks or a colon in it, and no verb has.
pub(crate) fn question(args: &[OsString]) -> Option<&str> {
    let [_, question] = args else { return None };
    let question = question.to_str().filter(|text| text.contains([' ', ':']))?;
    std::env::var_os(askpass::SOCKET).map(|_| question)
}

/// Answers it, or fails without a word: ssh then goes on without.
pub(crate) fn answer(question: &str) -> ExitCode {
    super::passwords::leave_no_core();
    let Ok(Some(answer)) = askpass::answer(question) else { return ExitCode::Findings };
    let mut to = io::stdout().lock();
    let written = to.write_all(answer.expose_secret().as_bytes()).and_then(|()| to.write_all(b"\n"));
    match written.and_then(|()| to.flush()) {
        Ok(()) => ExitCode::Success,
        Err(_) => ExitCode::Findings,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verb_is_no_question() {
        let args = |words: &[&str]| words.iter().map(OsString::from).collect::<Vec<_>>();
        // Without the socket nothing is one.
        assert_eq!(question(&args(&["pogo", "jo@web1's password: "])), None);
        assert_eq!(question(&args(&["pogo", "settings"])), None);
    }
}
