//! The container engine of this machine, by its command line: what homeservers in containers run on.
//!
//! All that a deployment has there belongs to one project of Compose, and says in a label whose it is: a `fedproof cleanup`
//! finds it by that, when the fedproof that made it is gone.

use crate::{DeploymentError, Located, Removed};
use serde::{Deserialize, Serialize};
use std::{
    net::IpAddr,
    path::{Path, PathBuf},
    process::{Output, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};
use tokio::process::Command;

/// The engine's command.
const ENGINE: &str = "docker";
/// What says whose a container, network or volume is: an [`Owner`].
const OWNER: &str = "org.fedproof.owner";
/// Compose's own label for what belongs to a project.
const PROJECT: &str = "com.docker.compose.project";
/// How long what is going may take to be gone, and how often it is looked at.
const REMOVE_LIMIT: Duration = Duration::from_secs(10);
const REMOVE_EVERY: Duration = Duration::from_millis(100);
/// Who the homeservers run as where fedproof is root: above what Debian gives to anybody.
pub(crate) const UNPRIVILEGED: u32 = 70_000;

/// A fedproof, and the machine that its process id means something on.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Owner {
    /// Name of the machine: an engine may serve several.
    host: String,
    process: Located,
}

impl Owner {
    fn here() -> Option<Self> {
        Some(Self { host: host()?, process: Located::here(std::process::id())? })
    }

    /// Whether it was on this machine and is gone for certain.
    fn is_gone(&self) -> bool {
        Some(&self.host) == host().as_ref() && self.process.is_gone()
    }
}

/// Name of this machine.
fn host() -> Option<String> {
    std::fs::read_to_string("/proc/sys/kernel/hostname").ok().map(|name| name.trim().to_owned())
}

/// A project of Compose: the containers of one deployment, and their network.
#[derive(Debug)]
pub(crate) struct Project {
    /// Its name; also the network's.
    pub(crate) name: String,
    /// The words that Compose is called by: `docker compose`, or `docker-compose`.
    pub(crate) compose: Vec<&'static str>,
    /// Where containers reach this machine.
    pub(crate) gateway: IpAddr,
    /// Label that everything gets.
    pub(crate) owner: (&'static str, String),
    /// User and group of the homeservers.
    pub(crate) user: (u32, u32),
    /// The folder that everybody may read: launcher, modules, mutants.
    pub(crate) fixtures: PathBuf,
    removed: AtomicBool,
}

impl Project {
    /// Begins the project `name` with a network of its own.
    ///
    /// # Errors
    /// When there is no engine or no Compose.
    pub(crate) async fn begin(name: String, fixtures: &Path) -> Result<Self, DeploymentError> {
        engine("ask the container engine", &["version", "--format", "{{.Server.Version}}"]).await?;
        let compose = compose().await?;
        let owner = Owner::here().and_then(|owner| serde_json::to_string(&owner).ok()).unwrap_or_default();
        let uid = nix::unistd::geteuid();
        let user = match uid.is_root() {
            true => (UNPRIVILEGED, UNPRIVILEGED),
            false => (uid.as_raw(), nix::unistd::getegid().as_raw()),
        };
        let labels = [format!("{OWNER}={owner}"), format!("{PROJECT}={name}")];
        let create = ["network", "create", "--label", &labels[0], "--label", &labels[1], &name];
        engine("create a network", &create).await?;
        let mut project = Self {
            name: name.clone(),
            compose,
            gateway: IpAddr::from([0; 4]),
            owner: (OWNER, owner),
            user,
            fixtures: fixtures.to_owned(),
            removed: false.into(),
        };
        // From here on, whoever drops it removes the network.
        let format = "{{range .IPAM.Config}}{{.Gateway}} {{end}}";
        let said = engine("ask for the network's gateway", &["network", "inspect", "--format", format, &name]).await?;
        let address = said.split_whitespace().find_map(|word| word.parse().ok());
        project.gateway = address.ok_or_else(|| failed("ask for the network's gateway", &said))?;
        Ok(project)
    }

    /// One that the engine knows nothing of.
    #[cfg(test)]
    pub(crate) fn of_test() -> Self {
        Self {
            name: "test".into(),
            compose: vec![ENGINE, "compose"],
            gateway: IpAddr::from([0; 4]),
            owner: ("owner", "me".into()),
            user: (UNPRIVILEGED, UNPRIVILEGED),
            fixtures: "/fixtures".into(),
            removed: true.into(),
        }
    }

    /// Removes whatever it has, once, without the runtime's help: where a deployment is dropped.
    pub(crate) fn remove(&self) {
        if self.removed.swap(true, Ordering::SeqCst) {
            return;
        }
        let filter = format!("label={PROJECT}={}", self.name);
        for kind in KINDS {
            // What could not be removed is found by the next cleanup.
            for (name, _) in kind.list(&filter).unwrap_or_default() {
                let _ = kind.remove(&name);
            }
        }
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        self.remove();
    }
}

/// Compose's words: that of the engine's plug-in, or of the program that came before it.
async fn compose() -> Result<Vec<&'static str>, DeploymentError> {
    for words in [vec![ENGINE, "compose"], vec!["docker-compose"]] {
        let mut command = command(&words);
        if command.args(["version", "--short"]).output().await.is_ok_and(|output| output.status.success()) {
            return Ok(words);
        }
    }
    Err(failed("find Compose", "neither `docker compose` nor `docker-compose` is there"))
}

/// What runs `words` and dies with whoever waits for it.
pub(crate) fn command(words: &[&str]) -> Command {
    let mut command = Command::new(words.first().copied().unwrap_or(ENGINE));
    command.args(words.get(1..).unwrap_or_default()).stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// Has the engine do something; what it says.
pub(crate) async fn engine(action: &str, arguments: &[&str]) -> Result<String, DeploymentError> {
    let mut command = command(&[ENGINE]);
    said(action, command.args(arguments).output().await)
}

fn said(action: &str, output: std::io::Result<Output>) -> Result<String, DeploymentError> {
    let output = output.map_err(|error| failed(action, &format!("{ENGINE}: {error}")))?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned()),
        false => Err(failed(action, String::from_utf8_lossy(&output.stderr).trim())),
    }
}

fn failed(action: &str, message: &str) -> DeploymentError {
    DeploymentError::Engine { action: action.to_owned(), message: message.to_owned() }
}

/// A kind of thing that an engine keeps.
struct Keeping {
    name: &'static str,
    list: &'static [&'static str],
    remove: &'static [&'static str],
}

/// In the order in which they can be removed.
const KINDS: [Keeping; 3] = [
    Keeping {
        name: "container",
        list: &["ps", "--all", "--format", "{{.Names}}\t{{.Label \"org.fedproof.owner\"}}"],
        remove: &["rm", "--force", "--volumes"],
    },
    Keeping {
        name: "network",
        list: &["network", "ls", "--format", "{{.Name}}\t{{.Label \"org.fedproof.owner\"}}"],
        remove: &["network", "rm"],
    },
    Keeping {
        name: "volume",
        list: &["volume", "ls", "--format", "{{.Name}}\t{{.Label \"org.fedproof.owner\"}}"],
        remove: &["volume", "rm", "--force"],
    },
];

impl Keeping {
    /// Names, with the text of the owner's label.
    fn list(&self, filter: &str) -> Result<Vec<(String, String)>, DeploymentError> {
        let output = std::process::Command::new(ENGINE).args(self.list).args(["--filter", filter]).output();
        let said = said(&format!("list every {}", self.name), output)?;
        let pair = |line: &str| line.split_once('\t').map(|(name, owner)| (name.to_owned(), owner.to_owned()));
        Ok(said.lines().filter_map(pair).collect())
    }

    /// Removes one. It may be going already, or be held by something that is.
    fn remove(&self, name: &str) -> Result<(), DeploymentError> {
        let began = Instant::now();
        loop {
            let output = std::process::Command::new(ENGINE).args(self.remove).arg(name).stdin(Stdio::null()).output();
            let Err(error) = said(&format!("remove {} {name}", self.name), output) else { return Ok(()) };
            let is_there = self.list(&format!("name={name}"))?.iter().any(|(other, _)| other == name);
            if !is_there {
                return Ok(());
            }
            if began.elapsed() > REMOVE_LIMIT {
                return Err(error);
            }
            std::thread::sleep(REMOVE_EVERY);
        }
    }
}

/// Removes what fedproofs of this machine that are gone have left with the engine. Without an engine there is nothing.
pub(crate) fn clear() -> Result<Vec<Removed>, DeploymentError> {
    let asked = std::process::Command::new(ENGINE).args(["version", "--format", "{{.Server.Version}}"]).output();
    if !asked.is_ok_and(|output| output.status.success()) {
        return Ok(Vec::new());
    }
    let mut removed = Vec::new();
    for kind in KINDS {
        for (name, owner) in kind.list(&format!("label={OWNER}"))? {
            if serde_json::from_str::<Owner>(&owner).is_ok_and(|owner| owner.is_gone()) {
                kind.remove(&name)?;
                removed.push(Removed::Kept { kind: kind.name, name });
            }
        }
    }
    Ok(removed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_was_here_can_be_known_to_be_gone() {
        let here = || Owner::here().unwrap();
        assert!(!here().is_gone());
        let mut ended = here();
        ended.process.start_time += 1;
        assert!(ended.is_gone());
        let mut rebooted = here();
        rebooted.process.boot_id = "another".into();
        assert!(rebooted.is_gone());
        // In another pid namespace, the id may mean somebody who goes on.
        ended.process.pid_namespace = "pid:[1]".into();
        assert!(!ended.is_gone());
        rebooted.host = "another".into();
        assert!(!rebooted.is_gone());
        let text = serde_json::to_string(&here()).unwrap();
        assert_eq!(serde_json::from_str::<Owner>(&text).unwrap(), here());
    }
}
