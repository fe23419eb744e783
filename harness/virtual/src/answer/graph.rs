//! What a server tells of the rooms it is in: state, events, the way back.
//!
//! Specification: server-server API, "Backfilling and retrieving missing events", "Retrieving events".

use super::{Call, Refusal};
use crate::world::now_ms;
use fedproof_core::{event::Event, room::RoomError, state::State};
use serde_json::{Value, json};
use std::sync::Arc;

/// Most events in one answer.
const LIMIT: usize = 100;

impl Call<'_> {
    pub(super) fn state(&self) -> Result<Value, Refusal> {
        self.state_at(|events| events.iter().map(|event| event.json().clone()).collect(), ["pdus", "auth_chain"])
    }

    pub(super) fn state_ids(&self) -> Result<Value, Refusal> {
        let ids = |events: &[&Arc<Event>]| events.iter().map(|event| json!(event.id())).collect();
        self.state_at(ids, ["pdu_ids", "auth_chain_ids"])
    }

    fn state_at(&self, show: impl Fn(&[&Arc<Event>]) -> Vec<Value>, keys: [&str; 2]) -> Result<Value, Refusal> {
        let at = self.parameter("event_id").unwrap_or_default();
        self.shared_room(|room| {
            let before: &State = room.state_before(at).ok_or_else(|| RoomError::UnknownEvent(at.to_owned()))?;
            let state: Vec<_> = before.values().collect();
            let chain = room.auth_chain(state.iter().map(|event| event.id()));
            Ok(json!({ keys[0]: show(&state), keys[1]: show(&chain) }))
        })
    }

    pub(super) fn event(&self) -> Result<Value, Refusal> {
        let id = self.part(0);
        let rooms = self.server.world().rooms();
        let unknown = || RoomError::UnknownEvent(id.to_owned());
        let pdu = rooms.read(&rooms.holding(id).ok_or_else(unknown)?, |room| {
            let shared = room.has_server(self.server.name()) && room.has_server(&self.origin);
            room.event(id).filter(|_| shared).map(|event| event.json().clone())
        })?;
        Ok(self.as_transaction(vec![pdu.ok_or_else(unknown)?]))
    }

    pub(super) fn event_auth(&self) -> Result<Value, Refusal> {
        self.shared_room(|room| {
            let event = room.event(self.part(1)).ok_or_else(|| RoomError::UnknownEvent(self.part(1).to_owned()))?;
            let chain = room.auth_chain([event.id()]);
            Ok(json!({ "auth_chain": chain.iter().map(|event| event.json()).collect::<Vec<_>>() }))
        })
    }

    pub(super) fn backfill(&self) -> Result<Value, Refusal> {
        let from = self.query.iter().filter(|(key, _)| key == "v").map(|(_, id)| id.as_str());
        let limit = self.parameter("limit").and_then(|limit| limit.parse().ok()).unwrap_or(LIMIT);
        let pdus = self.shared_room(|room| {
            let found = room.walk_back(from, limit.min(LIMIT), |_| false);
            Ok(found.iter().map(|event| event.json().clone()).collect())
        })?;
        Ok(self.as_transaction(pdus))
    }

    pub(super) fn missing_events(&self) -> Result<Value, Refusal> {
        let ids = |key: &str| -> Vec<&str> {
            self.body.get(key).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
        };
        let (earliest, latest) = (ids("earliest_events"), ids("latest_events"));
        let limit = self.body.get("limit").and_then(Value::as_u64).unwrap_or(10) as usize;
        let min_depth = self.body.get("min_depth").and_then(Value::as_u64).unwrap_or(0);
        self.shared_room(|room| {
            // The caller has the latest events; it asks for what is before them.
            let before: Vec<&str> = latest
                .iter()
                .filter_map(|id| room.event(id))
                .flat_map(|event| event.prev_ids().iter().map(|id| id.as_str()))
                .collect();
            let stop = |event: &Event| event.depth() < min_depth || earliest.contains(&event.id().as_str());
            let mut found = room.walk_back(before, limit.min(LIMIT), stop);
            found.reverse();
            Ok(json!({ "events": found.iter().map(|event| event.json()).collect::<Vec<_>>() }))
        })
    }

    fn as_transaction(&self, pdus: Vec<Value>) -> Value {
        json!({"origin": self.server.name(), "origin_server_ts": now_ms(), "pdus": pdus})
    }
}
