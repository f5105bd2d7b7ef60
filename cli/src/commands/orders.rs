//! What operators say to a job: `halt`, `stop`, `skip`, `alter`, `decide`. A process that runs the job is told, and its answer
//! waited for; without one it is done here, or waits until the job is resumed.

use std::io::Write as _;
use std::time::Duration;

use pogo_actors::TakeUp;
use pogo_plan::Plan;
use pogo_plan::event::{Command, Setting, Verdict};
use pogo_plan::job::OnFailure;
use pogo_plan::outcome::JobState;
use pogo_store::{Answer, Given, JobRow, Reader, Session};

use super::done::{Done, DoneOut, Fate, Order, OrdersOut};
use crate::App;
use crate::answer;
use crate::args::{
    AlterArgs, AnswerFormat, DecideArgs, HaltArgs, OrderArgs, ShownState, ShownVerdict, SkipArgs, StopArgs,
};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::kept::{self, Kept, problem, words};
use crate::output::Output;
use crate::run::words::job_state;
use crate::suggest::did_you_mean;
use crate::terminal::visible;

/// What can be altered.
const SETTINGS: [&str; 6] = ["concurrent", "stagger", "timeout", "max_failures", "on_failure", "retry"];

/// By which verb a job is spoken to.
#[derive(Clone, Copy)]
enum Verb {
    Halt,
    Stop,
    Skip,
    Alter,
    Decide,
}

impl Verb {
    const fn of(self, said: OrdersOut<'_>) -> Done<'_> {
        match self {
            Self::Halt => Done::Halt(said),
            Self::Stop => Done::Stop(said),
            Self::Skip => Done::Skip(said),
            Self::Alter => Done::Alter(said),
            Self::Decide => Done::Decide(said),
        }
    }
}

/// A job, and how it is spoken to.
struct Talk<'a> {
    verb: Verb,
    kept: Kept,
    reader: Reader,
    job: JobRow,
    reason: Option<&'a str>,
    order: &'a OrderArgs,
}

/// Runs `halt`.
pub(crate) fn halt(args: &HaltArgs, app: &App) -> Result<ExitCode, Failure> {
    let talk = Talk::new(Verb::Halt, &args.job, args.reason.as_deref(), &args.order, app)?;
    talk.say_or_do(vec![Command::Halt { stop_running: false }])
}

/// Runs `stop`.
pub(crate) fn stop(args: &StopArgs, app: &App) -> Result<ExitCode, Failure> {
    let mut talk = Talk::new(Verb::Stop, &args.job, args.reason.as_deref(), &args.order, app)?;
    if args.hosts.is_empty() {
        return talk.say_or_do(vec![Command::Halt { stop_running: true }]);
    }
    let Some(hosts) = talk.hosts(&args.hosts, app)? else { return Ok(ExitCode::Usage) };
    if talk.job.owner.is_none() {
        return Err(Failure::Refused {
            message: format!("nobody runs job {}: nothing can be stopped through it", talk.job.id),
            help: Some(format!("`pogo status {}` says how it stands", talk.job.id)),
        });
    }
    talk.say(hosts.into_iter().map(|host| Command::Stop { host }).collect())
}

/// Runs `skip`.
pub(crate) fn skip(args: &SkipArgs, app: &App) -> Result<ExitCode, Failure> {
    let mut talk = Talk::new(Verb::Skip, &args.job, Some(&args.reason), &args.order, app)?;
    let Some(hosts) = talk.hosts(&args.hosts, app)? else { return Ok(ExitCode::Usage) };
    let commands = hosts.into_iter().map(|host| Command::Skip { host }).collect();
    if kept::state(&talk.job) == ShownState::Interrupted {
        talk.say(commands)
    } else {
        talk.say_or_do(commands)
    }
}

/// Runs `alter`.
pub(crate) fn alter(args: &AlterArgs, app: &App) -> Result<ExitCode, Failure> {
    let mut talk = Talk::new(Verb::Alter, &args.job, args.reason.as_deref(), &args.order, app)?;
    let plan = talk.plan()?;
    let settings = args.set.iter().map(|(key, value)| setting(key, value, plan.targets.len()));
    let commands = settings.map(|setting| setting.map(Command::Alter)).collect::<Result<_, _>>()?;
    if kept::state(&talk.job) == ShownState::Interrupted {
        talk.say(commands)
    } else {
        talk.say_or_do(commands)
    }
}

/// Runs `decide`.
pub(crate) fn decide(args: &DecideArgs, app: &App) -> Result<ExitCode, Failure> {
    let mut talk = Talk::new(Verb::Decide, &args.job, Some(&args.reason), &args.order, app)?;
    let hosts = talk.hosts(std::slice::from_ref(&args.host), app)?;
    let Some(hosts) = hosts else { return Ok(ExitCode::Usage) };
    let [host] = hosts.as_slice() else {
        return Err(Failure::usage("what became of one host at a time can be decided"));
    };
    let verdict = match args.verdict {
        ShownVerdict::Succeeded => Verdict::Succeeded,
        ShownVerdict::Failed => Verdict::Failed,
    };
    let session = talk.session()?;
    let given = session.decide(talk.job.id, host, verdict, &args.reason).map_err(problem::of_store)?;
    drop(session);
    talk.hear(vec![(Command::Decide { host: host.clone(), verdict }, given)], None)
}

impl<'a> Talk<'a> {
    fn new(
        verb: Verb,
        job: &str,
        reason: Option<&'a str>,
        order: &'a OrderArgs,
        app: &App,
    ) -> Result<Self, Failure> {
        let (kept, mut reader) = Kept::of_jobs(app)?;
        let job = kept::job(&mut reader, job)?;
        Ok(Self { verb, kept, reader, job, reason, order })
    }

    fn plan(&mut self) -> Result<Plan, Failure> {
        self.reader.plan(self.job.id).map_err(problem::of_store)
    }

    fn hosts(&mut self, patterns: &[String], app: &App) -> Result<Option<Vec<String>>, Failure> {
        let plan = self.plan()?;
        let hosts = kept::targets(&plan, self.job.id, patterns, app)?;
        Ok(hosts.map(|hosts| hosts.into_iter().map(|(_, name)| name).collect()))
    }

    fn session(&self) -> Result<Session, Failure> {
        Session::open(&self.kept.store, &self.job.namespace, Box::new(|_| {})).map_err(problem::of_store)
    }

    /// Tells the process that runs the job; without one it is done here.
    fn say_or_do(self, commands: Vec<Command>) -> Result<ExitCode, Failure> {
        if self.job.owner.is_some() {
            return self.say(commands);
        }
        let was_interrupted = kept::state(&self.job) == ShownState::Interrupted;
        let at = TakeUp {
            store: self.kept.store.clone(),
            namespace: self.job.namespace.clone(),
            by: kept::author(self.reason),
        };
        // If somebody was faster, nothing is done.
        let state = pogo_actors::operate(&at, self.job.id, commands.clone()).map_err(problem::of_run)?;
        if self.order.format == AnswerFormat::Json {
            let orders: Vec<Order> =
                commands.into_iter().map(|command| Order { command, fate: Fate::Done }).collect();
            return self.answer(&orders, Some(state));
        }
        let mut to = Output::stdout();
        let before = if was_interrupted { " (its process was gone)" } else { "" };
        writeln!(to, "job {}: done, and on record; the job is {}{before}", self.job.id, job_state(state))?;
        to.commit()?;
        Ok(ExitCode::Success)
    }

    /// Tells the process that runs the job, or the next one that does.
    fn say(self, commands: Vec<Command>) -> Result<ExitCode, Failure> {
        let session = self.session()?;
        let (mut given, mut broken) = (Vec::with_capacity(commands.len()), None);
        for command in commands {
            match session.command(self.job.id, command.clone(), self.reason) {
                Ok(how) => given.push((command, how)),
                Err(error) => {
                    broken = Some(problem::of_store(error));
                    break;
                }
            }
        }
        drop(session);
        self.hear(given, broken)
    }

    /// Waits for answers, and tells what became of all that was said, before what broke off.
    fn hear(mut self, given: Vec<(Command, Given)>, broken: Option<Failure>) -> Result<ExitCode, Failure> {
        let end = std::time::Instant::now() + Duration::from_millis(self.order.wait);
        let mut orders = Vec::with_capacity(given.len());
        for (command, how) in given {
            let fate = match how {
                Given::Done => Fate::Done,
                Given::Waits(_) => Fate::Waits,
                Given::ToOwner(id) => {
                    let left = end.saturating_duration_since(std::time::Instant::now());
                    match self.reader.wait_answer(id, left).map_err(problem::of_store)? {
                        Some(Answer::Done) => Fate::Done,
                        Some(Answer::Refused { why }) => Fate::Refused { why },
                        None => Fate::Unanswered,
                    }
                }
            };
            orders.push(Order { command, fate });
        }
        if orders.is_empty()
            && let Some(failure) = broken
        {
            return Err(failure);
        }
        let code = match self.order.format {
            AnswerFormat::Json => self.answer(&orders, None)?,
            AnswerFormat::Human => self.tell(&orders)?,
        };
        broken.map_or(Ok(code), Err)
    }

    /// Tells people what became of what was said.
    fn tell(&self, orders: &[Order]) -> Result<ExitCode, Failure> {
        let job = self.job.id;
        let mut to = Output::stdout();
        for Order { command, fate } in orders.iter().filter(|order| !matches!(order.fate, Fate::Waits)) {
            let (host, text) = words::command(command, Clone::clone);
            let what = host.map_or_else(|| text.clone(), |host| format!("{host}: {text}"));
            let answer = match fate {
                Fate::Done => "done".to_owned(),
                Fate::Refused { why } => format!("refused: {}", visible(why)),
                Fate::Waits | Fate::Unanswered => {
                    "no answer yet: it is on record, and `pogo log` says what became of it".to_owned()
                }
            };
            writeln!(to, "job {job}: {}: {answer}", visible(&what))?;
        }
        if orders.iter().any(|order| matches!(order.fate, Fate::Waits)) {
            writeln!(
                to,
                "nobody runs job {job}: it is on record, and taken up with `pogo resume {job}{}`",
                self.kept.option
            )?;
        }
        to.commit()?;
        Ok(code(orders))
    }

    /// Tells programs what became of what was said.
    fn answer(&self, orders: &[Order], job_state: Option<JobState>) -> Result<ExitCode, Failure> {
        let (job, namespace, by) = (self.job.id, &self.job.namespace, kept::author(self.reason));
        let mut to = Output::stdout();
        let said = OrdersOut { job, namespace, by, orders, job_state };
        answer::write(&DoneOut::new(self.verb.of(said)), &mut to)?;
        to.commit()?;
        Ok(code(orders))
    }
}

/// The worst of what became of what was said.
fn code(orders: &[Order]) -> ExitCode {
    orders.iter().fold(ExitCode::Success, |code, order| {
        code.worse(match order.fate {
            Fate::Done | Fate::Waits => ExitCode::Success,
            Fate::Refused { .. } => ExitCode::Refused,
            Fate::Unanswered => ExitCode::Findings,
        })
    })
}

/// A setting from the command line.
fn setting(key: &str, value: &str, targets: usize) -> Result<Setting, Failure> {
    let bare = key.strip_prefix("job.").unwrap_or(key);
    let value = value.trim();
    let wrong = |what: &str| Failure::usage(format!("`{bare}` is {what}, not `{value}`"));
    let count = |what: &str, is_share_at_least_one: bool| match value {
        "none" => Ok(None),
        text => {
            let share = text.strip_suffix('%');
            let n: usize = share.unwrap_or(text).parse().map_err(|_| wrong(what))?;
            let n = match share {
                Some(_) if n > 100 => return Err(wrong(what)),
                Some(_) => (targets * n / 100).max(usize::from(is_share_at_least_one)),
                None => n,
            };
            u32::try_from(n).map(Some).map_err(|_| wrong(what))
        }
    };
    match bare {
        "concurrent" => {
            let what = "a number of hosts from 1, a share of the targets such as 10%, or none";
            match count(what, true)? {
                Some(0) => Err(wrong(what)),
                n => Ok(Setting::Concurrent(n)),
            }
        }
        "max_failures" => count("a number of hosts, a share of the targets such as 10%, or none", false)
            .map(Setting::MaxFailures),
        "stagger" => pogo_grammar::parse_duration(value)
            .map(Setting::StaggerMs)
            .map_err(|_| wrong("a duration with its unit, such as 10s")),
        "timeout" => {
            let what = "a duration with its unit, such as 20m, and not 0";
            match pogo_grammar::parse_duration(value).map_err(|_| wrong(what))? {
                0 => Err(wrong(what)),
                ms => Ok(Setting::TimeoutMs(ms)),
            }
        }
        "on_failure" => match value {
            "hold" => Ok(Setting::OnFailure(OnFailure::Hold)),
            "continue" => Ok(Setting::OnFailure(OnFailure::Continue)),
            "halt" => Ok(Setting::OnFailure(OnFailure::Halt)),
            _ => Err(wrong("hold, continue or halt")),
        },
        "retry" | "retry.attempts" => {
            value.parse().map(Setting::RetryAttempts).map_err(|_| wrong("a number of further attempts"))
        }
        other => Err(Failure::with_help(
            format!("`{other}` cannot be changed once a job has begun"),
            did_you_mean(other, SETTINGS, || {
                format!(
                    "what can be: {}; for all else halt the job, and apply a changed spec",
                    SETTINGS.join(", ")
                )
            }),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(key: &str, value: &str) -> Result<Setting, String> {
        setting(key, value, 50).map_err(|failure| match failure {
            Failure::Usage { message, .. } => message,
            other => panic!("{other:?}"),
        })
    }

    #[test]
    fn settings_are_read_as_the_spec_reads_them() {
        assert_eq!(read("concurrent", "5"), Ok(Setting::Concurrent(Some(5))));
        assert_eq!(read("job.concurrent", "10%"), Ok(Setting::Concurrent(Some(5))));
        assert_eq!(read("concurrent", "1%"), Ok(Setting::Concurrent(Some(1))));
        assert_eq!(read("max_failures", "1%"), Ok(Setting::MaxFailures(Some(0))));
        assert_eq!(read("max_failures", "none"), Ok(Setting::MaxFailures(None)));
        assert_eq!(read("stagger", "1m"), Ok(Setting::StaggerMs(60_000)));
        assert_eq!(read("on_failure", "continue"), Ok(Setting::OnFailure(OnFailure::Continue)));
        assert_eq!(read("retry", "2"), Ok(Setting::RetryAttempts(2)));
        assert_eq!(read("timeout", "20m"), Ok(Setting::TimeoutMs(1_200_000)));
        assert!(read("timeout", "0s").is_err() && read("timeout", "20").is_err());
        assert!(read("concurrent", "0").is_err());
        assert!(read("concurrent", "101%").is_err());
        assert!(read("stagger", "10").is_err());
        assert!(read("on_failure", "stop").is_err());
        assert_eq!(read("command", "date").unwrap_err(), "`command` cannot be changed once a job has begun");
    }
}
