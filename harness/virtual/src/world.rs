//! All virtual servers of a process, and what they share.

use crate::{Rooms, VirtualServer, keyring::Keyring, server::ServerState};
use fedproof_core::ServerName;
use fedproof_gateway::Gateway;
use std::{
    collections::HashMap,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

/// The virtual servers of a process with their one room graph. Cheap to clone.
#[derive(Clone)]
pub struct World {
    shared: Arc<Shared>,
}

struct Shared {
    gateway: Gateway,
    seed: u64,
    rooms: Rooms,
    keyring: Keyring,
    servers: RwLock<HashMap<ServerName, Arc<ServerState>>>,
    counter: AtomicU64,
}

impl World {
    /// An empty world. Server keys follow from `seed` and the server's name, so that a repeated run has the same.
    pub fn new(gateway: Gateway, seed: u64) -> Self {
        let shared = Shared {
            gateway,
            seed,
            rooms: Rooms::default(),
            keyring: Keyring::default(),
            servers: RwLock::default(),
            counter: AtomicU64::new(0),
        };
        Self { shared: Arc::new(shared) }
    }

    /// The virtual server of that name; created and made reachable the first time.
    pub fn server(&self, name: ServerName) -> VirtualServer {
        self.server_spelt(name.as_str())
    }

    /// As [`World::server`]; the first time it is told how the server writes its own name.
    pub fn server_spelt(&self, spelling: &str) -> VirtualServer {
        let name = ServerName::new(spelling);
        if let Some(known) = self.known(&name) {
            return known;
        }
        let state = Arc::new(ServerState::new(spelling, self.shared.seed));
        let mut servers = self.shared.servers.write().unwrap_or_else(PoisonError::into_inner);
        let state = servers.entry(name.clone()).or_insert(state).clone();
        drop(servers);
        let server = VirtualServer::new(self.clone(), state);
        self.shared.gateway.route_virtual(name, Arc::new(server.clone()));
        server
    }

    /// The virtual server of that name, if there is one.
    pub fn known(&self, name: &ServerName) -> Option<VirtualServer> {
        let servers = self.shared.servers.read().unwrap_or_else(PoisonError::into_inner);
        servers.get(name).map(|state| VirtualServer::new(self.clone(), state.clone()))
    }

    /// The room graph that all virtual servers share.
    pub fn rooms(&self) -> &Rooms {
        &self.shared.rooms
    }

    pub(crate) fn gateway(&self) -> &Gateway {
        &self.shared.gateway
    }

    pub(crate) fn keyring(&self) -> &Keyring {
        &self.shared.keyring
    }

    /// A text that no other call, and no other run against the same servers, gives.
    pub(crate) fn unique(&self) -> String {
        format!("{}-{}", now_ms(), self.shared.counter.fetch_add(1, Ordering::Relaxed))
    }
}

/// Unix time in milliseconds.
pub(crate) fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |age| age.as_millis() as u64)
}
