//! `pogo output`: what a host's command wrote.

use std::io::{self, IsTerminal as _, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pogo_plan::HostIdx;
use pogo_plan::event::{Fact, JobId, Stream};
use pogo_plan::outcome::Attempt;
use pogo_store::{Output as Written, Reader};
use schemars::JsonSchema;
use serde::Serialize;

use crate::App;
use crate::answer;
use crate::args::{AnswerFormat, OutputArgs, ShownStream};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::kept::{self, Kept, problem};
use crate::output::Output;
use crate::terminal::{push_visible, visible};

/// Runs the verb.
pub(crate) fn run(args: &OutputArgs, app: &App) -> Result<ExitCode, Failure> {
    let (_kept, mut reader) = Kept::of_jobs(app)?;
    let job = kept::job(&mut reader, &args.job)?.id;
    let plan = reader.plan(job).map_err(problem::of_store)?;
    let Some(hosts) = kept::targets(&plan, job, std::slice::from_ref(&args.host), app)? else {
        return Ok(ExitCode::Usage);
    };
    let [(host, name)] = hosts.as_slice() else {
        return Err(Failure::usage("the output of one host at a time can be printed"));
    };
    let last = last_attempt(&mut reader, job, *host)?;
    let attempt = args.attempt.map_or(last, |n| Attempt(n.get()));
    if attempt > last || last == Attempt(0) {
        return Err(Failure::with_help(
            match last.0 {
                0 => format!("job {job} has not begun on `{name}`"),
                _ => format!("job {job} has made no attempt {attempt} on `{name}`"),
            },
            match last.0 {
                0 => format!("`pogo status {job}` says what it waits for"),
                n => format!("its last attempt is {n}"),
            },
        ));
    }
    let read = |stream| reader.read_output(job, *host, attempt, stream).map_err(problem::of_store);
    match args.format {
        AnswerFormat::Json => {
            let is_wanted = |which| args.stream.is_none_or(|only| only == which);
            let read = |which, stream| is_wanted(which).then(|| read(stream)).transpose();
            let (on_stdout, on_stderr) =
                (read(ShownStream::Stdout, Stream::Stdout)?, read(ShownStream::Stderr, Stream::Stderr)?);
            let answer = OutputOut {
                format: "pogo.output/1",
                job,
                host: name,
                attempt,
                stdout: on_stdout.as_ref().map(StreamOut::of),
                stderr: on_stderr.as_ref().map(StreamOut::of),
            };
            let mut to = Output::stdout();
            answer::write(&answer, &mut to)?;
            to.commit()?;
        }
        AnswerFormat::Human => {
            let on_stdout = match args.stream {
                Some(ShownStream::Stderr) => read(Stream::Stderr)?,
                _ => read(Stream::Stdout)?,
            };
            write(&on_stdout, io::stdout().is_terminal(), &mut io::stdout().lock())?;
            if args.stream.is_none() {
                let on_stderr = read(Stream::Stderr)?;
                write(&on_stderr, io::stderr().is_terminal(), &mut io::stderr().lock())?;
            }
        }
    }
    Ok(ExitCode::Success)
}

fn last_attempt(reader: &mut Reader, job: JobId, host: HostIdx) -> Result<Attempt, Failure> {
    let mut last = Attempt(0);
    for entry in reader.facts(job) {
        for fact in entry.map_err(problem::of_store)?.facts {
            match fact {
                Fact::Started { host: of, attempt } | Fact::Ended { host: of, attempt, .. } if of == host => {
                    last = last.max(attempt);
                }
                _ => {}
            }
        }
    }
    Ok(last)
}

/// What a host's command wrote.
#[derive(Serialize, JsonSchema)]
pub(super) struct OutputOut<'a> {
    /// The name and the version of this format.
    #[schemars(extend("const" = "pogo.output/1"))]
    format: &'static str,
    /// The job.
    job: JobId,
    /// The host.
    host: &'a str,
    /// Its attempt.
    attempt: Attempt,
    /// Its standard output; absent if only the other stream was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    stdout: Option<StreamOut<'a>>,
    /// Its standard error; absent if only the other stream was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    stderr: Option<StreamOut<'a>>,
}

/// What was written to a stream: `text` or `base64`.
#[derive(Serialize, JsonSchema)]
struct StreamOut<'a> {
    /// The bytes, if they are UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    /// The bytes in base64 (RFC 4648, with padding) otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
    /// Bytes beyond the job's `max_output` that were counted and dropped.
    dropped_bytes: u64,
}

impl<'a> StreamOut<'a> {
    fn of(written: &'a Written) -> Self {
        let text = std::str::from_utf8(&written.bytes).ok();
        let base64 = text.is_none().then(|| STANDARD.encode(&written.bytes));
        Self { text, base64, dropped_bytes: written.dropped }
    }
}

/// The bytes as they are; on a terminal nothing of them acts on it.
fn write(written: &Written, is_terminal: bool, to: &mut dyn Write) -> io::Result<()> {
    if is_terminal {
        let text = String::from_utf8_lossy(&written.bytes);
        let mut shown = String::with_capacity(text.len());
        for c in text.chars() {
            if matches!(c, '\n' | '\t') { shown.push(c) } else { push_visible(&mut shown, c) }
        }
        to.write_all(shown.as_bytes())?;
    } else {
        to.write_all(&written.bytes)?;
    }
    to.flush()?;
    if written.dropped > 0 {
        let more = format!("{} bytes more were dropped: see `max_output`", written.dropped);
        writeln!(io::stderr(), "{}", visible(&more))?;
    }
    Ok(())
}
