//! Many hosts at once, and servers that do not bear it.

use std::net::TcpStream;

use super::{Server, Site, until};

/// The most connections that a server had at once whose login was still to come, from what it logged.
fn most_at_once_before_login(log: &str) -> usize {
    let mut open = std::collections::BTreeSet::new();
    let mut most = 0;
    for line in log.lines() {
        let port = |line: &str, before: &str| {
            let rest = line.split_once(before)?.1;
            Some(rest.split_once(" port ")?.1.split_whitespace().next()?.to_owned())
        };
        if let Some(port) = port(line, "Connection from ") {
            open.insert(port);
        } else if let Some(port) =
            ["Accepted publickey for ", "Connection closed by ", "Connection reset by ", "Disconnected from "]
                .into_iter()
                .find_map(|before| port(line, before))
        {
            open.remove(&port);
        }
        most = most.max(open.len());
    }
    most
}

#[test]
fn two_hundred_hosts_behind_a_stock_bastion() {
    const PER_BASTION: usize = 8;
    let site = Site::new();
    let server = site.farm.listen("KexAlgorithms curve25519-sha256\nMaxStartups 100\n");
    let bastion = site.farm.listen("KexAlgorithms curve25519-sha256\nMaxStartups 10:30:100\n");
    site.configure(&format!(
        "Host bastion\n  HostName 127.0.0.1\n  Port {}\nHost odd*\n  HostName 127.0.0.1\n  Port {}\n  ProxyJump bastion\n",
        bastion.port(),
        server.port()
    ));
    site.spec("odd[001-200]", "true", "");
    // Nothing but the cap of the bastion is in the way.
    let ran = site.apply(&["--fanout", "32", "--max-connecting", "32"]);
    ran.all("succeeded", 200);
    assert_eq!(site.log().len(), 400);
    let log = bastion.log();
    assert_eq!(log.matches("Accepted publickey").count(), 200, "nobody was refused and came again");
    assert!(!log.contains("MaxStartups"), "{log}");
    let most = most_at_once_before_login(&log);
    assert!((2..=PER_BASTION).contains(&most), "{most} at once");
    site.is_clean();
    // It would have refused, had more come at once.
    let address = ("127.0.0.1", bastion.port());
    let _crowd: Vec<TcpStream> = (0..60).map(|_| TcpStream::connect(address).unwrap()).collect();
    until("the bastion to refuse a crowd", || bastion.log().contains("MaxStartups"));
}

#[test]
fn stock_servers_refuse_what_comes_too_fast_and_everybody_is_reached() {
    let site = Site::new();
    let server = site.farm.listen("KexAlgorithms curve25519-sha256\nMaxStartups 10:30:100\n");
    site.configure(&format!("Host odd*\n  HostName 127.0.0.1\n  Port {}\n", server.port()));
    site.spec("odd[001-200]", "true", "  connect_timeout: 1m");
    let ran = site.apply(&["--fanout", "64"]);
    ran.all("succeeded", 200);
    let log = site.log();
    assert_eq!(log.len(), 400);
    for n in 1..=200 {
        assert_eq!(
            log.iter().filter(|line| **line == format!("start odd{n:03} 1")).count(),
            1,
            "odd{n:03} ran twice"
        );
    }
    site.is_clean();
}

#[test]
fn even_when_all_connect_at_once() {
    let site = Site::new();
    let server = site.farm.listen("KexAlgorithms curve25519-sha256\nMaxStartups 3:60:10\n");
    site.configure(&format!("Host odd*\n  HostName 127.0.0.1\n  Port {}\n", server.port()));
    site.spec("odd[01-64]", "true", "  connect_timeout: 2m");
    let ran = site.apply(&["--fanout", "64", "--max-connecting", "64"]);
    ran.all("succeeded", 64);
    assert!(server.log().contains("MaxStartups"), "the test is not one: {}", server.log());
    site.is_clean();
}

#[test]
fn a_server_that_hangs_up_at_random_is_reached_in_the_end() {
    let site = Site::new();
    let Some(server) = Server::start(&site, &["--refuse", "0.3", "--kex-close", "0.3"]) else { return };
    site.spec("odd[01-30]", "true", "  connect_timeout: 2m");
    let ran = site.apply(&["--fanout", "8"]);
    ran.all("succeeded", 30);
    assert!(server.said("misbehaved") > 5, "the test is not one");
    assert_eq!(site.log().len(), 60);
    site.is_clean();
}

#[test]
fn a_thousand_hosts() {
    let site = Site::new();
    let server = site.farm.listen("KexAlgorithms curve25519-sha256\nMaxStartups 200\n");
    site.configure(&format!("Host odd*\n  HostName 127.0.0.1\n  Port {}\n", server.port()));
    site.spec("odd[0001-1000]", "true", "  connect_timeout: 2m");
    let ran = site.apply(&["--fanout", "32"]);
    ran.all("succeeded", 1000);
    assert_eq!(site.log().len(), 2000);
    site.is_clean();
}
