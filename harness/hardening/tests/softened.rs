//! Each rule fails alone: one line of a hard file is softened, and nothing but that is found, where it is.

mod support;

use fedproof_hardening::Kind;
use std::collections::BTreeSet;
use support::{broken, folder, judged, rules_of};

/// Rule; a text of the hard file; what stands there instead; a text of the line that is to be found (the new one if empty);
/// rules that the same line breaks by their nature.
type Softening = (&'static str, &'static str, &'static str, &'static str, &'static [&'static str]);

const BILL: &[&str] = &["images/bill-of-materials"];

const COMPOSE: &[Softening] = &[
    ("user/not-root", "\"70000:70000\"", "\"root:70000\"", "", &["user/high-uid"]),
    ("user/high-uid", "\"70000:70000\"", "\"1000:70000\"", "", &[]),
    ("user/high-gid", "\"70000:70000\"", "\"70000:1000\"", "", &[]),
    ("user/high-groups", "[\"70001\"]", "[\"999\"]", "", &[]),
    ("root-read-only/root", "read_only: true", "read_only: false", "", &[]),
    ("root-read-only/scratch", "/tmp:size=64m", "/tmp", "", &[]),
    ("capabilities/drop-all", "cap_drop: [ALL]", "cap_drop: [NET_RAW]", "", &[]),
    ("capabilities/none-added", "group_add:", "cap_add: [CHOWN]\n    group_add:", "", &[]),
    ("capabilities/not-privileged", "group_add:", "privileged: true\n    group_add:", "", &[]),
    ("capabilities/no-escalation", "- no-new-privileges:true", "- label:user:x", "  synapse:", &[]),
    ("capabilities/seccomp", "seccomp:profile.json", "seccomp=unconfined", "", &[]),
    ("capabilities/apparmor", "apparmor:docker-default", "apparmor:unconfined", "", &[]),
    ("capabilities/proc", "apparmor:docker-default", "systempaths=unconfined", "", &[]),
    ("capabilities/sysctls", "group_add:", "sysctls: [kernel.msgmax=1]\n    group_add:", "", &[]),
    ("namespaces-and-mounts/no-host-paths", "- synapse-data:/data", "- ./data:/data", "", &[]),
    (
        "namespaces-and-mounts/no-host-paths",
        "synapse-data:\n",
        "synapse-data: {driver_opts: {o: bind, device: /srv}}\n",
        "driver_opts",
        &[],
    ),
    (
        "namespaces-and-mounts/no-engine-socket",
        "- synapse-data:/data",
        "- /run/docker.sock:/run/docker.sock:ro",
        "",
        &["namespaces-and-mounts/no-host-paths"],
    ),
    ("namespaces-and-mounts/no-devices", "group_add:", "devices: [/dev/kvm]\n    group_add:", "", &[]),
    ("namespaces-and-mounts/no-host-network", "group_add:", "network_mode: host\n    group_add:", "", &[]),
    ("namespaces-and-mounts/no-host-pid", "group_add:", "pid: host\n    group_add:", "", &[]),
    ("namespaces-and-mounts/no-host-ipc", "group_add:", "ipc: host\n    group_add:", "", &[]),
    ("namespaces-and-mounts/no-host-uts", "group_add:", "uts: host\n    group_add:", "", &[]),
    ("namespaces-and-mounts/no-host-users", "group_add:", "userns_mode: host\n    group_add:", "", &[]),
    ("namespaces-and-mounts/no-host-cgroup", "group_add:", "cgroup: host\n    group_add:", "", &[]),
    ("namespaces-and-mounts/no-host-ports", "127.0.0.1:8008:8008", "8008:8008", "", &[]),
    ("namespaces-and-mounts/no-host-ports", "\"::1\"", "\"::\"", "", &[]),
    ("resources-and-probes/memory-limit", "mem_limit: 64m", "mem_limit: 0", "", &[]),
    ("resources-and-probes/memory-limit", "mem_limit: 64m", "mem_limit: 0m", "", &[]),
    ("root-read-only/scratch", "/tmp:size=64m", "/tmp:size=0", "", &[]),
    ("root-read-only/scratch", "{size: 1048576}", "{size: 0}", "- type: tmpfs", &[]),
    ("resources-and-probes/cpu-limit", "cpus: 0.5", "shm_size: 1m", "  keys:\n", &[]),
    ("resources-and-probes/pids-limit", "pids_limit: 200", "pids_limit: -1", "", &[]),
    ("resources-and-probes/memory-request", "mem_reservation: 16m", "shm_size: 1m", "  keys:\n", &[]),
    ("resources-and-probes/liveness", "      interval: 10s", "      disable: true", "healthcheck:", &[]),
    (
        "images/version",
        "@sha256:0000000000000000000000000000000000000000000000000000000000000000",
        "",
        "registry.example/keys",
        &[],
    ),
    (
        "images/version",
        "${SYNAPSE_IMAGE:-registry.example/synapse:v1.163.2}",
        "registry.example/synapse:${TAG}",
        "",
        BILL,
    ),
    (
        "images/version",
        "${SYNAPSE_IMAGE:-registry.example/synapse:v1.163.2}",
        "${IMAGE:?say it}",
        "",
        &["images/registry", "images/bill-of-materials"],
    ),
    ("capabilities/seccomp", "seccomp:profile.json", "seccomp:${PROFILE}", "", &[]),
    ("capabilities/apparmor", "apparmor:docker-default", "apparmor:$PROFILE", "", &[]),
    ("user/not-root", "\"70000:70000\"", "\"${WHO}:70000\"", "", &["user/high-uid"]),
    ("resources-and-probes/memory-limit", "mem_limit: 64m", "mem_limit: ${MEM}", "", &[]),
    ("resources-and-probes/pids-limit", "pids_limit: 200", "pids_limit: ${P}", "", &[]),
    ("resources-and-probes/liveness", "      interval: 10s", "      disable: ${OFF}", "healthcheck:", &[]),
    ("root-read-only/scratch", "/tmp:size=64m", "/tmp:size=${TMP}", "", &[]),
    ("images/no-latest", "synapse:v1.163.2", "synapse:latest", "", &[]),
    ("images/registry", "registry.example/synapse", "somewhere.example/synapse", "", &[]),
    ("images/bill-of-materials", "synapse:v1.163.2", "synapse:v1.163.3", "", &[]),
    ("secrets/environment", "POSTGRES_PASSWORD_FILE: /run/secrets/postgres", "POSTGRES_PASSWORD: ${PW}", "", &[]),
    ("secrets/environment", "TZ]", "API_KEY]", "", &[]),
    ("secrets/environment", "TZ]", "'DB=pg://a:${PW}@db/a']", "", &[]),
    ("secrets/environment", "group_add:", "build: {context: ., args: {TOKEN: hunter2}}\n    group_add:", "", &[]),
    ("capabilities/not-privileged", "group_add:", "privileged: ${P}\n    group_add:", "", &[]),
    ("namespaces-and-mounts/no-host-pid", "group_add:", "pid: ${P}\n    group_add:", "", &[]),
    ("namespaces-and-mounts/no-host-network", "group_add:", "network_mode: container:other\n    group_add:", "", &[]),
    (
        "namespaces-and-mounts/no-host-network",
        "volumes:\n  synapse-data:\n",
        "networks: {default: {name: host, external: true}}\nvolumes:\n  synapse-data:\n",
        "",
        &[],
    ),
    ("namespaces-and-mounts/no-host-ipc", "group_add:", "ipc: container:other\n    group_add:", "", &[]),
    (
        "namespaces-and-mounts/no-engine-socket",
        "group_add:",
        "use_api_socket: true\n    group_add:",
        "",
        &["namespaces-and-mounts/no-host-paths"],
    ),
    ("namespaces-and-mounts/no-host-paths", "group_add:", "volumes_from: [container:other]\n    group_add:", "", &[]),
    (
        "namespaces-and-mounts/no-host-paths",
        "synapse-data:\n",
        "synapse-data: {driver_opts: {type: ext4, device: /dev/sda1}}\n",
        "driver_opts",
        &[],
    ),
    ("namespaces-and-mounts/no-devices", "group_add:", "device_cgroup_rules: ['b *:* rwm']\n    group_add:", "", &[]),
    ("namespaces-and-mounts/no-devices", "group_add:", "gpus: all\n    group_add:", "", &[]),
    (
        "namespaces-and-mounts/no-devices",
        "          memory: 128M\n",
        "          memory: 128M\n          devices: [{driver: nvidia, capabilities: [gpu]}]\n",
        "devices:",
        &[],
    ),
    ("capabilities/apparmor", "apparmor:docker-default", "label:disable", "", &[]),
    ("capabilities/apparmor", "apparmor:docker-default", "label=disable", "", &[]),
    (
        "capabilities/not-privileged",
        "group_add:",
        "post_start: [{command: a, privileged: true}]\n    group_add:",
        "",
        &[],
    ),
    (
        "user/not-root",
        "group_add:",
        "post_start: [{command: a, user: \"root:70000\"}]\n    group_add:",
        "",
        &["user/high-uid"],
    ),
    ("secrets/command", "group_add:", "pre_stop: [{command: leave --token=hunter2}]\n    group_add:", "", &[]),
    ("secrets/command", "make-keys /data", "make-keys --token=hunter2", "", &[]),
    ("secrets/configuration", "registration_shared_secret_path: /run/secrets/registration", "form_secret: x", "", &[]),
    ("secrets/environment", "TZ]", "'POSTGRES_PASSWORD=!hunter2']", "", &[]),
    ("secrets/environment", "TZ]", "'POSTGRES_PASSWORD=/Zk3hunter2=']", "", &[]),
    ("secrets/environment", "TZ]", "MYSQL_PWD=hunter2]", "", &[]),
    ("secrets/command", "make-keys /data", "redis-server --requirepass hunter2", "", &[]),
    (
        "secrets/configuration",
        "registration_shared_secret_path: /run/secrets/registration",
        "form_secret:\n        hunter2",
        "  hunter2",
        &[],
    ),
    (
        "secrets/configuration",
        "registration_shared_secret_path: /run/secrets/registration",
        "form_secret: >-\n        hunter2",
        "  hunter2",
        &[],
    ),
    ("secrets/configuration", "{file: ./secrets/postgres}", "{content: hunter2}", "", &[]),
    ("secrets/configuration", "group_add:", "labels: {admin.token: hunter2}\n    group_add:", "", &[]),
    ("secrets/configuration", "group_add:", "labels: [admin.token=hunter2]\n    group_add:", "", &[]),
    ("secrets/configuration", "group_add:", "logging: {options: {splunk-token: hunter2}}\n    group_add:", "", &[]),
    (
        "secrets/configuration",
        "synapse-data:\n",
        "synapse-data: {driver_opts: {o: \"addr=a,password=hunter2\"}}\n",
        "driver_opts",
        &[],
    ),
    ("tls/minimum-version", "version: \"1.2\"", "version: 1", "", &[]),
    ("tls/verified", "signing_key_path:", "federation_verify_certificates: false\n      signing_key_path:", "", &[]),
    ("tls/public-address", "https://alpha.example/", "http://alpha.example/", "", &[]),
    ("exposed-surface/no-metrics", "127.0.0.1:8008:8008", "127.0.0.1:9101:9101", "", &[]),
    ("exposed-surface/no-replication", "127.0.0.1:8008:8008", "127.0.0.1:9093:9093", "", &[]),
    ("exposed-surface/no-manhole", "[\"127.0.0.1\"]", "[\"0.0.0.0\"]", "", &[]),
    ("exposed-surface/registration-closed", "enable_registration: false", "enable_registration: true", "", &[]),
    ("exposed-surface/no-guests", "allow_guest_access: false", "allow_guest_access: true", "", &[]),
    ("files/secrets", "mode: 0440", "mode: 0444", "", &[]),
];

const KUBERNETES: &[Softening] = &[
    ("user/not-root", "runAsNonRoot: true\n", "runAsNonRoot: false\n", "", &[]),
    ("user/high-uid", "runAsUser: 70000\n", "runAsUser: 1000\n", "", &[]),
    ("user/high-gid", "runAsGroup: 70000\n", "runAsGroup: 1000\n", "", &[]),
    ("user/high-groups", "fsGroup: 70000", "fsGroup: 1000", "", &[]),
    ("root-read-only/root", "readOnlyRootFilesystem: true\n", "readOnlyRootFilesystem: false\n", "", &[]),
    ("root-read-only/scratch", "sizeLimit: 64Mi", "medium: Memory", "emptyDir:", &[]),
    ("capabilities/drop-all", "drop: [ALL]\n", "drop: [NET_RAW]\n", "", &[]),
    ("capabilities/none-added", "add: []", "add: [CHOWN]", "", &[]),
    ("capabilities/not-privileged", "privileged: false", "privileged: true", "", &[]),
    ("capabilities/no-escalation", "allowPrivilegeEscalation: false\n", "allowPrivilegeEscalation: true\n", "", &[]),
    (
        "capabilities/seccomp",
        "seccompProfile: {type: RuntimeDefault}\n",
        "seccompProfile: {}\n",
        "- name: synapse",
        &[],
    ),
    (
        "capabilities/apparmor",
        "appArmorProfile: {type: RuntimeDefault}",
        "appArmorProfile: {type: Unconfined}",
        "",
        &[],
    ),
    ("capabilities/proc", "procMount: Default", "procMount: Unmasked", "", &[]),
    ("capabilities/sysctls", "net.ipv4.ip_local_port_range", "kernel.msgmax", "", &[]),
    (
        "namespaces-and-mounts/no-host-paths",
        "persistentVolumeClaim: {claimName: synapse-data}",
        "hostPath: {path: /srv}",
        "",
        &[],
    ),
    (
        "namespaces-and-mounts/no-engine-socket",
        "persistentVolumeClaim: {claimName: synapse-data}",
        "hostPath: {path: /run/crio/crio.sock}",
        "",
        &["namespaces-and-mounts/no-host-paths"],
    ),
    (
        "namespaces-and-mounts/no-host-paths",
        "apiVersion: v1\nkind: Service\n",
        "apiVersion: v1\nkind: PersistentVolume\nspec: {hostPath: {path: /srv}}\n---\napiVersion: v1\nkind: Service\n",
        "hostPath",
        &[],
    ),
    ("namespaces-and-mounts/no-host-network", "hostNetwork: false", "hostNetwork: true", "", &[]),
    ("namespaces-and-mounts/no-host-pid", "hostPID: false", "hostPID: true", "", &[]),
    ("namespaces-and-mounts/no-host-ipc", "hostIPC: false", "hostIPC: true", "", &[]),
    ("namespaces-and-mounts/no-host-users", "hostUsers: false", "hostUsers: true", "", &[]),
    (
        "namespaces-and-mounts/no-host-ports",
        "containerPort: 8008",
        "containerPort: 8008\n              hostPort: 8008",
        "hostPort",
        &[],
    ),
    ("resources-and-probes/memory-limit", "memory: 1Gi", "ephemeral-storage: 1Gi", "- name: synapse", &[]),
    ("resources-and-probes/cpu-limit", "cpu: \"2\"", "cpu: 0", "", &[]),
    ("resources-and-probes/memory-limit", "memory: 1Gi", "memory: 0Mi", "", &[]),
    ("resources-and-probes/cpu-limit", "cpu: \"2\"", "cpu: 0m", "", &[]),
    ("root-read-only/scratch", "sizeLimit: 64Mi", "sizeLimit: \"0\"", "emptyDir:", &[]),
    (
        "resources-and-probes/liveness",
        "livenessProbe:\n            httpGet: {path: /health, port: http}\n",
        "livenessProbe: {periodSeconds: 5}\n",
        "",
        &[],
    ),
    (
        "resources-and-probes/readiness",
        "readinessProbe:\n            httpGet: {path: /health, port: http}\n",
        "readinessProbe: {}\n",
        "",
        &[],
    ),
    (
        "resources-and-probes/readiness",
        "readinessProbe:\n            httpGet: {path: /health, port: http}\n",
        "readinessProbe:\n",
        "",
        &[],
    ),
    (
        "service-account/no-token",
        "        - name: data\n",
        "        - name: token\n          projected: {sources: [{serviceAccountToken: {path: token}}]}\n        - name: data\n",
        "serviceAccountToken: {",
        &[],
    ),
    ("resources-and-probes/memory-request", "memory: 256Mi", "ephemeral-storage: 1Gi", "- name: synapse", &[]),
    ("resources-and-probes/cpu-request", "cpu: 500m", "ephemeral-storage: 1Gi", "- name: synapse", &[]),
    ("resources-and-probes/liveness", "livenessProbe:", "startupProbe:", "- name: synapse", &[]),
    ("resources-and-probes/readiness", "readinessProbe:", "startupProbe:", "- name: synapse", &[]),
    ("images/version", "synapse:v1.163.2", "synapse", "image: registry.example/synapse", &[]),
    ("images/no-latest", "synapse:v1.163.2", "synapse:latest", "", &[]),
    ("images/registry", "registry.example/synapse", "registry.example.evil/synapse", "", &[]),
    ("images/bill-of-materials", "synapse:v1.163.2", "synapse:v1.163.3", "", &[]),
    ("secrets/environment", "value: INFO", "value: postgres://a:hunter2@db/x", "", &[]),
    ("secrets/command", "[run, --config-path,", "[run, --password, hunter2,", "", &[]),
    (
        "secrets/command",
        "livenessProbe:\n",
        "lifecycle: {postStart: {exec: {command: [setup, --token=hunter2]}}}\n          livenessProbe:\n",
        "postStart",
        &[],
    ),
    ("secrets/configuration", "  LOG_LEVEL: INFO\n", "  ADMIN_TOKEN: |\n    hunter2\n", "  hunter2", &[]),
    // `form_secret: hunter2`
    (
        "secrets/configuration",
        "data:\n  LOG_LEVEL: INFO\n",
        "binaryData: {a.yaml: Zm9ybV9zZWNyZXQ6IGh1bnRlcjIK}\ndata:\n",
        "binaryData",
        &[],
    ),
    (
        "secrets/configuration",
        "registration_shared_secret_path: /run/secrets/registration",
        "macaroon_secret_key: x",
        "",
        &[],
    ),
    (
        "service-account/own",
        "serviceAccountName: synapse",
        "serviceAccountName: default",
        "",
        &["service-account/no-token"],
    ),
    (
        "service-account/no-token",
        "automountServiceAccountToken: false\n---",
        "automountServiceAccountToken: true\n---",
        "",
        &[],
    ),
    (
        "tls/minimum-version",
        "federation_client_minimum_tls_version: \"1.2\"",
        "report_stats: false",
        "server_name:",
        &[],
    ),
    ("tls/verified", "federation_verify_certificates: true", "federation_verify_certificates: false", "", &[]),
    ("tls/public-address", "https://matrix", "http://matrix", "", &[]),
    ("tls/ingress", "[\"*.alpha.example\"]", "[\"alpha.example\"]", "host: matrix.alpha.example", &[]),
    ("exposed-surface/no-admin-api", "path: /_synapse/client", "path: /_synapse", "", &[]),
    ("exposed-surface/no-admin-api", "path: /_matrix", "path: /", "", &[]),
    ("exposed-surface/no-admin-api", "path: /_matrix", "path: /*", "", &[]),
    ("exposed-surface/no-admin-api", "path: /_matrix", "path: /_synapse(/|$)(.*)", "", &[]),
    (
        "exposed-surface/no-admin-api",
        "kind: Ingress\nmetadata: {name: synapse}\n",
        "kind: HTTPRoute\nspec:\n  rules:\n    - matches: [{path: {value: /_synapse/admin}}]\n      \
         backendRefs: [{name: synapse, port: 8008}]\n---\napiVersion: networking.k8s.io/v1\nkind: Ingress\n",
        "matches",
        &[],
    ),
    (
        "exposed-surface/no-metrics",
        "kind: Ingress\nmetadata: {name: synapse}\n",
        "kind: HTTPRoute\nspec: {rules: [{matches: [{path: {value: /a}}], backendRefs: [{name: synapse, port: 9101}]}]}\n\
         ---\napiVersion: networking.k8s.io/v1\nkind: Ingress\n",
        "matches",
        &[],
    ),
    ("exposed-surface/no-metrics", "port: {number: 8008}", "port: {number: 9101}", "", &[]),
    ("exposed-surface/no-metrics", "type: ClusterIP", "type: LoadBalancer", "- name: metrics", &[]),
    ("exposed-surface/no-replication", "port: {number: 8008}", "port: {number: 9093}", "", &[]),
    ("exposed-surface/no-manhole", "[\"127.0.0.1\"]", "[\"0.0.0.0\"]", "", &[]),
    ("exposed-surface/no-external-addresses", "externalIPs: []", "externalIPs: [203.0.113.7]", "", &[]),
    ("exposed-surface/no-node-ports", "type: LoadBalancer", "type: NodePort", "", &[]),
    ("exposed-surface/registration-closed", "enable_registration: false", "enable_registration: true", "", &[]),
    ("exposed-surface/no-guests", "allow_guest_access: false", "allow_guest_access: true", "", &[]),
    ("files/secrets", "defaultMode: 0440", "defaultMode: 0444", "", &[]),
];

#[test]
fn each_rule_fails_alone_in_a_compose_file() {
    soften(Kind::Compose, "hard.compose.yaml", COMPOSE);
}

#[test]
fn each_rule_fails_alone_in_a_manifest() {
    soften(Kind::Kubernetes, "hard.manifest.yaml", KUBERNETES);
}

fn soften(kind: Kind, name: &str, table: &[Softening]) {
    let tried: BTreeSet<String> = table.iter().map(|(rule, ..)| format!("hardening/{rule}")).collect();
    let applying: BTreeSet<String> = rules_of(kind).map(|rule| rule.id.to_owned()).collect();
    assert_eq!(tried, applying, "every rule that applies is softened once at least");

    let hard = std::fs::read_to_string(folder().join(name)).expect("it is there");
    let place = tempfile::tempdir().expect("a folder");
    std::fs::copy(folder().join("sygnal.yaml"), place.path().join("sygnal.yaml")).expect("it is there");
    let file = place.path().join(name);
    for (rule, from, to, found, others) in table {
        assert!(hard.contains(from), "{rule}: {from}");
        let soft = hard.replacen(from, to, 1);
        std::fs::write(&file, &soft).expect("it can be written");
        let judgements = judged(&file);
        let mut expected: Vec<String> = [*rule].iter().chain(*others).map(|rule| format!("hardening/{rule}")).collect();
        expected.sort_unstable();
        assert_eq!(broken(&judgements), expected, "{from} → {to}");

        let at = if found.is_empty() { hard.find(from) } else { soft.find(found) };
        let line = soft[..at.unwrap_or_else(|| panic!("{found} in {name}"))].matches('\n').count() + 1;
        let id = format!("hardening/{rule}");
        let of_rule = judgements.iter().filter(|one| one.rule == id).flat_map(|one| &one.findings);
        let lines: Vec<usize> = of_rule.map(|finding| finding.line).collect();
        assert_eq!(lines, [line], "{rule}: {from} → {to}");
    }
}
