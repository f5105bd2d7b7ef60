//! Any text is refused with a span inside it, or it is printed and read again alike, and its patterns expand to as many
//! hosts as they count.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pogo_grammar::{Expr, ExprKind};

fuzz_target!(|text: &str| {
    match Expr::parse(text) {
        Ok(expr) => {
            let printed = expr.to_string();
            let again = Expr::parse(&printed);
            assert_eq!(again.as_ref(), Ok(&expr), "{printed:?}");
            check_patterns(&expr);
        }
        Err(error) => assert!(text.get(error.span.start as usize..error.span.end as usize).is_some()),
    }
});

fn check_patterns(expr: &Expr) {
    match &expr.kind {
        ExprKind::Pattern(pattern) if pattern.count() <= 10_000 => {
            let mut n_hosts = 0;
            pattern.for_each(&mut |_| n_hosts += 1);
            assert_eq!(n_hosts, pattern.count());
        }
        ExprKind::Chain { operands, .. } => operands.iter().for_each(check_patterns),
        ExprKind::Group(inner) => check_patterns(inner),
        _ => {}
    }
}
