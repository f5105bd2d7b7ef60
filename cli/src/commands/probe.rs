//! `pogo probe`: asks hosts what became of an attempt.

use std::io::{self, Write};

use pogo_plan::event::JobId;
use pogo_plan::job::Transport;
use pogo_plan::outcome::{Attempt, Outcome};
use pogo_plan::worker::AttemptKey;
use pogo_transport::ssh::Failure as Unreached;
use pogo_transport::wrapper::Probed;
use serde_json::{Value, json};

use super::apply::overrides;
use super::ssh::{self, many, passwords, targets};
use crate::App;
use crate::args::{AnswerFormat, JobArgs, MessageFormat, ProbeArgs, SpecArgs};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::logging;
use crate::run::words;
use crate::terminal::{Style, visible};

/// What a host says.
type Answer = (String, Result<Probed, Unreached>);

/// Runs the verb.
pub(crate) fn run(args: ProbeArgs, app: &App) -> Result<ExitCode, Failure> {
    logging::start(&args.log, app.terminal.stderr)?;
    let ProbeArgs {
        job: id,
        hosts,
        attempt,
        config,
        run_as,
        format,
        max_connecting,
        connect_timeout,
        ssh,
        passwords: wanted,
        log: _,
    } = args;
    let Some(hosts) = targets::expand(&hosts.join(","), app)? else { return Ok(ExitCode::Usage) };
    let overrides = overrides::of(JobArgs { ssh, connect_timeout, run_as, ..JobArgs::default() })?;
    let job = match &config {
        Some(path) => {
            let read = targets::read(path, SpecArgs::default(), overrides, MessageFormat::Human, app)?;
            read.map(|targets| targets.job)
        }
        None => targets::usual(overrides, app)?,
    };
    let Some(job) = job else { return Ok(ExitCode::Usage) };
    if job.transport != Transport::Ssh {
        return Err(Failure::usage(
            "the job has `transport: local`: what its hosts run ends with pogo, and nobody keeps a record of it",
        ));
    }
    let is_stdin_taken = config.as_deref() == Some(std::path::Path::new("-"));
    let transport = ssh::open(&job, passwords::read(&wanted, &job, is_stdin_taken)?)?;
    let attempt = Attempt(attempt.get());
    let answers = many::ask(hosts, max_connecting, |host| {
        let (ssh, job) = (transport.clone(), job.clone());
        async move {
            let key = AttemptKey { job: id, host: host.as_str().into(), attempt };
            let probed = ssh.probe(&key, &job, None).await;
            (host, probed)
        }
    })?;
    let mut to = io::stdout().lock();
    match format {
        AnswerFormat::Human => show(&answers, app.terminal.stdout, &mut to)?,
        AnswerFormat::Json => {
            serde_json::to_writer_pretty(&mut to, &json(id, attempt, &answers)).map_err(io::Error::other)?;
            writeln!(to)?;
        }
    }
    to.flush()?;
    let is_good = answers.iter().all(|(_, probed)| matches!(probed, Ok(Probed::Ended(Outcome::Succeeded))));
    Ok(if is_good { ExitCode::Success } else { ExitCode::Findings })
}

fn show(answers: &[Answer], style: Style, to: &mut impl Write) -> io::Result<()> {
    let columns = answers.iter().map(|(host, _)| host.len()).max().unwrap_or(0);
    for (host, probed) in answers {
        let text = match probed {
            Ok(Probed::Running) => style.yellow("still running").into_owned(),
            Ok(Probed::Ended(Outcome::Succeeded)) => {
                format!("{}; the host's record of it is removed", style.green("ended: succeeded"))
            }
            Ok(Probed::Ended(outcome)) => {
                let state = words::host_state(outcome.host_state());
                let more = words::outcome(*outcome).map(|more| format!(", {more}")).unwrap_or_default();
                format!("{}{more}; the host's record of it is removed", style.red(&format!("ended: {state}")))
            }
            Ok(Probed::Rebooted) => {
                format!(
                    "{}: the host has restarted since, and has no record of its end",
                    style.red("gone without a trace")
                )
            }
            Ok(Probed::Gone) => {
                format!(
                    "{}: it does not run, and the host has no record of it",
                    style.red("gone without a trace")
                )
            }
            Err(failure) => format!("{} {}", style.red("error:"), visible(&failure.to_string())),
        };
        writeln!(to, "{:columns$}  {text}", visible(host))?;
    }
    Ok(())
}

fn json(job: JobId, attempt: Attempt, answers: &[Answer]) -> Value {
    let of = |(host, probed): &Answer| match probed {
        Ok(Probed::Running) => json!({"host": host, "state": "running"}),
        Ok(Probed::Ended(outcome)) => {
            let mut value = serde_json::to_value(outcome).unwrap_or_default();
            if let Some(object) = value.as_object_mut() {
                object.insert("host".to_owned(), host.as_str().into());
                object.insert("state".to_owned(), "ended".into());
            }
            value
        }
        Ok(Probed::Rebooted) => json!({"host": host, "state": "rebooted"}),
        Ok(Probed::Gone) => json!({"host": host, "state": "gone"}),
        Err(failure) => json!({"host": host, "state": "unreachable", "message": failure.to_string()}),
    };
    json!({
        "format": "pogo.probe/1",
        "job": job,
        "attempt": attempt,
        "hosts": answers.iter().map(of).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use pogo_plan::outcome::{Exit, Phase};
    use snapbox::{IntoData as _, str};

    use super::*;

    #[test]
    fn each_answer_has_its_words_and_its_state() {
        let failed = Outcome::Failed { exit: Exit::Status(3), phase: Phase::Command };
        let answers = [
            ("a".to_owned(), Ok(Probed::Running)),
            ("b".to_owned(), Ok(Probed::Ended(Outcome::Succeeded))),
            ("web1".to_owned(), Ok(Probed::Ended(failed))),
            ("c".to_owned(), Ok(Probed::Gone)),
        ];
        let mut out = Vec::new();
        show(&answers, Style::PLAIN, &mut out).unwrap();
        snapbox::assert_data_eq!(
            String::from_utf8(out).unwrap(),
            str![[r#"
a     still running
b     ended: succeeded; the host's record of it is removed
web1  ended: failed, exit status 3; the host's record of it is removed
c     gone without a trace: it does not run, and the host has no record of it

"#]]
            .raw()
        );
        let value = json(JobId::from_bits(9), Attempt(1), &answers);
        let states: Vec<_> =
            value["hosts"].as_array().unwrap().iter().map(|host| host["state"].clone()).collect();
        assert_eq!(states, ["running", "ended", "ended", "gone"]);
        assert_eq!(value["hosts"][2]["outcome"], "failed");
        assert_eq!(value["hosts"][2]["exit"]["status"], 3);
    }
}
