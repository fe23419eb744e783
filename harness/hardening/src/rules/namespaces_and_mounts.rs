//! `hardening/namespaces-and-mounts`: what is the host's stays the host's.

use super::{Check, Context, Judged, POLICY, Rule, no, none};
use crate::model::{Container, Kind};

/// Sockets of container engines: whoever writes to one is root on the host.
const ENGINES: &[&str] = &["docker.sock", "podman.sock", "containerd.sock", "crio.sock", "cri-dockerd.sock"];
const IN_KUBERNETES: (Kind, &str) = (Kind::Kubernetes, "pods cannot ask for it");

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "hardening/namespaces-and-mounts/no-host-paths",
        title: "no path of the host is mounted",
        source: "IG BvC 009, SYS.1.6.A19",
        expected: "none",
        help: "files go into configs and secrets, data into named volumes or claims",
        checks: &[
            Check::Containers(|container, _| no(&container.host_paths)),
            Check::Volumes(|volume, _| no(&volume.host_path)),
        ],
        ..POLICY
    },
    Rule {
        id: "hardening/namespaces-and-mounts/no-engine-socket",
        title: "no container reaches the engine that runs it",
        source: "IG BvC 009, SYS.1.6.A17",
        expected: "none",
        help: "take the socket out; who must know of containers asks the engine's metrics",
        checks: &[
            Check::Containers(|container, _| none(&container.host_paths, |path| engine(path))),
            Check::Volumes(|volume, _| none(&volume.host_path, |path| engine(path))),
        ],
        ..POLICY
    },
    Rule {
        id: "hardening/namespaces-and-mounts/no-devices",
        title: "no device of the host is passed through",
        source: "SYS.1.6.A17",
        expected: "none",
        help: "take it out of `devices`",
        not_in: &[(Kind::Kubernetes, "devices come as resources of a plugin, host paths are another rule's")],
        checks: &[Check::Containers(|container, _| no(&container.devices))],
        ..POLICY
    },
    Rule {
        id: "hardening/namespaces-and-mounts/no-host-network",
        title: "no container shares the host's network",
        source: "IG BvC 102, APP.4.4.A4",
        expected: "a network of its own",
        help: "take `network_mode: host` or `hostNetwork` out, and no container's network that is described elsewhere",
        checks: &[Check::Containers(|container, _| namespace(container, "network"))],
        ..POLICY
    },
    Rule {
        id: "hardening/namespaces-and-mounts/no-host-pid",
        title: "no container sees the host's processes",
        source: "IG BvC 102, APP.4.4.A4",
        expected: "processes of its own",
        help: "take `pid: host` or `hostPID` out",
        checks: &[Check::Containers(|container, _| namespace(container, "pid"))],
        ..POLICY
    },
    Rule {
        id: "hardening/namespaces-and-mounts/no-host-ipc",
        title: "no container shares the host's memory segments and queues",
        source: "IG BvC 102, APP.4.4.A4",
        expected: "segments and queues of its own",
        help: "take `ipc: host` or `hostIPC` out",
        checks: &[Check::Containers(|container, _| namespace(container, "ipc"))],
        ..POLICY
    },
    Rule {
        id: "hardening/namespaces-and-mounts/no-host-uts",
        title: "no container shares the host's name",
        source: "APP.4.4.A4",
        expected: "a name of its own",
        help: "take `uts: host` out",
        not_in: &[IN_KUBERNETES],
        checks: &[Check::Containers(|container, _| namespace(container, "uts"))],
        ..POLICY
    },
    Rule {
        id: "hardening/namespaces-and-mounts/no-host-users",
        title: "where the engine maps users, no container is exempt",
        source: "APP.4.4.A4",
        expected: "the engine's user namespace",
        help: "take `userns_mode: host` or `hostUsers: true` out",
        checks: &[Check::Containers(|container, _| namespace(container, "user"))],
        ..POLICY
    },
    Rule {
        id: "hardening/namespaces-and-mounts/no-host-cgroup",
        title: "no container sees the host's control groups",
        source: "APP.4.4.A4",
        expected: "control groups of its own",
        help: "take `cgroup: host` out",
        not_in: &[IN_KUBERNETES],
        checks: &[Check::Containers(|container, _| match container.old_cgroups {
            true => Judged::NotApplicable("version 1 of control groups: the engine shares the host's"),
            false => namespace(container, "cgroup"),
        })],
        ..POLICY
    },
    Rule {
        id: "hardening/namespaces-and-mounts/no-host-ports",
        title: "no port of a host is open to others",
        source: "IG BvC 101, APP.4.4.A7",
        expected: "none, in compose only ports on loopback",
        help: "compose: `\"127.0.0.1:8008:8008\"`, with a reverse proxy before it; Kubernetes: a Service instead of `hostPort`",
        checks: &[Check::Containers(ports)],
        ..POLICY
    },
];

fn engine(path: &str) -> Option<String> {
    ENGINES.iter().any(|socket| path.ends_with(socket)).then(|| format!("`{path}`"))
}

fn namespace(container: &Container, name: &str) -> Judged {
    none(&container.host_namespaces, |(one, said)| (*one == name).then(|| format!("`{said}`")))
}

fn ports(container: &Container, _: &Context) -> Judged {
    none(&container.ports, |port| match port.host {
        Some(host) if host.is_loopback() => None,
        Some(host) => Some(format!("port {} at {host}", port.target)),
        None => Some(format!("port {} at every address", port.target)),
    })
}
