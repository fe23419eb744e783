//! Homeservers in containers: how one is described to Compose, and what the engine does to it.
//!
//! Compose runs it in the foreground, as a child of ours. So the launcher's control pipe is the container's standard
//! input, mutants and life line are what they are for a process of the machine, and its log is where that of a process is.

use crate::{
    DeploymentError,
    engine::{self, Project},
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    os::unix::fs::{PermissionsExt, lchown},
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::process::Command;

/// Name of the file of Compose in a homeserver's folder.
const FILE: &str = "compose.yaml";
/// Where a homeserver finds its own folder. Not at the path that it has outside: an image may keep others out of that.
pub(crate) const FOLDER: &str = "/fedproof/homeserver";
/// Where it finds the fixtures.
const FIXTURES: &str = "/fedproof/fixtures";
/// The most memory that a homeserver gets, and what is kept for it, in Compose's words.
const MEMORY: [&str; 2] = ["2g", "128m"];
/// The most processors.
const PROCESSORS: f32 = 2.0;
/// The most processes and threads.
const PROCESSES: u32 = 512;

/// A build that is an image, and the project that its containers belong to.
#[derive(Clone, Debug)]
pub(crate) struct Image {
    pub(crate) project: Arc<Project>,
    /// As the engine knows it.
    pub(crate) reference: String,
}

/// What is to run in a container.
pub(crate) struct Service<'a> {
    pub(crate) name: &'a str,
    /// Arguments of Python.
    pub(crate) words: Vec<String>,
    pub(crate) environment: BTreeMap<String, String>,
    /// Its own folder, outside.
    pub(crate) folder: &'a Path,
    /// Other folders that it works with; they have the same path inside.
    pub(crate) folders: Vec<PathBuf>,
    /// Where it is reached from outside; inside it listens at the same port.
    pub(crate) published: SocketAddr,
    /// Path that answers when it is healthy.
    pub(crate) ready: &'a str,
}

impl Image {
    /// What runs the service in the foreground, and its container.
    pub(crate) fn command(&self, service: &Service<'_>) -> Result<(Command, Container), DeploymentError> {
        hand_over(service.folder, self.project.user)?;
        let file = service.folder.join(FILE);
        let text = format!("{:#}\n", self.describe(service));
        std::fs::write(&file, text).map_err(DeploymentError::io("write", &file))?;
        let Project { name: project, compose, .. } = &*self.project;
        let container = format!("{project}-{}", service.name);
        let mut command = engine::command(compose);
        command.args(["--project-name", project, "--file"]).arg(&file);
        command.args(["run", "--rm", "-T", "--no-deps", "--service-ports", "--name", &container, service.name]);
        // The other homeservers of the project stand in files of their own.
        command.env("COMPOSE_IGNORE_ORPHANS", "1").current_dir(service.folder);
        Ok((command, Container { name: container, network: project.clone() }))
    }

    /// Where a homeserver whose folder is `folder` finds what is at `path` outside.
    pub(crate) fn inside(&self, folder: &Path, path: &Path) -> PathBuf {
        let at = |outside: &Path, inside: &str| Some(Path::new(inside).join(path.strip_prefix(outside).ok()?));
        at(folder, FOLDER).or_else(|| at(&self.project.fixtures, FIXTURES)).unwrap_or_else(|| path.to_owned())
    }

    /// The file of Compose. It gets no right that a homeserver does not need.
    fn describe(&self, service: &Service<'_>) -> Value {
        let Project { name: network, owner: (label, owner), user: (uid, gid), fixtures, .. } = &*self.project;
        let mut volumes: Vec<String> =
            service.folders.iter().map(|folder| format!("{0}:{0}", folder.display())).collect();
        volumes.push(format!("{}:{FOLDER}", service.folder.display()));
        volumes.push(format!("{}:{FIXTURES}:ro", fixtures.display()));
        let port = service.published.port();
        let ask = format!(
            "import urllib.request as r; r.build_opener(r.ProxyHandler({{}})).open('http://127.0.0.1:{port}{}', timeout=5)",
            service.ready
        );
        let mut described = json!({
            "services": {service.name: {
                "image": self.reference,
                "entrypoint": ["python3"],
                "command": service.words,
                "environment": service.environment,
                "working_dir": FOLDER,
                "user": format!("{uid}:{gid}"),
                "volumes": volumes,
                "ports": [format!("{}:{port}:{port}", service.published.ip())],
                "networks": ["federation"],
                "labels": {*label: owner},
                "stdin_open": true,
                "read_only": true,
                "tmpfs": ["/tmp:size=256m"],
                "cap_drop": ["ALL"],
                "security_opt": ["no-new-privileges:true"],
                "mem_limit": MEMORY[0],
                "mem_reservation": MEMORY[1],
                "cpus": PROCESSORS,
                "pids_limit": PROCESSES,
                "healthcheck": {"test": ["CMD", "python3", "-c", ask], "interval": "30s", "timeout": "10s", "retries": 3},
            }},
            "networks": {"federation": {"external": true, "name": network}},
        });
        literal(&mut described);
        described
    }
}

/// Keeps Compose from filling anything in: `$` is doubled in every text.
fn literal(value: &mut Value) {
    match value {
        Value::String(text) => *text = text.replace('$', "$$"),
        Value::Array(items) => items.iter_mut().for_each(literal),
        Value::Object(fields) => fields.values_mut().for_each(literal),
        _ => {}
    }
}

/// Gives a folder and all in it to the user that homeservers run as, if that is not us.
fn hand_over(path: &Path, (uid, gid): (u32, u32)) -> Result<(), DeploymentError> {
    if !nix::unistd::geteuid().is_root() {
        return Ok(());
    }
    let failed = DeploymentError::io("hand over", path);
    let entries = match std::fs::symlink_metadata(path) {
        Ok(meta) if meta.is_dir() => std::fs::read_dir(path),
        Ok(_) => return lchown(path, Some(uid), Some(gid)).map_err(failed),
        // What a homeserver had there only while it ran.
        Err(_) => return Ok(()),
    };
    if let Err(error) = lchown(path, Some(uid), Some(gid)) {
        return Err(failed(error));
    }
    for entry in entries.map_err(failed)?.flatten() {
        hand_over(&entry.path(), (uid, gid))?;
    }
    Ok(())
}

/// Lets homeservers in containers, and nobody else, into a folder that is somebody's own.
pub(crate) fn admit(folder: &Path, (_, gid): (u32, u32)) -> Result<(), DeploymentError> {
    let admitted = lchown(folder, None, Some(gid))
        .and_then(|()| std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o710)));
    admitted.map_err(DeploymentError::io("hand over", folder))
}

/// A container, by its name, and its network.
#[derive(Clone, Debug)]
pub(crate) struct Container {
    name: String,
    network: String,
}

impl Container {
    /// Has the engine do `words` to it: `pause`, `kill --signal TERM`, ….
    pub(crate) async fn told(&self, words: &[&str]) -> Result<String, DeploymentError> {
        let action = format!("{} container {}", words.join(" "), self.name);
        engine::engine(&action, &[words, &[&self.name]].concat()).await
    }

    /// Has the engine `connect` it to its network, or `disconnect` it; nothing happens if it is so already.
    pub(crate) async fn network(&self, verb: &str) -> Result<(), DeploymentError> {
        let format = "{{len .NetworkSettings.Networks}}";
        let is_connected = self.told(&["inspect", "--format", format]).await? != "0";
        if is_connected == (verb == "connect") {
            return Ok(());
        }
        self.told(&["network", verb, &self.network]).await.map(|_| ())
    }

    /// The process id of its first process, as this machine knows it.
    pub(crate) async fn pid(&self) -> Option<u32> {
        let said = self.told(&["inspect", "--format", "{{.State.Pid}}"]).await;
        said.ok()?.parse().ok().filter(|pid| *pid != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_homeserver_gets_no_right_that_it_does_not_need() {
        let image = Image { project: Arc::new(Project::of_test()), reference: "some/synapse:1".into() };
        let service = Service {
            name: "alpha",
            words: vec!["launcher.py".into()],
            environment: BTreeMap::from([("A".to_owned(), "$b".to_owned())]),
            folder: Path::new("/work/alpha"),
            folders: vec!["/socket".into()],
            published: SocketAddr::from(([127, 0, 0, 1], 8008)),
            ready: "/ready",
        };
        let described = image.describe(&service);
        let alpha = &described["services"]["alpha"];
        for (key, value) in [
            ("image", json!("some/synapse:1")),
            ("user", json!("70000:70000")),
            ("read_only", json!(true)),
            ("cap_drop", json!(["ALL"])),
            ("security_opt", json!(["no-new-privileges:true"])),
            ("ports", json!(["127.0.0.1:8008:8008"])),
            ("environment", json!({"A": "$$b"})),
            (
                "volumes",
                json!(["/socket:/socket", "/work/alpha:/fedproof/homeserver", "/fixtures:/fedproof/fixtures:ro"]),
            ),
            ("labels", json!({"owner": "me"})),
        ] {
            assert_eq!(alpha[key], value, "{key}");
        }
        for key in ["mem_limit", "cpus", "pids_limit", "healthcheck", "tmpfs"] {
            assert!(!alpha[key].is_null(), "{key}");
        }
        assert!(alpha["privileged"].is_null() && alpha["cap_add"].is_null() && alpha["network_mode"].is_null());
        let launcher = Path::new("/fixtures/homeservers/launcher.py");
        assert_eq!(image.inside(service.folder, launcher), Path::new("/fedproof/fixtures/homeservers/launcher.py"));
        assert_eq!(image.inside(service.folder, Path::new("/elsewhere")), Path::new("/elsewhere"));
    }

    #[test]
    fn nothing_is_filled_in_by_compose() {
        let mut value = json!({"a": ["$HOME", {"b": "x${y}"}], "c": 1});
        literal(&mut value);
        assert_eq!(value, json!({"a": ["$$HOME", {"b": "x$${y}"}], "c": 1}));
    }
}
