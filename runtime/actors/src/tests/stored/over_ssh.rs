//! Runs over real servers that are cut off: the host knows how its attempt ended.

use std::path::PathBuf;
use std::sync::Arc;

use pogo_plan::job::Transport as Kind;
use pogo_plan::outcome::{HostState, JobState};
use pogo_plan::{Job, Plan};
use pogo_test_sshd::{Farm, until};
use pogo_transport::Transport;
use pogo_transport::ssh::{Ssh, SshOptions};

use super::crashes::{Cut, run_cut_over};
use super::support::{Home, options, whole};
use crate::tests::support::{job, plan, states};
use crate::{Ended, Keeping, Stored};

fn over(farm: &Farm, command: &str) -> Plan {
    let mut job = Job { transport: Kind::Ssh, connect_timeout_ms: 60_000, ..job(command) };
    job.ssh.config = Some(farm.ssh_config().to_str().unwrap().to_owned());
    plan(job, &[&[&["pogo-a"]]], &[])
}

fn ssh(farm: &Farm) -> Arc<dyn Transport> {
    let folder = Some(farm.path("p"));
    Arc::new(Ssh::new(SshOptions { folder, ..SshOptions::new() }).unwrap())
}

fn records(farm: &Farm) -> Vec<PathBuf> {
    let folder = std::fs::read_dir(farm.home().join(".cache/pogo"));
    folder.into_iter().flatten().flatten().map(|entry| entry.path()).filter(|path| path.is_file()).collect()
}

fn resume(home: &Home, farm: &Farm) -> Ended {
    let (_sender, control) = crate::control();
    crate::resume(&home.take_up(), options(1), ssh(farm), control, Vec::new()).unwrap()
}

#[test]
fn an_end_that_nobody_saw_is_asked_for_and_then_forgotten_by_the_host() {
    let (farm, home) = (Farm::new(), Home::new());
    let (up, folder) = (farm.path("up"), farm.home());
    let command =
        format!("cd {}; mkfifo fifo; echo $$ >{}; read -r _ <fifo || :", folder.display(), up.display());
    let cut = Cut::after(usize::MAX);
    let killer = {
        let cut = Arc::clone(&cut);
        std::thread::spawn(move || {
            until("the command runs", || std::fs::read_to_string(&up).is_ok_and(|text| text.ends_with('\n')));
            cut.now();
        })
    };
    assert!(run_cut_over(&home, 1, over(&farm, &command), ssh(&farm), &cut));
    killer.join().unwrap();
    std::fs::write(farm.home().join("fifo"), "\n").unwrap();
    let has_end = |path: &PathBuf| std::fs::read_to_string(path).is_ok_and(|text| text.contains("succeeded"));
    until("the host has the end on record", || records(&farm).iter().any(has_end));
    let ended = resume(&home, &farm);
    assert_eq!((ended.state, states(&ended)), (JobState::Succeeded, vec![HostState::Succeeded]));
    until("the host has forgotten", || records(&farm).is_empty());
}

#[test]
fn a_run_leaves_no_record_on_its_hosts() {
    let (farm, home) = (Farm::new(), Home::new());
    let stored = Stored { store: home.store.clone(), summary: String::new() };
    let (_sender, control) = crate::control();
    let plan = whole(over(&farm, "true"));
    let ended =
        crate::run_with(plan, options(1), ssh(&farm), Keeping::Stored(stored), control, Vec::new()).unwrap();
    assert_eq!(ended.state, JobState::Succeeded);
    assert_eq!(records(&farm), [] as [PathBuf; 0]);
}
