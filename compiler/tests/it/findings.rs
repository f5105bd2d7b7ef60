//! Which findings there are when there are several, and which a comment silences.

use pogo_compiler::diagnostics::{all, find};

use crate::flags::check;

fn codes(text: &str) -> Vec<&'static str> {
    check(text).codes()
}

const TWICE: &str = "tag::host_twice";

#[test]
fn a_comment_silences_its_line() {
    assert_eq!(codes("tag:\n  a: [w, w]\n"), [TWICE]);
    assert_eq!(codes("tag:\n  a: [w, w] # pogo: allow(host_twice)\n"), [""; 0]);
    assert_eq!(codes("tag:\n  a: [w, w] # pogo: allow(pogo::tag::host_twice)\n"), [""; 0]);
    assert_eq!(codes("tag:\n  a: [w, w] #pogo:allow( host_twice )  because\n"), [""; 0]);
}

#[test]
fn a_comment_alone_silences_the_next_line_with_text() {
    assert_eq!(codes("tag:\n  # pogo: allow(host_twice)\n  a: [w, w]\n"), [""; 0]);
    assert_eq!(codes("tag:\n  # pogo: allow(host_twice)\n\n  # why\n\n  a: [w, w]\n"), [""; 0]);
    assert_eq!(codes("tag:\n  # pogo: allow(host_twice)\n  b: [x]\n  a: [w, w]\n"), [TWICE]);
    assert_eq!(codes("tag:\n  a: [w, w]\n  # pogo: allow(host_twice)\n"), [TWICE]);
}

#[test]
fn a_comment_may_name_several_codes() {
    let spec = |comment: &str| format!("tag:\n  c: {{e: [w], f: [w, w]}} # {comment}\n");
    assert_eq!(codes(&spec("")).len(), 2);
    assert_eq!(codes(&spec("pogo: allow(host_twice, host_in_two_values)")), [""; 0]);
    assert_eq!(codes(&spec("pogo: allow(host_twice)")), ["tag::host_in_two_values"]);
}

#[test]
fn a_comment_silences_only_its_code_and_no_error() {
    assert_eq!(codes("tag:\n  a: [w, w] # pogo: allow(two_limits)\n"), [TWICE]);
    assert_eq!(codes("sequence: [$a] # pogo: allow(unknown_tag)\n"), ["resolve::unknown_tag"]);
}

#[test]
fn what_only_looks_like_a_comment_silences_nothing() {
    assert_eq!(
        codes(
            "tag:
  a: [w, w, 'x#pogo: allow(host_twice)']
"
        ),
        [TWICE, "expr::syntax"]
    );
    assert_eq!(codes("job:\n  targets: w\n  command: '# pogo: allow(zzz)'\n"), [""; 0]);
    assert_eq!(codes("job:\n  targets: w\n  command: |\n    # pogo: allow(zzz)\n    uptime\n"), [""; 0]);
    assert_eq!(codes("tag:\n  a: [w, w] # see pogo: allow(host_twice)\n"), [TWICE]);
}

#[test]
fn a_comment_in_an_included_file_speaks_of_that_file() {
    let world = crate::world::Memory::default()
        .with_file("farm.cfg", "tag:\n  a: [w, w] # pogo: allow(host_twice)\n");
    let run = |spec: &str| crate::flags::Command::default().run(spec.as_bytes().to_vec(), world.clone());
    assert_eq!(run("include: farm.cfg\n").codes(), [""; 0]);
    assert_eq!(run("include: farm.cfg\ntag: {b: [x, x]}\n").codes(), [TWICE]);
}

#[test]
fn a_part_that_aliases_repeat_is_wrong_once() {
    assert_eq!(codes("tag:\n  a: &m [web1, web/2]\n  b: *m\n  c: *m\n"), ["host::invalid"]);
    assert_eq!(codes("sequence:\n  a: &s [$gone]\n  b: *s\n  c: *s\n"), ["resolve::unknown_tag"]);
    assert_eq!(
        codes("constraint:\n  web1: &l {max_parallel: 0}\n  web2: *l\n  web3: *l\n"),
        ["constraint::bad_limit"]
    );
    assert_eq!(
        codes("sequence:\n  a: [&s {hosts: web1, pause_after: 5}]\n  b: [*s]\n"),
        ["job::bad_duration"]
    );
}

#[test]
fn one_mistake_is_one_finding() {
    // A tag that is wrong is not also empty, unknown where it is used, or free of its sequence.
    assert_eq!(
        codes(
            "tag:\n  a: [web/1]\nsequence:\n  - $a\nconstraint:\n  $a: {max_parallel: 1}\njob: {targets: $a}\n"
        ),
        ["host::invalid"]
    );
    assert_eq!(
        codes("tag:\n  a: {b: [$gone]}\nsequence:\n  $a:\n    - $a.b\n    - web1\n"),
        ["resolve::unknown_tag"]
    );
    assert_eq!(codes("tag: {a: [web1]}\nsequence:\n  $gone:\n    - $a\n"), ["resolve::unknown_tag"]);
    assert_eq!(codes("tag: {a: [$b], b: [$a]}\nsequence: [$a, $b]\n"), ["tag::circle"]);
    assert_eq!(codes("tag: {a: [web1]}\nsequence:\n  - web1\n  - [web1]\n"), ["sequence::mixed_list"]);
}

#[test]
fn several_mistakes_are_all_found() {
    let spec = "\
tag:
  a: [web/1, web1:22]
  b: [$gone]
sequence:
  roll out: [web1]
  x: [$a.y, web1 web2]
constraint:
  $none: {max_parallel: 1}
  web1: {max_parallel: 0}
job:
  targets: web1
  timeout: 5
  zzz: 1
namespace: a/b
include: gone.cfg
tags: {}
";
    // With a file missing, unknown names may be in it.
    let found = [
        "host::invalid",
        "host::port",
        "sequence::bad_label",
        "expr::syntax",
        "constraint::bad_limit",
        "job::bad_duration",
        "job::unknown_key",
        "spec::bad_namespace",
        "include::unreadable",
        "spec::unknown_key",
    ];
    assert_eq!(codes(spec), found);
    let found = [
        "host::invalid",
        "host::port",
        "resolve::unknown_tag",
        "sequence::bad_label",
        "resolve::unknown_value",
        "expr::syntax",
        "resolve::unknown_tag",
        "constraint::bad_limit",
        "job::bad_duration",
        "job::unknown_key",
        "spec::bad_namespace",
        "spec::unknown_key",
    ];
    assert_eq!(codes(&spec.replace("include: gone.cfg\n", "")), found);
}

#[test]
fn what_stands_before_a_syntax_error_is_checked() {
    assert_eq!(
        codes("tag:\n  a: [web/1]\nsequence:\n  - web1:22\nconstraint:\n  {\n"),
        ["host::invalid", "host::port", "yaml::syntax"]
    );
    // What follows may have defined the name.
    assert_eq!(codes("sequence:\n  - $later\ntag:\n  later: [web1\n"), ["yaml::syntax"]);
}

#[test]
fn findings_come_in_the_order_of_the_text() {
    let outcome = check(
        "job: {timeout: 1}\nconstraint: {web1: {max_parallel: 0}}\nsequence: [$b]\ntag: {a: [web/1]}\n",
    );
    assert_eq!(
        outcome.codes(),
        ["job::bad_duration", "constraint::bad_limit", "resolve::unknown_tag", "host::invalid"]
    );
}

#[test]
fn codes_are_found_by_their_last_part_if_it_is_theirs_alone() {
    assert_eq!(find("host_twice").map(|code| code.id), Some("pogo::tag::host_twice"));
    assert_eq!(find("pogo::yaml::syntax").map(|code| code.id), Some("pogo::yaml::syntax"));
    assert_eq!(find("syntax"), None);
    assert_eq!(find("gone"), None);
    for code in all() {
        let parts: Vec<&str> = code.id.split("::").collect();
        assert!(parts.len() == 3 && parts[0] == "pogo", "{}", code.id);
    }
}
