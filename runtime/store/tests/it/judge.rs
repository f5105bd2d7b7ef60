//! Judges by what the commands of the hosts wrote, and by nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::rig::{LimitOf, names};

/// Reads the log of all commands: in each job, no host of the second slot begins before every host of the first is done. Host
/// `n` is in the first slot if `n` is odd.
pub(crate) fn judge_order(log: &Path) {
    let text = std::fs::read_to_string(log).unwrap();
    let is_first = |host: &str| host.trim_start_matches("host").parse::<u32>().unwrap() % 2 == 1;
    let mut done: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (at, line) in text.lines().enumerate() {
        let mut words = line.split(' ');
        let (what, host, job) = (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
        let done = done.entry(job).or_default();
        if what == "begin" {
            let first = done.iter().filter(|host| is_first(host)).count();
            let most = crate::many::TARGETS / 2;
            assert!(
                is_first(host) || first == most,
                "line {at}: {host} begins after {first} of {most}\n{text}"
            );
        } else {
            done.insert(host);
        }
    }
}

/// Reads the log of all commands: no limit is ever exceeded, no host runs twice at once or twice in a job. Says how many
/// hosts of how many jobs have run, or were decided on.
///
/// A command that was begun and never ended counts until somebody wrote that it was decided on.
pub(crate) fn judge(log: &Path, limits: &[LimitOf<'_>]) -> usize {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let all = names(2_000);
    let mut out: BTreeMap<&str, &str> = BTreeMap::new();
    let mut ran: BTreeSet<(&str, &str)> = BTreeSet::new();
    for (at, line) in text.lines().enumerate() {
        let mut words = line.split(' ');
        let (what, host, job) = (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
        match what {
            "begin" => {
                assert!(out.insert(host, job).is_none(), "line {at}: two commands on {host}\n{text}");
                assert!(ran.insert((host, job)), "line {at}: {host} ran twice in {job}\n{text}");
                for (id, members, max) in limits {
                    let used =
                        all[members.clone()].iter().filter(|host| out.contains_key(host.as_str())).count();
                    assert!(
                        used <= *max as usize,
                        "line {at}: {used} hosts of {id} are out, {max} may be\n{text}"
                    );
                }
            }
            "end" => {
                assert_eq!(out.remove(host), Some(job), "line {at}: {host} ended and had not begun\n{text}");
            }
            // It ran or it did not: an operator said that its work is done.
            "decided" => {
                out.remove(host);
                ran.insert((host, job));
            }
            other => panic!("{other}"),
        }
    }
    ran.len()
}
