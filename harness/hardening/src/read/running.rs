//! A container that runs: what the engine says of it (`docker inspect`), and what was seen inside.

use crate::{
    amount::has_size,
    error::HardeningError,
    model::{Config, Container, Input, Kind, Place, Port, Resources, Seen, Source},
};
use serde_json::Value;
use std::sync::Arc;

/// What was seen inside a container, by trying.
#[derive(Clone, Debug, Default)]
pub struct Inside {
    /// `/proc/PID/status` of the first process, the kernel's own word on who runs and with which rights, and a line
    /// `Cgroup: ` with the first of its `cgroup`.
    pub status: String,
    /// Folders of the root file system in which root could make a file.
    pub writable: Vec<String>,
    /// Mount points that are no single files.
    pub folders: Vec<String>,
    /// Keys, databases and secrets, with their modes.
    pub files: Vec<(String, u32)>,
    /// Configuration files, by their path.
    pub configs: Vec<(String, String)>,
    /// Its log.
    pub log: String,
}

/// Where secrets are mounted.
const SECRETS: &str = "/run/secrets/";

/// Reads one element of what `docker inspect` prints.
///
/// # Errors
/// Something else than the engine's description of a container.
pub fn inspected(container: &Value, inside: &Inside) -> Result<Input, HardeningError> {
    let name = text(container, "/Name").trim_start_matches('/').to_owned();
    if container.pointer("/HostConfig").is_none() || name.is_empty() {
        let message = "it has no `Name` and `HostConfig`".to_owned();
        return Err(HardeningError::Inspected { container: name, message });
    }
    let source = Arc::new(Source { name: format!("container {name}"), text: "".into() });
    let mut input = Input::new(Kind::Running, &source);
    let at = source.place(&(0..0));
    input.containers.push(described(container, inside, format!("container `{name}`"), &at));
    for (path, text) in &inside.configs {
        let file = Arc::new(Source { name: format!("{name}:{path}"), text: text.as_str().into() });
        let config = Config::of_file(&file, format!("`{path}`"));
        input.configs.push(Config { open: !path.starts_with(SECRETS), ..config });
    }
    Ok(input)
}

fn described(container: &Value, inside: &Inside, name: String, at: &Place) -> Container {
    let seen = |value: String| Seen { value, at: at.clone() };
    let said = |pointer: &str| Some(text(container, pointer)).filter(|text| !text.is_empty()).map(seen);
    let flag = |value: bool| Some(Seen { value, at: at.clone() });
    let list = |pointer: &str| texts(container, pointer).into_iter().map(seen).collect::<Vec<_>>();
    let host = |key: &str| format!("/HostConfig/{key}");
    let status = |key: &str| status(&inside.status, key);
    let mut one = Container::new(name, at.clone());
    one.image = said("/Config/Image");
    // Of the process, not of what somebody asked for: an image's user can be a name.
    one.user = status("Uid").first().map(|id| seen(id.clone()));
    one.group = status("Gid").first().map(|id| seen(id.clone()));
    one.groups = status("Groups")
        .into_iter()
        .filter(|id| Some(id) != one.group.as_ref().map(|one| &one.value))
        .map(seen)
        .collect();
    one.non_root = one.user.as_ref().and_then(|user| flag(user.value != "0"));
    one.read_only =
        flag(inside.writable.is_empty() && container.pointer(&host("ReadonlyRootfs")) == Some(&Value::Bool(true)));
    one.added = list(&host("CapAdd"));
    // What is left to the process is what counts; an added one is another rule's.
    let left = status("CapBnd").first().and_then(|bits| u64::from_str_radix(bits, 16).ok()).map(u64::count_ones);
    if left.is_some_and(|left| left as usize <= one.added.len()) {
        one.dropped = vec![seen("ALL".to_owned())];
    }
    one.privileged = flag(container.pointer(&host("Privileged")) == Some(&Value::Bool(true)));
    one.escalation = status("NoNewPrivs").first().and_then(|value| flag(value != "1"));
    let is_filtered = status("Seccomp").first().is_some_and(|mode| mode == "2");
    one.seccomp = (!is_filtered).then(|| seen("unconfined".to_owned()));
    one.apparmor = said("/AppArmorProfile");
    let is_masked =
        container.pointer(&host("MaskedPaths")).and_then(Value::as_array).is_some_and(|paths| !paths.is_empty());
    one.proc = (!is_masked).then(|| seen("Unmasked".to_owned()));
    let sysctls = container.pointer(&host("Sysctls")).and_then(Value::as_object);
    one.sysctls = sysctls.into_iter().flatten().map(|(name, _)| seen(name.clone())).collect();
    mounts(container, inside, &mut one, at);
    for (key, namespace) in [
        ("NetworkMode", "network"),
        ("PidMode", "pid"),
        ("IpcMode", "ipc"),
        ("UTSMode", "uts"),
        ("UsernsMode", "user"),
        ("CgroupnsMode", "cgroup"),
    ] {
        if text(container, &host(key)) == "host" {
            one.host_namespaces.push(Seen { value: (namespace, "host".to_owned()), at: at.clone() });
        }
    }
    one.old_cgroups = status("Cgroup").first().is_some_and(|line| !line.starts_with("0::"));
    one.ports = ports(container).into_iter().map(|value| Seen { value, at: at.clone() }).collect();
    let amount = |key: &str| container.pointer(&host(key)).and_then(Value::as_i64).filter(|amount| *amount > 0);
    let amount = |key: &str| amount(key).map(|amount| seen(amount.to_string()));
    one.limits = Resources {
        memory: amount("Memory"),
        cpu: amount("NanoCpus").or_else(|| amount("CpuQuota")),
        pids: amount("PidsLimit"),
    };
    one.requests = Resources { memory: amount("MemoryReservation"), ..Resources::default() };
    one.ends =
        text(container, "/HostConfig/RestartPolicy/Name") == "no" && text(container, "/State/Status") == "exited";
    // Not whether one was asked for: whether it is well.
    one.liveness = said("/State/Health/Status").map(|health| Seen { value: health.value == "healthy", at: health.at });
    one.environment = texts(container, "/Config/Env")
        .iter()
        .filter_map(|variable| variable.split_once('='))
        .map(|(name, value)| Seen { value: (name.to_owned(), value.to_owned()), at: at.clone() })
        .collect();
    one.command = [list("/Config/Entrypoint"), list("/Config/Cmd"), list("/Config/Healthcheck/Test")].concat();
    one.log_secrets = crate::secrets::in_log(&inside.log).map(seen).collect();
    one
}

/// Mounts, devices, and the files that were found in them.
fn mounts(container: &Value, inside: &Inside, one: &mut Container, at: &Place) {
    let seen = |value: String| Seen { value, at: at.clone() };
    for mount in container.pointer("/Mounts").and_then(Value::as_array).into_iter().flatten() {
        let (from, to) = (text(mount, "/Source"), text(mount, "/Destination"));
        let is_writable = mount.pointer("/RW") == Some(&Value::Bool(true));
        // Compose brings configs and secrets in as read-only mounts of single files.
        if text(mount, "/Type") == "bind" && (is_writable || inside.folders.contains(&to)) {
            one.host_paths.push(seen(from));
        }
    }
    let tmpfs = container.pointer("/HostConfig/Tmpfs").and_then(Value::as_object).into_iter().flatten();
    for (path, options) in tmpfs {
        let is_limited = options.as_str().is_some_and(has_size);
        one.scratch.push(Seen { value: (path.clone(), is_limited), at: at.clone() });
    }
    for mount in container.pointer("/HostConfig/Mounts").and_then(Value::as_array).into_iter().flatten() {
        if text(mount, "/Type") == "tmpfs" {
            let is_limited =
                mount.pointer("/TmpfsOptions/SizeBytes").and_then(Value::as_i64).is_some_and(|size| size > 0);
            one.scratch.push(Seen { value: (text(mount, "/Target"), is_limited), at: at.clone() });
        }
    }
    for device in container.pointer("/HostConfig/Devices").and_then(Value::as_array).into_iter().flatten() {
        one.devices.push(seen(text(device, "/PathOnHost")));
    }
    for (path, mode) in &inside.files {
        match path.starts_with(SECRETS) {
            true => one.secret_files.push(Seen { value: (path.clone(), Some(*mode)), at: at.clone() }),
            false => one.data_files.push(Seen { value: (path.clone(), *mode), at: at.clone() }),
        }
    }
}

/// Ports that are published now.
fn ports(container: &Value) -> Vec<Port> {
    let published = container.pointer("/NetworkSettings/Ports").and_then(Value::as_object).into_iter().flatten();
    published
        .flat_map(|(target, bindings)| {
            let target = target.split('/').next().unwrap_or_default().to_owned();
            bindings.as_array().into_iter().flatten().map(move |binding| Port {
                host: text(binding, "/HostIp").parse().ok(),
                target: target.clone(),
                name: String::new(),
            })
        })
        .collect()
}

/// The words of a line of `/proc/PID/status`.
fn status(status: &str, key: &str) -> Vec<String> {
    let line = status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
    line.into_iter().flat_map(str::split_whitespace).map(str::to_owned).collect()
}

fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn texts(value: &Value, pointer: &str) -> Vec<String> {
    let list = value.pointer(pointer).and_then(Value::as_array).into_iter().flatten();
    list.filter_map(Value::as_str).map(str::to_owned).collect()
}
