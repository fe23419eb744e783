//! The connection file: how another process finds a deployment that runs already.
//!
//! `fedproof up` writes one when its homeservers are ready, and removes it with them; `fedproof load --attach` reads it.
//! It is in JSON, `fedproof schema connection` describes it, and only its owner may read it: whoever has it can make
//! accounts.

use crate::{Homeserver, Metrics, Usage, proc};
use fedproof_core::ServerName;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{
    io::{self, Write},
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
}

/// A deployment that runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Connection {
    /// [`CONNECTION_SCHEMA`].
    #[schemars(extend("const" = CONNECTION_SCHEMA))]
    pub schema: String,
    /// Another one each time a deployment comes up: shards that name the same were on the same homeservers.
    pub id: String,
    /// Name of the deployment.
    pub deployment: String,
    /// Its homeservers, but for those that nobody can use; the first is the one under test.
    #[schemars(length(min = 1))]
    pub homeservers: Vec<Connected>,
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
    /// Where its client API is, `http://HOST:PORT`, without a slash at the end. Registration is open there
    /// (`m.login.dummy`).
    #[schemars(regex(pattern = "^http://[^/]+$"))]
    pub base_url: String,
    /// The specification of its build, as given.
    pub spec: String,
    /// Name of its adapter.
    pub implementation: String,
    /// The version that it reports.
    pub version: String,
    /// Identity of the build, hex.
    pub digest: String,
    /// Where its data is: `SQLite`, or PostgreSQL with its version.
    pub database: String,
    /// Where it counts its own work, under the base URL, if it does.
    pub metrics: Option<Metrics>,
    /// Its process, for whoever is on the same machine.
    pub process: Option<Located>,
}

/// A process, and the machine that its id means something on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Located {
    /// The kernel's `boot_id` (random(4)): one start of one machine.
    pub boot_id: String,
    /// Its pid namespace (`/proc/self/ns/pid`, namespaces(7)): a container's process ids are its own.
    pub pid_namespace: String,
    /// The process id.
    pub pid: u32,
    /// When it started, in ticks since boot: tells it from a later process of the same id.
    pub start_time: u64,
}

impl Connection {
    /// Reads a file.
    ///
    /// # Errors
    /// [`ConnectionError`].
    pub fn read(path: &Path) -> Result<Self, ConnectionError> {
        let text =
            std::fs::read(path).map_err(|source| ConnectionError::Unreadable { path: path.to_owned(), source })?;
        Self::parse(&text).map_err(|problem| ConnectionError::Invalid { path: path.to_owned(), problem })
    }

    fn parse(text: &[u8]) -> Result<Self, String> {
        let value: serde_json::Value =
            serde_json::from_slice(text).map_err(|error| format!("it is no JSON (line {})", error.line()))?;
        match value.get("schema").and_then(serde_json::Value::as_str) {
            Some(CONNECTION_SCHEMA) => {}
            Some(other) => return Err(format!("its schema is {other:?}, this fedproof reads {CONNECTION_SCHEMA:?}")),
            None => return Err(format!("it has no schema, which should be {CONNECTION_SCHEMA:?}")),
        }
        let connection: Self = serde_json::from_value(value).map_err(|error| error.to_string())?;
        if connection.homeservers.is_empty() {
            return Err("it has no homeservers".to_owned());
        }
        for Connected { name, base_url, .. } in &connection.homeservers {
            let host = base_url.strip_prefix("http://");
            if !host.is_some_and(|host| !host.is_empty() && !host.contains('/')) {
                return Err(format!("the base_url of {name} is not http://HOST:PORT"));
            }
        }
        Ok(connection)
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
    /// A homeserver that runs here, as others find it at `base_url`.
    pub fn to(homeserver: &Homeserver, base_url: String) -> Self {
        let postgresql = homeserver.postgresql().map(|(server, _)| format!("PostgreSQL {}", server.version()));
        Self {
            name: homeserver.name().to_owned(),
            server_name: homeserver.server_name().clone(),
            base_url,
            spec: homeserver.spec().to_owned(),
            implementation: homeserver.implementation().to_owned(),
            version: homeserver.version(),
            digest: homeserver.digest().to_owned(),
            database: postgresql.unwrap_or_else(|| "SQLite".to_owned()),
            metrics: homeserver.metrics().cloned(),
            process: homeserver.pid().and_then(Located::here),
        }
    }
}

impl Located {
    /// The process `pid` of this machine.
    pub(crate) fn here(pid: u32) -> Option<Self> {
        let (boot_id, pid_namespace) = machine()?;
        Some(Self { boot_id, pid_namespace, pid, start_time: proc::Stat::of(pid)?.start_time })
    }

    /// Whether it is on this machine, where its id means it, and runs.
    pub fn is_here(&self) -> bool {
        machine().is_some_and(|(boot_id, namespace)| boot_id == self.boot_id && namespace == self.pid_namespace)
            && proc::is_alive(self.pid, self.start_time)
    }

    /// Whether it has ended for certain, if it was on this machine: with the machine's last start, or as far as its id
    /// means anything here.
    pub(crate) fn is_gone(&self) -> bool {
        machine().is_some_and(|(boot_id, namespace)| {
            boot_id != self.boot_id || (namespace == self.pid_namespace && !proc::is_alive(self.pid, self.start_time))
        })
    }

    /// What it has used; nothing once it is gone. It is asked of a process that [is here](Self::is_here).
    pub fn usage(&self) -> Usage {
        let stat = proc::Stat::of(self.pid).filter(|stat| stat.start_time == self.start_time);
        stat.map_or_else(Usage::default, |stat| Usage {
            cpu_ms: stat.cpu_ms,
            rss_bytes: proc::resident_bytes(self.pid),
        })
    }
}

/// What tells this machine, and the pid namespace that we are in, from others.
fn machine() -> Option<(String, String)> {
    let boot_id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let namespace = std::fs::read_link("/proc/self/ns/pid").ok()?;
    Some((boot_id.trim().to_owned(), namespace.to_string_lossy().into_owned()))
}

/// The JSON Schema (draft 2020-12) of a connection file.
pub fn schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(Connection).to_value();
    schema["title"] = "Fedproof connection".into();
    schema
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn connection() -> Connection {
        let alpha = Connected {
            name: "alpha".into(),
            server_name: ServerName::new("alpha.fedproof.test"),
            base_url: "http://127.0.0.1:8008".into(),
            spec: "synapse@1.163.2".into(),
            implementation: "synapse".into(),
            version: "1.163.2".into(),
            digest: "00".into(),
            database: "SQLite".into(),
            metrics: None,
            process: Located::here(std::process::id()),
        };
        let (schema, id) = (CONNECTION_SCHEMA.to_owned(), "one".to_owned());
        Connection { schema, id, deployment: "default".into(), homeservers: vec![alpha] }
    }

    #[test]
    fn only_its_owner_reads_what_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("connection.json");
        std::fs::write(&path, "an older one").unwrap();
        connection().write(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(Connection::read(&path).unwrap(), connection());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn what_is_no_connection_is_refused() {
        let changed = |change: fn(&mut Connection)| {
            let mut connection = connection();
            change(&mut connection);
            Connection::parse(&serde_json::to_vec(&connection).unwrap()).unwrap_err()
        };
        assert!(changed(|one| one.schema = "fedproof/connection/9".into()).contains("fedproof/connection/9"));
        assert!(changed(|one| one.homeservers.clear()).contains("no homeservers"));
        for url in ["https://example.org", "http://example.org/", "example.org"] {
            let mut connection = connection();
            connection.homeservers[0].base_url = url.into();
            let problem = Connection::parse(&serde_json::to_vec(&connection).unwrap()).unwrap_err();
            assert!(problem.contains("base_url of alpha"), "{problem}");
        }
    }

    #[test]
    fn a_process_is_known_on_its_own_machine_only() {
        let own = Located::here(std::process::id()).unwrap();
        assert!(own.is_here() && own.usage().rss_bytes > 0);
        let elsewhere = [
            Located { boot_id: "other".into(), ..own.clone() },
            Located { pid_namespace: "pid:[1]".into(), ..own.clone() },
            Located { start_time: own.start_time + 1, ..own },
        ];
        assert!(elsewhere.iter().all(|one| !one.is_here()));
    }
}
