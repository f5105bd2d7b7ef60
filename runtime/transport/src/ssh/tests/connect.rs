//! Connections: made, refused, ended.

use std::time::Duration;

use pogo_test_sshd::{Farm, processes_with};

use super::support::Client;
use crate::ssh::failure::{Failure, KeyProblem, Kind};
use crate::ssh::settings::Settings;
use crate::stop;

async fn fail(farm: &Farm, client: &Client, host: &str, change: impl FnOnce(&mut Settings)) -> Failure {
    let class = client.class(farm, change);
    let (_owner, mut stop) = stop();
    client.shared().connect(host, &class, Some(&mut stop)).await.map(drop).unwrap_err()
}

#[tokio::test]
async fn a_connection_serves_commands_and_leaves_nothing() {
    let (farm, client) = (Farm::new(), Client::new());
    let class = client.class(&farm, |_| {});
    let (_owner, mut stop) = stop();
    let master = client.shared().connect("pogo-a", &class, Some(&mut stop)).await.unwrap();
    let socket = master.socket().to_owned();
    assert_eq!(processes_with(socket.to_str().unwrap()).len(), 1);
    let session = openssh::Session::resume_mux(socket.clone().into(), None);
    let output = session.raw_command("echo hello").output().await.unwrap();
    assert_eq!(output.stdout, b"hello\n");
    master.end().await;
    assert!(!socket.exists());
    assert!(processes_with(socket.to_str().unwrap()).is_empty());
    drop(client.ssh);
    assert_eq!(std::fs::read_dir(client.place.path().join("p")).unwrap().count(), 0);
}

#[tokio::test]
async fn a_dropped_connection_is_ended() {
    let (farm, client) = (Farm::new(), Client::new());
    let class = client.class(&farm, |_| {});
    let (_owner, mut stop) = stop();
    let master = client.shared().connect("pogo-a", &class, Some(&mut stop)).await.unwrap();
    let socket = master.socket().to_owned();
    drop(master);
    assert!(!socket.exists());
    pogo_test_sshd::until("its process is gone", || processes_with(socket.to_str().unwrap()).is_empty());
}

#[tokio::test]
async fn what_keeps_a_host_from_being_reached_is_named() {
    let (farm, client) = (Farm::new(), Client::new());
    let server = farm.listen("");
    let port = server.port();
    drop(server);
    let failure = fail(&farm, &client, "127.0.0.1", |settings| settings.ssh.port = Some(port)).await;
    assert_eq!(failure.kind, Kind::Refused);
    let failure = fail(&farm, &client, "nowhere.invalid", |_| {}).await;
    assert_eq!(failure.kind, Kind::NameNotFound);
    let failure = fail(&farm, &client, "-oProxyCommand=true", |_| {}).await;
    assert_eq!(failure.kind, Kind::BadName);
    let failure = fail(&farm, &client, "pogo-a", |settings| {
        settings.ssh.options.insert("NoSuchOption".to_owned(), "x".to_owned());
    })
    .await;
    assert_eq!(failure.kind, Kind::Configuration);
}

#[tokio::test]
async fn a_key_that_the_server_does_not_know_is_denied() {
    let (farm, client) = (Farm::new(), Client::new());
    farm.key("other_key", "");
    std::fs::copy(farm.path("other_key.pub"), farm.path("authorized_keys")).unwrap();
    let failure = fail(&farm, &client, "pogo-a", |_| {}).await;
    assert_eq!(failure.kind, Kind::Denied { methods: vec!["publickey".to_owned()] });
}

#[tokio::test]
async fn host_keys_that_are_unknown_or_changed_are_collected() {
    let (farm, client) = (Farm::new(), Client::new());
    farm.key("other_host_key", "");
    let other = std::fs::read_to_string(farm.path("other_host_key.pub")).unwrap();
    farm.write("known_hosts", &format!("pogo-b {other}"));
    assert_eq!(fail(&farm, &client, "pogo-a", |_| {}).await.kind, Kind::KeyUnknown);
    assert_eq!(fail(&farm, &client, "pogo-b", |_| {}).await.kind, Kind::KeyChanged);
    let problems = client.ssh.host_key_problems();
    let told: Vec<_> = problems.iter().map(|problem| (problem.name.as_str(), problem.what)).collect();
    assert_eq!(told, [("pogo-a", KeyProblem::Unknown), ("pogo-b", KeyProblem::Changed)]);
    assert_eq!(problems[1].on_record.as_deref(), Some(&*format!("{}:1", farm.path("known_hosts").display())));
}

#[tokio::test]
async fn a_user_who_is_less_strict_does_not_make_pogo_so() {
    let (farm, client) = (Farm::new(), Client::new());
    farm.write("known_hosts", "");
    farm.configure("StrictHostKeyChecking no\nUserKnownHostsFile /dev/null\n");
    assert_eq!(fail(&farm, &client, "pogo-a", |_| {}).await.kind, Kind::KeyUnknown);
}

#[tokio::test]
async fn a_new_host_key_is_recorded_when_the_job_says_so() {
    use pogo_plan::job::KnownHosts;
    let (farm, client) = (Farm::new(), Client::new());
    farm.write("known_hosts", "");
    let class = client.class(&farm, |settings| settings.ssh.known_hosts = KnownHosts::AcceptNew);
    let (_owner, mut stop) = stop();
    client.shared().connect("pogo-a", &class, Some(&mut stop)).await.unwrap().end().await;
    let known = std::fs::read_to_string(farm.path("known_hosts")).unwrap();
    assert!(known.contains(&farm.host_key()), "{known}");
}

#[tokio::test]
async fn who_does_not_answer_in_time_is_left_with_everything_that_was_started() {
    let (farm, client) = (Farm::new(), Client::new());
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let failure = fail(&farm, &client, "127.0.0.1", |settings| {
        settings.ssh.port = Some(port);
        settings.connect_timeout = Duration::from_millis(300);
    })
    .await;
    assert_eq!(failure.kind, Kind::TimedOut);
    let mark = farm.path("never").display().to_string();
    let failure = fail(&farm, &client, "pogo-a", |settings| {
        let command = format!("sh -c 'sleep 1000; : {mark}'");
        settings.ssh.options.insert("ProxyCommand".to_owned(), command);
        settings.connect_timeout = Duration::from_millis(300);
    })
    .await;
    assert_eq!(failure.kind, Kind::TimedOut);
    pogo_test_sshd::until("the proxy is gone", || processes_with(&mark).is_empty());
}

#[tokio::test]
async fn a_stop_ends_what_connects() {
    let (farm, client) = (Farm::new(), Client::new());
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let class = client.class(&farm, |settings| settings.ssh.port = Some(port));
    let (owner, mut stop) = stop();
    let shared = client.shared();
    let (result, ()) = tokio::join!(shared.connect("127.0.0.1", &class, Some(&mut stop)), async {
        let connected = tokio::task::spawn_blocking(move || listener.accept().unwrap()).await.unwrap();
        owner.stop();
        drop(connected);
    });
    assert_eq!(result.map(drop).unwrap_err().kind, Kind::Stopped);
    let place = client.place.path().to_str().unwrap().to_owned();
    pogo_test_sshd::until("ssh is gone", || processes_with(&place).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_drops_most_is_reached_by_all() {
    let (farm, client) = (Farm::new(), Client::new());
    let server = farm.listen("MaxStartups 10:30:100\n");
    let port = server.port();
    let client = std::sync::Arc::new(client);
    let class = client.class(&farm, |settings| {
        settings.ssh.port = Some(port);
        settings.connect_timeout = Duration::from_secs(60);
    });
    let tasks: Vec<_> = (0..64)
        .map(|_| {
            let (client, class) = (std::sync::Arc::clone(&client), std::sync::Arc::clone(&class));
            tokio::spawn(async move {
                let (_owner, mut stop) = stop();
                client.shared().connect("127.0.0.1", &class, Some(&mut stop)).await.unwrap().end().await;
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert!(
        server.log().contains("MaxStartups"),
        "nobody was dropped: the test shows nothing\n{}",
        server.log()
    );
}

#[tokio::test]
async fn a_server_with_a_long_greeting_is_reached() {
    let farm = Farm::new();
    farm.write("banner", &"x".repeat(200_000));
    let loud = Farm::with(&format!("Banner {}\n", farm.path("banner").display()));
    let client = Client::new();
    let class = client.class(&loud, |_| {});
    let (_owner, mut stop) = stop();
    client.shared().connect("pogo-a", &class, Some(&mut stop)).await.unwrap().end().await;
}

#[tokio::test]
async fn a_megabyte_before_the_first_word_of_ssh_is_no_server() {
    use std::io::Write;
    let (farm, client) = (Farm::new(), Client::new());
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        // The client may hang up at any moment.
        let _gone = stream.write_all("hello\r\n".repeat(150_000).as_bytes());
    });
    let failure = fail(&farm, &client, "127.0.0.1", |settings| settings.ssh.port = Some(port)).await;
    assert_eq!(failure.kind, Kind::NotSsh, "{failure}");
    server.join().unwrap();
}
