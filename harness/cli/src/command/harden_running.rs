//! Containers that run: what the engine says of them, and what is seen inside by trying.
//!
//! Asked of the engine's own command, `docker`: whoever runs containers has it, with its context, its socket and its rights.
//! Nothing stays behind in a container; what root can write to is found out by making an empty file and removing it.

use crate::error::CliError;
use fedproof_hardening::{Input, Inside, inspected};
use serde_json::Value;
use std::process::Command;

/// As root: can it write to folders of the root file system? Those that are mounted are something else.
const WRITES: &str = r#"
for folder in / /etc /usr /var /opt; do
    case " $* " in *" $folder "*) continue;; esac
    probe="$folder/.fedproof-$$"
    if (: > "$probe") 2>/dev/null; then rm -f "$probe"; echo "$folder"; fi
done"#;

/// As the container's user: keys, databases and secrets in what is mounted, with their modes (a certificate is no secret, whatever
/// its file is called); mount points that are no files, marked by a leading `d`.
const FILES: &str = r#"
for mount in "$@"; do
    [ -f "$mount" ] || echo "d $mount"
    find "$mount" -xdev -maxdepth 4 -type f \( -name '*.key' -o -name '*.db' -o -path '*/secrets/*' \) \
        -exec stat -c '%a %n' {} + 2>/dev/null
    find "$mount" -xdev -maxdepth 4 -type f -name '*.pem' -exec grep -l 'PRIVATE KEY' {} + 2>/dev/null |
        while read -r file; do stat -c '%a %n' "$file"; done
done
true"#;

/// Reads every container of a compose project, or one by its name or id.
pub(super) fn running(targets: &[String]) -> Result<Vec<Input>, CliError> {
    let mut inputs = Vec::new();
    for target in targets {
        let label = format!("label=com.docker.compose.project={target}");
        let of_project = docker(&["ps", "--quiet", "--filter", &label])?;
        let ids: Vec<&str> = of_project.split_whitespace().collect();
        let ids = if ids.is_empty() { vec![target.as_str()] } else { ids };
        let described = docker(&[&["inspect", "--type", "container"], &ids[..]].concat()).map_err(|_| {
            CliError::bad_input(format!("no compose project and no container that runs is called {target:?}"))
        })?;
        let described: Vec<Value> = serde_json::from_str(&described)
            .map_err(|error| CliError::environment(format!("`docker inspect` printed no JSON: {error}")))?;
        for container in &described {
            inputs.push(inspected(container, &inside(container)?)?);
        }
    }
    Ok(inputs)
}

fn inside(container: &Value) -> Result<Inside, CliError> {
    let text = |pointer: &str| container.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let (id, name) = (text("/Id"), text("/Name").trim_start_matches('/'));
    if text("/State/Status") != "running" {
        // What is paused does not answer, and what has ended cannot be asked.
        return Err(CliError::environment(format!("container {name} is {}, not running", text("/State/Status"))));
    }
    let list = |pointer: &str| container.pointer(pointer).and_then(Value::as_array).into_iter().flatten();
    let mounts: Vec<&str> =
        list("/Mounts").filter_map(|mount| mount.pointer("/Destination").and_then(Value::as_str)).collect();
    // Where processes are the host's, the first one is not the container's.
    let process = match text("/HostConfig/PidMode") {
        "host" => container.pointer("/State/Pid").and_then(Value::as_u64).unwrap_or(1),
        _ => 1,
    };
    let shell = |user: &[&str], script: &str, words: &[&str]| {
        docker(&[&["exec"], user, &[id, "sh", "-c", script, "sh"], words].concat())
            .map_err(|error| CliError::environment(format!("container {name} cannot be tried from inside: {error}")))
    };
    let status =
        shell(&[], &format!("cat /proc/{process}/status; echo Cgroup: $(head -n 1 /proc/{process}/cgroup)"), &[])?;
    let writable = shell(&["--user", "0"], WRITES, &mounts)?;
    let found = shell(&[], FILES, &mounts)?;
    let (folders, files): (Vec<&str>, Vec<&str>) = found.lines().partition(|line| line.starts_with("d "));
    let files = files.iter().filter_map(|line| {
        let (mode, path) = line.split_once(' ')?;
        Some((path.to_owned(), u32::from_str_radix(mode, 8).ok()?))
    });
    let folders: Vec<String> = folders.iter().map(|line| line[2..].to_owned()).collect();
    let words = ["/Config/Entrypoint", "/Config/Cmd"].into_iter().flat_map(list).filter_map(Value::as_str);
    let named = words.filter(|word| word.starts_with('/') && (word.ends_with(".yaml") || word.ends_with(".yml")));
    let single = mounts.iter().copied().filter(|mount| !folders.iter().any(|folder| folder == mount));
    let mut configs: Vec<&str> = named.chain(single).collect();
    configs.sort_unstable();
    configs.dedup();
    let configs =
        configs.into_iter().filter_map(|path| Some((path.to_owned(), shell(&[], "cat \"$1\"", &[path]).ok()?)));
    Ok(Inside {
        status,
        writable: writable.lines().map(str::to_owned).collect(),
        files: files.collect(),
        configs: configs.collect(),
        folders,
        log: docker_both(&["logs", "--tail", "10000", id])?,
    })
}

/// What `docker` prints.
fn docker(args: &[&str]) -> Result<String, CliError> {
    asked(args).map(|(stdout, _)| stdout)
}

/// What `docker` prints on both streams: logs come on the one they were written to.
fn docker_both(args: &[&str]) -> Result<String, CliError> {
    asked(args).map(|(stdout, stderr)| stdout + &stderr)
}

fn asked(args: &[&str]) -> Result<(String, String), CliError> {
    let output = Command::new("docker")
        .args(args)
        .output()
        .map_err(|error| CliError::environment(format!("failed to start `docker`: {error}")))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match output.status.success() {
        true => Ok((text(&output.stdout), text(&output.stderr))),
        false => Err(CliError::environment(format!("`docker {}` failed: {}", args[0], text(&output.stderr).trim()))),
    }
}
