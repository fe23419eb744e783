//! Public keys of the servers that virtual servers hear from.

use crate::{VirtualError, VirtualServer};
use bytes::Bytes;
use fedproof_core::{
    ServerName, event,
    keys::{PublicKeys, read_document},
};
use ruma::{room_version_rules::RoomVersionRules, signatures::PublicKeySet};
use serde_json::Value;
use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock},
};

/// Keys of real servers, each fetched once.
#[derive(Default)]
pub(crate) struct Keyring {
    fetched: RwLock<HashMap<ServerName, PublicKeySet>>,
}

impl VirtualServer {
    /// The keys of `server`: known for a virtual one, asked for at a real one the first time.
    pub(crate) async fn keys_of(&self, server: &ServerName) -> Result<PublicKeys, VirtualError> {
        let set = match self.known_keys_of(server) {
            Some(set) => set,
            None => self.fetch_keys_of(server).await?,
        };
        Ok(PublicKeys::from([(server.to_string(), set)]))
    }

    fn known_keys_of(&self, server: &ServerName) -> Option<PublicKeySet> {
        if let Some(known) = self.world().known(server) {
            return Some(known.key().public_set());
        }
        let fetched = self.world().keyring().fetched.read().unwrap_or_else(PoisonError::into_inner);
        fetched.get(server).cloned()
    }

    async fn fetch_keys_of(&self, server: &ServerName) -> Result<PublicKeySet, VirtualError> {
        let request = http::Request::get("/_matrix/key/v2/server").body(Bytes::new())?;
        let reply = self.world().gateway().send(self.name(), server, request).await?;
        let set = read_document(server, &reply.body)?;
        let mut fetched = self.world().keyring().fetched.write().unwrap_or_else(PoisonError::into_inner);
        fetched.insert(server.clone(), set.clone());
        Ok(set)
    }

    /// Checks an event's hash and the signatures it must carry.
    pub(crate) async fn verify(&self, pdu: &Value, rules: &RoomVersionRules) -> Result<(), VirtualError> {
        let mut keys = PublicKeys::new();
        for signer in event::signers(pdu, rules).map_err(fedproof_core::room::RoomError::from)? {
            keys.extend(self.keys_of(&signer).await?);
        }
        event::verify(pdu, rules, &keys).map_err(fedproof_core::room::RoomError::from)?;
        Ok(())
    }
}
