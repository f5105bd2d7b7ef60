//! The flags that stand for keys of `job`: each is laid over the spec and read by the compiler, so that a wrong value is
//! the same finding here and there.

use pogo_compiler::{Override, OverrideValue};

use crate::args::{JobArgs, SshArgs};
use crate::failure::Failure;

/// What these flags lay over the spec.
///
/// # Errors
/// If the source of a secret is none.
pub(in crate::commands) fn of(args: JobArgs) -> Result<Vec<Override>, Failure> {
    let JobArgs {
        script,
        arg,
        shell,
        env,
        secret,
        run_as,
        timeout,
        connect_timeout,
        job_timeout,
        retry,
        concurrent,
        ramp,
        stagger,
        on_disconnect,
        on_failure,
        max_failures,
        max_output,
        recover,
        transport,
        prehook,
        posthook,
        finally,
        verify,
        verify_interval,
        verify_timeout,
        verify_successes,
        ssh,
    } = args;
    let texts = [
        ("script", "--script", script),
        ("shell", "--shell", shell),
        ("run_as", "--run-as", run_as),
        ("timeout", "--timeout", timeout),
        ("connect_timeout", "--connect-timeout", connect_timeout),
        ("job_timeout", "--job-timeout", job_timeout),
        ("concurrent", "--concurrent", concurrent),
        ("stagger", "--stagger", stagger),
        ("on_disconnect", "--on-disconnect", on_disconnect),
        ("on_failure", "--on-failure", on_failure),
        ("max_failures", "--max-failures", max_failures),
        ("max_output", "--max-output", max_output),
        ("recover", "--recover", recover),
        ("transport", "--transport", transport),
        ("prehook", "--prehook", prehook),
        ("posthook", "--posthook", posthook),
        ("finally", "--finally", finally),
        ("verify.command", "--verify", verify),
        ("verify.interval", "--verify-interval", verify_interval),
        ("verify.timeout", "--verify-timeout", verify_timeout),
        ("verify.successes", "--verify-successes", verify_successes),
    ];
    let texts =
        texts.into_iter().filter_map(|(key, flag, text)| Some(item(key, flag, OverrideValue::Text(text?))));
    let args = (!arg.is_empty()).then(|| item("args", "--arg", OverrideValue::Yaml(yaml(&arg))));
    let retry = retry.map(|text| item("retry", "--retry", OverrideValue::Yaml(text)));
    let ramp = ramp.map(|text| item("ramp", "--ramp", OverrideValue::Yaml(format!("[{text}]"))));
    let env = env.into_iter().map(|(name, value)| {
        item(&format!("env.{name}"), &format!("--env {name}"), OverrideValue::Text(value))
    });
    let secrets = secret.into_iter().map(|(name, source)| {
        let value = match source.split_once(':') {
            Some((kind @ ("env" | "file"), at)) if !at.is_empty() => {
                yaml(&std::collections::BTreeMap::from([(kind, at)]))
            }
            None if source == "prompt" => source,
            // The source is not shown: it may be the secret itself.
            _ => {
                return Err(Failure::with_help(
                    format!("`--secret {name}=…` does not say where the secret comes from"),
                    "write `env:VARIABLE`, `file:PATH` or `prompt`; never the secret itself",
                ));
            }
        };
        Ok(item(&format!("secrets.{name}"), &format!("--secret {name}"), OverrideValue::Yaml(value)))
    });
    let secrets = secrets.collect::<Result<Vec<_>, _>>()?;
    Ok(texts.chain(args).chain(retry).chain(ramp).chain(env).chain(secrets).chain(of_ssh(ssh)).collect())
}

fn of_ssh(args: SshArgs) -> impl Iterator<Item = Override> {
    let SshArgs { user, ssh_config, ssh_port, ssh_identity, ssh_jump, ssh_option, known_hosts } = args;
    let texts = [
        ("user", "--user", user),
        ("ssh.config", "--ssh-config", ssh_config),
        ("ssh.identity", "--ssh-identity", ssh_identity),
        ("ssh.known_hosts", "--known-hosts", known_hosts),
    ];
    let texts =
        texts.into_iter().filter_map(|(key, flag, text)| Some(item(key, flag, OverrideValue::Text(text?))));
    let port = ssh_port.map(|port| item("ssh.port", "--ssh-port", OverrideValue::Yaml(port)));
    let jump =
        (!ssh_jump.is_empty()).then(|| item("ssh.jump", "--ssh-jump", OverrideValue::Yaml(yaml(&ssh_jump))));
    let options = ssh_option.into_iter().map(|(name, value)| {
        item(&format!("ssh.options.{name}"), &format!("--ssh-option {name}"), OverrideValue::Text(value))
    });
    texts.chain(port).chain(jump).chain(options)
}

fn item(key: &str, flag: &str, value: OverrideValue) -> Override {
    Override { key: key.to_owned(), value, flag: flag.to_owned() }
}

/// JSON, which is YAML, on one line.
fn yaml(value: &impl serde::Serialize) -> String {
    // Maps and lists of strings have a JSON form.
    serde_json::to_string(value).unwrap_or_default()
}
