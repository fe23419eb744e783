//! What leads to pods: Services, Ingresses, and routes of gateways.

use crate::{
    model::{Port, Route, Seen, Service, Source, Unjudged},
    read::Facts,
};
use fedproof_yaml::Node;
use std::sync::Arc;

pub(super) fn service(source: &Arc<Source>, document: &Node, name: String) -> Service {
    let spec = document.get("spec");
    let of_spec = |key| spec.and_then(|spec| spec.get(key));
    let ports = of_spec("ports").map(Node::items).unwrap_or_default().iter().map(|port| {
        let text = |key| port.get(key).and_then(Node::text);
        let target = text("targetPort").or_else(|| text("port")).unwrap_or_default();
        source.seen(port, Port { host: None, target, name: text("name").unwrap_or_default() })
    });
    Service {
        name,
        kind: source.text(of_spec("type")),
        external_addresses: source.texts(of_spec("externalIPs")),
        ports: ports.collect(),
    }
}

/// Every path of an Ingress; its default backend is the path `/` of every host.
pub(super) fn ingress(source: &Arc<Source>, document: &Node, name: &str) -> Vec<Route> {
    let Some(spec) = document.get("spec") else { return Vec::new() };
    let list = |node: &Node, keys: &[&str]| node.find(keys).map(Node::items).unwrap_or_default().to_vec();
    let hosts: Vec<String> =
        list(spec, &["tls"]).iter().flat_map(|tls| source.texts(tls.get("hosts"))).map(|host| host.value).collect();
    // A certificate without hosts is for all of them.
    let for_all = list(spec, &["tls"]).iter().any(|tls| tls.get("hosts").is_none());
    let route = |host: Option<Seen<String>>, path: Seen<String>, exact: bool, backend: &Node| {
        let service = backend.get("service");
        let of_service = |keys: &[&str]| service.and_then(|service| service.find(keys));
        let port = source.text(of_service(&["port", "name"])).or_else(|| source.text(of_service(&["port", "number"])));
        let encrypted =
            for_all || host.as_ref().is_some_and(|host| hosts.iter().any(|known| covers(known, &host.value)));
        Route {
            name: name.to_owned(),
            encrypted: Some(encrypted),
            at: host.map_or_else(|| path.at.clone(), |host| host.at),
            backend: of_service(&["name"]).and_then(Node::text).unwrap_or_default(),
            port: port.unwrap_or_else(|| Seen { value: String::new(), at: path.at.clone() }),
            path,
            exact,
        }
    };
    let mut routes = Vec::new();
    for rule in list(spec, &["rules"]) {
        for one in list(&rule, &["http", "paths"]) {
            let Some(backend) = one.get("backend") else { continue };
            let path = source.text(one.get("path")).unwrap_or_else(|| source.seen(&one, "/".to_owned()));
            let exact = one.get("pathType").and_then(Node::text).as_deref() == Some("Exact");
            routes.push(route(source.text(rule.get("host")), path, exact, backend));
        }
    }
    if let Some(backend) = spec.get("defaultBackend") {
        routes.push(route(None, source.seen(backend, "/".to_owned()), false, backend));
    }
    routes
}

/// Every path of an HTTPRoute, to every backend of it; without `matches` it is `/`.
pub(super) fn http_route(source: &Arc<Source>, document: &Node, name: &str) -> Vec<Route> {
    let list = |node: &Node, key: &str| node.get(key).map(Node::items).unwrap_or_default().to_vec();
    let mut routes = Vec::new();
    for rule in document.get("spec").map(|spec| list(spec, "rules")).unwrap_or_default() {
        let matches = list(&rule, "matches");
        for one in if matches.is_empty() { std::slice::from_ref(&rule) } else { &matches } {
            let path = source.text(one.find(&["path", "value"])).unwrap_or_else(|| source.seen(&rule, "/".to_owned()));
            let exact = one.find(&["path", "type"]).and_then(Node::text).as_deref() == Some("Exact");
            routes.extend(list(&rule, "backendRefs").iter().map(|backend| Route {
                name: name.to_owned(),
                at: path.at.clone(),
                encrypted: None,
                path: path.clone(),
                exact,
                backend: backend.get("name").and_then(Node::text).unwrap_or_default(),
                port: source.text(backend.get("port")).unwrap_or_else(|| source.seen(backend, String::new())),
            }));
        }
    }
    routes
}

/// Annotations of an Ingress by which its paths lead elsewhere than they say.
pub(super) fn diversions(source: &Arc<Source>, document: &Node, name: &str) -> Vec<Unjudged> {
    let annotations = document.find(&["metadata", "annotations"]).map(Node::fields).unwrap_or_default().iter();
    let is_one = |key: &str| key.ends_with("-snippet") || key.ends_with("/rewrite-target");
    annotations
        .filter(|field| is_one(&field.key))
        .map(|field| Unjudged::new(&source.place(&field.place.written), format!("`{}` of {name}", field.key)))
        .collect()
}

/// Whether a host of a certificate, perhaps with a wildcard, is this host.
fn covers(known: &str, host: &str) -> bool {
    known == host
        || known.strip_prefix("*.").is_some_and(|rest| host.split_once('.').is_some_and(|(_, after)| after == rest))
}
