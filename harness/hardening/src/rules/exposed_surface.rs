//! `hardening/exposed-surface`: what is meant for administrators and for other processes is not open to others.

use super::paths::leads_to_admin;
use super::{Check, Context, Judged, POLICY, Rule, broken, no, none, of_synapse};
use crate::model::{Config, Container, Kind, Port, Route, Service};
use fedproof_yaml::Node;
use std::net::IpAddr;

const NO_SERVICES: &str = "it has no Services";
const ONLY_KUBERNETES: &[(Kind, &str)] =
    &[(Kind::Compose, NO_SERVICES), (Kind::Configuration, NO_SERVICES), (Kind::Running, NO_SERVICES)];
const NO_PATHS: &str = "a port leads to every path: see hardening/namespaces-and-mounts/no-host-ports";

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "hardening/exposed-surface/no-admin-api",
        title: "the admin API cannot be reached from outside",
        source: "SYS.1.6.A5; Synapse, admin API",
        expected: "no path that leads to `/_synapse/admin`",
        help: "name what is meant to be open: `/_matrix`, `/_synapse/client`, `/.well-known/matrix`",
        not_in: &[(Kind::Compose, NO_PATHS), (Kind::Configuration, "it opens no paths"), (Kind::Running, NO_PATHS)],
        checks: &[Check::Routes(|route, _| match leads_to_admin(&route.path.value, route.exact, &route.backend) {
            true => broken(&route.path.at, format!("`{}`", route.path.value)),
            false => Judged::Holds,
        })],
        ..POLICY
    },
    Rule {
        id: "hardening/exposed-surface/no-metrics",
        title: "metrics cannot be reached from outside",
        source: "SYS.1.6.A5; Synapse, metrics",
        expected: "no way in, on loopback neither",
        help: "let Prometheus ask inside the network",
        checks: &[
            Check::Containers(|container, context| published(container, context, "metrics")),
            Check::Services(|service, context| open_service(service, context, "metrics")),
            Check::Routes(|route, context| open_route(route, context, "metrics")),
        ],
        ..POLICY
    },
    Rule {
        id: "hardening/exposed-surface/no-replication",
        title: "replication between workers cannot be reached from outside",
        source: "SYS.1.6.A5; Synapse, workers",
        expected: "no way in, on loopback neither",
        help: "keep it inside the network: whoever reaches it can do everything",
        checks: &[
            Check::Containers(|container, context| published(container, context, "replication")),
            Check::Services(|service, context| open_service(service, context, "replication")),
            Check::Routes(|route, context| open_route(route, context, "replication")),
        ],
        ..POLICY
    },
    Rule {
        id: "hardening/exposed-surface/no-manhole",
        title: "the manhole listens to its own container at most",
        source: "SYS.1.6.A16; Synapse, manhole",
        expected: "no manhole, or one on loopback",
        help: "take the listener out, or set `bind_addresses: [\"127.0.0.1\"]`",
        checks: &[
            Check::Containers(|container, context| published(container, context, "manhole")),
            Check::Services(|service, context| open_service(service, context, "manhole")),
            Check::Configs(|config, _| of_synapse(config, manhole)),
        ],
        ..POLICY
    },
    Rule {
        id: "hardening/exposed-surface/no-external-addresses",
        title: "no Service takes addresses that are not the cluster's",
        source: "IG BvC 501, APP.4.4.A7",
        expected: "none",
        help: "take `externalIPs` out",
        not_in: ONLY_KUBERNETES,
        checks: &[Check::Services(|service, _| no(&service.external_addresses))],
        ..POLICY
    },
    Rule {
        id: "hardening/exposed-surface/no-node-ports",
        title: "no Service opens a port of every node",
        source: "APP.4.4.A7",
        expected: "`ClusterIP`, or a load balancer",
        help: "`type: ClusterIP`, with an Ingress or a load balancer before it",
        not_in: ONLY_KUBERNETES,
        checks: &[Check::Services(|service, _| {
            none(&service.kind, |kind| (kind == "NodePort").then(|| "`NodePort`".to_owned()))
        })],
        ..POLICY
    },
    Rule {
        id: "hardening/exposed-surface/registration-closed",
        title: "nobody makes an account unasked",
        source: "Synapse, enable_registration",
        expected: "`false`, or nothing",
        help: "take `enable_registration` out: accounts come from the admin API or from single sign-on",
        checks: &[Check::Configs(|config, _| of_synapse(config, |config| switched_off(config, "enable_registration")))],
        ..POLICY
    },
    Rule {
        id: "hardening/exposed-surface/no-guests",
        title: "nobody comes in as a guest",
        source: "Synapse, allow_guest_access",
        expected: "`false`, or nothing",
        help: "take `allow_guest_access` out",
        checks: &[Check::Configs(|config, _| of_synapse(config, |config| switched_off(config, "allow_guest_access")))],
        ..POLICY
    },
];

fn published(container: &Container, context: &Context, purpose: &str) -> Judged {
    none(&container.ports, |port| is_for(port, context, purpose).then(|| format!("port {}", port.target)))
}

fn open_service(service: &Service, context: &Context, purpose: &str) -> Judged {
    let is_open = service.kind.as_ref().is_some_and(|kind| kind.value != "ClusterIP");
    none(&service.ports, |port| {
        (is_open && is_for(port, context, purpose))
            .then(|| format!("port {} {} of {}", port.target, port.name, service.name))
    })
}

fn open_route(route: &Route, context: &Context, purpose: &str) -> Judged {
    let value = &route.port.value;
    let port = Port { host: None, target: value.clone(), name: value.clone() };
    match is_for(&port, context, purpose) {
        true => broken(&route.port.at, format!("port {value} of {}", route.backend)),
        false => Judged::Holds,
    }
}

/// Whether a port is called so, or is where a listener for it is.
fn is_for(port: &Port, context: &Context, purpose: &str) -> bool {
    let (first, last) = port.target.split_once('-').unwrap_or((&port.target, &port.target));
    let range = first.parse::<u64>().ok().zip(last.parse::<u64>().ok());
    let is_listener = |known: u64| range.is_some_and(|(first, last)| (first..=last).contains(&known));
    // The port of replication in Synapse's documentation and in every chart.
    let is_usual = purpose == "replication" && is_listener(9093);
    let named = [&port.name, &port.target].iter().any(|name| name.contains(purpose));
    named || is_usual || context.listeners.iter().any(|(for_what, known)| for_what == purpose && is_listener(*known))
}

/// Listeners of type `manhole`; without `bind_addresses` Synapse takes loopback.
fn manhole(config: &Config) -> Judged {
    for listener in config.listeners().filter(|one| one.get("type").and_then(Node::text).as_deref() == Some("manhole"))
    {
        let bound = listener.get("bind_addresses").or_else(|| listener.get("bind_address"));
        let addresses =
            bound.map(|bound| if bound.items().is_empty() { std::slice::from_ref(bound) } else { bound.items() });
        for address in addresses.unwrap_or_default() {
            let text = address.text().unwrap_or_default();
            if text != "localhost" && !text.parse::<IpAddr>().is_ok_and(|address| address.is_loopback()) {
                return broken(&config.place(&address.place), format!("`{text}`"));
            }
        }
    }
    Judged::Holds
}

fn switched_off(config: &Config, key: &str) -> Judged {
    match config.setting(key) {
        Some(field) if field.value.flag() != Some(false) => {
            broken(&config.place(&field.value.place), format!("`{}`", field.value.text().unwrap_or_default()))
        }
        _ => Judged::Holds,
    }
}
