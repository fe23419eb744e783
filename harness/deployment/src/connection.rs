//! The connection file: how another process finds a deployment that runs already.
//!
//! `fedproof up` writes one when its homeservers are ready, and removes it with them; `fedproof load --attach` and
//! `fedproof run --attach` read it. It is in JSON, or in YAML where people write it (`fedproof schema connection`); what
//! `up` writes only its owner may read: whoever has it can make accounts.

use crate::{Accounts, Backend, Description, Homeserver, HomeserverDescription, Located, Metrics, Secret};
use fedproof_core::ServerName;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{
    io::{self, Write},
    net::IpAddr,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

/// Version of the schema of a connection file.
pub const CONNECTION_SCHEMA: &str = "fedproof/connection/1";

/// Why a connection file is none.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    /// It cannot be read.
    #[error("read {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// What is in it is no connection. The text is not repeated: it may hold what nobody else is to see.
    #[error("read {} as a connection: {problem}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// A secret is not where it is said to be.
    #[error("find {what}: {problem}")]
    NoSecret {
        /// Which.
        what: String,
        /// What is wrong.
        problem: String,
    },
}

/// A deployment that runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Connection {
    /// [`CONNECTION_SCHEMA`].
    #[schemars(extend("const" = CONNECTION_SCHEMA))]
    pub schema: String,
    /// Another one each time a deployment comes up: shards that name the same were on the same homeservers.
    #[serde(default)]
    pub id: String,
    /// Name of the deployment.
    pub deployment: String,
    /// Its homeservers, but for those that nobody can use; the first is the one under test.
    #[schemars(length(min = 1))]
    pub homeservers: Vec<Connected>,
    /// The gateway that the homeservers have as their proxy, whose place a run takes. Without it, nothing between servers
    /// can be seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<Gatewayed>,
    /// Certificates (PEM) of authorities that are trusted beside the platform's, for `https` base URLs; relative to this
    /// file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trust: Option<PathBuf>,
    /// What it is like, as a deployment says it (`fedproof schema deployment`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub features: Vec<String>,
    /// What its operator has switched off, as a deployment says it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lacks: Vec<String>,
    /// POLICY rows that it asks for, as globs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asks: Vec<String>,
}

/// What `fedproof gateway` is started with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Gatewayed {
    /// Folder of the authority that the homeservers trust, relative to this file.
    pub ca: PathBuf,
    /// The routes file, relative to this file: every server of the federation, also those that are not under test.
    pub routes: PathBuf,
    /// Address of the proxy ports.
    #[serde(default = "loopback")]
    pub bind: IpAddr,
}

fn loopback() -> IpAddr {
    crate::LOOPBACK
}

/// A homeserver of a deployment that runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Connected {
    /// Its short name in the deployment, such as `alpha`.
    pub name: String,
    /// Its host name in the federation.
    #[schemars(with = "String")]
    pub server_name: ServerName,
    /// Where its client API is, `http://HOST:PORT` or `https://HOST`, without a slash at the end.
    #[schemars(regex(pattern = "^https?://[^/]+$"))]
    pub base_url: String,
    /// How users come to be there.
    #[serde(default, skip_serializing_if = "Accounts::are_open")]
    pub accounts: Accounts,
    /// Access token of an administrator, for the purge of rooms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub administrator: Option<Secret>,
    /// The specification of its build, as given.
    #[serde(default)]
    pub spec: String,
    /// Name of its adapter; the homeserver is asked if it is not given.
    #[serde(default)]
    pub implementation: String,
    /// The version that it reports; the homeserver is asked if it is not given.
    #[serde(default)]
    pub version: String,
    /// Identity of the build, hex.
    #[serde(default)]
    pub digest: String,
    /// Where its data is: `SQLite`, or PostgreSQL with its version.
    #[serde(default)]
    pub database: String,
    /// Where it counts its own work, under the base URL, if it does.
    #[serde(default)]
    pub metrics: Option<Metrics>,
    /// Its process, for whoever is on the same machine.
    #[serde(default)]
    pub process: Option<Located>,
}

impl Connection {
    /// A deployment of which nothing else is known.
    pub fn new(id: String, deployment: &str, homeservers: Vec<Connected>) -> Self {
        Self {
            schema: CONNECTION_SCHEMA.to_owned(),
            id,
            deployment: deployment.to_owned(),
            homeservers,
            gateway: None,
            trust: None,
            features: Vec::new(),
            lacks: Vec::new(),
            asks: Vec::new(),
        }
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`ConnectionError`].
    pub fn read(path: &Path) -> Result<Self, ConnectionError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConnectionError::Unreadable { path: path.to_owned(), source })?;
        Self::parse(&text).map_err(|problem| ConnectionError::Invalid { path: path.to_owned(), problem })
    }

    fn parse(text: &str) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Any {
            schema: Option<String>,
        }
        // JSON is YAML.
        let in_words = |error: serde_saphyr::Error| error.without_snippet().to_string();
        let any: Any =
            serde_saphyr::from_str(text).map_err(|error| format!("it is no connection: {}", in_words(error)))?;
        match any.schema.as_deref() {
            Some(CONNECTION_SCHEMA) => {}
            Some(other) => return Err(format!("its schema is {other:?}, this fedproof reads {CONNECTION_SCHEMA:?}")),
            None => return Err(format!("it has no schema, which should be {CONNECTION_SCHEMA:?}")),
        }
        let connection: Self = serde_saphyr::from_str(text).map_err(in_words)?;
        connection.check()?;
        Ok(connection)
    }

    /// Looks whether it makes sense; gives the problem in words. What was read does.
    ///
    /// # Errors
    /// What is wrong.
    pub fn check(&self) -> Result<(), String> {
        if self.homeservers.is_empty() {
            return Err("it has no homeservers".to_owned());
        }
        for (index, Connected { name, server_name, base_url, .. }) in self.homeservers.iter().enumerate() {
            let host = base_url.strip_prefix("http://").or_else(|| base_url.strip_prefix("https://"));
            if !host.is_some_and(|host| !host.is_empty() && !host.contains('/')) {
                return Err(format!("the base_url of {name} is not http://HOST:PORT or https://HOST"));
            }
            if self.homeservers[..index].iter().any(|one| one.name == *name || one.server_name == *server_name) {
                return Err(format!("two of its homeservers are {name}, {server_name}"));
            }
        }
        Ok(())
    }

    /// It, as a deployment is described.
    pub fn description(&self) -> Description {
        let homeserver = |one: &Connected| HomeserverDescription {
            spec: one.spec.clone(),
            server_name: one.server_name.to_string(),
            upgrade_to: None,
            workers: indexmap::IndexMap::new(),
            database: None,
            shut: false,
            settings: serde_json::Value::Null,
        };
        Description {
            name: self.deployment.clone(),
            about: "somebody else started it".to_owned(),
            homeservers: self.homeservers.iter().map(|one| (one.name.clone(), homeserver(one))).collect(),
            features: self.features.clone(),
            lacks: self.lacks.clone(),
            documents: Default::default(),
            asks: self.asks.clone(),
            database: Default::default(),
            cores: Default::default(),
            settings: serde_json::Value::Null,
            environment: Default::default(),
            backend: Backend::Attach,
        }
    }

    /// Writes a file that only its owner may read, in one piece: who finds it finds all of it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(".partial");
        let partial = path.with_file_name(name);
        let _old = std::fs::remove_file(&partial);
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&partial)?;
        file.write_all(&serde_json::to_vec_pretty(self)?)?;
        file.sync_all()?;
        std::fs::rename(&partial, path)
    }
}

impl Connected {
    /// A homeserver of which nothing else is known.
    pub fn new(name: &str, server_name: &str, base_url: String) -> Self {
        Self {
            name: name.to_owned(),
            server_name: ServerName::new(server_name),
            base_url,
            accounts: Accounts::Open,
            administrator: None,
            spec: String::new(),
            implementation: String::new(),
            version: String::new(),
            digest: String::new(),
            database: String::new(),
            metrics: None,
            process: None,
        }
    }

    /// A homeserver that runs here, as others find it at `base_url`.
    pub fn to(homeserver: &Homeserver, base_url: String) -> Self {
        let postgresql = homeserver.postgresql().map(|(server, _)| format!("PostgreSQL {}", server.version()));
        Self {
            spec: homeserver.spec().to_owned(),
            implementation: homeserver.implementation().to_owned(),
            version: homeserver.version(),
            digest: homeserver.digest().to_owned(),
            database: postgresql.unwrap_or_else(|| "SQLite".to_owned()),
            metrics: homeserver.metrics().cloned(),
            process: homeserver.pid().and_then(Located::here),
            ..Self::new(homeserver.name(), homeserver.server_name().as_str(), base_url)
        }
    }
}

/// The JSON Schema (draft 2020-12) of a connection file.
pub fn schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(Connection).to_value();
    schema["title"] = "Fedproof connection".into();
    schema
}

#[cfg(test)]
#[path = "connection_tests.rs"]
mod tests;
