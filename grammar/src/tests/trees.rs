//! Right texts and what they mean.

use std::fmt::Write as _;
use std::ops::ControlFlow;

use super::expand;
use crate::fold::{fold, natural_cmp};
use crate::host::{check_host, is_plain_host};
use crate::{Expr, ExprKind, Pattern, Selector, SetOp, SyntaxErrorKind};

/// The tree with one line a node: kind, text at its span.
fn outline(text: &str, expr: &Expr, depth: usize, out: &mut String) {
    let at = &text[expr.span.start as usize..expr.span.end as usize];
    let name = match &expr.kind {
        ExprKind::Pattern(pattern) => {
            assert_eq!(pattern.span(), expr.span);
            "pattern".to_owned()
        }
        ExprKind::Selector(selector) => {
            assert_eq!(selector.span, expr.span);
            "selector".to_owned()
        }
        ExprKind::Call(call) => {
            let args: Vec<&str> = call.args.iter().map(|arg| arg.value.as_str()).collect();
            format!("call {} {args:?}", call.name.value)
        }
        ExprKind::File(path) => format!("file {:?}", path.value),
        ExprKind::Chain { op, operands, op_spans } => {
            assert_eq!(operands.len(), op_spans.len() + 1);
            for span in op_spans {
                assert_eq!(&text[span.start as usize..span.end as usize], op.to_string());
            }
            format!("{op:?}")
        }
        ExprKind::Group(_) => "group".to_owned(),
    };
    writeln!(out, "{:depth$}{name}: {at}", "", depth = depth * 2).unwrap();
    match &expr.kind {
        ExprKind::Chain { operands, .. } => {
            operands.iter().for_each(|operand| outline(text, operand, depth + 1, out));
        }
        ExprKind::Group(inner) => outline(text, inner, depth + 1, out),
        _ => {}
    }
}

#[test]
fn expressions() {
    let texts = [
        "web1",
        "  web1\n",
        "web[1-3],db1",
        "a,b&c!d^e",
        "a ^ b ^ c ! d ! e & f & g , h",
        "a!b!c",
        "(a,b)&(c!(d))",
        "$a & $b.$c.x ! @hosts.txt, @\"two words\\\".txt\"",
        "$consul web 'prod east' a\\ b \"x\\\"y\\z\" !down",
        "($consul web, $consul db)",
        "$consul a&b ^ c",
        "$consul -- and '' x=$y",
        "2001:db8:0:0:0:0:0:[1-3]",
    ];
    let mut out = String::new();
    for text in texts {
        outline(text, &Expr::parse(text).unwrap(), 0, &mut out);
        out.push('\n');
    }
    insta::assert_snapshot!(out);
}

#[test]
fn selectors() {
    let selector = Selector::parse(" $frontend.$colo.east.rack-1.$version.\"1.10\".$x.* ").unwrap();
    insta::assert_debug_snapshot!(selector);
    assert_eq!(Selector::parse("$stadt.köln").unwrap().to_string(), "$stadt.köln");
    assert_eq!(Selector::parse("$a.\"b\"").unwrap(), Selector::parse("$a.b").unwrap());
}

#[test]
fn a_long_chain_is_flat() {
    for op in [",", "&", "!", "^"] {
        let text = vec!["$a.b"; 100_000].join(op);
        match Expr::parse(&text).unwrap().kind {
            ExprKind::Chain { operands, .. } => assert_eq!(operands.len(), 100_000),
            other => panic!("{other:?}"),
        }
    }
    let text = "a,b&".repeat(50_000) + "c";
    let Expr { kind: ExprKind::Chain { op, operands, .. }, .. } = Expr::parse(&text).unwrap() else {
        panic!("no chain")
    };
    assert_eq!((op, operands.len()), (SetOp::Union, 50_001));
}

#[test]
fn patterns() {
    let table: &[(&str, &str, &[&str])] = &[
        ("web1", "web1", &["web1"]),
        ("web[1-3]", "web[1-3]", &["web1", "web2", "web3"]),
        ("web[08-11]", "web[08-11]", &["web08", "web09", "web10", "web11"]),
        ("web[8-011]", "web[008-011]", &["web008", "web009", "web010", "web011"]),
        ("web[0-2]", "web[0-2]", &["web0", "web1", "web2"]),
        ("web[00-2]", "web[00-02]", &["web00", "web01", "web02"]),
        ("web[9-10]", "web[9-10]", &["web9", "web10"]),
        ("web[7]", "web[7]", &["web7"]),
        ("web[007]", "web[007]", &["web007"]),
        ("web[5-5]", "web[5]", &["web5"]),
        ("web[7, 1-2 ,\t9]", "web[7,1-2,9]", &["web7", "web1", "web2", "web9"]),
        ("[1-6,!3-4]", "[1-2,5-6]", &["1", "2", "5", "6"]),
        ("[!3-4,1-6]", "[1-2,5-6]", &["1", "2", "5", "6"]),
        ("[1-3,!02,!9]", "[1,3]", &["1", "3"]),
        ("[08-11,!9]", "[08,10-11]", &["08", "10", "11"]),
        ("[1-9,!1-3,!2-5,!9]", "[6-8]", &["6", "7", "8"]),
        ("[4-6,1-2,!5,!2]", "[4,6,1]", &["4", "6", "1"]),
        ("[1-2]-[1-2]", "[1-2]-[1-2]", &["1-1", "1-2", "2-1", "2-2"]),
        ("db{a,b}", "db{a,b}", &["dba", "dbb"]),
        ("web{,-old}", "web{,-old}", &["web", "web-old"]),
        ("web{ a , b }", "web{a,b}", &["weba", "webb"]),
        ("{a{1,2},b[3-4]}.x", "{a{1,2},b[3-4]}.x", &["a1.x", "a2.x", "b3.x", "b4.x"]),
        ("{a}", "{a}", &["a"]),
        ("{a,a}", "{a,a}", &["a", "a"]),
        ("1:2:3:4:5:6:7:[8-9]", "1:2:3:4:5:6:7:[8-9]", &["1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:9"]),
    ];
    for &(text, canonical, hosts) in table {
        let pattern = Pattern::parse(text).unwrap_or_else(|error| panic!("{text}: {error:?}"));
        assert_eq!(expand(&pattern), hosts, "{text}");
        assert_eq!(pattern.to_string(), canonical);
        assert_eq!(pattern.count(), hosts.len() as u128);
        assert_eq!(Pattern::parse(canonical).unwrap(), pattern);
    }
    assert_eq!(Pattern::parse("web1").unwrap().as_plain(), Some("web1"));
    assert_eq!(Pattern::parse("1:2:3:4:5:6:7:8").unwrap().as_plain(), Some("1:2:3:4:5:6:7:8"));
    assert_eq!(Pattern::parse("web[1]").unwrap().as_plain(), None);
}

#[test]
fn counting_does_not_expand() {
    let count = |text: &str| Pattern::parse(text).unwrap().count();
    assert_eq!(count("[1-1000000000000,!5]"), 999_999_999_999);
    assert_eq!(count("[0-999999999999999999]"), 1_000_000_000_000_000_000);
    assert_eq!(count(&"[0-999999999999999999]".repeat(8)), u128::MAX);
    let all: Vec<String> = (0..100_000).map(|n| format!("{},!{}", 2 * n, 2 * n + 1)).collect();
    assert_eq!(count(&format!("[{}]", all.join(","))), 100_000);
}

#[test]
fn expansion_stops_early() {
    let mut seen = Vec::new();
    let flow = Pattern::parse("{a,b}[1-1000000000000]").unwrap().try_for_each(&mut |host| {
        seen.push(host.to_owned());
        if seen.len() == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert!(flow.is_break());
    assert_eq!(seen, ["a1", "a2"]);
}

#[test]
fn hosts() {
    let label = "a".repeat(63);
    let longest = format!("{label}.{label}.{label}.{}", "a".repeat(61));
    for host in ["a", "1", "_x", "web-1.example.com", "web.", "10.0.0.1", "x-", "a_b", &longest] {
        assert!(is_plain_host(host), "{host}");
        assert_eq!(check_host(host), Ok(()), "{host}");
    }
    for host in ["1:2:3:4:5:6:7:8", "2001:DB8:0:0:0:0:0:ffff", &format!("{longest}.")] {
        assert!(!is_plain_host(host), "{host}");
        assert_eq!(check_host(host), Ok(()), "{host}");
    }
    let user = || SyntaxErrorKind::UserInHost { user: "u".into(), host: "h".into() };
    let port = || SyntaxErrorKind::PortInHost { host: "h".into(), port: "22".into() };
    let short = |full: Option<&str>| SyntaxErrorKind::ShortIpv6 { full: full.map(Into::into) };
    let table = [
        ("", SyntaxErrorKind::Empty),
        ("u@h", user()),
        ("h:22", port()),
        ("-a", SyntaxErrorKind::OptionAsHost),
        ("fe80::1", short(Some("fe80:0:0:0:0:0:0:1"))),
        ("::", short(Some("0:0:0:0:0:0:0:0"))),
        ("::ffff:10.0.0.1", short(Some("0:0:0:0:0:ffff:a00:1"))),
        ("1:2:3:4:5:6:7", short(None)),
        ("1:2:3:4:5:6:7:8:9", short(None)),
        ("fe80::1%eth0", SyntaxErrorKind::HostCharacter('%')),
        ("h:", SyntaxErrorKind::HostCharacter(':')),
        (":h", SyntaxErrorKind::HostStart(':')),
        ("a b", SyntaxErrorKind::HostCharacter(' ')),
        ("é", SyntaxErrorKind::HostCharacter('é')),
        (".a", SyntaxErrorKind::EmptyHostLabel),
        ("a..b", SyntaxErrorKind::EmptyHostLabel),
        ("a..", SyntaxErrorKind::EmptyHostLabel),
        (".", SyntaxErrorKind::EmptyHostLabel),
        (&format!("a{label}"), SyntaxErrorKind::HostTooLong),
        (&format!("{longest}a"), SyntaxErrorKind::HostTooLong),
    ];
    for (host, kind) in table {
        assert!(!is_plain_host(host), "{host}");
        assert_eq!(check_host(host), Err(kind), "{host}");
    }
}

#[test]
fn folding() {
    let table: &[(&[&str], &[&str])] = &[
        (&[], &[]),
        (&["a"], &["a"]),
        (&["a", "a"], &["a", "a"]),
        (&["web1", "web2", "web3", "web7", "web9", "web10"], &["web[1-3,7,9-10]"]),
        (&["web08", "web09", "web10"], &["web[08-10]"]),
        (&["web98", "web99", "web100"], &["web[98-100]"]),
        (&["web08", "web9", "web010"], &["web[08,9,010]"]),
        (&["web099", "web100", "web1000"], &["web[099-100,1000]"]),
        (&["web3", "web2", "web1"], &["web3", "web2", "web1"]),
        (&["web1", "web01"], &["web1", "web01"]),
        (&["a1b1", "a1b2", "a2b1", "a2b2"], &["a[1-2]b[1-2]"]),
        (&["a1b1", "a2b1", "a1b2", "a2b2"], &["a[1-2]b1", "a[1-2]b2"]),
        (&["1-1-1", "1-1-2", "1-2-1", "1-2-2", "2-1-1", "2-1-2", "2-2-1", "2-2-2"], &["[1-2]-[1-2]-[1-2]"]),
        (&["web1.x", "web2.x", "web3.y"], &["web[1-2].x", "web3.y"]),
        (&["web", "web1"], &["web", "web1"]),
        (&["10.0.0.1", "10.0.0.2", "10.0.1.1", "10.0.1.2"], &["10.0.[0-1].[1-2]"]),
        (
            &["a1234567890123456789", "a1234567890123456790"],
            &["a1234567890123456789", "a1234567890123456790"],
        ),
    ];
    for &(hosts, patterns) in table {
        assert_eq!(fold(hosts.iter().copied()), patterns);
    }
}

#[test]
fn natural_order() {
    let mut hosts = ["web10", "web9", "web09", "web", "db2", "web1.b", "web1-a", "web1", "web010", "a0", "a"];
    hosts.sort_by(|a, b| natural_cmp(a, b));
    assert_eq!(
        hosts,
        ["a", "a0", "db2", "web", "web1", "web1-a", "web1.b", "web09", "web9", "web010", "web10"]
    );
}
