//! Which findings count as errors and which are left out: `--deny` and `--allow`.

use pogo_compiler::diagnostics::{Code, Diagnostic, Severity, all};

use crate::failure::Failure;
use crate::settings::{Origin, Settings};
use crate::suggest::did_you_mean;

/// What to do with findings.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Action {
    /// They are errors.
    Deny,
    /// They are left out.
    Allow,
}

#[derive(PartialEq, Eq, Debug)]
enum Kind {
    Warnings,
    Notes,
    Code(&'static str),
    Group(String),
}

/// The rules, in the order in which they were given: the last that fits a finding holds.
#[derive(PartialEq, Eq, Debug, Default)]
pub(crate) struct Levels(Vec<(Action, Kind)>);

impl Levels {
    /// The rules of the settings; `order` is the order of `--deny` (true) and `--allow` on the command line.
    ///
    /// # Errors
    /// If something names no code, or an error is to be left out.
    pub(crate) fn new(settings: &Settings, order: &[Action]) -> Result<Self, Failure> {
        let (deny, allow) = (&settings.deny, &settings.allow);
        let mut rules = Vec::new();
        if deny.origin == Origin::Flag && allow.origin == Origin::Flag {
            let (mut denied, mut allowed) = (deny.value.iter(), allow.value.iter());
            for &action in order {
                let text = match action {
                    Action::Deny => denied.next(),
                    Action::Allow => allowed.next(),
                };
                rules.extend(text.map(|text| (action, text)));
            }
        } else {
            rules.extend(deny.value.iter().map(|text| (Action::Deny, text)));
            rules.extend(allow.value.iter().map(|text| (Action::Allow, text)));
            if deny.origin > allow.origin {
                rules.rotate_left(deny.value.len());
            }
        }
        rules
            .into_iter()
            .map(|(action, text)| Ok((action, kind(action, text, all())?)))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// How bad a finding is under these rules; `None` if it is to be left out.
    #[must_use]
    pub(crate) fn severity(&self, diagnostic: &Diagnostic) -> Option<Severity> {
        if diagnostic.severity == Severity::Error {
            return Some(Severity::Error);
        }
        let last = self.0.iter().rev().find(|(action, kind)| match kind {
            Kind::Warnings => diagnostic.severity == Severity::Warning,
            // Who fails on notes also fails on what is worse; who leaves out notes still wants the warnings.
            Kind::Notes => diagnostic.severity == Severity::Note || *action == Action::Deny,
            Kind::Code(id) => diagnostic.code.id == *id,
            Kind::Group(prefix) => diagnostic.code.id.starts_with(prefix.as_str()),
        });
        match last {
            None => Some(diagnostic.severity),
            Some((Action::Deny, _)) => Some(Severity::Error),
            Some((Action::Allow, _)) => None,
        }
    }
}

fn kind(action: Action, text: &str, codes: &[&'static Code]) -> Result<Kind, Failure> {
    match text {
        "warnings" => return Ok(Kind::Warnings),
        "notes" => return Ok(Kind::Notes),
        _ => {}
    }
    if let Ok(code) = find(text, codes) {
        if action == Action::Allow && code.severity == Severity::Error {
            return Err(Failure::usage(format!("`{}` is an error, and errors cannot be allowed", code.id)));
        }
        return Ok(Kind::Code(code.id));
    }
    let prefix = format!("{}::", text.trim_end_matches("::"));
    let mut group = codes.iter().filter(|code| code.id.starts_with(&prefix)).peekable();
    if group.peek().is_some() {
        if action == Action::Allow && group.all(|code| code.severity == Severity::Error) {
            return Err(Failure::usage(format!("all of `{text}` are errors, and errors cannot be allowed")));
        }
        return Ok(Kind::Group(prefix));
    }
    find(text, codes).map(|code| Kind::Code(code.id))
}

/// The code with this name: the whole of it, or its last part if no other code ends in that.
///
/// # Errors
/// If there is none, or several.
pub(crate) fn find(text: &str, codes: &[&'static Code]) -> Result<&'static Code, Failure> {
    if let Some(code) = codes.iter().find(|code| code.id == text) {
        return Ok(code);
    }
    let same_end: Vec<_> = codes.iter().filter(|code| last_part(code.id) == text).collect();
    match same_end.as_slice() {
        [code] => Ok(code),
        [] => {
            let names = codes.iter().flat_map(|code| [code.id, last_part(code.id)]);
            let help = did_you_mean(text, names, || "`pogo explain --list` lists all codes".to_owned());
            Err(Failure::with_help(format!("no code `{text}`"), help))
        }
        several => {
            let ids: Vec<_> = several.iter().map(|code| format!("`{}`", code.id)).collect();
            Err(Failure::with_help(
                format!("several codes end in `{text}`"),
                format!("write {}", ids.join(" or ")),
            ))
        }
    }
}

fn last_part(id: &str) -> &str {
    id.rsplit("::").next().unwrap_or(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    static ERROR: Code = Code { id: "pogo::a::broken", severity: Severity::Error, page: "" };
    static WARNING: Code = Code { id: "pogo::a::odd", severity: Severity::Warning, page: "" };
    static NOTE: Code = Code { id: "pogo::b::aside", severity: Severity::Note, page: "" };
    static TWIN: Code = Code { id: "pogo::b::odd", severity: Severity::Warning, page: "" };
    static CODES: [&Code; 4] = [&ERROR, &WARNING, &NOTE, &TWIN];

    fn levels(rules: &[(Action, &str)]) -> Levels {
        Levels(rules.iter().map(|(action, text)| (*action, kind(*action, text, &CODES).unwrap())).collect())
    }

    fn severities(rules: &[(Action, &str)]) -> [Option<Severity>; 4] {
        let levels = levels(rules);
        CODES.map(|code| levels.severity(&Diagnostic::new(code, "")))
    }

    #[test]
    fn the_last_rule_that_fits_holds() {
        use Action::{Allow, Deny};
        use Severity::{Error, Note, Warning};
        assert_eq!(severities(&[]), [Some(Error), Some(Warning), Some(Note), Some(Warning)]);
        assert_eq!(severities(&[(Deny, "warnings")]), [Some(Error), Some(Error), Some(Note), Some(Error)]);
        assert_eq!(severities(&[(Deny, "notes")]), [Some(Error); 4]);
        assert_eq!(
            severities(&[(Deny, "warnings"), (Allow, "pogo::a")]),
            [Some(Error), None, Some(Note), Some(Error)]
        );
        assert_eq!(severities(&[(Allow, "aside"), (Deny, "notes")]), [Some(Error); 4]);
        assert_eq!(severities(&[(Allow, "notes")]), [Some(Error), Some(Warning), None, Some(Warning)]);
    }

    #[test]
    fn names_of_no_code_are_refused() {
        let refused = |action, text| match kind(action, text, &CODES).unwrap_err() {
            Failure::Usage { message, help } => format!("{message}; {}", help.unwrap_or_default()),
            other => panic!("{other:?}"),
        };
        assert_eq!(refused(Action::Deny, "asied"), "no code `asied`; did you mean `aside`?");
        assert_eq!(
            refused(Action::Deny, "pogo::b::asid"),
            "no code `pogo::b::asid`; did you mean `pogo::b::aside`?"
        );
        assert_eq!(
            refused(Action::Deny, "odd"),
            "several codes end in `odd`; write `pogo::a::odd` or `pogo::b::odd`"
        );
        assert_eq!(
            refused(Action::Allow, "broken"),
            "`pogo::a::broken` is an error, and errors cannot be allowed; "
        );
    }
}
