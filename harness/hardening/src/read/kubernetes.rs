//! Kubernetes manifests, as a rendered Helm chart is: pods of every kind, and what leads to them.

mod pod;
mod routes;

use super::Facts;
use crate::model::{Config, Input, Kind, Source};
use base64::{Engine, prelude::BASE64_STANDARD};
use fedproof_yaml::{Field, Node};
use std::sync::Arc;

pub(super) fn read(source: &Arc<Source>, documents: &[Node]) -> Input {
    let mut input = Input::new(Kind::Kubernetes, source);
    documents.iter().for_each(|document| add(&mut input, source, document));
    input
}

fn add(input: &mut Input, source: &Arc<Source>, document: &Node) {
    let kind = document.get("kind").and_then(Node::text).unwrap_or_default();
    let name = document.find(&["metadata", "name"]).and_then(Node::text).unwrap_or_default();
    let name = format!("{kind}/{name}");
    let ends = ["Job", "CronJob"].contains(&&*kind);
    let template: &[&str] = match &*kind {
        "List" => {
            let items = document.get("items").map(Node::items).unwrap_or_default();
            return items.iter().for_each(|item| add(input, source, item));
        }
        "Pod" => &[],
        "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "Job" => &["spec", "template"],
        "CronJob" => &["spec", "jobTemplate", "spec", "template"],
        "Service" => return input.services.push(routes::service(source, document, name)),
        "Ingress" => return input.routes.extend(routes::ingress(source, document, &name)),
        "ServiceAccount" => {
            let account = document.find(&["metadata", "name"]).and_then(Node::text).unwrap_or_default();
            let token = source.flag(document.get("automountServiceAccountToken"));
            input.accounts.insert(account, token);
            return;
        }
        "ConfigMap" | "Secret" => return input.configs.extend(configs(source, document, &name, kind == "ConfigMap")),
        // Claims, policies, roles and the like: nothing runs by them.
        _ => return,
    };
    if let Some(template) = document.find(template) {
        input.containers.extend(pod::containers(source, template, &name, ends));
    }
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
