//! Hosts whose keys ssh did not accept: all of them in one message at the end of a run, with the command that mends it.

use std::borrow::Cow;
use std::io::{self, Write};
use std::path::Path;

use pogo_grammar::fold::{fold, natural_cmp};
use pogo_transport::ssh::{HostKeyProblem, KeyProblem};

use crate::args::{SpecArgs, SshArgs};
use crate::terminal::{Style, visible};

/// `pogo trust` for the hosts of this command line.
pub(in crate::commands) struct Again(Vec<String>);

impl Again {
    /// With everything of the command line that decides how hosts are reached.
    pub(in crate::commands) fn new(input: &Path, options: &SpecArgs, ssh: &SshArgs) -> Self {
        let input = match input.to_string_lossy() {
            // What came through a pipe is not there any more.
            Cow::Borrowed("-") => "SPEC".into(),
            path => path,
        };
        let mut words = vec!["pogo".to_owned(), "trust".to_owned(), input.into_owned()];
        let mut flag = |name: &str, value: &str| words.extend([name.to_owned(), value.to_owned()]);
        for (key, value) in &options.set {
            let bare = key.strip_prefix("job.").unwrap_or(key);
            if bare == "user" || bare == "ssh" || bare.starts_with("ssh.") {
                flag("--set", &format!("{key}={value}"));
            }
        }
        for path in &options.resolver_path {
            flag("--resolver-path", &path.to_string_lossy());
        }
        let SshArgs { user, ssh_config, ssh_port, ssh_identity: _, ssh_jump, ssh_option, known_hosts: _ } =
            ssh;
        let texts = [("--user", user), ("--ssh-config", ssh_config), ("--ssh-port", ssh_port)];
        for (name, value) in texts {
            if let Some(value) = value {
                flag(name, value);
            }
        }
        ssh_jump.iter().for_each(|host| flag("--ssh-jump", host));
        ssh_option.iter().for_each(|(name, value)| flag("--ssh-option", &format!("{name}={value}")));
        if options.allow_unknown_hosts {
            words.push("--allow-unknown-hosts".to_owned());
        }
        Self(words)
    }

    fn line(&self, hosts: &str, more: &str) -> String {
        let words: Vec<_> = self.0.iter().map(|word| quoted(word)).collect();
        format!("{} --targets {}{more}", words.join(" "), quoted(hosts))
    }
}

/// Says which hosts these are, on standard error.
pub(in crate::commands) fn tell(problems: &[HostKeyProblem], again: &Again, style: Style) {
    if !problems.is_empty() {
        // Nothing can be done about a standard error that is gone.
        let _ = write(problems, again, style, &mut io::stderr().lock());
    }
}

fn write(problems: &[HostKeyProblem], again: &Again, style: Style, to: &mut impl Write) -> io::Result<()> {
    let of = |what: KeyProblem| problems.iter().filter(move |problem| problem.what == what);
    let unknown = names(of(KeyProblem::Unknown));
    if !unknown.is_empty() {
        writeln!(to, "\n{} {}", style.yellow("host keys not on record:"), visible(&unknown))?;
        writeln!(to, "  compare their fingerprints and record them: {}", visible(&again.line(&unknown, "")))?;
    }
    let changed = names(of(KeyProblem::Changed));
    if !changed.is_empty() {
        let head = style.red("HOST KEYS THAT ARE NOT THE ONES ON RECORD:");
        writeln!(to, "\n{head} {}", visible(&changed))?;
        for problem in of(KeyProblem::Changed) {
            let HostKeyProblem { host, name, on_record, .. } = problem;
            let place = on_record.as_deref().unwrap_or("a place that ssh does not name");
            writeln!(to, "  {}: another key of {} is at {}", visible(host), visible(name), visible(place))?;
        }
        writeln!(
            to,
            "  Somebody may be in between. If you know why they changed: {}",
            visible(&again.line(&changed, " --replace"))
        )?;
    }
    let revoked = names(of(KeyProblem::Revoked));
    if !revoked.is_empty() {
        writeln!(to, "\n{} {}", style.red("host keys on record as REVOKED:"), visible(&revoked))?;
    }
    Ok(())
}

fn names<'a>(problems: impl Iterator<Item = &'a HostKeyProblem>) -> String {
    let mut hosts: Vec<&str> = problems.map(|problem| problem.host.as_str()).collect();
    hosts.sort_by(|a, b| natural_cmp(a, b));
    hosts.dedup();
    fold(hosts).join(",")
}

/// A word as a shell reads it.
fn quoted(word: &str) -> Cow<'_, str> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@,+%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return Cow::Borrowed(word);
    }
    Cow::Owned(format!("'{}'", word.replace('\'', r"'\''")))
}

#[cfg(test)]
mod tests {
    use snapbox::{IntoData as _, str};

    use super::*;

    #[test]
    fn all_hosts_come_in_one_message_with_the_command() {
        let problem = |host: &str, what, on_record: Option<&str>| HostKeyProblem {
            host: host.to_owned(),
            name: format!("[{host}]:2222"),
            what,
            on_record: on_record.map(str::to_owned),
        };
        let problems = [
            problem("web10", KeyProblem::Unknown, None),
            problem("web9", KeyProblem::Unknown, None),
            problem("web8", KeyProblem::Unknown, None),
            problem("db1", KeyProblem::Changed, Some("/home/jo/.ssh/known_hosts:4")),
        ];
        let options = SpecArgs {
            set: vec![("job.ssh.port".into(), "2222".into()), ("job.timeout".into(), "1m".into())],
            ..SpecArgs::default()
        };
        let ssh = SshArgs { user: Some("o'neil".into()), ..SshArgs::default() };
        let again = Again::new(Path::new("my farm.cfg"), &options, &ssh);
        let mut out = Vec::new();
        write(&problems, &again, Style::PLAIN, &mut out).unwrap();
        snapbox::assert_data_eq!(
            String::from_utf8(out).unwrap(),
            str![[r#"

host keys not on record: web[8-10]
  compare their fingerprints and record them: pogo trust 'my farm.cfg' --set job.ssh.port=2222 --user 'o'\''neil' --targets 'web[8-10]'

HOST KEYS THAT ARE NOT THE ONES ON RECORD: db1
  db1: another key of [db1]:2222 is at /home/jo/.ssh/known_hosts:4
  Somebody may be in between. If you know why they changed: pogo trust 'my farm.cfg' --set job.ssh.port=2222 --user 'o'\''neil' --targets db1 --replace

"#]]
            .raw()
        );
    }
}
