//! What is a host: a DNS name or an address, by its characters alone.

use std::net::Ipv6Addr;

use crate::SyntaxErrorKind;

/// The longest host name in bytes, without a trailing dot.
const MAX_HOST: usize = 253;
/// The longest label (the part between two dots) in bytes.
const MAX_LABEL: usize = 63;

/// Whether `text` is a host as it stands and holds nothing of the pattern grammar. True only for what [`check_host`]
/// accepts; an IPv6 address, which is also a host, is not plain.
#[must_use]
pub fn is_plain_host(text: &str) -> bool {
    let bytes = text.as_bytes();
    if bytes.len() > MAX_HOST || !bytes.first().is_some_and(|&b| is_start(b)) {
        return false;
    }
    let mut label = 0;
    for &byte in bytes {
        if is_host_byte(byte) {
            label += 1;
            if label > MAX_LABEL {
                return false;
            }
        } else if byte == b'.' && label > 0 {
            label = 0;
        } else {
            return false;
        }
    }
    true
}

const fn is_start(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

const fn is_host_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

/// Whether `c` may stand in a host name or an IPv6 address.
pub(crate) const fn is_host_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':')
}

/// Checks that `name`, a host after expansion, is one: letters, digits, `.`, `-`, `_`, starting with a letter, a digit or
/// `_`, labels of 1 to 63 and names of up to 253 characters, one trailing dot allowed; or an IPv6 address with all its
/// eight groups.
///
/// # Errors
/// What is wrong, in this order: `Empty`, `OptionAsHost`, `UserInHost`, `ShortIpv6`, `PortInHost`, `HostCharacter`,
/// `EmptyHostLabel`, `HostStart`, `HostTooLong`.
pub fn check_host(name: &str) -> Result<(), SyntaxErrorKind> {
    if is_plain_host(name) {
        return Ok(());
    }
    let Some(first) = name.chars().next() else {
        return Err(SyntaxErrorKind::Empty);
    };
    if first == '-' {
        return Err(SyntaxErrorKind::OptionAsHost);
    }
    if let Some((user, host)) = name.rsplit_once('@') {
        return Err(SyntaxErrorKind::UserInHost { user: user.to_owned(), host: host.to_owned() });
    }
    if name.contains(':') {
        return check_colons(name, first);
    }
    if let Some(c) = name.chars().find(|&c| !is_host_character(c)) {
        return Err(SyntaxErrorKind::HostCharacter(c));
    }
    let name = name.strip_suffix('.').unwrap_or(name);
    if name.split('.').any(str::is_empty) {
        return Err(SyntaxErrorKind::EmptyHostLabel);
    }
    if name.len() > MAX_HOST || name.split('.').any(|label| label.len() > MAX_LABEL) {
        return Err(SyntaxErrorKind::HostTooLong);
    }
    Ok(())
}

/// A colon belongs to a full IPv6 address and to nothing else.
fn check_colons(name: &str, first: char) -> Result<(), SyntaxErrorKind> {
    if is_full_ipv6(name) {
        return Ok(());
    }
    if let Ok(address) = name.parse::<Ipv6Addr>() {
        return Err(SyntaxErrorKind::ShortIpv6 { full: Some(full_ipv6(address)) });
    }
    let n_colons = name.bytes().filter(|&b| b == b':').count();
    if n_colons > 1 && name.bytes().all(|b| b.is_ascii_hexdigit() || matches!(b, b':' | b'.')) {
        return Err(SyntaxErrorKind::ShortIpv6 { full: None });
    }
    if first == ':' {
        return Err(SyntaxErrorKind::HostStart(first));
    }
    if let Some((host, port)) = name.rsplit_once(':')
        && !port.is_empty()
        && port.bytes().all(|b| b.is_ascii_digit())
    {
        return Err(SyntaxErrorKind::PortInHost { host: host.to_owned(), port: port.to_owned() });
    }
    let wrong = name.chars().find(|&c| !is_host_character(c)).unwrap_or(':');
    Err(SyntaxErrorKind::HostCharacter(wrong))
}

fn is_full_ipv6(name: &str) -> bool {
    let mut n_groups = 0;
    name.split(':').all(|group| {
        n_groups += 1;
        matches!(group.len(), 1..=4) && group.bytes().all(|b| b.is_ascii_hexdigit())
    }) && n_groups == 8
}

/// All eight groups, without the leading zeros of each.
pub(crate) fn full_ipv6(address: Ipv6Addr) -> String {
    address.segments().map(|group| format!("{group:x}")).join(":")
}
