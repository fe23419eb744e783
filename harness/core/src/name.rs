//! Server names as the federation uses them.

use serde::{Deserialize, Serialize};
use std::{borrow::Borrow, fmt};

/// A Matrix server name (host or IP literal, optionally with a port), compared case-folded.
///
/// Host names are case-insensitive (RFC 4343) and Synapse lower-cases them before it connects, so the
/// gateway and the transcript keep one spelling. Specification: appendices, "Server Name".
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct ServerName(String);

impl ServerName {
    /// Case-folds `name`. Any text is taken: an adversary may use odd names.
    pub fn new(name: impl AsRef<str>) -> Self {
        Self(name.as_ref().to_ascii_lowercase())
    }

    /// The name as text, lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name without its port; brackets of an IPv6 literal stay.
    pub fn host(&self) -> &str {
        host_of(&self.0)
    }
}

/// The host part of a server name: what is left without `:port`. Brackets of an IPv6 literal stay.
pub fn host_of(name: &str) -> &str {
    if name.starts_with('[') {
        return match name.find(']') {
            Some(end) => &name[..=end],
            None => name,
        };
    }
    match name.split_once(':') {
        Some((host, _)) => host,
        None => name,
    }
}

/// Whether `host` (no port) is an IPv4 dotted quad or a bracketed IPv6 literal.
pub fn is_ip_literal(host: &str) -> bool {
    match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(v6) => v6.parse::<std::net::Ipv6Addr>().is_ok(),
        None => host.parse::<std::net::Ipv4Addr>().is_ok(),
    }
}

/// The server part of a user id, room alias or (before room version 12) room id.
pub fn server_of(id: &str) -> Option<&str> {
    id.split_once(':').map(|(_, server)| server)
}

impl From<String> for ServerName {
    fn from(name: String) -> Self {
        Self::new(name)
    }
}
impl From<&str> for ServerName {
    fn from(name: &str) -> Self {
        Self::new(name)
    }
}
impl From<ServerName> for String {
    fn from(name: ServerName) -> Self {
        name.0
    }
}
impl fmt::Display for ServerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
impl fmt::Debug for ServerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}
impl Borrow<str> for ServerName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_loses_the_port_and_keeps_brackets() {
        for (name, host) in [
            ("a.example", "a.example"),
            ("a.example:8448", "a.example"),
            ("1.2.3.4:80", "1.2.3.4"),
            ("[::1]", "[::1]"),
            ("[::1]:8448", "[::1]"),
        ] {
            assert_eq!(host_of(name), host, "{name}");
        }
    }

    #[test]
    fn ip_literals_are_told_from_names() {
        for (host, literal) in [
            ("1.2.3.4", true),
            ("[::1]", true),
            ("1.2.3", false),
            ("1.2.3.4.example", false),
            ("0x7f.0.0.1", false),
            ("::1", false),
        ] {
            assert_eq!(is_ip_literal(host), literal, "{host}");
        }
    }
}
