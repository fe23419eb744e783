//! The containers of a pod. What only the pod says holds for each of them.

use crate::{
    amount::is_amount,
    model::{Container, Port, Resources, Seen, Source},
    read::{Facts, mode},
};
use fedproof_yaml::{Field, Node};
use std::sync::Arc;

/// Annotation that gave AppArmor profiles before Kubernetes 1.30, with the container's name at its end.
const APPARMOR: &str = "container.apparmor.security.beta.kubernetes.io/";

/// Reads a pod or a template of pods. `ends`: its containers end by themselves.
pub(super) fn containers(source: &Arc<Source>, template: &Node, name: &str, ends: bool) -> Vec<Container> {
    let Some(spec) = template.field("spec") else { return Vec::new() };
    let list = |key| spec.value.get(key).map(Node::items).unwrap_or_default().iter();
    // An init container that is always restarted is a sidecar.
    let lasts = |one: &Node| one.get("restartPolicy").and_then(Node::text).as_deref() == Some("Always");
    let first = list("initContainers").map(|one| (one, ends || !lasts(one)));
    let all = first.chain(list("containers").map(|one| (one, ends)));
    all.map(|(one, ends)| {
        let called = one.get("name").and_then(Node::text).unwrap_or_default();
        let place = one.fields().first().map_or(&one.place, |field| &field.place);
        let mut container = Container::new(format!("container `{called}` of {name}"), source.place(&place.written));
        container.ends = ends;
        container.pod = source.place(&spec.place.written);
        of_pod(source, &spec.value, &mut container);
        of_container(source, one, &mut container);
        rights(source, &spec.value, one, &mut container);
        let annotated = format!("{APPARMOR}{called}");
        let annotation = source.text(template.find(&["metadata", "annotations", &annotated]));
        container.apparmor = container.apparmor.or(annotation);
        container
    })
    .collect()
}

/// What all containers of a pod share.
fn of_pod(source: &Arc<Source>, spec: &Node, container: &mut Container) {
    for (key, namespace) in [("hostNetwork", "network"), ("hostPID", "pid"), ("hostIPC", "ipc"), ("hostUsers", "user")]
    {
        let is_hosts = source.flag(spec.get(key)).filter(|flag| flag.value);
        container.host_namespaces.extend(is_hosts.map(|flag| flag.map(|_| (namespace, "true".to_owned()))));
    }
    container.account = source.text(spec.get("serviceAccountName")).or_else(|| source.text(spec.get("serviceAccount")));
    container.token = source.flag(spec.get("automountServiceAccountToken"));
    for volume in spec.get("volumes").map(Node::items).unwrap_or_default() {
        let name = volume.get("name").and_then(Node::text).unwrap_or_default();
        container.host_paths.extend(source.text(volume.find(&["hostPath", "path"])));
        if let Some(space) = volume.field("emptyDir") {
            let size = space.value.get("sizeLimit").and_then(Node::text);
            let value = (name.clone(), size.is_some_and(|size| is_amount(&size)));
            container.scratch.push(Seen { value, at: source.place(&space.place.written) });
        }
        let projected = volume.find(&["projected", "sources"]).map(Node::items).unwrap_or_default();
        let mut tokens = projected.iter().filter_map(|part| part.field("serviceAccountToken"));
        let token = tokens.find(|token| is_for_cluster(&token.value));
        let token = token.map(|token| Seen { value: true, at: source.place(&token.place.written) });
        container.token = token.or(container.token.take());
        let own = volume.field("secret").map(|field| (field, &field.value));
        let parts = projected.iter().filter_map(|part| Some((part.field("secret")?, volume.get("projected")?)));
        for (secret, holder) in own.into_iter().chain(parts) {
            let modes = secret.value.get("items").map(Node::items).unwrap_or_default().iter();
            let modes = modes.filter_map(|item| item.get("mode")).chain(holder.get("defaultMode"));
            // The most open one counts; 0644 is what Kubernetes takes if nobody says anything.
            let open = modes.filter_map(|node| Some((mode(&node.text()?)?, node))).max_by_key(|(mode, _)| mode & 0o7);
            let seen = match open {
                Some((mode, node)) => source.seen(node, (name.clone(), Some(mode))),
                None => Seen { value: (name.clone(), Some(0o644)), at: source.place(&secret.place.written) },
            };
            container.secret_files.push(seen);
        }
    }
    for sysctl in spec.find(&["securityContext", "sysctls"]).map(Node::items).unwrap_or_default() {
        container.sysctls.extend(source.text(sysctl.get("name")));
    }
    for key in ["supplementalGroups", "fsGroup"] {
        container.groups.extend(source.texts(spec.find(&["securityContext", key])));
    }
}

/// Security contexts: the container's, or where it says nothing, the pod's.
fn rights(source: &Arc<Source>, spec: &Node, one: &Node, container: &mut Container) {
    let own = |keys: &[&str]| one.get("securityContext").and_then(|context| context.find(keys));
    let either = |keys: &[&str]| own(keys).or_else(|| spec.get("securityContext")?.find(keys));
    container.non_root = source.flag(either(&["runAsNonRoot"]));
    container.user = source.text(either(&["runAsUser"]));
    container.group = source.text(either(&["runAsGroup"]));
    container.seccomp = source.text(either(&["seccompProfile", "type"]));
    container.apparmor = source.text(either(&["appArmorProfile", "type"]));
    container.proc = source.text(own(&["procMount"]));
    container.read_only = source.flag(own(&["readOnlyRootFilesystem"]));
    container.privileged = source.flag(own(&["privileged"]));
    container.escalation = source.flag(own(&["allowPrivilegeEscalation"]));
    container.dropped = source.texts(own(&["capabilities", "drop"]));
    container.added = source.texts(own(&["capabilities", "add"]));
}

fn of_container(source: &Arc<Source>, one: &Node, container: &mut Container) {
    container.image = source.text(one.get("image"));
    let amounts = |kind: &str| Resources {
        memory: source.text(one.find(&["resources", kind, "memory"])),
        cpu: source.text(one.find(&["resources", kind, "cpu"])),
        pids: None,
    };
    container.limits = amounts("limits");
    container.requests = amounts("requests");
    let probe = |key| {
        let at = |probe: &Field| source.place(&probe.place.written);
        one.field(key).map(|probe| Seen { value: asks(&probe.value), at: at(probe) })
    };
    container.liveness = probe("livenessProbe");
    container.readiness = probe("readinessProbe");
    for port in one.get("ports").map(Node::items).unwrap_or_default() {
        let text = |key| port.get(key).and_then(Node::text).unwrap_or_default();
        if let Some(host) = port.get("hostPort") {
            // A node's loopback is shared by everything on it that is no pod, so that an address does not help.
            let value = Port { host: None, target: text("containerPort"), name: text("name") };
            container.ports.push(source.seen(host, value));
        }
    }
    for variable in one.get("env").map(Node::items).unwrap_or_default() {
        if let (Some(name), Some(value)) =
            (variable.get("name").and_then(Node::text), source.text(variable.get("value")))
        {
            container.environment.push(value.map(|value| (name, value)));
        }
    }
    container.command = ["command", "args"].into_iter().flat_map(|key| source.texts(one.get(key))).collect();
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        container.command.extend(source.texts(one.find(&[probe, "exec", "command"])));
    }
    for hook in ["postStart", "preStop"] {
        container.command.extend(source.texts(one.find(&["lifecycle", hook, "exec", "command"])));
    }
}

/// Whether a probe asks anything.
fn asks(probe: &Node) -> bool {
    let ways = ["exec", "grpc", "httpGet", "tcpSocket"];
    ways.iter().any(|way| probe.get(way).is_some_and(|way| !way.fields().is_empty()))
}

/// Whether a projected token is for the cluster's API, and not for another service that is named as its audience.
fn is_for_cluster(token: &Node) -> bool {
    token.get("audience").and_then(Node::text).is_none_or(|audience| audience.contains("kubernetes"))
}
