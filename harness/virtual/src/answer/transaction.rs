//! Transactions: taking in what other servers send.
//!
//! Specification: server-server API, "PDUs", "Checks performed on receipt of a PDU", "Retrieving missing events".
//! EDUs are not interpreted; they stand in the transcript.

use super::{Call, Refusal};
use crate::{VirtualError, VirtualServer, path::encode};
use fedproof_core::{
    ServerName,
    event::{Event, event_id, rules_of},
    room::{Added, Basis, RoomError},
};
use ruma::room_version_rules::RoomVersionRules;
use serde_json::{Map, Value, json};

/// How many missing events are asked for at once.
const MISSING_LIMIT: usize = 50;

impl Call<'_> {
    pub(super) async fn transaction(&self) -> Result<Value, Refusal> {
        let mut results = Map::new();
        for pdu in self.body.get("pdus").and_then(Value::as_array).into_iter().flatten() {
            let room_id = pdu.get("room_id").and_then(Value::as_str).unwrap_or_default();
            let room =
                self.server.world().rooms().read(room_id, |room| (room.rules().clone(), room.denies(&self.origin)));
            let (rules, denied) = match room {
                Ok(room) => room,
                // The id's format has been the same since room version 4.
                Err(_) => (rules_of("11").map_err(|error| Refusal::bad(error.to_string()))?, false),
            };
            let Ok(id) = event_id(pdu, &rules) else { continue };
            let taken = match denied && self.enforces_acl {
                true => Err(RoomError::Forbidden("the room's server ACL denies your server".into()).into()),
                false => self.server.receive(&self.origin, room_id, &id, pdu, &rules).await,
            };
            results.insert(id, taken.map_or_else(|error| json!({"error": error.to_string()}), |()| json!({})));
        }
        Ok(json!({ "pdus": results }))
    }
}

impl VirtualServer {
    /// Takes one PDU in, with what is missing before it.
    async fn receive(
        &self,
        origin: &ServerName,
        room_id: &str,
        id: &str,
        pdu: &Value,
        rules: &RoomVersionRules,
    ) -> Result<(), VirtualError> {
        let rooms = self.world().rooms();
        // Every virtual server in the room is sent the same PDU; one of them is enough.
        if rooms.read(room_id, |room| room.has_state_of(id))? {
            return Ok(());
        }
        self.verify(pdu, rules).await?;
        let event = Event::read(pdu.clone(), rules)?;
        if !rooms.read(room_id, |room| room.missing_before(&event))?.is_empty() {
            self.fetch_missing(origin, room_id, id, rules).await?;
        }
        if !rooms.read(room_id, |room| room.missing_auth(&event))?.is_empty() {
            self.fetch_auth(origin, room_id, id).await?;
        }
        match rooms.write(room_id, |room| room.add(pdu.clone(), Basis::CurrentIfMissing, false))?? {
            Added::Rejected(reason) => Err(RoomError::Forbidden(reason).into()),
            Added::Known | Added::Accepted => Ok(()),
        }
    }

    /// Asks `origin` for the events between the graph's heads and `id`. What it does not give stays missing.
    async fn fetch_missing(
        &self,
        origin: &ServerName,
        room_id: &str,
        id: &str,
        rules: &RoomVersionRules,
    ) -> Result<(), VirtualError> {
        let rooms = self.world().rooms();
        let heads: Vec<String> = rooms.read(room_id, |room| room.heads().iter().map(ToString::to_string).collect())?;
        let path = format!("/_matrix/federation/v1/get_missing_events/{}", encode(room_id));
        let body = json!({"earliest_events": heads, "latest_events": [id], "limit": MISSING_LIMIT, "min_depth": 0});
        let reply = self.request(origin, "POST", &path, Some(body)).await?;
        let mut events: Vec<&Value> = reply.body["events"].as_array().into_iter().flatten().collect();
        events.sort_by_key(|event| event["depth"].as_u64());
        for event in events {
            if let Err(error) = self.verify(event, rules).await {
                tracing::debug!(%error, "pass over a missing event");
                continue;
            }
            rooms.write(room_id, |room| room.add(event.clone(), Basis::CurrentIfMissing, false))??;
        }
        Ok(())
    }

    /// Asks `origin` for the auth chain of `id`.
    async fn fetch_auth(&self, origin: &ServerName, room_id: &str, id: &str) -> Result<(), VirtualError> {
        let path = format!("/_matrix/federation/v1/event_auth/{}/{}", encode(room_id), encode(id));
        let reply = self.request(origin, "GET", &path, None).await?;
        let chain = reply.body["auth_chain"].as_array().map(Vec::as_slice).unwrap_or_default();
        self.world().rooms().write(room_id, |room| room.add_outliers(chain))??;
        Ok(())
    }
}
