//! A pogo that is killed.

use std::process::{Command, Stdio};
use std::time::Duration;

use pogo_test_sshd::{Farm, kill, processes_with, until};

use super::support::{Client, job};
use crate::ssh::SshOptions;

/// Set for the process that is to be killed: its farm's client configuration, and what its command is to be.
const CONFIG: &str = "TEST_OF_A_KILL_CONFIG";
const COMMAND: &str = "TEST_OF_A_KILL_COMMAND";
const PLACE: &str = "TEST_OF_A_KILL_PLACE";

/// Not a test of its own: the process that the next test kills.
#[tokio::test]
async fn a_process_to_be_killed() {
    let [Some(config), Some(command), Some(place)] =
        [CONFIG, COMMAND, PLACE].map(|name| std::env::var(name).ok())
    else {
        return;
    };
    let options =
        SshOptions { persist: Duration::from_secs(1), folder: Some(place.into()), ..SshOptions::new() };
    let client = Client::exactly(options);
    let farm = Farm::new();
    let mut job = job(&farm, &command);
    job.ssh.config = Some(config);
    client.begin(job, "pogo-a").end().await;
}

#[test]
fn nothing_is_left_of_a_killed_process_when_its_commands_have_ended() {
    let farm = Farm::new();
    let up = farm.path("up");
    let place = farm.path("p");
    let command =
        format!("cd {}; mkfifo fifo; echo $$ >{}; read -r _ <fifo", farm.home().display(), up.display());
    let mut process = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "ssh::tests::killed::a_process_to_be_killed"])
        .env(CONFIG, farm.ssh_config())
        .env(COMMAND, command)
        .env(PLACE, &place)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    until("the command runs", || std::fs::read_to_string(&up).is_ok_and(|text| text.ends_with('\n')));
    let place = place.to_str().unwrap();
    assert!(!processes_with(place).is_empty());
    kill(process.id());
    process.wait().unwrap();
    let running = std::fs::read_to_string(&up).unwrap().trim().parse().unwrap();
    assert!(!pogo_test_sshd::command_line(running).is_empty(), "the command runs on");
    std::fs::write(farm.home().join("fifo"), "\n").unwrap();
    until("no ssh process is left", || processes_with(place).is_empty());
    let left: Vec<_> = std::fs::read_dir(place)
        .unwrap()
        .flatten()
        .flat_map(|run| std::fs::read_dir(run.path()).unwrap())
        .flatten()
        .collect();
    assert!(left.iter().all(|entry| !entry.file_name().to_string_lossy().starts_with('c')), "{left:?}");
}
