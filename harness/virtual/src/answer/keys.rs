//! Server keys, own and as a notary for the whole world. Specification: "Retrieving server keys".

use super::Call;
use crate::{VirtualServer, world::now_ms};
use fedproof_core::ServerName;
use serde_json::{Value, json};

/// How long a key document is valid: a day, in milliseconds.
const VALIDITY_MS: u64 = 24 * 3600 * 1000;

impl Call<'_> {
    pub(super) fn own_keys(&self) -> Value {
        document(self.server)
    }

    pub(super) fn notary(&self) -> Value {
        let asked: Vec<ServerName> = match self.body.get("server_keys").and_then(Value::as_object) {
            Some(servers) => servers.keys().map(ServerName::new).collect(),
            None => vec![ServerName::new(self.part(0))],
        };
        let known = asked.iter().filter_map(|name| self.server.world().known(name));
        let documents: Vec<Value> = known
            .map(|known| {
                let mut keys = document(&known);
                if known.name() != self.server.name() {
                    self.server.key().sign_json(self.server.spelling(), &mut keys);
                }
                keys
            })
            .collect();
        json!({ "server_keys": documents })
    }
}

fn document(server: &VirtualServer) -> Value {
    server.key().document(server.spelling(), now_ms() + VALIDITY_MS)
}
