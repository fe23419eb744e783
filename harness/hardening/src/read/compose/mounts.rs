//! What a service mounts: paths of the host, devices, space in memory.

use crate::{
    amount::{has_size, is_amount},
    model::{Container, Seen, Source},
    read::Facts,
};
use fedproof_yaml::Node;
use std::sync::Arc;

/// Reads `volumes`, `tmpfs`, `devices` and the like of a service; named volumes can be paths of the host as well.
pub(super) fn read(source: &Arc<Source>, service: &Node, root: &Node, container: &mut Container) {
    let text = |node: &Node, key: &str| node.get(key).and_then(Node::text);
    for volume in service.get("volumes").map(Node::items).unwrap_or_default() {
        let (kind, from) = match volume.text() {
            Some(short) => (None, short.split_once(':').map(|(from, _)| from.to_owned())),
            None => (text(volume, "type"), text(volume, "source")),
        };
        let from = from.unwrap_or_default();
        if kind.as_deref() == Some("tmpfs") {
            let is_limited = volume.find(&["tmpfs", "size"]).and_then(Node::text).is_some_and(|size| is_amount(&size));
            container.scratch.push(source.seen(volume, (text(volume, "target").unwrap_or_default(), is_limited)));
        } else if kind.as_deref() == Some("bind") || is_path(&from) {
            container.host_paths.push(source.seen(volume.get("source").unwrap_or(volume), from));
        } else if let Some((at, path)) = bound(root, &from) {
            container.host_paths.push(source.seen(at, path));
        }
    }
    for mount in source.texts(service.get("tmpfs")) {
        let (path, options) = mount.value.split_once(':').unwrap_or((&mount.value, ""));
        let value = (path.to_owned(), has_size(options));
        container.scratch.push(Seen { value, at: mount.at });
    }
    if let Some(socket) = service.get("use_api_socket").filter(|socket| socket.flag() != Some(false)) {
        container.host_paths.push(source.seen(socket, "/var/run/docker.sock".to_owned()));
    }
    // What another service mounts is judged there; of another container nothing is known.
    let others = source.texts(service.get("volumes_from")).into_iter();
    container.host_paths.extend(others.filter(|one| one.value.starts_with("container:") || one.value.contains('$')));
    let devices: [&[&str]; 4] =
        [&["devices"], &["device_cgroup_rules"], &["gpus"], &["deploy", "resources", "reservations", "devices"]];
    for node in devices.iter().filter_map(|keys| service.find(keys)) {
        let all = if node.items().is_empty() { std::slice::from_ref(node) } else { node.items() };
        for device in all.iter().filter(|one| one.text().is_some() || !one.fields().is_empty()) {
            let name = device.text().or_else(|| text(device, "source")).or_else(|| text(device, "driver"));
            container.devices.push(source.seen(device, name.unwrap_or_else(|| "a device".to_owned())));
        }
    }
}

/// Whether the source of a short volume is a path and no name; what is still a variable can be one.
fn is_path(from: &str) -> bool {
    from.starts_with(['/', '.', '~', '$']) || from.contains('\\')
}

/// The path or the device of the host that a named volume is (`driver_opts: {type: none, o: bind, device: PATH}`); a share of
/// another machine (`:/export`, `//nas/share`) is none.
fn bound<'a>(root: &'a Node, volume: &str) -> Option<(&'a Node, String)> {
    let options = root.find(&["volumes", volume, "driver_opts"])?;
    let is_bound = options.get("o").and_then(Node::text).is_some_and(|o| o.split(',').any(|one| one.contains("bind")));
    let device = options.get("device")?;
    let path = device.text()?;
    (is_bound || (is_path(&path) && !path.starts_with("//"))).then_some((device, path))
}
