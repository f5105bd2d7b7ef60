//! Reads the secrets that a plan refers to. All that is missing is named at once, before anything starts.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;

use pogo_actors::Secret;
use pogo_plan::job::SecretRef;

use crate::commands::ssh::passwords::leave_no_core;
use crate::failure::{Failure, plain_words};
use crate::prompt::Silent;

/// The values, by name.
///
/// # Errors
/// If one cannot be had.
pub(in crate::commands) fn read(
    secrets: &BTreeMap<String, SecretRef>,
) -> Result<BTreeMap<String, Secret>, Failure> {
    // Whether somebody can be asked is known before the first question.
    let can_ask = std::fs::File::open("/dev/tty").is_ok_and(|tty| tty.is_terminal());
    let (mut values, mut missing, mut prompts) = (BTreeMap::new(), Vec::new(), Vec::new());
    for (name, from) in secrets {
        match fixed(from, can_ask) {
            Ok(Some(value)) => {
                values.insert(name.clone(), Secret::from(value));
            }
            Ok(None) => prompts.push(name),
            Err(problem) => missing.push(format!("`{name}`: {problem}")),
        }
    }
    if !missing.is_empty() {
        let what = if missing.len() == 1 { "a secret is" } else { "secrets are" };
        return Err(Failure::with_help(
            format!("{what} missing, nothing was started: {}", missing.join("; ")),
            "secrets are read when a plan is applied: set the variables, write the files",
        ));
    }
    if !secrets.is_empty() {
        leave_no_core();
    }
    let Some(first) = prompts.first() else { return Ok(values) };
    let failed =
        |name: &str, problem: &str| Failure::usage(format!("cannot ask for secret `{name}`: {problem}"));
    let mut terminal = Silent::new().map_err(|error| failed(first, &plain_words(&error)))?;
    for name in prompts {
        let value = terminal.ask(&format!("secret {name}: "));
        let value = value.map_err(|error| failed(name, &plain_words(&error)))?;
        values.insert(name.clone(), Secret::from(usable(value).map_err(|problem| failed(name, &problem))?));
    }
    Ok(values)
}

/// A value that need not be asked for; `None` for one that must be.
fn fixed(from: &SecretRef, can_ask: bool) -> Result<Option<String>, String> {
    match from {
        SecretRef::Env(variable) => match std::env::var(variable) {
            Ok(value) => usable(value).map(Some),
            Err(std::env::VarError::NotPresent) => Err(format!("the variable {variable} is not set")),
            Err(std::env::VarError::NotUnicode(_)) => Err(format!("the variable {variable} is not UTF-8")),
        },
        SecretRef::File(path) => {
            let bytes = std::fs::read(path).map_err(|error| format!("{path}: {}", plain_words(&error)))?;
            let mut text = String::from_utf8(bytes).map_err(|_| format!("{path}: not UTF-8"))?;
            // An editor ends the last line; the secret is what stands on it.
            if text.ends_with('\n') {
                text.pop();
            }
            usable(text).map(Some)
        }
        SecretRef::Prompt if can_ask => Ok(None),
        SecretRef::Prompt => Err("it is to be asked for, and there is no terminal".to_owned()),
    }
}

/// No process takes a NUL character.
fn usable(value: String) -> Result<String, String> {
    if value.contains('\0') { Err("it has a NUL character in it".to_owned()) } else { Ok(value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_loses_only_its_last_line_break() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let read = |text: &str| {
            std::fs::write(&path, text).unwrap();
            fixed(&SecretRef::File(path.display().to_string()), false)
        };
        assert_eq!(read("s3cret\n\n").unwrap().unwrap(), "s3cret\n");
        assert_eq!(read(" s3cret ").unwrap().unwrap(), " s3cret ");
        assert!(read("a\0b").is_err());
    }

    #[test]
    fn all_that_is_missing_is_named_at_once() {
        let secrets = BTreeMap::from([
            ("A".to_owned(), SecretRef::Env("POGO_TEST_NO_SUCH_VARIABLE".to_owned())),
            ("B".to_owned(), SecretRef::File("/no/such/file".to_owned())),
        ]);
        let Err(Failure::Usage { message, .. }) = read(&secrets) else { panic!("they are missing") };
        assert_eq!(
            message,
            "secrets are missing, nothing was started: `A`: the variable POGO_TEST_NO_SUCH_VARIABLE is not set; \
             `B`: /no/such/file: no such file"
        );
        assert_eq!(fixed(&SecretRef::Prompt, true), Ok(None));
        assert!(fixed(&SecretRef::Prompt, false).is_err());
    }
}
