//! Going to a host as far as the login, and no further.

use std::io;
use std::path::Path;

use tokio::process::Command;
use tokio::time::Instant;

use super::class::Class;
use super::failure::{Failure, HostKeyProblem, Kind};
use super::master;
use super::reach::Shared;
use super::run::failed;

/// Goes as far as the login: what ssh says then is [`Kind::Denied`], and anything else if it does not get there. With a
/// file, the key that the host shows is taken for good and written there.
///
/// It also tells why a jump host failed: of a connection that is to stay, ssh throws away what its proxy command says.
pub(super) async fn knock(
    shared: &Shared,
    host: &str,
    class: &Class,
    file: Option<&Path>,
    until: Instant,
) -> Result<(Failure, Option<HostKeyProblem>), Failure> {
    let mut command = Command::new(shared.program());
    command.arg("-F").arg(class.config()).args(["-N", "-T", "-o", "ControlPath=none"]);
    command.args(["-o", "PreferredAuthentications=none", "-o", "PubkeyAuthentication=no"]);
    if let Some(file) = file {
        command.args(["-o", "StrictHostKeyChecking=accept-new", "-o", "HashKnownHosts=no"]);
        command.args(["-o", &format!("UserKnownHostsFile=\"{}\"", file.display())]);
        command.args(["-o", "GlobalKnownHostsFile=/dev/null", "-o", "KnownHostsCommand=none"]);
    }
    command.args(class.arguments()).args(["--", host]);
    command.env("SSH_ASKPASS_REQUIRE", "never");
    match master::ask(command, until).await {
        Ok((_, _, stderr)) => Ok((Failure::read(host, &stderr), HostKeyProblem::read(host, &stderr))),
        Err(error) if error.kind() == io::ErrorKind::TimedOut => Err(Failure::new(host, Kind::TimedOut)),
        Err(error) => Err(failed(host, &error)),
    }
}
