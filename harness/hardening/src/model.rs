//! What is judged, whatever it was read from: a compose file, manifests, a configuration file, containers that run.
//!
//! A fact is `None`, or not in its list, where nothing is written; where something cannot be said in this kind of input at
//! all, the rule says so itself (`Rule::not_in`).

use fedproof_yaml::{Field, Node};
use serde::Serialize;
use std::{collections::BTreeMap, fmt, net::IpAddr, ops::Range, sync::Arc};

/// A kind of input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A docker-compose file.
    Compose,
    /// Kubernetes manifests.
    Kubernetes,
    /// A configuration file, of Synapse or of another service.
    Configuration,
    /// Containers that run.
    Running,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Compose => "compose files",
            Self::Kubernetes => "Kubernetes manifests",
            Self::Configuration => "configurations",
            Self::Running => "what runs",
        })
    }
}

/// One file, or the containers that run.
#[derive(Debug)]
pub struct Input {
    /// What it is.
    pub kind: Kind,
    /// Its name and text.
    pub source: Arc<Source>,
    pub(crate) containers: Vec<Container>,
    pub(crate) services: Vec<Service>,
    pub(crate) routes: Vec<Route>,
    pub(crate) volumes: Vec<Volume>,
    pub(crate) configs: Vec<Config>,
    /// Service accounts of this file, by name: where each is, and whether pods get its token.
    pub(crate) accounts: BTreeMap<String, Option<Seen<bool>>>,
    /// Files it names that must be there and are not, so that nothing can be said of what they hold.
    pub unread: Vec<String>,
    /// What it says and no rule knows.
    pub unjudged: Vec<Unjudged>,
}

/// Something in a file that no reader knows, so that no rule says anything of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unjudged {
    /// The file as it was given.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// What it is, and of what.
    pub what: String,
}

/// Where something was read.
#[derive(Debug, PartialEq, Eq)]
pub struct Source {
    /// File as it was given; for what runs, the container.
    pub name: String,
    /// The file's text; empty for what runs.
    pub text: Arc<str>,
}

/// A place in a source, in bytes; nothing to point at in what runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) source: Arc<Source>,
    pub(crate) span: Range<usize>,
}

/// What was seen, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen<T> {
    pub(crate) value: T,
    pub(crate) at: Place,
}

/// One container: of a service, of a pod, or running.
#[derive(Clone, Debug)]
pub(crate) struct Container {
    /// As findings call it.
    pub(crate) name: String,
    /// Where it is described: what is missing is missing there.
    pub(crate) at: Place,
    /// Of a pod, where its container is not what a fact is about.
    pub(crate) pod: Place,
    /// It ends by itself (a job, an init container), so that nobody probes it.
    pub(crate) ends: bool,
    pub(crate) image: Option<Seen<String>>,
    /// Made to run as somebody else than root.
    pub(crate) non_root: Option<Seen<bool>>,
    pub(crate) user: Option<Seen<String>>,
    pub(crate) group: Option<Seen<String>>,
    /// Groups beside that one.
    pub(crate) groups: Vec<Seen<String>>,
    pub(crate) read_only: Option<Seen<bool>>,
    /// Writable space in memory or on the node, by its path, and whether its size is limited.
    pub(crate) scratch: Vec<Seen<(String, bool)>>,
    pub(crate) dropped: Vec<Seen<String>>,
    pub(crate) added: Vec<Seen<String>>,
    pub(crate) privileged: Option<Seen<bool>>,
    /// Whether a program can get more rights than the one that started it (setuid).
    pub(crate) escalation: Option<Seen<bool>>,
    pub(crate) seccomp: Option<Seen<String>>,
    /// AppArmor's profile, or that SELinux is taken off.
    pub(crate) apparmor: Option<Seen<String>>,
    /// How much of `/proc` is visible, where somebody changed it.
    pub(crate) proc: Option<Seen<String>>,
    /// Names of kernel parameters that are set.
    pub(crate) sysctls: Vec<Seen<String>>,
    /// Paths of the host that are mounted.
    pub(crate) host_paths: Vec<Seen<String>>,
    pub(crate) devices: Vec<Seen<String>>,
    /// Control groups are of version 1, where engines share the host's unless told otherwise.
    pub(crate) old_cgroups: bool,
    /// Namespaces that are the host's, or of a container that is not described here (`network`, `pid`, `ipc`, `uts`, `user`,
    /// `cgroup`), and what says so.
    pub(crate) host_namespaces: Vec<Seen<(&'static str, String)>>,
    pub(crate) ports: Vec<Seen<Port>>,
    pub(crate) limits: Resources,
    pub(crate) requests: Resources,
    /// Whether somebody asks if it lives, and if it is ready.
    pub(crate) liveness: Option<Seen<bool>>,
    pub(crate) readiness: Option<Seen<bool>>,
    /// Variables with what is written there, by name.
    pub(crate) environment: Vec<Seen<(String, String)>>,
    /// Secrets that its log shows; for what runs only.
    pub(crate) log_secrets: Vec<Seen<String>>,
    /// Words of the command line.
    pub(crate) command: Vec<Seen<String>>,
    /// Secrets as files: their path or name, and their mode where one is given.
    pub(crate) secret_files: Vec<Seen<(String, Option<u32>)>>,
    /// Keys and databases, with their modes; for what runs only.
    pub(crate) data_files: Vec<Seen<(String, u32)>>,
    pub(crate) account: Option<Seen<String>>,
    /// Whether the token of that account is mounted.
    pub(crate) token: Option<Seen<bool>>,
}

/// A port of the host, or of a node, that leads to a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Port {
    /// Address of the host; `None` for all of them.
    pub(crate) host: Option<IpAddr>,
    /// Number in the container, or a range.
    pub(crate) target: String,
    /// Its name, where it has one.
    pub(crate) name: String,
}

/// Amounts as they are written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Resources {
    pub(crate) memory: Option<Seen<String>>,
    pub(crate) cpu: Option<Seen<String>>,
    pub(crate) pids: Option<Seen<String>>,
}

/// A Service of Kubernetes.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) name: String,
    /// `ClusterIP` if nothing is written.
    pub(crate) kind: Option<Seen<String>>,
    pub(crate) external_addresses: Vec<Seen<String>>,
    pub(crate) ports: Vec<Seen<Port>>,
}

/// A PersistentVolume of Kubernetes.
#[derive(Debug)]
pub(crate) struct Volume {
    pub(crate) name: String,
    /// The node's path, if it is one.
    pub(crate) host_path: Option<Seen<String>>,
}

/// One path of an Ingress or an HTTPRoute.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) name: String,
    pub(crate) at: Place,
    /// Whether a certificate is named for its host; `None` if something else says it.
    pub(crate) encrypted: Option<bool>,
    /// Where the path leads, with everything below it unless `exact`.
    pub(crate) path: Seen<String>,
    pub(crate) exact: bool,
    /// Service and port.
    pub(crate) backend: String,
    pub(crate) port: Seen<String>,
}

/// A configuration file: one of its own, or in a ConfigMap, a Secret, a compose file.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    /// As findings call it.
    pub(crate) name: String,
    /// Where it begins.
    pub(crate) at: Place,
    /// Whether it is readable by everybody who reads the deployment, so that no secret may be in it.
    pub(crate) open: bool,
    /// Whether all of it is one secret.
    pub(crate) secret: bool,
    /// Whether places in `documents` and `text` are places of the source; otherwise everything in it is at `at`.
    pub(crate) exact: bool,
    /// What it is called where it is the value of a key; empty otherwise.
    pub(crate) key: String,
    /// Its content as YAML (JSON is, too); a single text if it is in another format, and nothing if that is no YAML either.
    pub(crate) documents: Vec<Node>,
    /// Its content as a text.
    pub(crate) text: String,
}

impl Config {
    /// Whether it is Synapse's: its main configuration, or a worker's.
    pub(crate) fn is_synapse(&self) -> bool {
        let has = |key: &str| self.setting(key).is_some();
        has("worker_app") || (has("server_name") && ["listeners", "signing_key_path", "database"].into_iter().any(has))
    }

    /// A setting by its key.
    pub(crate) fn setting(&self, key: &str) -> Option<&Field> {
        self.documents.first().and_then(|root| root.field(key))
    }

    /// All settings; none if it is no mapping.
    pub(crate) fn settings(&self) -> &[Field] {
        self.documents.first().map(Node::fields).unwrap_or_default()
    }

    /// Whether it is lists and mappings, not a text of some other format.
    pub(crate) fn is_structured(&self) -> bool {
        self.documents.iter().any(|node| !node.fields().is_empty() || !node.items().is_empty())
    }

    /// What it listens at.
    pub(crate) fn listeners(&self) -> impl Iterator<Item = &Node> {
        ["listeners", "worker_listeners"]
            .into_iter()
            .filter_map(|key| self.setting(key))
            .flat_map(|field| field.value.items())
    }

    /// Where something in it stands.
    pub(crate) fn place(&self, place: &fedproof_yaml::Place) -> Place {
        if self.exact { self.at.source.place(&place.written) } else { self.at.clone() }
    }
}

impl Unjudged {
    pub(crate) fn new(at: &Place, what: String) -> Self {
        let before = at.source.text.get(..at.span.start).unwrap_or_default();
        Self { file: at.source.name.clone(), line: before.matches('\n').count() + 1, what }
    }
}

impl Source {
    /// A place in it.
    pub(crate) fn place(self: &Arc<Self>, span: &Range<usize>) -> Place {
        Place { source: self.clone(), span: span.clone() }
    }
}

impl<T> Seen<T> {
    pub(crate) fn map<U>(self, change: impl FnOnce(T) -> U) -> Seen<U> {
        Seen { value: change(self.value), at: self.at }
    }
}
