//! What the language means: for each of its sentences a spec and the part of the plan that follows from it.

use pogo_plan::Plan;
use serde_json::{Value, json};

use crate::flags::{Command, Outcome};
use crate::world::Memory;

fn run(spec: &str, flags: &str, world: Memory) -> Outcome {
    let outcome = Command::parse(&format!("compile {flags}")).run(spec.as_bytes().to_vec(), world);
    assert!(outcome.plan.is_some(), "no plan: {:#?}", outcome.diagnostics);
    outcome
}

fn plan(spec: &str) -> Plan {
    run(spec, "", Memory::default()).plan.unwrap()
}

fn json_of(plan: &Plan) -> Value {
    let mut bytes = Vec::new();
    plan.write_json(&mut bytes).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

fn names(plan: &Plan, hosts: &[pogo_plan::HostIdx]) -> String {
    hosts.iter().map(|&host| plan.hosts.name(host)).collect::<Vec<_>>().join(" ")
}

fn targets(spec: &str, flags: &str) -> String {
    let plan = run(spec, flags, Memory::default()).plan.unwrap();
    names(&plan, &plan.targets)
}

/// Each thread on a line: `rollout: rollout.a = web1 web2 | rollout.b = web3`. An empty `unconstrained` is left out.
fn threads(plan: &Plan) -> Vec<String> {
    let shown = plan.threads.iter().map(|thread| {
        let slots = thread
            .slots
            .iter()
            .map(|slot| format!("{} = {}", slot.id, names(plan, &slot.hosts)).trim_end().to_owned());
        format!("{}: {}", thread.id, slots.collect::<Vec<_>>().join(" | "))
    });
    shown.filter(|line| line != "unconstrained: unconstrained =").collect()
}

/// Each limit on a line: `$colo.east 1/3 (34%) web1 web2 web3`.
fn limits(spec: &str) -> Vec<String> {
    let plan = plan(spec);
    let shown = plan.limits.iter().map(|limit| {
        let members = names(&plan, &limit.members);
        format!("{} {}/{} ({}) {members}", limit.id, limit.max_parallel, limit.group_size, limit.declared)
    });
    shown.collect()
}

fn job(settings: &str) -> Value {
    json_of(&plan(&format!("job:\n  targets: \"w[1-10]\"\n  command: x\n{settings}")))["job"].clone()
}

const TRIPLE: &str = "\
tag:
  colo:
    one: [host1, host2, host3]
    two: [host4, host5, host6]
    three: [host7, host8, host9]
sequence:
  foo:
    - $colo.one
    - $colo.two
  bar:
    - $colo.three
";

const FARM: &str = "\
tag:
  colo:
    east: [web1, web2, db1]
    west: [web3, web4, db2]
  frontend: [\"web[1-4]\"]
  backend: db{1,2}
";

fn farm(rest: &str) -> String {
    format!("{FARM}{rest}")
}

#[test]
fn threads_and_slots_have_the_names_of_the_original() {
    assert_eq!(
        threads(&plan(TRIPLE)),
        [
            "foo: foo.$colo.one = host1 host2 host3 | foo.$colo.two = host4 host5 host6",
            "bar: bar.$colo.three = host7 host8 host9"
        ]
    );
}

#[test]
fn the_thread_of_free_targets_is_last_and_always_there() {
    let plan_of = plan(TRIPLE);
    let last = plan_of.threads.last().unwrap();
    assert_eq!((last.id.as_str(), last.slots.len(), last.slots[0].hosts.len()), ("unconstrained", 1, 0));
    assert_eq!(
        threads(&plan("tag: {a: [web1, web2]}\nsequence: [web2]\n")),
        ["sequence: web2 = web2", "unconstrained: unconstrained = web1"]
    );
    assert_eq!(threads(&plan("tag: {a: [web1, web2]}\n")), ["unconstrained: unconstrained = web1 web2"]);
}

#[test]
fn a_bare_list_is_a_thread_and_a_list_of_lists_is_several() {
    assert_eq!(
        threads(&plan("sequence:\n  - web3\n  - web1, web2\n")),
        ["sequence: web3 = web3 | web1, web2 = web1 web2"]
    );
    assert_eq!(
        threads(&plan("sequence:\n  - [web1, web2]\n  - [web3]\n")),
        ["sequence[1]: web1 = web1 | web2 = web2", "sequence[2]: web3 = web3"]
    );
    assert_eq!(
        threads(&plan("sequence:\n  a:\n    - [web1]\n    - [web2]\n")),
        ["a[1]: a[1].web1 = web1", "a[2]: a[2].web2 = web2"]
    );
}

#[test]
fn a_scalar_is_a_thread_of_one_slot() {
    assert_eq!(threads(&plan("sequence:\n  a: web1, web2\n")), ["a: a.web1, web2 = web1 web2"]);
    assert_eq!(threads(&plan("sequence: web1\n")), ["sequence: web1 = web1"]);
}

#[test]
fn ids_are_unique() {
    assert_eq!(
        threads(&plan(
            "tag: {a: [web1, web2], b: [web3]}\nsequence:\n  x: [web1, web3, web1]\n  $a:\n    - web1\n  \"$a \":\n    - web1\n"
        )),
        [
            "x: x.web1 = web1 | x.web3 = web3 | x.web1#2 =",
            "$a: $a.web1 = web1",
            "$a#2: $a.web1#2 = web1",
            "unconstrained: unconstrained = web2"
        ]
    );
}

#[test]
fn a_selector_narrows_the_slots_below_it() {
    assert_eq!(
        threads(&plan(&farm("sequence:\n  $backend:\n    - $colo.east\n    - $colo.west\n"))),
        [
            "$backend: $backend.$colo.east = db1 | $backend.$colo.west = db2",
            "unconstrained: unconstrained = web1 web2 web3 web4"
        ]
    );
}

#[test]
fn labels_and_selectors_mix_at_any_depth() {
    assert_eq!(
        threads(&plan(&farm(
            "sequence:\n  app:\n    $frontend:\n      first:\n        $colo.east: [web1, $frontend]\n      then: [web3]\n  $backend: $backend\n"
        ))),
        [
            "app.$frontend.first.$colo.east: app.$frontend.first.$colo.east.web1 = web1 | app.$frontend.first.$colo.east.$frontend = web2",
            "app.$frontend.then: app.$frontend.then.web3 = web3",
            "$backend: $backend.$backend = db1 db2",
            "unconstrained: unconstrained = web4",
        ]
    );
}

#[test]
fn a_pattern_narrows_as_a_selector_does() {
    assert_eq!(
        threads(&plan(&farm("sequence:\n  \"web[1-3]\":\n    - $colo.west\n")))[0],
        "web[1-3]: web[1-3].$colo.west = web3"
    );
}

#[test]
fn a_dotted_label_is_nested() {
    let dotted = threads(&plan("sequence:\n  a.b: [web1]\n  a.c: [web2]\n"));
    assert_eq!(dotted, threads(&plan("sequence:\n  a:\n    b: [web1]\n    c: [web2]\n")));
    assert_eq!(dotted, ["a.b: a.b.web1 = web1", "a.c: a.c.web2 = web2"]);
}

#[test]
fn a_host_in_two_slots_of_a_thread_belongs_to_the_first() {
    assert_eq!(
        threads(&plan(&farm("sequence:\n  - web1\n  - $frontend\n  - $backend\n"))),
        ["sequence: web1 = web1 | $frontend = web2 web3 web4 | $backend = db1 db2"]
    );
}

#[test]
fn a_host_in_two_threads_stands_in_both() {
    assert_eq!(
        threads(&plan("sequence:\n  a: [web1, web2]\n  b: [\"web1, web3\", web2]\n")),
        ["a: a.web1 = web1 | a.web2 = web2", "b: b.web1, web3 = web1 web3 | b.web2 = web2"]
    );
}

#[test]
fn the_order_in_a_slot_is_as_written() {
    assert_eq!(
        threads(&plan("sequence:\n  - web3, web1, web2\n")),
        ["sequence: web3, web1, web2 = web3 web1 web2"]
    );
}

#[test]
fn slots_without_targets_stay() {
    assert_eq!(
        threads(&run(TRIPLE, "--targets host4", Memory::default()).plan.unwrap()),
        ["foo: foo.$colo.one = | foo.$colo.two = host4", "bar: bar.$colo.three ="]
    );
}

#[test]
fn a_slot_may_pause_and_bear_failures() {
    let plan = json_of(&plan("sequence:\n  - {hosts: web1, pause_after: 30m, max_failures: 0}\n  - web2\n"));
    assert_eq!(
        (&plan["threads"][0]["slots"][0]["pause_after_ms"], &plan["threads"][0]["slots"][0]["max_failures"]),
        (&json!(1_800_000), &json!(0))
    );
    assert_eq!(plan["threads"][0]["slots"][1].get("pause_after_ms").unwrap_or(&Value::Null), &Value::Null);
}

#[test]
fn patterns_expand_with_the_rightmost_group_fastest() {
    for (pattern, hosts) in [
        ("w[1-3]", "w1 w2 w3"),
        ("w[08-11]", "w08 w09 w10 w11"),
        ("w[8-011]", "w008 w009 w010 w011"),
        ("w[1-3,7,9-10]", "w1 w2 w3 w7 w9 w10"),
        ("w[1-6,!2-4]", "w1 w5 w6"),
        ("w[!2-4,1-6]", "w1 w5 w6"),
        ("w{a,b}", "wa wb"),
        ("w{,-old}", "w w-old"),
        ("w{a,b{1,2}}", "wa wb1 wb2"),
        ("r[1-2]c{a,b}", "r1ca r1cb r2ca r2cb"),
        ("w[1-2],db1", "w1 w2 db1"),
        (
            "_x,10.0.0.1,2001:db8:0:0:0:0:0:1,web-1.example.com",
            "_x 10.0.0.1 2001:db8:0:0:0:0:0:1 web-1.example.com",
        ),
    ] {
        assert_eq!(targets(&format!("job: {{targets: '{pattern}'}}\n"), ""), hosts, "{pattern}");
    }
}

#[test]
fn scalars_are_their_source_text() {
    assert_eq!(
        targets("tag:\n  a: [007, 1e3, on, 1.10, 0x10, yes, 1_000]\n", ""),
        "007 1e3 on 1.10 0x10 yes 1_000"
    );
    assert_eq!(
        job("  env: {A: 1.10, B: 0x10, C: on, D: 'x', E: ''}\n")["env"],
        json!({"A": "1.10", "B": "0x10", "C": "on", "D": "x", "E": ""})
    );
}

#[test]
fn tags_compose_and_nest() {
    let spec = |expression: &str| {
        farm(&format!(
            "  edge: [ $frontend.$colo.east, cache1 ]\n  colo.north.r1: [n1]\n  version:\n    \"1.10\": [web1]\n    \"1.9\": [web2]\njob:\n  targets: '{expression}'\n"
        ))
    };
    for (expression, hosts) in [
        ("$edge", "web1 web2 cache1"),
        ("$colo.east", "web1 web2 db1"),
        ("$colo", "web1 web2 db1 web3 web4 db2 n1"),
        ("$colo.north", "n1"),
        ("$colo.north.r1", "n1"),
        ("$version.\"1.10\"", "web1"),
        ("$version", "web1 web2"),
        ("$frontend.$colo.west", "web3 web4"),
    ] {
        assert_eq!(targets(&spec(expression), ""), hosts, "{expression}");
    }
}

#[test]
fn operators_bind_as_they_say() {
    for (expression, hosts) in [
        ("$frontend & $colo.east", "web1 web2"),
        ("$frontend ! $colo.east", "web3 web4"),
        ("$frontend ^ $colo.east", "db1 web3 web4"),
        ("$frontend, db1", "web1 web2 db1 web3 web4"),
        ("db1, $frontend & web1", "web1 db1"),
        ("$frontend, $backend ! db1", "web1 web2 web3 web4 db2"),
        ("($frontend, $backend) ! db1", "web1 web2 web3 web4 db2"),
        ("$frontend ! web1 & web2", "web1 web2 web3 web4"),
        ("$frontend ! web1 ! web2", "web3 web4"),
        ("web1 ^ web2 ! web2", "web1"),
        ("(web1 ^ web2) ! web2", "web1"),
        ("web1, web2 ^ web2", "web1"),
        ("(web1, web2) ^ web2", "web1"),
    ] {
        // Targets are in spec order, whatever the expression's own is.
        assert_eq!(targets(&farm(&format!("job: {{targets: '{expression}'}}\n")), ""), hosts, "{expression}");
    }
}

#[test]
fn an_expression_keeps_its_own_order_in_a_slot() {
    assert_eq!(
        threads(&plan(&farm("sequence:\n  - db2, $frontend ^ web2\n")))[0],
        "sequence: db2, $frontend ^ web2 = db2 web1 web3 web4"
    );
}

#[test]
fn a_host_file_is_a_set() {
    let world = Memory::default()
        .with_file("lists/maintenance.txt", "# broken\nweb[1-2] # since Monday\n\n  db1,db2\n");
    let outcome = run(&farm("job: {targets: '$colo ! @lists/maintenance.txt'}\n"), "", world);
    let plan = outcome.plan.unwrap();
    assert_eq!(names(&plan, &plan.targets), "web3 web4");
}

#[test]
fn an_external_group_is_what_its_program_prints() {
    for answer in ["web[1-2]\nweb9\n", "[\"web[1-2]\", \"web9\"]\n", "\n web1,web2 \r\nweb9"] {
        let world = Memory::default().with_program("pogo-tag-cmdb web prod east", answer);
        let plan =
            run("tag:\n  a: [\"$cmdb web 'prod east'\", db1]\nsequence: [$a]\n", "", world).plan.unwrap();
        assert_eq!(threads(&plan), ["sequence: $a = web1 web2 web9 db1"], "{answer:?}");
    }
}

#[test]
fn targets_default_to_what_the_file_itself_names() {
    let world = Memory::default()
        .with_file("farm.cfg", "tag: {a: [web1, web2], b: [db1]}\nconstraint: {$a: {max_parallel: 1}}\n");
    let plan = |spec: &str| {
        let plan = run(spec, "", world.clone()).plan.unwrap();
        (names(&plan, &plan.targets), plan.limits.len())
    };
    assert_eq!(plan("include: farm.cfg\nsequence: [web2, cache1]\n"), ("web2 cache1".to_owned(), 1));
    assert_eq!(
        plan("include: [farm.cfg]\nsequence: [$a]\njob: {targets: $a}\n"),
        ("web1 web2".to_owned(), 1)
    );
    assert_eq!(plan("include: farm.cfg\njob: {targets: db1}\n"), ("db1".to_owned(), 0));
    assert_eq!(plan("include: farm.cfg\nconstraint: {web7: {max_parallel: 1}}\n").0, "web7");
}

#[test]
fn targets_may_be_a_list() {
    assert_eq!(
        targets(&farm("job:\n  targets:\n    - $backend\n    - web1 & $frontend\n    - web2\n"), ""),
        "web1 web2 db1 db2"
    );
}

#[test]
fn the_command_line_overrides() {
    let spec = farm(
        "job:\n  targets: $frontend\n  command: a\n  timeout: 1m\n  verify: {command: v, interval: 2s}\n  retry: 3\n",
    );
    let run = |flags: &str| json_of(&run(&spec, flags, Memory::default()).plan.unwrap());
    assert_eq!(run("--targets '$backend'")["targets"], json!(["db1", "db2"]));
    assert_eq!(run("--run-command 'echo a: b # c'")["job"]["command"], json!("echo a: b # c"));
    assert_eq!(run("--set job.timeout=5m --set job.timeout=6m")["job"]["timeout_ms"], json!(360_000));
    let changed = run("--set job.verify.interval=9s --set job.retry.backoff=4s --set 'job.ssh={port: 2222}'");
    assert_eq!(
        (&changed["job"]["verify"]["command"], &changed["job"]["verify"]["interval_ms"]),
        (&json!("v"), &json!(9000))
    );
    assert_eq!(
        (&changed["job"]["retry"]["backoff_ms"], &changed["job"]["ssh"]["port"]),
        (&json!(4000), &json!(2222))
    );
}

#[test]
fn unknown_hosts_that_are_allowed_are_free() {
    let plan =
        run(&farm("sequence: [$frontend]\n"), "--targets web1,new1 --allow-unknown-hosts", Memory::default())
            .plan
            .unwrap();
    assert_eq!(threads(&plan), ["sequence: $frontend = web1", "unconstrained: unconstrained = new1"]);
}

#[test]
fn a_limit_on_a_tag_is_one_for_each_value() {
    assert_eq!(
        limits(&farm("constraint:\n  $colo: {max_parallel: 2}\n")),
        ["$colo.east 2/3 (2) web1 web2 db1", "$colo.west 2/3 (2) web3 web4 db2"]
    );
    assert_eq!(
        limits(&farm("constraint:\n  $colo.*: {max_parallel: 2}\n")),
        limits(&farm("constraint:\n  $colo: {max_parallel: 2}\n"))
    );
    assert_eq!(
        limits(&farm("constraint:\n  $colo.east: {max_parallel: 2}\n")),
        ["$colo.east 2/3 (2) web1 web2 db1"]
    );
    assert_eq!(
        limits(&farm("constraint:\n  $frontend: {max_parallel: 2}\n")),
        ["$frontend 2/4 (2) web1 web2 web3 web4"]
    );
    assert_eq!(
        limits(&farm("constraint:\n  \"web[1-2]\": {max_parallel: 1}\n")),
        ["web[1-2] 1/2 (1) web1 web2"]
    );
}

#[test]
fn the_values_of_a_value_have_limits_of_their_own() {
    let spec =
        "tag:\n  colo:\n    east: {r1: [a1, a2], r2: [b1, b2]}\n    west: {r1: [c1, c2]}\nconstraint:\n";
    assert_eq!(
        limits(&format!("{spec}  $colo: {{max_parallel: 1}}\n")),
        ["$colo.east 1/4 (1) a1 a2 b1 b2", "$colo.west 1/2 (1) c1 c2"]
    );
    assert_eq!(
        limits(&format!("{spec}  $colo.east: {{max_parallel: 1}}\n")),
        ["$colo.east 1/4 (1) a1 a2 b1 b2"]
    );
    assert_eq!(
        limits(&format!("{spec}  $colo.east.*: {{max_parallel: 1}}\n")),
        ["$colo.east.r1 1/2 (1) a1 a2", "$colo.east.r2 1/2 (1) b1 b2"]
    );
}

#[test]
fn nested_groups_are_those_that_carry_both() {
    assert_eq!(
        limits(&farm(
            "constraint:\n  $frontend:\n    max_parallel: 3\n    $colo.east:\n      max_parallel: 1\n    $colo:\n      web[2-3]: {max_parallel: 1}\n"
        )),
        [
            "$frontend 3/4 (3) web1 web2 web3 web4",
            "$frontend.$colo.east 1/2 (1) web1 web2",
            "$frontend.$colo.east.web[2-3] 1/1 (1) web2",
            "$frontend.$colo.west.web[2-3] 1/1 (1) web3",
        ]
    );
    assert_eq!(
        limits(&farm("constraint:\n  $frontend.$colo: {max_parallel: 1}\n")),
        ["$frontend.$colo.east 1/2 (1) web1 web2", "$frontend.$colo.west 1/2 (1) web3 web4"]
    );
}

#[test]
fn a_percentage_is_rounded_down_and_at_least_one() {
    let percent = |hosts: u32, percent: u32| {
        limits(&format!("tag: {{a: \"w[1-{hosts}]\"}}\nconstraint: {{$a: {{max_parallel: {percent}%}}}}\n"))
            [0]
        .split(['/', ' '])
        .nth(1)
        .unwrap()
        .to_owned()
    };
    for (hosts, share, most) in
        [(3, 34, "1"), (3, 66, "1"), (3, 67, "2"), (10, 25, "2"), (10, 1, "1"), (200, 1, "2"), (7, 99, "6")]
    {
        assert_eq!(percent(hosts, share), most, "{share}% of {hosts}");
    }
}

#[test]
fn a_limit_counts_all_its_members_not_only_targets() {
    let spec = farm("constraint:\n  $frontend: {max_parallel: 50%}\njob: {targets: 'web1, db1'}\n");
    assert_eq!(limits(&spec), ["$frontend 2/4 (50%) web1 web2 web3 web4"]);
    assert_eq!(
        limits(&farm("constraint:\n  $frontend: {max_parallel: 50%}\njob: {targets: db1}\n")),
        [""; 0]
    );
}

#[test]
fn of_two_limits_on_a_group_the_stricter_holds() {
    assert_eq!(
        limits(&farm("constraint:\n  $colo: {max_parallel: 2}\n  $colo.west: {max_parallel: 1}\n")),
        ["$colo.east 2/3 (2) web1 web2 db1", "$colo.west 1/3 (1) web3 web4 db2"]
    );
}

#[test]
fn each_setting_has_its_default() {
    let job = job("");
    let expected = json!({
        "shell": "sh -e", "timeout_ms": 600_000, "connect_timeout_ms": 10_000, "on_disconnect": "unknown", "stagger_ms": 0,
        "on_failure": "hold", "recover": false, "max_output_bytes": 1_048_576, "transport": "ssh",
    });
    for (key, value) in expected.as_object().unwrap() {
        assert_eq!(&job[key], value, "{key}");
    }
    assert_eq!((&job["retry"]["attempts"], &job["retry"]["retry_on"]), (&json!(0), &json!(["unreachable"])));
    assert_eq!(job["ssh"]["known_hosts"], json!("strict"));
}

#[test]
fn settings_are_resolved() {
    let job = job(
        "  timeout: 1h30m\n  job_timeout: 2d\n  stagger: 500ms\n  concurrent: 25%\n  ramp: [1, 5, 20%]\n  max_failures: 10%\n  max_output: 64KiB\n  \
        retry: {attempts: 2, backoff: 5s, retry_on: [exit, timeout]}\n  on_failure: halt\n  recover: true\n  transport: local\n  \
        secrets: {A: {env: X}, B: {file: F}, C: prompt}\n  verify: {command: v, successes: 3}\n  ssh: {jump: [a, b], options: {Compression: yes}}\n",
    );
    for (key, value) in [
        ("timeout_ms", json!(5_400_000)),
        ("job_timeout_ms", json!(172_800_000)),
        ("stagger_ms", json!(500)),
        ("concurrent", json!(2)),
        ("ramp", json!([1, 5, 2])),
        ("max_failures", json!(1)),
        ("max_output_bytes", json!(65_536)),
        ("on_failure", json!("halt")),
        ("recover", json!(true)),
        ("transport", json!("local")),
    ] {
        assert_eq!(job[key], value, "{key}");
    }
    assert_eq!(job["retry"]["retry_on"], json!(["exit", "timeout"]));
    assert_eq!(job["verify"]["successes"], json!(3));
    assert_eq!(job["ssh"]["options"], json!({"Compression": "yes"}));
}

#[test]
fn a_share_of_few_targets_is_at_least_one_host_but_for_failures() {
    let job = job("  concurrent: 5%\n  max_failures: 5%\n");
    assert_eq!((&job["concurrent"], &job["max_failures"]), (&json!(1), &json!(0)));
}

#[test]
fn a_script_is_in_the_plan() {
    let world = Memory::default().with_file("bin/roll.sh", "uptime\n");
    let plan =
        run("job: {targets: web1, script: bin/roll.sh, args: [-v, 'two words']}\n", "", world).plan.unwrap();
    let job = &json_of(&plan)["job"];
    assert_eq!((&job["script"]["name"], &job["args"]), (&json!("roll.sh"), &json!(["-v", "two words"])));
}

#[test]
fn every_plan_holds_what_plans_must() {
    for spec in [
        TRIPLE.to_owned(),
        farm("sequence: [web1, $frontend]\nconstraint: {$colo: {max_parallel: 2}}\nnamespace: shop\n"),
    ] {
        let plan = plan(&spec);
        assert!(plan.check().is_empty(), "{:?}", plan.check());
        let again = Plan::read_json(serde_json::to_string(&json_of(&plan)).unwrap().as_bytes()).unwrap();
        assert_eq!(again.digest(), plan.digest());
    }
    assert_eq!(plan(&farm("namespace: shop\n")).namespace, "shop");
    assert_eq!(plan(TRIPLE).namespace, "default");
}

#[test]
fn places_and_names_of_files_are_not_part_of_the_meaning() {
    let moved =
        TRIPLE.replace("sequence:", "# a comment\n\nsequence:").replace("- $colo.one", "-   \"$colo.one\"");
    assert_eq!(plan(TRIPLE).digest(), plan(&moved).digest());
    assert_ne!(plan(TRIPLE).digest(), plan(&TRIPLE.replace("- $colo.two", "- $colo.two, host1")).digest());
    let slot = &json_of(&plan(TRIPLE))["threads"][0]["slots"][1];
    assert_eq!(slot["at"], json!({"source": 0, "line": 9, "column": 7}));
}
