//! A homeserver adapter: data that says how an implementation is installed, configured, started and declared ready.
//!
//! Everything fedproof knows of an implementation is in `fixtures/homeservers/NAME/adapter.yaml` and the files it
//! names, all relative to that folder. A second implementation is a second folder.

use crate::{DeploymentError, workers::Workers, yaml};
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// An adapter as it stands in its folder.
#[derive(Clone, Debug)]
pub(crate) struct Adapter {
    /// Name of the implementation: the folder's.
    pub(crate) name: String,
    /// Its folder.
    pub(crate) folder: PathBuf,
    /// What `adapter.yaml` says.
    pub(crate) data: Data,
    /// Its workers, if it can have any.
    pub(crate) workers: Option<Workers>,
}

/// `adapter.yaml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Data {
    /// What it is, in plain words.
    #[serde(rename = "about")]
    pub(crate) _about: String,
    pub(crate) install: Install,
    /// Files written into a homeserver's folder: name there, template here. Settings go over the first.
    pub(crate) files: IndexMap<String, String>,
    pub(crate) database: Database,
    pub(crate) start: Start,
    /// File that says what workers it can have ([`Workers`]).
    #[serde(default)]
    workers: Option<String>,
    /// Paths that answer 200 once it is ready.
    pub(crate) ready: Vec<String>,
    pub(crate) version: VersionQuery,
    /// Where it counts its own work, if it does.
    pub(crate) metrics: Option<Metrics>,
}

/// Where a homeserver counts its own work: metrics in the Prometheus text format.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Metrics {
    /// What to GET.
    pub path: String,
    /// Name of the counter of database transactions.
    pub database_transactions: String,
    /// Name of the counter of events that were persisted.
    pub events_persisted: String,
    /// How far its federation sender is behind, if it tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub federation_sender: Option<SenderMetrics>,
}

/// How far a federation sender is behind: two gauges, both positions in one stream of events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SenderMetrics {
    /// The newest event there is.
    pub persisted: String,
    /// The newest that was handed on, with the label that says of whom: `positions{name="federation_sender"`.
    pub sent: String,
}

/// How a build gets onto the machine.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Install {
    /// pip requirement; `${version}` is the release.
    pub(crate) requirement: String,
    /// The container image of the release `${version}`, where nobody names another.
    pub(crate) image: String,
    /// Folder of constraints files, `VERSION.txt` each.
    pub(crate) constraints: String,
    pub(crate) source: Source,
}

/// What of a checkout makes a build.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Source {
    /// Files and folders whose content is the identity of the build.
    pub(crate) inputs: Vec<String>,
    /// How a released build lends its compiled parts.
    pub(crate) overlay: Option<Overlay>,
}

/// A checkout whose compiled parts equal a release's is laid over that release instead of built.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Overlay {
    /// The Python package that is taken from the checkout.
    pub(crate) package: String,
    /// Files of the released package that are taken along: `*.so`.
    pub(crate) compiled: Vec<String>,
    /// What the compiled parts are made of; digests of releases stand in `VERSION.sha256` beside the constraints.
    pub(crate) inputs: Vec<String>,
}

/// The database that is made once per build.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Database {
    /// SQLite file in a homeserver's folder.
    pub(crate) file: String,
    /// SQL that is true once it needs nothing more.
    pub(crate) complete: String,
    /// Settings of the start that makes it.
    #[serde(default)]
    pub(crate) settings: Value,
    /// How it uses PostgreSQL instead, if it can.
    pub(crate) postgresql: Option<OnPostgresql>,
}

/// What it takes to have its data in PostgreSQL.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OnPostgresql {
    /// pip requirements of what speaks to PostgreSQL, each with its version. They go into a folder of their own.
    pub(crate) driver: Vec<String>,
    /// Settings, merged over the template before those of the deployment.
    pub(crate) settings: Value,
}

/// How it is started.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Start {
    /// The launcher, a Python program.
    pub(crate) launcher: String,
    /// Mutants it may host, if that file exists.
    pub(crate) mutants: Option<String>,
    /// Folder of modules that settings of a deployment may name; it goes before the interpreter's own packages.
    pub(crate) modules: Option<String>,
    /// Arguments of the homeserver itself.
    pub(crate) arguments: Vec<String>,
    /// Environment variables it must not see: names, `*` for any text, case ignored.
    #[serde(default)]
    pub(crate) environment_removed: Vec<String>,
    /// Environment variables it gets.
    #[serde(default)]
    pub(crate) environment: IndexMap<String, String>,
}

/// How a running one says which version it is.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct VersionQuery {
    /// What to GET.
    pub(crate) path: String,
    /// JSON pointer (RFC 6901) into the answer.
    pub(crate) pointer: String,
}

impl Adapter {
    /// Reads the adapter of `implementation` below `fixtures`.
    ///
    /// # Errors
    /// When there is none, or it is no such YAML.
    pub(crate) fn read(fixtures: &Path, implementation: &str) -> Result<Self, DeploymentError> {
        let all = fixtures.join("homeservers");
        let folder = all.join(implementation);
        let file = folder.join("adapter.yaml");
        if !file.is_file() {
            let known = names(&all, "", |path| path.join("adapter.yaml").is_file());
            return Err(DeploymentError::UnknownImplementation { name: implementation.to_owned(), known });
        }
        let data: Data = yaml::read(&file)?;
        if data.files.is_empty() || data.ready.is_empty() {
            return Err(DeploymentError::Yaml {
                file,
                position: None,
                message: "files and ready need at least one entry".into(),
            });
        }
        let workers = data.workers.as_ref().map(|file| yaml::read(&folder.join(file))).transpose()?;
        Ok(Self { name: implementation.to_owned(), folder, data, workers })
    }

    /// The constraints file of `version`. A release between two that have one takes that of the next later: what releases
    /// ask for at least only rises, so that every one between can be installed (`fedproof bisect`).
    ///
    /// # Errors
    /// [`DeploymentError::UnknownVersion`], naming those there are.
    pub(crate) fn constraints(&self, version: &str) -> Result<PathBuf, DeploymentError> {
        let folder = self.folder.join(&self.data.install.constraints);
        let file = folder.join(format!("{version}.txt"));
        if file.is_file() {
            return Ok(file);
        }
        let known = names(&folder, ".txt", Path::is_file);
        match next_later(version, &known) {
            Some(later) => Ok(folder.join(format!("{later}.txt"))),
            None => Err(DeploymentError::UnknownVersion {
                implementation: self.name.clone(),
                version: version.to_owned(),
                known,
                add: file,
            }),
        }
    }

    /// The recorded digest of what the compiled parts of the released `version` are made of, if there is one.
    pub(crate) fn compiled_digest(&self, version: &str) -> Option<String> {
        let file = self.folder.join(&self.data.install.constraints).join(format!("{version}.sha256"));
        let text = std::fs::read_to_string(file).ok()?;
        text.split_whitespace().next().map(str::to_owned)
    }
}

/// The first of `known` after `version`, if there is one before it as well.
fn next_later<'k>(version: &str, known: &'k [String]) -> Option<&'k String> {
    let numbers = |version: &str| version.split('.').map(str::parse).collect::<Result<Vec<u32>, _>>().ok();
    let wanted = numbers(version)?;
    let of = |known: &&String| numbers(known).filter(|numbers| *numbers != wanted);
    let is_between = known.iter().filter_map(|known| of(&known)).any(|numbers| numbers < wanted);
    let later = known.iter().filter(|known| of(known).is_some_and(|numbers| numbers > wanted));
    later.min_by_key(|known| numbers(known)).filter(|_| is_between)
}

/// Names of the entries of `folder` that end in `suffix`, without it, sorted.
fn names(folder: &Path, suffix: &str, is_one: impl Fn(&Path) -> bool) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<String> = entries
        .flatten()
        .filter(|entry| is_one(&entry.path()))
        .filter_map(|entry| entry.file_name().to_str()?.strip_suffix(suffix).map(str::to_owned))
        .collect();
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use super::next_later;

    #[test]
    fn only_a_release_between_two_known_ones_borrows() {
        let known = ["1.143.0", "1.152.1", "1.163.2"].map(str::to_owned);
        assert_eq!(next_later("1.150.0", &known).map(String::as_str), Some("1.152.1"));
        assert_eq!(next_later("1.153.0", &known).map(String::as_str), Some("1.163.2"));
        assert_eq!(next_later("1.9.0", &known), None);
        assert_eq!(next_later("1.164.0", &known), None);
        assert_eq!(next_later("1.150.0rc1", &known), None);
    }
}
