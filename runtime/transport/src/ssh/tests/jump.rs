//! Jump hosts.

use std::process::Command;

use pogo_plan::job::KnownHosts;
use pogo_plan::outcome::Outcome;
use pogo_test_sshd::Farm;

use super::support::{Client, job};
use crate::Transport;
use crate::ssh::failure::{KeyProblem, Kind};
use crate::ssh::{Shown, TrustError};
use crate::stop;

#[tokio::test]
async fn a_host_is_reached_through_its_jump_host_with_a_port_and_a_user_of_its_own() {
    let (farm, client) = (Farm::new(), Client::new());
    let (target, bastion) = (farm.listen(""), farm.listen(""));
    // The user and the port of the job are the target's: a jump host that got them would not be reached.
    farm.configure(&format!("Host bastion\n  HostName 127.0.0.1\n  Port {}\n  User root\n", bastion.port()));
    let mut job = job(&farm, "echo there");
    job.ssh.port = Some(target.port());
    job.ssh.jump = vec!["bastion".to_owned()];
    let (outcome, heard) = client.run(job, "127.0.0.1").await;
    assert_eq!(outcome, Outcome::Succeeded, "{heard:?}");
    assert_eq!(heard.text(), "there\n");
    assert!(bastion.log().contains("Accepted publickey"), "{}", bastion.log());
    assert_eq!(client.left(), 0);
}

#[tokio::test]
async fn a_jump_host_that_fails_is_told_from_the_host() {
    let (farm, client) = (Farm::new(), Client::new());
    let bastion = farm.listen("");
    farm.configure(&format!("Host bastion\n  HostName 127.0.0.1\n  Port {}\n", bastion.port()));
    let nobody = {
        let server = farm.listen("");
        server.port()
    };
    let behind = client.class(&farm, |settings| {
        settings.ssh.port = Some(nobody);
        settings.ssh.jump = vec!["bastion".to_owned()];
    });
    let (_owner, mut stop) = stop();
    let failure = client.shared().connect("127.0.0.1", &behind, Some(&mut stop)).await.unwrap_err();
    assert_eq!((&failure.kind, failure.is_at_jump), (&Kind::BehindJump, false), "{failure}");
    drop(bastion);
    let failure = client.shared().connect("127.0.0.1", &behind, Some(&mut stop)).await.unwrap_err();
    assert_eq!((&failure.kind, failure.is_at_jump), (&Kind::Refused, true), "{failure}");
}

#[tokio::test]
async fn a_key_is_shown_with_its_fingerprint_and_recorded() {
    let (farm, client) = (Farm::new(), Client::new());
    let server = farm.listen("");
    farm.write("known_hosts", "");
    let mut job = job(&farm, "true");
    job.ssh.port = Some(server.port());
    let Shown::Other(key) = client.ssh.host_key("127.0.0.1", &job).await.unwrap() else { panic!("known?") };
    assert_eq!(key.name, format!("[127.0.0.1]:{}", server.port()));
    assert_eq!(format!("{} {}", key.kind, key.key), farm.host_key());
    let shown = Command::new("ssh-keygen").arg("-lf").arg(farm.path("host_key.pub")).output().unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert_eq!(shown.split_whitespace().nth(1), Some(key.fingerprint.as_str()));
    assert_eq!(
        std::fs::read_to_string(farm.path("known_hosts")).unwrap(),
        "",
        "nothing is recorded by looking"
    );
    assert_eq!(client.ssh.trust(&key, &job).await.unwrap(), farm.path("known_hosts"));
    assert_eq!(client.ssh.host_key("127.0.0.1", &job).await.unwrap(), Shown::Known);
    assert_eq!(client.run(job, "127.0.0.1").await.0, Outcome::Succeeded);
}

#[tokio::test]
async fn names_are_hashed_where_the_user_wants_that() {
    let (farm, client) = (Farm::new(), Client::new());
    farm.write("known_hosts", "");
    farm.configure("HashKnownHosts yes\n");
    let job = job(&farm, "true");
    let Shown::Other(key) = client.ssh.host_key("pogo-a", &job).await.unwrap() else { panic!("known?") };
    client.ssh.trust(&key, &job).await.unwrap();
    let text = std::fs::read_to_string(farm.path("known_hosts")).unwrap();
    assert!(text.starts_with("|1|") && !text.contains("pogo-a"), "{text}");
    assert_eq!(client.ssh.host_key("pogo-a", &job).await.unwrap(), Shown::Known);
}

#[tokio::test]
async fn a_changed_key_is_shown_and_not_recorded() {
    let (farm, client) = (Farm::new(), Client::new());
    farm.key("other_host_key", "");
    let other = std::fs::read_to_string(farm.path("other_host_key.pub")).unwrap();
    farm.write("known_hosts", &format!("pogo-a {other}"));
    let mut job = job(&farm, "true");
    // Not even for a job that takes new keys.
    job.ssh.known_hosts = KnownHosts::AcceptNew;
    client.ssh.check(&job).unwrap();
    let Shown::Other(key) = client.ssh.host_key("pogo-a", &job).await.unwrap() else { panic!("known?") };
    assert_eq!(key.problem, KeyProblem::Changed);
    assert_eq!(format!("{} {}", key.kind, key.key), farm.host_key());
    let error = client.ssh.trust(&key, &job).await.unwrap_err();
    assert!(matches!(error, TrustError::Contradicts { .. }), "{error}");
}
