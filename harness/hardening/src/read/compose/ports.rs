//! Ports that a service publishes on its host.

use crate::{
    model::{Port, Seen, Source},
    read::Facts,
};
use fedproof_yaml::Node;
use std::sync::Arc;

/// Reads `ports`, short (`127.0.0.1:8008:8008/tcp`) and long.
pub(super) fn read(source: &Arc<Source>, service: &Node) -> Vec<Seen<Port>> {
    let ports = service.get("ports").map(Node::items).unwrap_or_default();
    ports.iter().map(|port| source.seen(port, port.text().map_or_else(|| long(port), |text| short(&text)))).collect()
}

fn short(text: &str) -> Port {
    let text = text.split('/').next().unwrap_or(text);
    let (before, target) = text.rsplit_once(':').unwrap_or(("", text));
    let host = before.rsplit_once(':').and_then(|(host, _)| host.trim_matches(['[', ']']).parse().ok());
    Port { host, target: target.to_owned(), name: String::new() }
}

fn long(port: &Node) -> Port {
    let text = |key| port.get(key).and_then(Node::text);
    Port {
        host: text("host_ip").and_then(|host| host.parse().ok()),
        target: text("target").unwrap_or_default(),
        name: text("name").unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::short;

    #[test]
    fn only_a_host_that_is_written_counts() {
        for (text, host, target) in [
            ("8008", None, "8008"),
            ("8008:8009", None, "8009"),
            ("127.0.0.1:8008:8009/tcp", Some("127.0.0.1"), "8009"),
            ("[::1]:8008:8009", Some("::1"), "8009"),
            ("127.0.0.1::8009", Some("127.0.0.1"), "8009"),
            ("${BIND}:8008:8009", None, "8009"),
            ("9000-9001:9000-9001", None, "9000-9001"),
        ] {
            let port = short(text);
            assert_eq!((port.host.map(|host| host.to_string()).as_deref(), &*port.target), (host, target), "{text}");
        }
    }
}
