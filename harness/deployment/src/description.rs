//! What a deployment consists of: `fixtures/deployments/NAME.yaml`.

use crate::{DeploymentError, Spec, yaml};
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use std::{collections::BTreeMap, path::Path};

/// The feature that every deployment has whose homeservers run in containers.
const CONTAINERS: &str = "containers";
/// The feature that every deployment has with a homeserver of several processes.
const WORKERS: &str = "workers";

/// More of a kind than any test needs.
const MOST_WORKERS: usize = 16;

/// A set of homeservers with their configuration.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Description {
    /// What it is called; the file's name unless it says otherwise.
    #[serde(default)]
    pub name: String,
    /// What it is for, in plain words.
    pub about: String,
    /// The homeservers by the short names that scenarios use.
    pub homeservers: IndexMap<String, HomeserverDescription>,
    /// What it is like beyond its homeservers: scenarios that need one of these are played only where it is named.
    #[serde(default)]
    pub features: Vec<String>,
    /// What its operator has switched off: cases that use it are skipped.
    #[serde(default)]
    pub lacks: Vec<String>,
    /// What its front end serves beside the homeserver's API: JSON documents by their paths, or by the settings of the
    /// profile that name these (`maintenance_path`, `localisation.de`).
    #[serde(default)]
    pub documents: IndexMap<String, Value>,
    /// POLICY rows that it asks for, as globs, whatever the profile asks for.
    #[serde(default)]
    pub asks: Vec<String>,
    /// Where homeservers keep their data; each may say otherwise.
    #[serde(default)]
    pub database: DatabaseKind,
    /// Whether homeservers and fedproof itself run on cores of their own, where a command measures. Figures of a load are
    /// fit to gate only if they do.
    #[serde(default)]
    pub cores: Placement,
    /// Settings of every homeserver, merged over the adapter's template (RFC 7396: `null` removes a key).
    #[serde(default)]
    pub settings: Value,
    /// Environment variables of every homeserver, beside the adapter's.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// Where it runs: no part of the file.
    #[serde(skip)]
    pub backend: Backend,
}

/// The JSON Schema (draft 2020-12) of a deployment's file.
pub fn schema() -> Value {
    let mut schema = schemars::schema_for!(Description).to_value();
    schema["title"] = "Fedproof deployment".into();
    schema
}

/// Where homeservers run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Backend {
    /// As processes of this machine: the releases are installed into a cache, and no container engine is needed.
    #[default]
    Process,
    /// In containers of this machine's engine, as a project of Compose.
    Compose,
    /// Wherever it is: somebody else started it.
    Attach,
}

impl std::str::FromStr for Backend {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "process" => Ok(Self::Process),
            "compose" => Ok(Self::Compose),
            "attach" => Ok(Self::Attach),
            _ => Err(format!("there is no backend {name:?}: there is process and compose, and for `run` attach")),
        }
    }
}

/// Where a homeserver keeps its data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DatabaseKind {
    /// In a file. Quick to start and needs nothing, but nobody runs a homeserver that people use so.
    #[default]
    Sqlite,
    /// In a PostgreSQL that the run starts for itself.
    Postgresql,
}

/// Who runs on which cores.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Placement {
    /// All on all.
    #[default]
    Shared,
    /// Homeservers and their database on some, fedproof on the others.
    Separate,
}

/// One homeserver of a deployment.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HomeserverDescription {
    /// Which build: `synapse@1.163.2` or `synapse@path:DIR`.
    pub spec: String,
    /// Its host name in the federation, without a port (server ACLs ignore ports).
    pub server_name: String,
    /// The build that the lifecycle step `upgrade` starts on its database: `synapse@1.163.2`.
    #[serde(default)]
    pub upgrade_to: Option<String>,
    /// Where it keeps its data, if not where the deployment says.
    #[serde(default)]
    pub database: Option<DatabaseKind>,
    /// What runs beside its main process: how many of which kind, such as `{generic: 2, federation_sender: 1}`; the
    /// adapter knows the kinds. They need its data in PostgreSQL.
    #[serde(default)]
    pub workers: IndexMap<String, usize>,
    /// Its allow-list is empty: it takes part only where a scenario asks for it.
    #[serde(default)]
    pub shut: bool,
    /// Settings of this one, merged over those of the deployment.
    #[serde(default)]
    pub settings: Value,
}

impl Description {
    /// Reads and checks a description.
    ///
    /// # Errors
    /// When the file is missing, is no such YAML, or describes what cannot be.
    pub fn read(path: &Path) -> Result<Self, DeploymentError> {
        let mut description: Self = yaml::read(path)?;
        if description.name.is_empty() {
            description.name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        }
        description.check()?;
        Ok(description)
    }

    /// The same deployment with other builds: pairs of a homeserver's name and a specification.
    ///
    /// # Errors
    /// When a name is unknown or a specification makes no sense.
    pub fn with_specs(mut self, overrides: &[(String, String)]) -> Result<Self, DeploymentError> {
        for (name, spec) in overrides {
            let known = self.homeservers.keys().cloned().collect();
            let homeserver = self
                .homeservers
                .get_mut(name)
                .ok_or_else(|| DeploymentError::UnknownHomeserver { name: name.clone(), known })?;
            spec.parse::<Spec>()?;
            homeserver.spec.clone_from(spec);
        }
        Ok(self)
    }

    /// The same deployment somewhere else.
    #[must_use]
    pub fn on(mut self, backend: Backend) -> Self {
        self.backend = backend;
        self.features.retain(|feature| feature != CONTAINERS);
        self.features.extend((backend == Backend::Compose).then(|| CONTAINERS.to_owned()));
        self
    }

    /// Every build that it takes: those that run at first, and those that they are upgraded to.
    pub(crate) fn specs(&self) -> impl Iterator<Item = &String> {
        self.homeservers.values().flat_map(HomeserverDescription::builds)
    }

    /// Builds of homeservers that keep their data in `kind`.
    pub(crate) fn builds_on(&self, kind: DatabaseKind) -> impl Iterator<Item = &String> {
        let homeservers = self.homeservers.values().filter(move |homeserver| self.database_of(homeserver) == kind);
        homeservers.flat_map(HomeserverDescription::builds)
    }

    /// Where the homeserver keeps its data.
    pub(crate) fn database_of(&self, homeserver: &HomeserverDescription) -> DatabaseKind {
        homeserver.database.unwrap_or(self.database)
    }

    /// Whether any homeserver has workers.
    pub(crate) fn has_workers(&self) -> bool {
        self.homeservers.values().any(|homeserver| !homeserver.workers.is_empty())
    }

    /// Whether any homeserver keeps its data in `kind`.
    pub(crate) fn uses(&self, kind: DatabaseKind) -> bool {
        self.homeservers.values().any(|homeserver| self.database_of(homeserver) == kind)
    }

    /// Checks what the shape alone does not say. Whoever builds a description by hand may call it too.
    ///
    /// # Errors
    /// [`DeploymentError::Description`] or [`DeploymentError::Spec`].
    pub fn check(&self) -> Result<(), DeploymentError> {
        let bad = |message: String| Err(DeploymentError::Description { deployment: self.name.clone(), message });
        if self.homeservers.is_empty() {
            return bad("it has no homeservers".into());
        }
        if !is_map_or_nothing(&self.settings) {
            return bad("settings: is no map".into());
        }
        let is_in_containers = self.features.iter().any(|feature| feature == CONTAINERS);
        if is_in_containers != (self.backend == Backend::Compose) {
            return bad("the feature `containers` is that of the backend `compose`, and no deployment's own".into());
        }
        if self.features.iter().any(|feature| feature == WORKERS) != self.has_workers() {
            return bad("the feature `workers` and `workers:` of a homeserver go together".into());
        }
        if self.has_workers() && self.backend == Backend::Compose {
            return bad("workers run with the backend `process` only (docker-compose.yml has some of its own)".into());
        }
        let can_upgrade = |homeserver: &HomeserverDescription| homeserver.upgrade_to.is_some();
        if self.features.iter().any(|feature| feature == "upgrade") != self.homeservers.values().any(can_upgrade) {
            return bad("the feature `upgrade` and an `upgrade_to:` of a homeserver go together".into());
        }
        for (index, (name, homeserver)) in self.homeservers.iter().enumerate() {
            // The name is used for files and on the command line (NAME=SPEC).
            if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_') {
                return bad(format!("{name:?} is no name for a homeserver: letters, digits, - and _"));
            }
            let spec = homeserver.spec.parse::<Spec>()?;
            if let Some(next) = &homeserver.upgrade_to
                && next.parse::<Spec>()?.implementation() != spec.implementation()
            {
                return bad(format!("upgrade_to: of {name} is another implementation, which cannot read its database"));
            }
            let server_name = &homeserver.server_name;
            if !is_host_name(server_name) {
                return bad(format!("server_name {server_name:?} of {name} is no host name (no port, no IP literal)"));
            }
            if let Some((other, _)) =
                self.homeservers.iter().take(index).find(|(_, o)| o.server_name.eq_ignore_ascii_case(server_name))
            {
                return bad(format!("{name} and {other} are both called {server_name}"));
            }
            if !homeserver.workers.is_empty() && self.database_of(homeserver) != DatabaseKind::Postgresql {
                return bad(format!("workers: of {name} need its data in PostgreSQL (`database: postgresql`)"));
            }
            if homeserver.workers.values().any(|count| !(1..=MOST_WORKERS).contains(count)) {
                return bad(format!("workers: of {name}: there are 1 to {MOST_WORKERS} of a kind"));
            }
            if !is_map_or_nothing(&homeserver.settings) {
                return bad(format!("settings: of {name} is no map"));
            }
        }
        Ok(())
    }
}

impl HomeserverDescription {
    /// The build that it runs at first, and the one it is upgraded to.
    fn builds(&self) -> impl Iterator<Item = &String> {
        std::iter::once(&self.spec).chain(&self.upgrade_to)
    }
}

fn is_map_or_nothing(settings: &Value) -> bool {
    settings.is_object() || settings.is_null()
}

fn is_host_name(name: &str) -> bool {
    !fedproof_core::name::is_ip_literal(name)
        && name.len() <= 230
        && name.split('.').all(|label| {
            !label.is_empty() && label.len() <= 63 && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        })
}
