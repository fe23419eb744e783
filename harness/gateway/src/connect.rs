//! What a server says to its proxy before TLS, read tolerantly.
//!
//! Synapse sends `CONNECT ::1:8448 HTTP/1.0` for the server `[::1]`, which is no valid URI authority.

use crate::name::canonical_host;
use fedproof_core::ServerName;
use std::io;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt};

/// The most that a request's head may have, in bytes.
const HEAD_LIMIT: u64 = 16 * 1024;

/// The place that a caller wants a connection to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// The canonical host: lower case, IPv6 literals in brackets.
    pub(crate) host: String,
    /// The TCP port.
    pub(crate) port: u16,
}

impl Target {
    /// Reads `host:port`; the last colon is the one before the port.
    fn parse(text: &str) -> Option<Self> {
        let (host, port) = text.rsplit_once(':')?;
        if host.is_empty() {
            return None;
        }
        Some(Self { host: canonical_host(host), port: port.parse().ok()? })
    }

    /// The server name that such a connection is most likely for: the usual ports do not stand in names.
    pub(crate) fn server_name(&self) -> ServerName {
        match self.port {
            443 | 8448 => ServerName::new(&self.host),
            port => ServerName::new(format!("{}:{port}", self.host)),
        }
    }
}

/// The first request on a proxy connection.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Opening {
    /// `CONNECT host:port`.
    Connect(Target),
    /// Anything else, such as `GET http://host/path`: not served, but evidence of whom the caller wanted.
    Other {
        /// HTTP method.
        method: String,
        /// Target as sent.
        target: String,
    },
}

impl Opening {
    fn parse(line: &str) -> Self {
        let mut words = line.split_whitespace();
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        if method.eq_ignore_ascii_case("CONNECT")
            && let Some(target) = Target::parse(target)
        {
            return Self::Connect(target);
        }
        Self::Other { method: method.to_owned(), target: target.to_owned() }
    }
}

/// The server that the target of a request in absolute form names.
pub(crate) fn target_of_absolute(target: &str) -> Option<Target> {
    let (scheme, rest) = target.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = fedproof_core::name::host_of(authority);
    let port = authority[host.len()..].strip_prefix(':').and_then(|port| port.parse().ok());
    let usual = if scheme.eq_ignore_ascii_case("https") { 443 } else { 80 };
    (!host.is_empty()).then(|| Target { host: canonical_host(host), port: port.unwrap_or(usual) })
}

/// Reads the head of the first request; `None` if the caller closed without a word. What follows the head stays in
/// `reader`.
pub(crate) async fn read_opening(reader: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Option<Opening>> {
    let mut reader = reader.take(HEAD_LIMIT);
    let mut first = None;
    let mut line = Vec::new();
    loop {
        line.clear();
        reader.read_until(b'\n', &mut line).await?;
        let ended = line.ends_with(b"\n");
        let text = String::from_utf8_lossy(&line);
        match (ended, text.trim()) {
            (false, "") if first.is_none() && reader.limit() == HEAD_LIMIT => return Ok(None),
            (false, _) if reader.limit() == 0 => {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "the head is too long"));
            }
            (false, _) => return Err(io::ErrorKind::UnexpectedEof.into()),
            // Blank lines before a request are passed over, as RFC 9112 asks.
            (true, "") => {
                if let Some(first) = first {
                    return Ok(Some(first));
                }
            }
            (true, text) => {
                first.get_or_insert_with(|| Opening::parse(text));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(host: &str, port: u16) -> Opening {
        Opening::Connect(Target { host: host.into(), port })
    }

    #[test]
    fn targets_are_read_tolerantly() {
        for (line, expected) in [
            ("CONNECT ::1:8448 HTTP/1.0", target("[::1]", 8448)),
            ("CONNECT [::1]:8448 HTTP/1.1", target("[::1]", 8448)),
            ("connect  A.Example:443", target("a.example", 443)),
            ("CONNECT 1.2.3.4:8448 HTTP/1.0", target("1.2.3.4", 8448)),
            ("CONNECT a_b..example:1 HTTP/1.0", target("a_b..example", 1)),
        ] {
            assert_eq!(Opening::parse(line), expected, "{line}");
        }
        for line in
            ["CONNECT a.example HTTP/1.0", "CONNECT :443 HTTP/1.0", "CONNECT a:99999 HTTP/1.0", "GET / HTTP/1.0"]
        {
            assert!(matches!(Opening::parse(line), Opening::Other { .. }), "{line}");
        }
    }

    #[test]
    fn absolute_targets_name_their_server() {
        for (text, host, port) in [
            ("http://a.example/x", "a.example", 80),
            ("https://u:p@[::1]:8448/x", "[::1]", 8448),
            ("https://A.example?x", "a.example", 443),
        ] {
            assert_eq!(target_of_absolute(text), Some(Target { host: host.into(), port }), "{text}");
        }
        assert_eq!(target_of_absolute("/x"), None);
    }

    #[tokio::test]
    async fn what_follows_the_head_stays() {
        let mut reader = &b"\r\nCONNECT a.example:443 HTTP/1.0\r\nHost: x\r\n\r\nrest"[..];
        assert_eq!(read_opening(&mut reader).await.unwrap(), Some(target("a.example", 443)));
        assert_eq!(reader, b"rest");
    }

    #[tokio::test]
    async fn heads_are_bounded_and_whole() {
        assert_eq!(read_opening(&mut &b""[..]).await.unwrap(), None);
        read_opening(&mut &b"CONNECT a.example:443"[..]).await.unwrap_err();
        let long = format!("CONNECT a.example:443 HTTP/1.0\r\nx: {}\r\n\r\n", "y".repeat(20_000));
        let error = read_opening(&mut long.as_bytes()).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }
}
