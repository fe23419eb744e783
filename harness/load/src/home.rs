//! A homeserver as a load sees it, whoever started it.

use fedproof_client::Endpoint;
use fedproof_core::{ServerName, transcript::Transcript};
use fedproof_deployment::{Connected, Homeserver, Located, Metrics, Postgresql, Usage};
use fedproof_results::load::Standing;
use std::sync::Arc;

/// A homeserver under load. Cheap to clone.
#[derive(Clone)]
pub enum Home {
    /// One that this process booted.
    Booted(Homeserver),
    /// One of a deployment that runs already.
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
    /// One that a connection file names; `transcript` keeps what clients do while setting up. `http` must know no proxy.
    pub fn attach(connected: Connected, http: reqwest::Client, transcript: Transcript) -> Self {
        let Connected { base_url, server_name, process, .. } = &connected;
        let endpoint = Endpoint::new(http, base_url, server_name.clone(), transcript);
        let process = process.clone().filter(Located::is_here);
        Self::Attached(Arc::new(Attached { connected, endpoint, process }))
    }

    /// Its short name in the deployment.
    pub fn name(&self) -> &str {
        match self {
            Self::Booted(one) => one.name(),
            Self::Attached(one) => &one.connected.name,
        }
    }

    /// Whether all its processor time can be read: that of PostgreSQL, too, if its data is there.
    pub(crate) fn tells_cpu(&self) -> bool {
        match self {
            Self::Booted(_) => true,
            Self::Attached(one) => one.process.is_some() && one.connected.database == Standing::SQLITE,
        }
    }

    /// Its host name in the federation.
    pub(crate) fn server_name(&self) -> &ServerName {
        match self {
            Self::Booted(one) => one.server_name(),
            Self::Attached(one) => &one.connected.server_name,
        }
    }

    /// Whether nobody can use it.
    pub(crate) fn is_shut(&self) -> bool {
        matches!(self, Self::Booted(one) if one.is_shut())
    }

    /// Its client API.
    pub(crate) fn endpoint(&self) -> Endpoint {
        match self {
            Self::Booted(one) => one.endpoint(),
            Self::Attached(one) => one.endpoint.clone(),
        }
    }

    /// Where a path of its client API is.
    pub(crate) fn url(&self, path: &str) -> String {
        match self {
            Self::Booted(one) => format!("http://{}{path}", one.address()),
            Self::Attached(one) => format!("{}{path}", one.connected.base_url),
        }
    }

    /// Where it counts its own work, if it does.
    pub(crate) fn metrics(&self) -> Option<&Metrics> {
        match self {
            Self::Booted(one) => one.metrics(),
            Self::Attached(one) => one.connected.metrics.as_ref(),
        }
    }

    /// What it has used; `None` if its process is out of reach.
    pub(crate) fn usage(&self) -> Option<Usage> {
        match self {
            Self::Booted(one) => Some(one.usage()),
            Self::Attached(one) => one.process.as_ref().map(Located::usage),
        }
    }

    /// Its process id here, while it runs.
    pub(crate) fn pid(&self) -> Option<u32> {
        match self {
            Self::Booted(one) => one.pid(),
            Self::Attached(one) => one.process.as_ref().map(|process| process.pid),
        }
    }

    /// The PostgreSQL that its data is in, and the database's name there, if it is ours to look at.
    pub(crate) fn postgresql(&self) -> Option<(&Postgresql, &str)> {
        match self {
            Self::Booted(one) => one.postgresql(),
            Self::Attached(_) => None,
        }
    }

    /// How it ended, if that was not asked for and can be told.
    pub(crate) fn died(&self) -> Option<String> {
        match self {
            Self::Booted(one) => one.died(),
            Self::Attached(one) => {
                let process = one.process.as_ref()?;
                (!process.is_here()).then(|| format!("homeserver {} is gone (process {})", self.name(), process.pid))
            }
        }
    }
}
