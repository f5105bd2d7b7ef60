//! Properties over made-up texts and lists, and the corpus of the fuzzer.

use std::ops::ControlFlow;

use proptest::prelude::*;

use super::expand;
use crate::fold::{fold, natural_cmp};
use crate::host::{check_host, is_plain_host};
use crate::{Expr, ExprKind, Pattern, Selector, parse_duration, parse_share, parse_size};

/// What the fuzz target asserts too: any text is refused with a span inside it, or it is printed and read again alike.
fn check_text(text: &str) {
    match Expr::parse(text) {
        Ok(expr) => {
            let printed = expr.to_string();
            let again =
                Expr::parse(&printed).unwrap_or_else(|error| panic!("{text:?} {printed:?} {error:?}"));
            assert_eq!(again, expr, "{text:?} {printed:?}");
            assert_eq!(again.to_string(), printed);
            assert!(text.is_char_boundary(expr.span.start as usize));
            assert!(text.is_char_boundary(expr.span.end as usize));
            check_patterns(&expr);
        }
        Err(error) => assert!(text.get(error.span.start as usize..error.span.end as usize).is_some()),
    }
}

fn check_patterns(expr: &Expr) {
    match &expr.kind {
        ExprKind::Pattern(pattern) => {
            let mut n_hosts = 0;
            let _ = pattern.try_for_each(&mut |_| {
                n_hosts += 1;
                if n_hosts > 1000 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            assert_eq!(n_hosts, pattern.count().min(1001));
        }
        ExprKind::Chain { operands, .. } => operands.iter().for_each(check_patterns),
        ExprKind::Group(inner) => check_patterns(inner),
        _ => {}
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the corpus is in files")]
fn the_corpus_holds() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/expr");
    let mut n_files = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        if let Ok(text) = std::str::from_utf8(&bytes) {
            check_text(text);
        }
        n_files += 1;
    }
    assert!(n_files > 0);
}

fn host() -> impl Strategy<Value = String> {
    "[a-c]{0,1}[0-9]{1,3}([-.][a-b]{0,1}[0-9]{1,2}){0,2}"
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        check_text(&text);
        let _ = Pattern::parse(&text);
        let _ = Selector::parse(&text);
        let _ = check_host(&text);
        let _ = (parse_share(&text, 0), parse_duration(&text), parse_size(&text));
    }

    #[test]
    fn text_of_the_grammars_characters_is_read_or_refused(text in "[ab01.,:&!^ (){}\\[\\]$@\"'\\\\*-]{0,40}") {
        check_text(&text);
        let _ = Pattern::parse(&text);
        let _ = Selector::parse(&text);
    }

    #[test]
    fn text_that_is_nearly_right_is_read_or_refused(
        text in "((web|db)(\\[(0?[1-9])(-0?[1-9][0-9])?(,!?[1-9])?\\]|\\{a,(b|c[1-3])?\\})?|\\$a(\\.b|\\.\"b c\"|\\.\\$d|\\.\\*| x 'y z'| \\\\&)?|@f|@\"g h\"|\\(a!b\\))( ?[,&!^] ?(web1|\\$b|\\(c \\^ d\\[1-2\\]\\))){0,4}"
    ) {
        check_text(&text);
    }

    #[test]
    fn quantities_never_panic(text in "[0-9]{0,25}[ %.dhmskKMGiB-]{0,3}[0-9]{0,3}[dhms%]{0,2}") {
        let _ = (parse_share(&text, 1), parse_duration(&text), parse_size(&text));
    }

    #[test]
    fn a_plain_host_is_a_host(text in "[a-z0-9_.:@-]{0,70}") {
        if is_plain_host(&text) {
            prop_assert_eq!(check_host(&text), Ok(()));
        }
        if check_host(&text).is_ok() {
            let pattern = Pattern::parse(&text).unwrap();
            prop_assert_eq!(pattern.as_plain(), Some(text.as_str()));
        }
    }

    #[test]
    fn folding_keeps_the_list(mut hosts in prop::collection::vec(host(), 0..60), sort in any::<bool>()) {
        if sort {
            hosts.sort_by(|a, b| natural_cmp(a, b));
        }
        let folded = fold(hosts.iter().map(String::as_str));
        let again: Vec<String> =
            folded.iter().flat_map(|text| expand(&Pattern::parse(text).unwrap())).collect();
        prop_assert_eq!(&again, &hosts, "{:?}", folded);
    }

    #[test]
    fn folding_undoes_expanding(
        a in 0u32..20, b in 0u32..20, c in 0u32..20, d in 0u32..20, padded in any::<bool>()
    ) {
        let text = if padded {
            format!("a[{a:03}-{:03}]-[{c:02}-{:02}].x", a + b + 1, c + d + 1)
        } else {
            format!("a[{a}-{}]-[{c}-{}].x", a + b + 1, c + d + 1)
        };
        let hosts = expand(&Pattern::parse(&text).unwrap());
        prop_assert_eq!(fold(hosts.iter().map(String::as_str)), [text]);
    }

    #[test]
    fn natural_order_is_total(a in "[a0-2.]{0,5}", b in "[a0-2.]{0,5}", c in "[a0-2.]{0,5}") {
        use std::cmp::Ordering;
        prop_assert_eq!(natural_cmp(&a, &b) == Ordering::Equal, a == b);
        prop_assert_eq!(natural_cmp(&a, &b), natural_cmp(&b, &a).reverse());
        if natural_cmp(&a, &b).is_le() && natural_cmp(&b, &c).is_le() {
            prop_assert!(natural_cmp(&a, &c).is_le());
        }
    }
}
