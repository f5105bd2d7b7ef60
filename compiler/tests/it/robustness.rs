//! Whatever the bytes are, the compiler says what is wrong with them, and soon.
//!
//! Nothing here looks at a clock: what is not bounded does not end, or does not fit into memory.

use pogo_compiler::diagnostics::has_errors;
use proptest::prelude::*;

use crate::flags::{check, check_bytes};

fn codes(text: &str) -> Vec<&'static str> {
    check(text).codes()
}

#[test]
fn nothing_is_a_spec_without_findings() {
    for text in
        ["", " ", "\n", "# only a comment\n", "---\n", "---\n...\n", "\u{feff}", "~\n", "\u{feff}# x\n"]
    {
        assert_eq!(codes(text), [""; 0], "{text:?}");
    }
}

#[test]
fn an_alias_bomb_is_one_finding() {
    let mut text = "tag:\n  a0: &a0 [h]\n".to_owned();
    for level in 1..40 {
        let below = format!("*a{}", level - 1);
        text.push_str(&format!("  a{level}: &a{level} [{}]\n", vec![below; 10].join(", ")));
    }
    assert_eq!(codes(&text), ["yaml::alias_expansion"]);
    // One below another, each twice, in mappings.
    let mut text = "tag:\n  a0: &a0 {v: h}\n".to_owned();
    for level in 1..100 {
        text.push_str(&format!("  a{level}: &a{level} {{x: *a{0}, y: *a{0}}}\n", level - 1));
    }
    assert_eq!(codes(&text), ["yaml::alias_expansion"]);
}

#[test]
fn aliases_that_nest_without_growing_are_too_deep() {
    let mut text = "tag:\n  a0: &a0 {v: h}\n".to_owned();
    for level in 1..1000 {
        text.push_str(&format!("  a{level}: &a{level} {{v: *a{}}}\n", level - 1));
    }
    let found = codes(&text);
    assert_eq!(found.iter().filter(|code| **code == "yaml::too_deep").count(), 1, "{found:?}");
}

const LEVELS: usize = 50_000;

#[test]
fn fifty_thousand_levels_are_too_deep() {
    let flow = format!("tag: {}{}\n", "[".repeat(LEVELS), "]".repeat(LEVELS));
    let unclosed = format!("tag: {}", "[".repeat(LEVELS));
    let mappings = format!("tag: {}1{}\n", "{a: ".repeat(LEVELS), "}".repeat(LEVELS));
    let dashes = format!("tag:\n  a:\n    {}web1\n", "- ".repeat(LEVELS));
    let mut block = "tag:\n".to_owned();
    // Two thousand levels by indentation are two million spaces.
    for level in 1..2000 {
        block.push_str(&format!("{}a:\n", " ".repeat(level)));
    }
    for (name, text) in
        [("flow", flow), ("unclosed", unclosed), ("mappings", mappings), ("dashes", dashes), ("block", block)]
    {
        let found = codes(&text);
        assert_eq!(found.iter().filter(|code| **code == "yaml::too_deep").count(), 1, "{name}: {found:?}");
    }
}

#[test]
fn fifty_thousand_brackets_in_an_expression_are_too_deep() {
    for (open, close) in [("(", ")"), ("{", "}"), ("{a,", "}"), ("web[", "]")] {
        let text = format!("sequence:\n  - '{}web1{}'\n", open.repeat(LEVELS), close.repeat(LEVELS));
        let found = codes(&text);
        assert_eq!(found.len(), 1, "{open}: {found:?}");
        assert!(
            matches!(found[0], "expr::too_deep" | "pattern::unclosed" | "expr::syntax"),
            "{open}: {found:?}"
        );
    }
    assert_eq!(codes(&format!("sequence:\n  - '{}'\n", "(".repeat(LEVELS))), ["expr::too_deep"]);
}

#[test]
fn wide_expressions_are_not_deep() {
    let hosts: Vec<String> = (0..20_000).map(|number| format!("h{number}")).collect();
    for op in [", ", " ! ", " & ", " ^ "] {
        let text = format!("sequence:\n  - \"{}\"\n", hosts.join(op));
        assert!(!has_errors(&check(&text).diagnostics), "{op}");
    }
}

#[test]
fn a_pattern_of_a_million_million_hosts_is_refused_unexpanded() {
    for pattern in [
        "web[1-1000000000000]",
        "r[1-10000]c[1-10000]h[1-10000]",
        "web[000000000000-999999999999]",
        "[1-999999999999999999][1-999999999999999999][1-999999999999999999]",
    ] {
        let text = format!(
            "tag: {{a: '{pattern}'}}\nsequence: ['{pattern}']\njob: {{targets: 'web1, {pattern}'}}\n"
        );
        assert_eq!(codes(&text), ["pattern::too_many_hosts"; 3], "{pattern}");
    }
}

#[test]
fn bytes_that_are_no_text() {
    assert_eq!(check_bytes(b"tag: {a: [caf\xe9]}\n".to_vec()).codes()[0], "yaml::not_utf8");
    let outcome = check_bytes(b"tag: {a: [web1]}\n# \xff\xfe\nsequence: [$b]\n".to_vec());
    assert_eq!(outcome.codes(), ["yaml::not_utf8", "resolve::unknown_tag"]);
    let finding = &outcome.diagnostics[0];
    assert_eq!(finding.message, "the file is not UTF-8: byte 19 starts no character");
    assert_eq!(outcome.sources.slice(finding.primary_span().unwrap()), "\u{fffd}");
    // UTF-16, as some editors save it.
    let utf16: Vec<u8> = "\u{feff}tag:\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(check_bytes(utf16).codes()[0], "yaml::not_utf8");
}

#[test]
fn a_file_of_four_gib_is_refused_unread() {
    // Zeroed memory that nobody touches is not there.
    assert_eq!(check_bytes(vec![0; 1 << 32]).codes(), ["yaml::too_large"]);
}

#[test]
fn a_line_of_a_hundred_megabytes() {
    // The parser takes a hundred times as long when it is not optimized.
    let long = "a".repeat(if cfg!(debug_assertions) { 2_000_000 } else { 100_000_000 });
    assert_eq!(codes(&format!("tag: {{a: [{long}]}}\n")), ["host::invalid"]);
    assert_eq!(codes(&format!("# {long}\ntag: {{a: [web1]}}\n")), [""; 0]);
}

#[test]
fn messages_about_long_texts_are_short() {
    let long = "a/".repeat(1_000_000);
    let text = format!(
        "{long}: x\ntag: {{'{long}': [web1], a: ['{long}', '${long}']}}\nsequence: {{'{long}': [web1]}}\nconstraint: {{web1: '{long}'}}\n\
         namespace: '{long}'\ninclude: '{long}'\njob: {{timeout: '{long}', user: '{long} x', '{long}': x, env: {{'{long}': x}}}}\n"
    );
    for finding in check(&text).diagnostics {
        let length = finding.message.len() + finding.help.map_or(0, |help| help.len());
        assert!(length < 1000, "{} has a message of {length} bytes", finding.code.id);
    }
}

#[test]
fn line_ends_of_other_systems() {
    let spec =
        "tag:\n  colo:\n    east: [web1, web2]\nsequence:\n  - $colo.est\n  - |\n    web1,\n    $clo\n";
    let unix = check(spec);
    assert_eq!(unix.codes(), ["resolve::unknown_value", "resolve::unknown_tag"]);
    for ends in ["\r\n", "\r"] {
        let other = check(&spec.replace('\n', ends));
        assert_eq!(other.codes(), unix.codes(), "{ends:?}");
        for (other_finding, finding) in other.diagnostics.iter().zip(&unix.diagnostics) {
            assert_eq!(other_finding.message, finding.message);
            let slice = other.sources.slice(other_finding.primary_span().unwrap());
            assert_eq!(slice, unix.sources.slice(finding.primary_span().unwrap()), "{ends:?}");
        }
    }
    let windows = check(&spec.replace('\n', "\r\n"));
    let position = |outcome: &crate::flags::Outcome| {
        let span = outcome.diagnostics[0].primary_span().unwrap();
        outcome.sources.get(span.source).unwrap().position(span.start)
    };
    assert_eq!(position(&windows), position(&unix));
}

#[test]
fn a_byte_order_mark_moves_no_mark() {
    let outcome = check("\u{feff}tag:\n  a: [$b]\n");
    assert_eq!(outcome.codes(), ["resolve::unknown_tag"]);
    assert_eq!(outcome.sources.slice(outcome.diagnostics[0].primary_span().unwrap()), "$b");
    let outcome = check("\u{feff}tags: {}\n");
    assert_eq!(outcome.codes(), ["spec::unknown_key"]);
    assert_eq!(outcome.sources.slice(outcome.diagnostics[0].primary_span().unwrap()), "tags");
}

#[test]
fn nul_characters_and_other_controls() {
    for text in [
        "\0",
        "tag: {a: [web\u{0}1]}\n",
        "tag: {a: [\"web\\x001\"]}\n",
        "a\x07: b\n",
        "tag:\n  a: [\x1b]\n",
        "\u{2028}\n",
    ] {
        assert!(has_errors(&check(text).diagnostics), "{text:?}");
    }
}

#[test]
fn many_mistakes_are_as_many_findings() {
    let text: String = (0..20_000).map(|number| format!("  - $gone{number}\n")).collect();
    assert_eq!(check(&format!("sequence:\n{text}")).diagnostics.len(), 20_000);
}

/// Pieces that specs are made of, in no sensible order.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "tag:",
        "sequence:",
        "constraint:",
        "job:",
        "include:",
        "\n",
        "\n  ",
        "\n    ",
        "- ",
        "web1",
        "web[1-3]",
        "$colo",
        ".east",
        "\"",
        "'",
        "[",
        "]",
        "{",
        "}",
        ", ",
        ": ",
        "&x ",
        "*x",
        "!",
        "<<",
        "#",
        " # pogo: allow(",
        ")",
        "|\n",
        ">-\n",
        "\t",
        "é",
        "\u{1f600}",
        "max_parallel",
        "25%",
        "hosts",
        "~",
        "\\x41",
        "\r\n",
        "\u{85}",
        "@f",
        "(",
        "^",
        "? ",
        "---\n",
        "%",
        "10m",
        "command",
        "env",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_mark_lies_in_its_text(text in pieces()) {
        let outcome = check(&text);
        for finding in &outcome.diagnostics {
            prop_assert!(!finding.message.contains(['\n', '\r']), "{}: {:?}", finding.code.id, finding.message);
            prop_assert!(finding.labels.is_empty() || finding.labels[0].primary);
            prop_assert_eq!(finding.labels.iter().filter(|label| label.primary).count(), usize::from(!finding.labels.is_empty()));
            for label in &finding.labels {
                let source = outcome.sources.get(label.span.source).unwrap().text();
                prop_assert!(source.get(label.span.start as usize..label.span.end as usize).is_some(), "{}: {:?}", finding.code.id, label);
            }
        }
    }

    #[test]
    fn bytes_of_any_kind_end_in_findings(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        check_bytes(bytes);
    }
}
