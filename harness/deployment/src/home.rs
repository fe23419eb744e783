//! A homeserver as scenarios and loads see it, whoever started it.

use crate::{Connected, Homeserver, Located, Metrics, Postgresql, Usage};
use fedproof_client::Endpoint;
use fedproof_core::ServerName;
use std::sync::Arc;

/// What a connection file calls a database in a file, whose work is that of the homeserver's own process.
const SQLITE: &str = "SQLite";

/// A homeserver that runs. Cheap to clone.
#[derive(Clone)]
pub enum Home {
    /// One that this process booted.
    Booted(Homeserver),
    /// One that somebody else started.
    Attached(Arc<Attached>),
}

/// A homeserver that somebody else started.
pub struct Attached {
    connected: Connected,
    endpoint: Endpoint,
    /// Its process, if it is on this machine.
    process: Option<Located>,
}

impl Home {
    /// One that a connection file names, at `endpoint`.
    pub fn attach(connected: Connected, endpoint: Endpoint) -> Self {
        let process = connected.process.clone().filter(Located::is_here);
        Self::Attached(Arc::new(Attached { connected, endpoint, process }))
    }

    /// It, if this process booted it: then it can be stopped, looked into and made to misbehave.
    pub fn booted(&self) -> Option<&Homeserver> {
        match self {
            Self::Booted(one) => Some(one),
            Self::Attached(_) => None,
        }
    }

    /// Its short name in the deployment.
    pub fn name(&self) -> &str {
        match self {
            Self::Booted(one) => one.name(),
            Self::Attached(one) => &one.connected.name,
        }
    }

    /// Its host name in the federation.
    pub fn server_name(&self) -> &ServerName {
        match self {
            Self::Booted(one) => one.server_name(),
            Self::Attached(one) => &one.connected.server_name,
        }
    }

    /// The specification of its build, as given.
    pub fn spec(&self) -> &str {
        match self {
            Self::Booted(one) => one.spec(),
            Self::Attached(one) => &one.connected.spec,
        }
    }

    /// Name of its adapter, or what it calls itself.
    pub fn implementation(&self) -> &str {
        match self {
            Self::Booted(one) => one.implementation(),
            Self::Attached(one) => &one.connected.implementation,
        }
    }

    /// The version that it reports of itself.
    pub fn version(&self) -> String {
        match self {
            Self::Booted(one) => one.version(),
            Self::Attached(one) => one.connected.version.clone(),
        }
    }

    /// Identity of the build, hex; empty if it is not known.
    pub fn digest(&self) -> &str {
        match self {
            Self::Booted(one) => one.digest(),
            Self::Attached(one) => &one.connected.digest,
        }
    }

    /// Whether all its processor time can be read: that of PostgreSQL, too, if its data is there.
    pub fn tells_cpu(&self) -> bool {
        match self {
            Self::Booted(_) => true,
            Self::Attached(one) => one.process.is_some() && one.connected.database == SQLITE,
        }
    }

    /// Whether nobody can use it.
    pub fn is_shut(&self) -> bool {
        self.booted().is_some_and(Homeserver::is_shut)
    }

    /// Specification and identity of the build that it can be upgraded to, if there is one.
    pub fn upgrade_to(&self) -> Option<(&str, &str)> {
        self.booted().and_then(Homeserver::upgrade_to)
    }

    /// Names of its workers, as far as this process started them.
    pub fn workers(&self) -> Vec<&str> {
        self.booted().map_or_else(Vec::new, Homeserver::workers)
    }

    /// Its client API.
    pub fn endpoint(&self) -> Endpoint {
        match self {
            Self::Booted(one) => one.endpoint(),
            Self::Attached(one) => one.endpoint.clone(),
        }
    }

    /// Where a path of its client API is.
    pub fn url(&self, path: &str) -> String {
        match self {
            Self::Booted(one) => format!("http://{}{path}", one.address()),
            Self::Attached(one) => format!("{}{path}", one.connected.base_url),
        }
    }

    /// Where it counts its own work, if it does.
    pub fn metrics(&self) -> Option<&Metrics> {
        match self {
            Self::Booted(one) => one.metrics(),
            Self::Attached(one) => one.connected.metrics.as_ref(),
        }
    }

    /// What it has used; `None` if its process is out of reach.
    pub fn usage(&self) -> Option<Usage> {
        match self {
            Self::Booted(one) => Some(one.usage()),
            Self::Attached(one) => one.process.as_ref().map(Located::usage),
        }
    }

    /// Its process id here, while it runs.
    pub fn pid(&self) -> Option<u32> {
        match self {
            Self::Booted(one) => one.pid(),
            Self::Attached(one) => one.process.as_ref().map(|process| process.pid),
        }
    }

    /// Whether it is up as far as is known here: nobody stopped or paused it.
    pub fn should_answer(&self) -> bool {
        self.booted().is_none_or(Homeserver::should_answer)
    }

    /// The PostgreSQL that its data is in, and the database's name there, if it is ours to look at.
    pub fn postgresql(&self) -> Option<(&Postgresql, &str)> {
        self.booted().and_then(Homeserver::postgresql)
    }

    /// How it ended, if that was not asked for and can be told.
    pub fn died(&self) -> Option<String> {
        match self {
            Self::Booted(one) => one.died(),
            Self::Attached(one) => {
                let process = one.process.as_ref()?;
                (!process.is_here()).then(|| format!("homeserver {} is gone (process {})", self.name(), process.pid))
            }
        }
    }
}
