//! Host keys that are not on record, and `trust`.

use std::process::Command;

use serde_json::Value;

use super::Site;
use crate::Ran;

impl Site {
    fn known_hosts(&self) -> String {
        std::fs::read_to_string(self.farm.path("known_hosts")).unwrap()
    }

    fn fingerprint(&self) -> String {
        let output =
            Command::new("ssh-keygen").arg("-lf").arg(self.farm.path("host_key.pub")).output().unwrap();
        String::from_utf8(output.stdout).unwrap().split_whitespace().nth(1).unwrap().to_owned()
    }

    /// Another key than its own is on record for this host.
    fn lie_about(&self, host: &str) {
        self.farm.key("other_key", "");
        let other = std::fs::read_to_string(self.farm.path("other_key.pub")).unwrap();
        self.farm.write("known_hosts", &format!("{host} {other}"));
    }

    fn json(&self, args: &[&str]) -> (i32, Vec<Value>) {
        let ran = self.run(args);
        let value = crate::support::schemas::valid_answer("trust", &ran);
        assert_eq!(value["format"], "pogo.trust/1");
        (ran.code, value["hosts"].as_array().unwrap().clone())
    }
}

#[test]
fn hosts_with_unknown_keys_come_in_one_message_whose_command_mends_it() {
    let site = Site::new();
    site.write("c.cfg", "tag: {all: [\"pogo-[1-3]\"]}\n");
    site.farm.write("known_hosts", "");
    let apply = || site.run(&["apply", "c.cfg", "--run-command", "touch \"started-$POGO_HOST\"", "--quiet"]);
    let ran = apply();
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stderr.contains("host keys not on record: pogo-[1-3]\n"), "{ran:?}");
    assert!(ran.stdout.contains("3 unreachable"), "{ran:?}");
    assert!(!site.farm.home().join("started-pogo-1").exists(), "it was started");
    let line = ran.stderr.lines().find_map(|line| line.split_once("record them: ")).unwrap().1;
    // As somebody would paste it, with an answer to its question given beforehand.
    let program = env!("CARGO_BIN_EXE_pogo");
    let pasted = line.replacen("pogo", program, 1) + " --yes";
    let shell = Command::new("sh").args(["-c", &pasted]).current_dir(site.home.path()).output().unwrap();
    let ran = Ran::from(shell);
    assert_eq!(ran.code, 0, "{pasted} {ran:?}");
    assert_eq!(ran.stdout.matches(&site.fingerprint()).count(), 3, "{ran:?}");
    assert_eq!(apply().code, 0);
}

#[test]
fn nothing_is_recorded_without_a_yes() {
    let site = Site::new();
    site.farm.write("known_hosts", "");
    let ran = site.run(&["trust", "a.cfg"]);
    assert_eq!((ran.code, site.known_hosts().as_str()), (1, ""), "{ran:?}");
    assert!(ran.stdout.contains("not recorded: pogo-a,pogo-b"), "{ran:?}");
    let (code, hosts) = site.json(&["trust", "a.cfg", "--format", "json"]);
    assert_eq!((code, site.known_hosts().as_str()), (1, ""));
    let states: Vec<_> = hosts.iter().map(|host| (&host["state"], &host["fingerprint"])).collect();
    let fingerprint = Value::from(site.fingerprint());
    assert_eq!(states, [(&Value::from("unknown"), &fingerprint); 2]);
}

#[test]
fn one_question_is_asked_on_a_terminal() {
    let site = Site::new();
    site.farm.write("known_hosts", "");
    let config = site.farm.ssh_config().to_str().unwrap().to_owned();
    for (answer, code, n_lines) in [("\n", 1, 0), ("y\n", 0, 2)] {
        let mut terminal = site.home.on_terminal(&site.args(&["trust", "a.cfg"], &config));
        terminal.wait_for("Record these 2 keys? [y/N] ");
        terminal.press(answer);
        let (status, shown) = terminal.end();
        assert_eq!(status.code(), Some(code), "{shown}");
        assert_eq!(site.known_hosts().lines().count(), n_lines, "{shown}");
    }
    let (code, hosts) = site.json(&["trust", "a.cfg", "--format", "json"]);
    assert_eq!((code, &hosts[0]["state"]), (0, &Value::from("known")));
}

#[test]
fn a_changed_key_is_loud_and_replaced_only_when_told() {
    let site = Site::new();
    site.lie_about("pogo-a");
    let before = site.known_hosts();
    let target = ["trust", "a.cfg", "--targets", "pogo-a", "--yes"];
    let ran = site.run(&target);
    assert_eq!((ran.code, site.known_hosts()), (1, before.clone()), "{ran:?}");
    assert!(ran.stdout.contains("NOT THE KEY THAT IS ON RECORD"), "{ran:?}");
    assert!(ran.stdout.contains(&format!("{}:1", site.farm.path("known_hosts").display())), "{ran:?}");
    let ran = site.run(&["apply", "a.cfg", "--targets", "pogo-a", "--run-command", "true", "--quiet"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stderr.contains("HOST KEYS THAT ARE NOT THE ONES ON RECORD: pogo-a\n"), "{ran:?}");
    assert!(ran.stderr.contains("--targets pogo-a --replace\n"), "{ran:?}");
    let ran = site.run(&[&target[..], &["--replace"]].concat());
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(site.known_hosts(), format!("pogo-a {}\n", site.farm.host_key()));
    assert_eq!(std::fs::read_to_string(site.farm.path("known_hosts.old")).unwrap(), before);
}

#[test]
fn names_are_hashed_where_ssh_would() {
    let site = Site::new();
    site.farm.write("known_hosts", "");
    site.farm.configure("HashKnownHosts yes\n");
    let ran = site.run(&["trust", "a.cfg", "--yes"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(site.known_hosts().lines().all(|line| line.starts_with("|1|")), "{}", site.known_hosts());
    assert_eq!(site.run(&["trust", "a.cfg"]).code, 0, "they are known now");
}

#[test]
fn jump_hosts_come_first_and_a_plan_is_as_good_as_a_spec() {
    let site = Site::new();
    let server = site.farm.listen("");
    site.farm.write("known_hosts", "");
    site.write("b.cfg", &format!(
        "tag: {{all: [127.0.0.1]}}\njob: {{command: 'true', connect_timeout: 60s, ssh: {{port: {}, jump: [pogo-gate], config: '{}'}}}}\n",
        server.port(),
        site.farm.ssh_config().display()
    ));
    let with_path = |args: &[&str]| {
        let mut command = site.home.command(args);
        Ran::from(command.env("PATH", std::env::var_os("PATH").unwrap()).output().unwrap())
    };
    assert_eq!(with_path(&["compile", "b.cfg", "-o", "b.json"]).code, 0);
    let ran = with_path(&["trust", "b.json", "--yes"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let names: Vec<_> =
        site.known_hosts().lines().map(|line| line.split(' ').next().unwrap().to_owned()).collect();
    assert_eq!(names, ["pogo-gate".to_owned(), format!("[127.0.0.1]:{}", server.port())]);
    assert_eq!(with_path(&["apply", "b.json", "--quiet"]).code, 0);
    let ran = with_path(&["trust", "b.json", "--targets", "web1"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (2, "error: `web1` is no target of the plan\n"));
}

#[test]
fn a_host_that_is_not_there_is_named() {
    let site = Site::new();
    let ran = site.run(&["trust", "a.cfg", "--ssh-option", "ProxyCommand=false"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stdout.contains("error: pogo-a: cannot reach pogo-a"), "{ran:?}");
}
