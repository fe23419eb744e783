//! What a service mounts: paths of the host, devices, space in memory.

use crate::{
    model::{Container, Seen, Source},
    read::Facts,
};
use fedproof_yaml::Node;
use std::sync::Arc;

/// Reads `volumes`, `tmpfs` and `devices` of a service; named volumes can be paths of the host as well.
pub(super) fn read(source: &Arc<Source>, service: &Node, root: &Node, container: &mut Container) {
    let text = |node: &Node, key: &str| node.get(key).and_then(Node::text);
    for volume in service.get("volumes").map(Node::items).unwrap_or_default() {
        let (kind, from) = match volume.text() {
            Some(short) => (None, short.split_once(':').map(|(from, _)| from.to_owned())),
            None => (text(volume, "type"), text(volume, "source")),
        };
        let from = from.unwrap_or_default();
        if kind.as_deref() == Some("tmpfs") {
            let is_limited = volume.find(&["tmpfs", "size"]).is_some();
            container.scratch.push(source.seen(volume, (text(volume, "target").unwrap_or_default(), is_limited)));
        } else if kind.as_deref() == Some("bind") || is_path(&from) {
            container.host_paths.push(source.seen(volume.get("source").unwrap_or(volume), from));
        } else if let Some((at, path)) = bound(root, &from) {
            container.host_paths.push(source.seen(at, path));
        }
    }
    for mount in source.texts(service.get("tmpfs")) {
        let (path, options) = mount.value.split_once(':').unwrap_or((&mount.value, ""));
        let value = (path.to_owned(), options.split(',').any(|option| option.starts_with("size=")));
        container.scratch.push(Seen { value, at: mount.at });
    }
    for device in service.get("devices").map(Node::items).unwrap_or_default() {
        let name = device.text().or_else(|| text(device, "source")).unwrap_or_default();
        container.devices.push(source.seen(device, name));
    }
}

/// Whether the source of a short volume is a path and no name; what is still a variable can be one.
fn is_path(from: &str) -> bool {
    from.starts_with(['/', '.', '~', '$']) || from.contains('\\')
}

/// The path of the host that a named volume is bound to (`driver_opts: {type: none, o: bind, device: PATH}`).
fn bound<'a>(root: &'a Node, volume: &str) -> Option<(&'a Node, String)> {
    let options = root.find(&["volumes", volume, "driver_opts"])?;
    let is_bound = options.get("o").and_then(Node::text).is_some_and(|o| o.split(',').any(|one| one.contains("bind")));
    let device = options.get("device").filter(|_| is_bound)?;
    Some((device, device.text()?))
}
