//! Namespaces of a service that are not its own.

use crate::{
    model::{Seen, Source},
    read::Facts,
};
use fedproof_yaml::Node;
use std::sync::Arc;

/// Keys of a service, and the namespaces that they are about.
const KEYS: &[(&str, &str)] = &[
    ("network_mode", "network"),
    ("pid", "pid"),
    ("ipc", "ipc"),
    ("uts", "uts"),
    ("userns_mode", "user"),
    ("cgroup", "cgroup"),
];

/// Reads what is the host's, or of a container that is not described here, and what says so.
pub(super) fn read(source: &Arc<Source>, service: &Node, root: &Node) -> Vec<Seen<(&'static str, String)>> {
    let modes = KEYS.iter().filter_map(|(key, namespace)| {
        let mode = source.text(service.get(key)).filter(|mode| is_foreign(&mode.value))?;
        Some(mode.map(|mode| (*namespace, mode)))
    });
    let networks = service.get("networks");
    let named = networks.map(Node::fields).unwrap_or_default().iter().map(|field| field.key.clone());
    let mut names: Vec<String> = named.chain(source.texts(networks).into_iter().map(|name| name.value)).collect();
    if names.is_empty() && service.get("network_mode").is_none() {
        names.push("default".to_owned());
    }
    let joined = names.iter().filter_map(|name| {
        let network = root.get("networks")?.field(name)?;
        let external = network.value.get("external").filter(|external| external.flag() != Some(false))?;
        let called = network.value.get("name").or_else(|| external.get("name"));
        let called = called.and_then(Node::text).unwrap_or_else(|| name.clone());
        let place = source.place(&network.place.written);
        is_foreign(&called).then_some(Seen { value: ("network", called), at: place })
    });
    modes.chain(joined).collect()
}

/// Whether a namespace is the host's, another container's, or nobody can tell from the file. That of a service (`service:NAME`) is
/// judged with the service.
fn is_foreign(mode: &str) -> bool {
    mode == "host" || mode.starts_with("container:") || mode.contains('$')
}
