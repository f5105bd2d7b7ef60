//! How many hosts a second, and what CPU time one costs on this side, beside `xargs -P` and plain ssh in the same run:
//! `hosts N FANOUT ROUNDS [KEX]`, against a server of its own on a loopback port.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::prctl::set_child_subreaper;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use nix::sys::wait::wait;
use pogo_plan::Job;
use pogo_plan::event::JobId;
use pogo_plan::job::{KnownHosts, Ssh as Plan};
use pogo_plan::outcome::{Attempt as Number, Outcome};
use pogo_plan::worker::AttemptKey;
use pogo_test_sshd::Farm;
use pogo_transport::ssh::{Ssh, SshOptions};
use pogo_transport::{Attempt, JobContext, Progress, Transport, Window, stop};
use tokio::sync::Semaphore;

type Failed = Box<dyn std::error::Error>;

#[expect(clippy::print_stdout, reason = "the figures are what it is for")]
fn main() -> Result<(), Failed> {
    let mut words = std::env::args().skip(1);
    let mut number = |usual: usize| words.next().map_or(Ok(usual), |word| word.parse());
    let (n, fanout, rounds) = (number(200)?, number(32)?, number(3)?);
    let kex = words.next().map_or_else(String::new, |kex| format!("KexAlgorithms {kex}\n"));
    // Masters go to the background: their time is counted here when they are waited for here.
    set_child_subreaper(true)?;
    let farm = Farm::new();
    let server = farm.listen(&format!("MaxStartups 1000\n{kex}"));
    farm.configure(&format!("{kex}Host h*\n  HostName 127.0.0.1\n  Port {}\n", server.port()));
    println!("{:>8} {:>10} {:>12}", "", "hosts/s", "ms CPU/host");
    for _ in 0..rounds {
        for (name, run) in [("xargs", xargs as fn(&Farm, usize, usize) -> Result<(), Failed>), ("pogo", pogo)]
        {
            let (began, before) = (Instant::now(), cpu()?);
            run(&farm, n, fanout)?;
            let (time, cpu) = (began.elapsed().as_secs_f64(), cpu()? - before);
            let per_host = cpu.as_secs_f64() * 1000.0 / n as f64;
            println!("{name:>8} {:>10.1} {per_host:>12.2}", n as f64 / time);
        }
    }
    Ok(())
}

/// Of this process and of what it has waited for.
fn cpu() -> Result<Duration, Failed> {
    let mut all = Duration::ZERO;
    for who in [UsageWho::RUSAGE_SELF, UsageWho::RUSAGE_CHILDREN] {
        let usage = getrusage(who)?;
        for time in [usage.user_time(), usage.system_time()] {
            all += Duration::from_micros(time.num_microseconds().try_into()?);
        }
    }
    Ok(all)
}

fn xargs(farm: &Farm, n: usize, fanout: usize) -> Result<(), Failed> {
    let config = farm.ssh_config();
    let line = format!("seq {n} | xargs -P {fanout} -I N ssh -F {} -n hN true", config.display());
    let status = Command::new("sh").args(["-c", &line]).stdin(Stdio::null()).status()?;
    status.success().then_some(()).ok_or_else(|| "xargs failed".into())
}

fn pogo(farm: &Farm, n: usize, fanout: usize) -> Result<(), Failed> {
    let config = Some(farm.ssh_config().to_string_lossy().into_owned());
    let context = Arc::new(JobContext::new(job(Plan { config, ..Plan::default() }), &BTreeMap::new())?);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let ssh = Ssh::new(SshOptions::new())?;
    let failed = runtime.block_on(async {
        let places = Arc::new(Semaphore::new(fanout));
        let window = Arc::new(Window::new(1 << 20));
        let mut attempts = tokio::task::JoinSet::new();
        for number in 1..=n {
            let place = Arc::clone(&places).acquire_owned().await;
            let key = AttemptKey {
                job: JobId::from_bits(1),
                host: format!("h{number}").into(),
                attempt: Number(1),
            };
            let attempt = Attempt { key, slots: Vec::new().into(), job: Arc::clone(&context) };
            let (owner, raised) = stop();
            let work = ssh.attempt(attempt, Progress::new(Arc::clone(&window), |_| {}), raised);
            attempts.spawn(async move {
                let outcome = work.await;
                drop((owner, place));
                outcome
            });
        }
        let ended = attempts.join_all().await;
        ssh.close().await;
        ended.into_iter().filter(|outcome| *outcome != Outcome::Succeeded).count()
    });
    drop(runtime);
    // The masters, which nobody has waited for.
    for _ in 0..n {
        wait()?;
    }
    if failed == 0 { Ok(()) } else { Err(format!("{failed} hosts failed").into()) }
}

fn job(ssh: Plan) -> Job {
    Job {
        command: Some("true".to_owned()),
        connect_timeout_ms: 60_000,
        ssh: Plan { known_hosts: KnownHosts::Strict, ..ssh },
        ..Job::default()
    }
}
