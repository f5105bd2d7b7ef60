//! What holds for any spec.

use pogo_compiler::diagnostics::has_errors;
use pogo_compiler::{Compiled, check, compile, query};
use pogo_plan::Plan;

use crate::case::Case;
use crate::diagnostics;

/// A plan is there exactly if there is no error; it is sound, and survives being written and read; the findings are
/// sound; the same input gives the same again; and questions have answers.
pub(crate) fn holds(input: &[u8]) {
    let case = Case::new(input);
    let compiled = compile(case.input(), &case, &case.options());
    diagnostics::hold(&compiled.diagnostics, &compiled.sources);
    assert_eq!(compiled.plan.is_none(), has_errors(&compiled.diagnostics), "{:?}", compiled.diagnostics);
    let written = compiled.plan.as_ref().map(written);
    is_repeatable(&case, &compiled, written.as_deref());
    questions(&case);
}

fn written(plan: &Plan) -> Vec<u8> {
    assert_eq!(plan.check(), []);
    let written = json(plan);
    match Plan::read_json(&written) {
        Ok(read) => assert_eq!(String::from_utf8(json(&read)), String::from_utf8(written.clone())),
        Err(error) => assert_eq!(error.to_string(), "", "{}", String::from_utf8_lossy(&written)),
    }
    written
}

fn json(plan: &Plan) -> Vec<u8> {
    let mut bytes = Vec::new();
    assert!(plan.write_json(&mut bytes).is_ok());
    bytes
}

fn is_repeatable(case: &Case<'_>, first: &Compiled, written: Option<&[u8]>) {
    let second = compile(case.input(), case, &case.options());
    assert_eq!(format!("{:?}", first.diagnostics), format!("{:?}", second.diagnostics));
    assert_eq!(written, second.plan.as_ref().map(json).as_deref());
}

/// Whatever was found, the host that a spec names last can be explained, and an expression can be asked for.
fn questions(case: &Case<'_>) {
    let options = case.options();
    let mut checked = check(case.input(), case, &options);
    if let Some(host) = query::known_hosts(&checked).last() {
        let why = query::why(&checked, host);
        assert_eq!(why.map(|why| why.host).as_deref(), Some(host));
    }
    if let Some(expression) = case.expression()
        && let Err(findings) = query::hosts(&mut checked, &expression, case, &options)
    {
        assert!(has_errors(&findings));
        diagnostics::hold(&findings, &checked.sources);
    }
}
