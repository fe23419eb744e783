//! Kubernetes manifests, as a rendered Helm chart is: pods of every kind, and what leads to them.

mod pod;
mod routes;

use super::Facts;
use crate::model::{Config, Input, Kind, Source, Unjudged, Volume};
use base64::{Engine, prelude::BASE64_STANDARD};
use fedproof_yaml::{Field, Node};
use std::sync::Arc;

/// Kinds by which nothing runs, and nothing is open to others.
const IDLE: &[&str] = &[
    "ClusterRole",
    "ClusterRoleBinding",
    "CustomResourceDefinition",
    "HorizontalPodAutoscaler",
    "IngressClass",
    "LimitRange",
    "Namespace",
    "NetworkPolicy",
    "PersistentVolumeClaim",
    "PodDisruptionBudget",
    "PriorityClass",
    "ResourceQuota",
    "Role",
    "RoleBinding",
    "StorageClass",
];

pub(super) fn read(source: &Arc<Source>, documents: &[Node]) -> Input {
    let mut input = Input::new(Kind::Kubernetes, source);
    documents.iter().for_each(|document| add(&mut input, source, document, ""));
    input
}

/// Reads an object; `listed` is its kind where it does not say it itself, since the list does that it is in.
fn add(input: &mut Input, source: &Arc<Source>, document: &Node, listed: &str) {
    let kind = document.get("kind").and_then(Node::text).unwrap_or_else(|| listed.to_owned());
    if let (Some(listed), Some(items)) = (kind.strip_suffix("List"), document.get("items")) {
        return items.items().iter().for_each(|item| add(input, source, item, listed));
    }
    let called = document.find(&["metadata", "name"]).and_then(Node::text).unwrap_or_default();
    let name = format!("{kind}/{called}");
    let mut pods = Vec::new();
    find_pods(document, &mut pods);
    let ends = ["Job", "CronJob"].contains(&&*kind);
    input.containers.extend(pods.iter().flat_map(|pod| pod::containers(source, pod, &name, ends)));
    match &*kind {
        _ if !pods.is_empty() => {}
        "Service" => input.services.push(routes::service(source, document, name)),
        "Ingress" => {
            input.unjudged.extend(routes::diversions(source, document, &name));
            input.routes.extend(routes::ingress(source, document, &name));
        }
        "HTTPRoute" => input.routes.extend(routes::http_route(source, document, &name)),
        "ServiceAccount" => {
            let token = source.flag(document.get("automountServiceAccountToken"));
            input.accounts.insert(called, token);
        }
        "ConfigMap" | "Secret" => input.configs.extend(configs(source, document, &name, kind == "ConfigMap")),
        "PersistentVolume" => {
            let host_path = source.text(document.find(&["spec", "hostPath", "path"]));
            input.volumes.push(Volume { name, host_path });
        }
        idle if IDLE.contains(&idle) => {}
        unknown => {
            let what = if unknown.is_empty() { "a document without `kind`".to_owned() } else { format!("`{name}`") };
            let place = document.fields().first().map_or(&document.place, |field| &field.place);
            input.unjudged.push(Unjudged::new(&source.place(&place.written), what));
        }
    }
}

/// Pods and templates of pods, of whatever kind the object is: what has containers in its `spec`.
fn find_pods<'a>(node: &'a Node, found: &mut Vec<&'a Node>) {
    let has = |key| {
        let list = node.find(&["spec", key]).map(Node::items).unwrap_or_default();
        list.iter().any(|one| !one.fields().is_empty())
    };
    if has("containers") || has("initContainers") {
        return found.push(node);
    }
    node.items().iter().chain(node.fields().iter().map(|field| &field.value)).for_each(|below| find_pods(below, found));
}

/// What a ConfigMap or a Secret holds, file by file.
fn configs(source: &Arc<Source>, document: &Node, name: &str, open: bool) -> Vec<Config> {
    let section = |key: &str| document.get(key).map(Node::fields).unwrap_or_default();
    let config = |field: &Field, value: Option<String>| {
        let name = format!("`{}` of {name}", field.key);
        Config { open, ..Config::of_field(source, field, name, value) }
    };
    let decoded = |field: &Field| {
        let encoded = field.value.text()?.split_whitespace().collect::<String>();
        Some(String::from_utf8_lossy(&BASE64_STANDARD.decode(encoded).ok()?).into_owned())
    };
    let encoded = |field: &Field| config(field, decoded(field));
    let plain = |field: &Field| config(field, None);
    let data = section("data").iter().map(|field| if open { plain(field) } else { encoded(field) });
    let more = section("stringData").iter().map(plain).chain(section("binaryData").iter().map(encoded));
    data.chain(more).collect()
}
