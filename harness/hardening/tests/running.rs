//! Containers that run: what the engine says (docker 20.10, as it printed it) and what is seen inside. Each rule fails alone.

mod support;

use fedproof_hardening::{Inside, Judgement, Kind, inspected, judge};
use fedproof_results::Verdict;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use support::{broken, known, rules_of};

/// A container that keeps every rule.
fn container() -> Value {
    json!({
        "Id": "2a4461fdf804", "Name": "/alpha", "AppArmorProfile": "docker-default",
        "State": {"Status": "running", "Pid": 7356, "Health": {"Status": "healthy"}},
        "Config": {
            "Image": "registry.example/synapse:v1.163.2", "User": "70000:70000", "Env": ["PATH=/usr/bin", "PW_FILE=/run/secrets/pw"],
            "Entrypoint": ["synapse"], "Cmd": ["--config-path", "/config/homeserver.yaml"], "Healthcheck": {"Test": ["CMD", "true"]},
        },
        "HostConfig": {
            "ReadonlyRootfs": true, "CapDrop": ["ALL"], "CapAdd": null, "Privileged": false,
            "SecurityOpt": ["no-new-privileges:true"], "NetworkMode": "alpha_default", "PidMode": "", "IpcMode": "private",
            "UTSMode": "", "UsernsMode": "", "CgroupnsMode": "private", "Memory": 67_108_864, "NanoCpus": 500_000_000,
            "CpuQuota": 0, "PidsLimit": 50, "MemoryReservation": 16_777_216, "Devices": [], "Tmpfs": {"/tmp": "size=16m"},
            "Mounts": [{"Type": "tmpfs", "Target": "/scratch", "TmpfsOptions": {"SizeBytes": 1_048_576}}], "Sysctls": null,
            "MaskedPaths": ["/proc/kcore"], "RestartPolicy": {"Name": "unless-stopped"},
        },
        "Mounts": [
            {"Type": "volume", "Source": "/var/lib/docker/volumes/data/_data", "Destination": "/data", "RW": true},
            {"Type": "bind", "Source": "/srv/secrets/pw", "Destination": "/run/secrets/pw", "RW": false},
        ],
        "NetworkSettings": {"Ports": {"8008/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8008"}], "8448/tcp": null}},
    })
}

fn inside() -> Inside {
    let config = "server_name: alpha\nlisteners: [{port: 9101, type: metrics}]\npublic_baseurl: https://alpha/\n\
                  federation_client_minimum_tls_version: 1.2\nenable_registration: false\n";
    Inside {
        status: "Name:\tpython\nUid:\t70000\t70000\t70000\t70000\nGid:\t70000\t70000\t70000\t70000\nGroups:\t70000 \n\
                 CapBnd:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t1\nCgroup: 0::/\n"
            .to_owned(),
        writable: Vec::new(),
        folders: vec!["/data".to_owned()],
        files: vec![("/data/signing.key".to_owned(), 0o600), ("/run/secrets/pw".to_owned(), 0o440)],
        configs: vec![("/config/homeserver.yaml".to_owned(), config.to_owned())],
        log: "listening at 8008\n".to_owned(),
    }
}

fn judged(container: &Value, inside: &Inside) -> Vec<Judgement> {
    let input = inspected(container, inside).unwrap_or_else(|error| panic!("{error}"));
    judge(&[input], &known(), |_| true, |rule| rule.level)
}

#[test]
fn a_hard_container_keeps_every_rule_that_applies() {
    let judgements = judged(&container(), &inside());
    assert_eq!(broken(&judgements), [""; 0]);
    let held: BTreeSet<_> = judgements.iter().filter(|one| one.verdict == Verdict::Pass).map(|one| one.rule).collect();
    assert_eq!(held, rules_of(Kind::Running).map(|rule| rule.id).collect());
}

/// Rule; what the engine says instead, by JSON pointer, or what is seen inside; rules that it breaks by its nature.
type Softening = (&'static str, Change, &'static [&'static str]);

enum Change {
    Engine(&'static str, Value),
    Inside(fn(&mut Inside)),
}

/// The kernel's word on something, replaced.
fn status(inside: &mut Inside, from: &str, to: &str) {
    assert!(inside.status.contains(from), "{from}");
    inside.status = inside.status.replace(from, to);
}

fn config(inside: &mut Inside, line: &str) {
    inside.configs[0].1.push_str(line);
}

fn table() -> Vec<Softening> {
    use Change::{Engine, Inside};
    let host = |key| Engine(key, json!("host"));
    let bind = |from: &str| json!({"Type": "bind", "Source": from, "Destination": "/data", "RW": true});
    vec![
        ("user/not-root", Inside(|one| status(one, "Uid:\t70000", "Uid:\t0")), &["user/high-uid"]),
        ("user/high-uid", Inside(|one| status(one, "Uid:\t70000", "Uid:\t991")), &[]),
        ("user/high-gid", Inside(|one| status(one, "Gid:\t70000", "Gid:\t991")), &[]),
        ("user/high-groups", Inside(|one| status(one, "Groups:\t70000", "Groups:\t70000 27")), &[]),
        ("root-read-only/root", Engine("/HostConfig/ReadonlyRootfs", json!(false)), &[]),
        ("root-read-only/root", Inside(|one| one.writable.push("/etc".to_owned())), &[]),
        ("root-read-only/scratch", Engine("/HostConfig/Tmpfs", json!({"/tmp": ""})), &[]),
        ("root-read-only/scratch", Engine("/HostConfig/Mounts/0/TmpfsOptions", json!(null)), &[]),
        (
            "capabilities/drop-all",
            Inside(|one| status(one, "CapBnd:\t0000000000000000", "CapBnd:\t00000000a80425fb")),
            &[],
        ),
        ("capabilities/none-added", Engine("/HostConfig/CapAdd", json!(["CAP_CHOWN"])), &[]),
        ("capabilities/not-privileged", Engine("/HostConfig/Privileged", json!(true)), &[]),
        ("capabilities/no-escalation", Inside(|one| status(one, "NoNewPrivs:\t1", "NoNewPrivs:\t0")), &[]),
        ("capabilities/seccomp", Inside(|one| status(one, "Seccomp:\t2", "Seccomp:\t0")), &[]),
        ("capabilities/apparmor", Engine("/AppArmorProfile", json!("unconfined")), &[]),
        ("capabilities/proc", Engine("/HostConfig/MaskedPaths", json!(null)), &[]),
        ("capabilities/sysctls", Engine("/HostConfig/Sysctls", json!({"net.ipv4.ip_forward": "1"})), &[]),
        ("namespaces-and-mounts/no-host-paths", Engine("/Mounts/0", bind("/srv")), &[]),
        (
            "namespaces-and-mounts/no-engine-socket",
            Engine("/Mounts/0", bind("/var/run/docker.sock")),
            &["namespaces-and-mounts/no-host-paths"],
        ),
        ("namespaces-and-mounts/no-devices", Engine("/HostConfig/Devices", json!([{"PathOnHost": "/dev/kvm"}])), &[]),
        ("namespaces-and-mounts/no-host-network", host("/HostConfig/NetworkMode"), &[]),
        ("namespaces-and-mounts/no-host-pid", host("/HostConfig/PidMode"), &[]),
        ("namespaces-and-mounts/no-host-ipc", host("/HostConfig/IpcMode"), &[]),
        ("namespaces-and-mounts/no-host-uts", host("/HostConfig/UTSMode"), &[]),
        ("namespaces-and-mounts/no-host-users", host("/HostConfig/UsernsMode"), &[]),
        ("namespaces-and-mounts/no-host-cgroup", host("/HostConfig/CgroupnsMode"), &[]),
        (
            "namespaces-and-mounts/no-host-ports",
            Engine("/NetworkSettings/Ports/8008~1tcp/0/HostIp", json!("0.0.0.0")),
            &[],
        ),
        ("resources-and-probes/memory-limit", Engine("/HostConfig/Memory", json!(0)), &[]),
        ("resources-and-probes/cpu-limit", Engine("/HostConfig/NanoCpus", json!(0)), &[]),
        ("resources-and-probes/pids-limit", Engine("/HostConfig/PidsLimit", json!(null)), &[]),
        ("resources-and-probes/memory-request", Engine("/HostConfig/MemoryReservation", json!(0)), &[]),
        ("resources-and-probes/liveness", Engine("/State/Health/Status", json!("unhealthy")), &[]),
        ("resources-and-probes/liveness", Engine("/State/Health", json!(null)), &[]),
        ("images/version", Engine("/Config/Image", json!("registry.example/synapse")), &[]),
        ("images/no-latest", Engine("/Config/Image", json!("registry.example/synapse:latest")), &[]),
        ("images/registry", Engine("/Config/Image", json!("synapse:v1.163.2")), &[]),
        ("images/bill-of-materials", Engine("/Config/Image", json!("registry.example/synapse:v1.163.3")), &[]),
        ("secrets/environment", Engine("/Config/Env/0", json!("POSTGRES_PASSWORD=hunter2")), &[]),
        ("secrets/command", Engine("/Config/Cmd/0", json!("--token=hunter2")), &[]),
        ("secrets/configuration", Inside(|one| config(one, "form_secret: hunter2\n")), &[]),
        ("secrets/logs", Inside(|one| one.log.push_str("connecting to postgres://a:hunter2@db/a\n")), &[]),
        ("tls/minimum-version", Inside(|one| one.configs[0].1 = one.configs[0].1.replace("1.2", "1.1")), &[]),
        ("tls/verified", Inside(|one| config(one, "federation_verify_certificates: false\n")), &[]),
        ("tls/public-address", Inside(|one| one.configs[0].1 = one.configs[0].1.replace("https", "http")), &[]),
        (
            "exposed-surface/no-metrics",
            Engine("/NetworkSettings/Ports", json!({"9101/tcp": [{"HostIp": "127.0.0.1", "HostPort": "1"}]})),
            &[],
        ),
        (
            "exposed-surface/no-replication",
            Engine("/NetworkSettings/Ports", json!({"9093/tcp": [{"HostIp": "127.0.0.1", "HostPort": "1"}]})),
            &[],
        ),
        (
            "exposed-surface/no-manhole",
            Inside(|one| config(one, "worker_listeners: [{type: manhole, port: 1, bind_addresses: ['::']}]\n")),
            &[],
        ),
        (
            "exposed-surface/registration-closed",
            Inside(|one| one.configs[0].1 = one.configs[0].1.replace("false", "true")),
            &[],
        ),
        ("exposed-surface/no-guests", Inside(|one| config(one, "allow_guest_access: true\n")), &[]),
        ("files/secrets", Inside(|one| one.files[1].1 = 0o444), &[]),
        ("files/data", Inside(|one| one.files[0].1 = 0o644), &[]),
    ]
}

#[test]
fn each_rule_fails_alone_in_a_container() {
    let tried: BTreeSet<String> = table().iter().map(|(rule, ..)| format!("hardening/{rule}")).collect();
    assert_eq!(tried, rules_of(Kind::Running).map(|rule| rule.id.to_owned()).collect());
    for (rule, change, others) in table() {
        let (mut container, mut inside) = (container(), inside());
        match change {
            Change::Engine(pointer, value) => {
                *container.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer}")) = value;
            }
            Change::Inside(change) => change(&mut inside),
        }
        let judgements = judged(&container, &inside);
        let mut expected: Vec<String> = [rule].iter().chain(others).map(|rule| format!("hardening/{rule}")).collect();
        expected.sort_unstable();
        assert_eq!(broken(&judgements), expected, "{rule}");
        for finding in judgements.iter().flat_map(|one| &one.findings) {
            let shown = finding.diagnostic.render(false);
            assert!(!shown.contains("hunter2") && shown.contains("alpha"), "{shown}");
        }
    }
}

#[test]
fn what_the_host_does_not_have_is_not_applicable() {
    let (mut container, mut inside) = (container(), inside());
    container["AppArmorProfile"] = json!("");
    container["HostConfig"]["CgroupnsMode"] = json!("host");
    status(&mut inside, "Cgroup: 0::/", "Cgroup: 13:memory:/docker/2a44");
    let judgements = judged(&container, &inside);
    for rule in ["hardening/capabilities/apparmor", "hardening/namespaces-and-mounts/no-host-cgroup"] {
        let one = judgements.iter().find(|one| one.rule == rule).expect("it is judged");
        assert_eq!(one.verdict, Verdict::NotApplicable, "{rule}");
    }
    assert!(inspected(&json!({"Name": "/x"}), &inside).is_err());
}
