//! Workers: processes of a homeserver beside its main one, who answers what, and the front that goes by it.

use crate::{
    DeploymentError,
    adapter::Adapter,
    port::Port,
    server::Part,
    template::{Values, merge},
};
use fedproof_core::ServerName;
use fedproof_gateway::{Asked, Balancer, CatchUp};
use indexmap::IndexMap;
use regex::RegexSet;
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    hash::{DefaultHasher, Hash, Hasher},
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
};

/// What the main process is called among the others.
pub(crate) const MAIN: &str = "main";

/// What workers an implementation can have: the file that `adapter.yaml` names.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Workers {
    /// Settings of all processes of a homeserver that has workers, merged over the template.
    settings: Value,
    /// Path at which each process says how far it is ([`CatchUp`]).
    positions: String,
    pub(crate) kinds: IndexMap<String, WorkerKind>,
}

/// Workers that do the same.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WorkerKind {
    /// Written into `WORKER.yaml` in the homeserver's folder.
    configuration: Value,
    /// A setting of all processes that lists these workers.
    #[serde(default)]
    listed_as: Option<String>,
    arguments: Vec<String>,
    /// Paths that answer 200 once one is ready.
    ready: Vec<String>,
    /// What they answer.
    #[serde(default)]
    routes: Vec<Route>,
}

/// Requests of one of these methods, or of any if none is said, whose path matches.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Route {
    #[serde(default)]
    methods: Vec<String>,
    paths: Paths,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Vec<String>")]
struct Paths(RegexSet);

impl TryFrom<Vec<String>> for Paths {
    type Error = regex::Error;

    fn try_from(patterns: Vec<String>) -> Result<Self, regex::Error> {
        RegexSet::new(patterns).map(Self)
    }
}

impl WorkerKind {
    fn answers(&self, method: &str, path: &str) -> bool {
        let is_asked = |route: &&Route| route.methods.is_empty() || route.methods.iter().any(|one| one == method);
        self.routes.iter().filter(is_asked).any(|route| route.paths.0.is_match(path))
    }
}

/// One worker.
pub(crate) struct Worker {
    /// Such as `generic-1`.
    pub(crate) name: String,
    /// With the homeserver's before it.
    full_name: String,
    kind: String,
    port: Port,
    log: PathBuf,
    state: PathBuf,
}

/// The workers of one homeserver, and its front.
pub(crate) struct Staff {
    adapter: Arc<Adapter>,
    pub(crate) workers: Vec<Worker>,
    table: Arc<Table>,
    front: Balancer,
    /// Between the main process and the others.
    replication: Port,
    /// Socket and database: what is in one database is taken for one homeserver's.
    redis: (PathBuf, usize),
    /// The front's, kept from others.
    _port: Port,
}

/// What workers are made of.
pub(crate) struct Hiring<'a> {
    pub(crate) adapter: &'a Arc<Adapter>,
    /// The homeserver, by its short name and by that in the federation.
    pub(crate) name: &'a str,
    pub(crate) server_name: &'a ServerName,
    /// How many of which kind.
    pub(crate) wanted: &'a IndexMap<String, usize>,
    /// The main process's listener.
    pub(crate) main: SocketAddr,
    pub(crate) bind: IpAddr,
    pub(crate) logs: &'a Path,
    pub(crate) redis: (PathBuf, usize),
}

impl Staff {
    /// Reserves what the workers of a homeserver need and opens its front; `state` says where a process is recorded.
    pub(crate) fn hire(hiring: Hiring<'_>, state: impl Fn(&str) -> PathBuf) -> Result<Self, DeploymentError> {
        let Hiring { adapter, name, server_name, wanted, main, bind, logs, redis } = hiring;
        let mut workers = Vec::new();
        for (kind, count) in wanted {
            for number in 1..=*count {
                let worker = format!("{kind}-{number}");
                let full_name = format!("{name}.{worker}");
                let (log, state) = (logs.join(format!("{full_name}.log")), state(&full_name));
                let port = Port::reserve(bind)?;
                workers.push(Worker { name: worker, full_name, kind: kind.clone(), port, log, state });
            }
        }
        let seats = workers.iter().map(|worker| (worker.name.clone(), worker.kind.clone(), worker.port.address()));
        let table = Arc::new(Table { adapter: adapter.clone(), seats: seats.collect(), main });
        let port = Port::reserve(bind)?;
        let choose = table.clone();
        let choose = Box::new(move |asked: &Asked<'_>| choose.of(asked));
        let path = adapter.workers.as_ref().map_or_else(String::new, |data| data.positions.clone());
        let front = Balancer::open(server_name.clone(), port.address(), choose, CatchUp { main, path });
        let front = front.map_err(|source| DeploymentError::Front { name: name.to_owned(), source })?;
        let replication = Port::reserve(crate::LOOPBACK)?;
        Ok(Self { adapter: adapter.clone(), workers, table, front, replication, redis, _port: port })
    }

    /// Where everybody reaches the homeserver.
    pub(crate) fn address(&self) -> SocketAddr {
        self.front.address()
    }

    /// What the workers add to the settings of all processes.
    pub(crate) fn settings(&self) -> Value {
        let Some(data) = &self.adapter.workers else { return Value::Null };
        let mut settings = data.settings.clone();
        for (kind, described) in &data.kinds {
            let names = self.workers.iter().filter(|worker| worker.kind == *kind).map(|worker| &worker.name);
            let names: Vec<&String> = names.collect();
            if let Some(setting) = described.listed_as.as_ref().filter(|_| !names.is_empty()) {
                merge(&mut settings, &json!({setting: names}));
            }
        }
        settings
    }

    /// Sets the placeholders that these settings have.
    pub(crate) fn describe(&self, values: &mut Values) {
        values.set("replication_port", self.replication.address().port());
        let (socket, database) = &self.redis;
        values.set("redis_socket", socket.to_string_lossy());
        values.set("redis_database", *database);
    }

    /// Each worker as something to be started, with its own values; writes its configuration into `folder`.
    pub(crate) fn parts(&self, folder: &Path, values: &Values) -> Result<Vec<(Part<'_>, Values)>, DeploymentError> {
        let mut parts = Vec::new();
        for worker in &self.workers {
            let described = self.adapter.workers.as_ref().and_then(|data| data.kinds.get(&worker.kind));
            let Some(described) = described else { continue };
            let address = worker.port.address();
            let mut values = values.clone();
            values.set("worker", worker.name.as_str());
            values.set("worker_port", address.port());
            let mut configuration = described.configuration.clone();
            values.fill(&self.adapter.folder, &mut configuration)?;
            let file = folder.join(format!("{}.yaml", worker.name));
            std::fs::write(&file, format!("{configuration:#}\n")).map_err(DeploymentError::io("write", &file))?;
            let Worker { full_name: name, log, state, .. } = worker;
            let WorkerKind { arguments, ready, .. } = described;
            parts.push((Part { name, log, state, arguments, ready, address }, values));
        }
        Ok(parts)
    }

    /// Names of the processes that can answer such a request, by the adapter's table; the main one always can.
    pub(crate) fn that_answer(&self, method: &str, path: &str) -> Vec<String> {
        let kind = self.table.kind(method, path);
        let workers = self.workers.iter().filter(|worker| kind == Some(&*worker.kind));
        workers.map(|worker| worker.name.clone()).chain([MAIN.to_owned()]).collect()
    }
}

/// Who answers what, and where.
struct Table {
    adapter: Arc<Adapter>,
    /// Name, kind and listener.
    seats: Vec<(String, String, SocketAddr)>,
    main: SocketAddr,
}

impl Table {
    /// The first kind that answers such requests and has a worker here.
    fn kind(&self, method: &str, path: &str) -> Option<&str> {
        let kinds = &self.adapter.workers.as_ref()?.kinds;
        let is_here = |name: &String| self.seats.iter().any(|(_, kind, _)| kind == name);
        let mut kinds = kinds.iter().filter(|(name, kind)| is_here(name) && kind.answers(method, path));
        kinds.next().map(|(name, _)| name.as_str())
    }

    /// Who is asked for by name, or is to answer; of several always the same for the same asker.
    fn of(&self, asked: &Asked<'_>) -> SocketAddr {
        if let Some(process) = asked.process {
            let named = self.seats.iter().find(|(name, ..)| name == process);
            return named.map_or(self.main, |(.., address)| *address);
        }
        let kind = self.kind(asked.method.as_str(), asked.path);
        let seats: Vec<SocketAddr> =
            self.seats.iter().filter(|(_, name, _)| kind == Some(&**name)).map(|(.., address)| *address).collect();
        let mut hasher = DefaultHasher::new();
        asked.by.hash(&mut hasher);
        let turn = hasher.finish() % u64::try_from(seats.len()).unwrap_or(1).max(1);
        seats.get(usize::try_from(turn).unwrap_or(0)).copied().unwrap_or(self.main)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::Method;

    fn table() -> Table {
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures");
        let adapter = Arc::new(Adapter::read(&fixtures, "synapse").unwrap());
        let seat =
            |name: &str, kind: &str, port: u16| (name.to_owned(), kind.to_owned(), ([127, 0, 0, 1], port).into());
        let seats = vec![
            seat("generic-1", "generic", 1),
            seat("generic-2", "generic", 2),
            seat("federation_sender-1", "federation_sender", 3),
        ];
        Table { adapter, seats, main: ([127, 0, 0, 1], 9).into() }
    }

    #[test]
    fn requests_go_by_the_table_of_the_adapter() {
        let table = table();
        for (method, path, kind) in [
            ("GET", "/_matrix/federation/v1/make_join/!r:s/@u:d", Some("generic")),
            ("PUT", "/_matrix/federation/v2/send_join/!r:s/$e", Some("generic")),
            ("PUT", "/_matrix/federation/v1/send/txn", Some("generic")),
            ("GET", "/_matrix/federation/v1/make_knock/!r:s/@u:d", None),
            ("PUT", "/_matrix/federation/v1/send_knock/!r:s/$e", None),
            ("GET", "/_matrix/federation/v1/media/download/x", None),
            ("GET", "/_matrix/client/v3/user/@u:s/rooms/!r:s/tags", Some("generic")),
            ("PUT", "/_matrix/client/v3/user/@u:s/rooms/!r:s/tags/x", None),
            ("PUT", "/_matrix/client/v3/rooms/!r:s/send/m.room.message/1", Some("generic")),
            ("GET", "/_matrix/client/v3/rooms/!r:s/messages", None),
            ("GET", "/_matrix/key/v2/server", None),
        ] {
            assert_eq!(table.kind(method, path), kind, "{method} {path}");
        }
    }

    #[test]
    fn the_same_asker_gets_the_same_worker_and_all_get_some() {
        let table = table();
        let path = "/_matrix/federation/v1/state/!r:s";
        let of = |by: &str, process| {
            let by = Some(by.to_owned());
            table.of(&Asked { method: &Method::GET, path, by, process }).port()
        };
        let ports: Vec<u16> = (0..40).map(|number| of(&format!("{number}.example"), None)).collect();
        assert_eq!(ports, (0..40).map(|number| of(&format!("{number}.example"), None)).collect::<Vec<_>>());
        assert!(ports.contains(&1) && ports.contains(&2) && ports.iter().all(|port| *port < 3), "{ports:?}");
        assert_eq!([of("x", Some("generic-2")), of("x", Some(MAIN))], [2, 9]);
    }
}
