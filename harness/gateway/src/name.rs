//! One spelling per server, so that look-ups and comparisons are exact.

use std::net::Ipv6Addr;

/// The host in lower case; an IPv6 literal in brackets and in its shortest form, however it was written.
pub(crate) fn canonical_host(host: &str) -> String {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    match bare.parse::<Ipv6Addr>() {
        Ok(address) => format!("[{address}]"),
        Err(_) => host.to_ascii_lowercase(),
    }
}

/// A whole server name: the canonical host, with `:port` if the name has one.
pub(crate) fn canonical(name: &str) -> String {
    if name.parse::<Ipv6Addr>().is_ok() {
        return canonical_host(name);
    }
    let host = fedproof_core::name::host_of(name);
    format!("{}{}", canonical_host(host), &name[host.len()..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_server_agree() {
        for (name, expected) in [
            ("A.Example", "a.example"),
            ("a.example:1234", "a.example:1234"),
            ("::1", "[::1]"),
            ("[0:0::1]", "[::1]"),
            ("[2001:DB8::1]:8448", "[2001:db8::1]:8448"),
            ("1.2.3.4:80", "1.2.3.4:80"),
            ("", ""),
        ] {
            assert_eq!(canonical(name), expected, "{name}");
        }
    }
}
