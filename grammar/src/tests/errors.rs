//! Every kind of error, with the characters it marks. The snapshots are the table: each text with `»…«` around the span.

use std::fmt::Write as _;

use super::shown;
use crate::{Expr, Pattern, Selector, SyntaxError, SyntaxErrorKind};

fn table<T>(parse: impl Fn(&str) -> Result<T, SyntaxError>, texts: &[&str]) -> String {
    let mut out = String::new();
    for &text in texts {
        match parse(text) {
            Ok(_) => writeln!(out, "{text}\n    NO ERROR").unwrap(),
            Err(error) => out.push_str(&shown(text, &error)),
        }
    }
    assert!(!out.contains("NO ERROR"), "{out}");
    out
}

#[test]
fn brackets_and_quotes() {
    let texts = [
        "web[1-3",
        "web]",
        "(a,b",
        "a)",
        "[1-3}",
        "web[1-3}]",
        "web[1-3}, db[1-2]",
        "({a,b)",
        "{a,b",
        "web[1-3]web[",
        "(",
        "a (b",
        "$colo.\"a",
        "$consul 'a",
        "$consul \"a",
        "@\"x",
        "$consul a(b)",
    ];
    insta::assert_snapshot!(table(Expr::parse, &texts));
}

#[test]
fn structure() {
    let texts =
        ["", "  ", "a,", ",a", "()", "a!b,,c", "a b", "(a)(b)", "a(b)", "a,@", "@", "@ group", "$", "$a,$"];
    insta::assert_snapshot!(table(Expr::parse, &texts));
}

#[test]
fn operators_of_other_tools() {
    let texts = [
        "a|b",
        "a | b",
        "a || b",
        "a and b",
        "$a and $b",
        "$a or b",
        "$a AND b",
        "a not b",
        "a - b",
        "$a - $b",
        "!a",
        "(!a)",
        "a & !b",
        "a && b",
        "& a",
        "web:db",
        "web:!db",
        "%group",
        "$a $b",
        "$a ($b)",
    ];
    insta::assert_snapshot!(table(Expr::parse, &texts));
}

#[test]
fn selectors() {
    let texts = [
        "$1",
        "$(hostname)",
        "${X}",
        "$colo:east",
        "$colo/east",
        "$colo=east",
        "$colo*",
        "$colo[1-2]",
        "$colo\"east\"",
        "$colo.*.x",
        "$colo.",
        "$colo.\"\"",
        "$a.$b arg",
        "$a..b",
        "$consul a\\",
        "web$x",
    ];
    insta::assert_snapshot!(table(Expr::parse, &texts));
    insta::assert_snapshot!("selectors_alone", table(Selector::parse, &["", "web", "$a,$b", "$a b", "@x"]));
}

#[test]
fn groups() {
    let texts = [
        "web{1..3}",
        "web{a..c}",
        "web[1:3]",
        "web[1..3]",
        "web[01:10:2]",
        "web[a-c]",
        "web[a,b]",
        "web[a:c]",
        "web[9-3]",
        "web[]",
        "web[ ]",
        "web[1,!1]",
        "web[!1]",
        "web{}",
        "web[1-x]",
        "web[x-1]",
        "web[1-3,2]",
        "web[2,1-3]",
        "web[1,01]",
        "web[5-7,1-6]",
        "web[1234567890123456789]",
        "web[1-1234567890123456789]",
        "web[1,,2]",
        "web[1 2]",
        "web[1--3]",
        "web[-1]",
        "web[1-]",
        "web[1-!3]",
        "{a b}",
        "{a,!b}",
    ];
    insta::assert_snapshot!(table(Pattern::parse, &texts));
}

#[test]
fn hosts() {
    let texts = [
        "deploy@web1",
        "deploy@web[1-3]",
        "a@b@c",
        "web1:22",
        "web[1-3]:22",
        "[::1]",
        "::1",
        "2001:db8::1",
        "2001:db8::[1-3]",
        "1:2:3:4:5:6:7:8:9",
        "-oProxyCommand=x",
        "-[1-3]",
        "web*",
        "web?.x",
        "*",
        "ssh://web",
        "wëb",
        "wëb[1-2]",
        "we\u{a0}b",
        ".web",
        "web..x",
        "web[1-2]..x",
        ".",
        ":web",
        "\"web\"",
        "'web'",
        "@group",
        "web1,web2",
        "a1234567890123456789012345678901234567890123456789012345678901234",
    ];
    insta::assert_snapshot!(table(Pattern::parse, &texts));
}

#[test]
fn depth_is_bounded_before_the_parser_runs() {
    for open in ["(", "{", "[", "{a,", "(a,"] {
        let error = Expr::parse(&open.repeat(50_000)).unwrap_err();
        let (start, end) = (error.span.start as usize, error.span.end as usize);
        assert_eq!(error.kind, SyntaxErrorKind::TooDeep(64));
        assert_eq!((start, end), (64 * open.len(), 64 * open.len() + 1));
    }
    let deep = |n: usize| format!("{}a{}", "(".repeat(n), ")".repeat(n));
    assert!(Expr::parse(&deep(64)).is_ok());
    assert_eq!(Expr::parse(&deep(65)).unwrap_err().kind, SyntaxErrorKind::TooDeep(64));
    let deep = |n: usize| format!("a{}b{}", "{".repeat(n), ",}".repeat(n));
    assert_eq!(Pattern::parse(&deep(64)).unwrap().count(), 65);
    assert_eq!(Pattern::parse(&deep(65)).unwrap_err().kind, SyntaxErrorKind::TooDeep(64));
}

#[test]
fn a_row_of_groups_is_bounded() {
    assert_eq!(Pattern::parse(&"[1-2].".repeat(64)).unwrap().count(), 1 << 64);
    for group in ["[1]", "{a,b}", "{,[1-2]}"] {
        let error = Pattern::parse(&group.repeat(65)).unwrap_err();
        assert_eq!(error.kind, SyntaxErrorKind::TooManyGroups(64));
    }
    let wide = format!("{{{}}}", vec!["a[1-2]"; 10_000].join(","));
    assert_eq!(Pattern::parse(&wide).unwrap().count(), 20_000);
}

#[test]
fn arguments_and_paths_may_hold_brackets() {
    for text in ["$consul [web {x '((((' \")\" \\(", "@we[b", "@\"a)(\"", "($x \")\" , a)", "$colo.\"(\""] {
        assert!(Expr::parse(text).is_ok(), "{text}: {:?}", Expr::parse(text));
    }
}
