//! `fedproof harden --running` on containers that really run: `.ci/containers` does so. Needs an engine, and an image with a shell:
//! `FEDPROOF_TEST_IMAGE=debian-local:bookworm cargo test --test harden_running -- --ignored`.

mod support;

use serde_json::Value;
use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};
use support::{ended, fedproof};

/// A container that is removed with its volumes, however the test ends.
struct Container(String);

impl Container {
    /// Starts one; gives it the name of this process and `name`.
    fn start(name: &str, options: &[&str], script: &str, words: &[&str]) -> Self {
        let container = Self(format!("fedproof-test-{}-{name}", std::process::id()));
        let image = std::env::var("FEDPROOF_TEST_IMAGE").unwrap_or_else(|_| "debian-local:bookworm".to_owned());
        let head = ["run", "--detach", "--pull", "never", "--name", &container.0];
        docker(&[&head, options, &[&image, "sh", "-c", script], words].concat());
        container
    }

    /// Waits until its health check says so. The engine tells what was before, too, so that nothing is missed.
    fn wait_until(&self, health: &str) {
        let filter = format!("container={}", self.0);
        let events = ["60", "docker", "events", "--since", "0", "--filter", &filter, "--format", "{{.Status}}"];
        let mut events = Command::new("timeout").args(events).stdout(Stdio::piped()).spawn().expect("it starts");
        let lines = BufReader::new(events.stdout.take().expect("it is piped")).lines();
        let wanted = format!("health_status: {health}");
        let is_so = lines.map_while(Result::ok).any(|line| line == wanted);
        let _ended = events.kill().and_then(|()| events.wait());
        assert!(is_so, "{} is never {health}", self.0);
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let _gone = Command::new("docker").args(["rm", "--force", "--volumes", &self.0]).output();
    }
}

fn docker(args: &[&str]) -> String {
    let (code, stdout, stderr) = ended(Command::new("docker").args(args));
    assert_eq!(code, 0, "docker {args:?}: {stderr}");
    stdout
}

/// Ids of the rules that are broken, and the exit code.
fn broken(container: &Container) -> (i32, Vec<String>) {
    let (code, stdout, stderr) = fedproof(&["harden", "--running", &container.0, "--format", "json"]);
    assert!(!stdout.contains("hunter2"), "a secret is shown");
    let record: Value = serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stderr}"));
    let judgements = record["judgements"].as_array().expect("a list");
    let broken = judgements.iter().filter(|one| one["verdict"] == "fail");
    (code, broken.map(|one| one["rule"].as_str().expect("an id").trim_start_matches("hardening/").to_owned()).collect())
}

/// All that a hardened container is started with.
#[rustfmt::skip]
const HARD: &[&str] = &[
    "--user", "70000:70000", "--read-only", "--tmpfs", "/tmp:size=16m", "--volume", "/data",
    "--cap-drop", "ALL", "--security-opt", "no-new-privileges:true", "--pids-limit", "50",
    "--memory", "64m", "--memory-reservation", "16m", "--cpus", "0.5",
    "--publish", "127.0.0.1::8008", "--health-cmd", "true", "--health-interval", "1s",
];

#[test]
#[ignore = "needs Docker and an image: .ci/containers"]
fn what_runs_hardened_keeps_every_rule() {
    let container = Container::start("hard", HARD, "exec sleep 600", &[]);
    container.wait_until("healthy");
    assert_eq!(broken(&container), (0, Vec::new()));
}

/// Options that soften a hard container, and the rules that are broken then.
#[rustfmt::skip]
const SOFT: &[(&[&str], &[&str])] = &[
    (&["--user", "1000:70000"], &["user/high-uid"]),
    (&["--user", "70000:1000"], &["user/high-gid"]),
    (&["--group-add", "27"], &["user/high-groups"]),
    (&["--read-only=false"], &["root-read-only/root"]),
    (&["--tmpfs", "/scratch"], &["root-read-only/scratch"]),
    (&["--cap-add", "CHOWN"], &["capabilities/none-added"]),
    (&["--security-opt", "seccomp=unconfined"], &["capabilities/seccomp"]),
    (&["--security-opt", "systempaths=unconfined"], &["capabilities/proc"]),
    (&["--sysctl", "net.ipv4.ip_forward=1"], &["capabilities/sysctls"]),
    (&["--volume", "/etc/default:/host"], &["namespaces-and-mounts/no-host-paths"]),
    (&["--volume", "/var/run/docker.sock:/engine/docker.sock:ro"], &["namespaces-and-mounts/no-host-paths", "namespaces-and-mounts/no-engine-socket"]),
    (&["--device", "/dev/null:/dev/passed"], &["namespaces-and-mounts/no-devices"]),
    (&["--pid", "host"], &["namespaces-and-mounts/no-host-pid"]),
    (&["--ipc", "host"], &["namespaces-and-mounts/no-host-ipc"]),
    (&["--uts", "host"], &["namespaces-and-mounts/no-host-uts"]),
    (&["--publish", "0.0.0.0::8448"], &["namespaces-and-mounts/no-host-ports"]),
    (&["--publish", "127.0.0.1::9093"], &["exposed-surface/no-replication"]),
    (&["--health-cmd", "false", "--health-retries", "1"], &["resources-and-probes/liveness"]),
    (&["--env", "ADMIN_TOKEN=hunter2"], &["secrets/environment"]),
];

#[test]
#[ignore = "needs Docker and an image: .ci/containers"]
fn what_is_softened_is_found_and_nothing_else() {
    for (index, (options, rules)) in SOFT.iter().enumerate() {
        let container = Container::start(&format!("soft-{index}"), &[HARD, options].concat(), "exec sleep 600", &[]);
        let health = if options.contains(&"false") { "unhealthy" } else { "healthy" };
        container.wait_until(health);
        let rules = rules.iter().map(|rule| (*rule).to_owned()).collect::<Vec<_>>();
        assert_eq!(broken(&container), (1, rules), "{options:?}");
    }
}

#[test]
#[ignore = "needs Docker and an image: .ci/containers"]
fn what_a_careless_container_leaves_open_is_found() {
    let script = "mkdir -p /data /run/secrets
        printf 'server_name: a\\nlisteners: []\\nform_secret: hunter2\\n' >/data/homeserver.yaml
        echo '-----BEGIN CERTIFICATE-----' >/data/certificate.pem; echo '-----BEGIN PRIVATE KEY-----' >/data/private.pem
        echo key >/data/signing.key; chmod 644 /data/signing.key; echo 'password: hunter2'; exec sleep 600";
    let words = ["/data/homeserver.yaml", "--token=hunter2"];
    let container = Container::start("careless", &["--volume", "/data"], script, &words);
    let (code, broken) = broken(&container);
    assert_eq!(code, 1);
    for rule in [
        "user/not-root",
        "user/high-uid",
        "root-read-only/root",
        "capabilities/drop-all",
        "capabilities/no-escalation",
        "resources-and-probes/memory-limit",
        "resources-and-probes/cpu-limit",
        "resources-and-probes/memory-request",
        "resources-and-probes/liveness",
        "secrets/command",
        "secrets/configuration",
        "secrets/logs",
        "tls/minimum-version",
        "files/data",
    ] {
        assert!(broken.iter().any(|one| one == rule), "{rule} in {broken:?}");
    }
    // What runs has no lines; a finding says all there is to say all the same. A certificate is for everybody.
    let (_, stdout, _) = fedproof(&["harden", "--running", &container.0, "--only", "hardening/files/data"]);
    for (text, is_shown) in [("signing.key` with mode 0644", true), ("private.pem", true), ("certificate.pem", false)] {
        assert_eq!(stdout.contains(text), is_shown, "{text}: {stdout}");
    }
}

#[test]
#[ignore = "needs Docker: .ci/containers"]
fn what_does_not_run_is_said() {
    let (code, _, stderr) = fedproof(&["harden", "--running", "fedproof-no-such-project"]);
    assert!(code == 2 && stderr.contains("fedproof-no-such-project"), "{code}: {stderr}");
}
