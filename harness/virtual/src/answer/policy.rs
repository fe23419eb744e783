//! Signing other servers' events as a room's policy server.
//!
//! Specification: server-server API, "Policy Servers", `POST /_matrix/policy/v1/sign` (MSC4284). The endpoint is not
//! guarded by the room's server ACL.

use super::{Call, Refusal};
use fedproof_core::event::countersign;
use serde_json::{Value, json};

impl Call<'_> {
    /// The signature by the policy key, unless the event holds what this server refuses.
    pub(super) fn policy_signature(&self) -> Result<Value, Refusal> {
        let pdu = &self.body;
        let room_id = pdu.get("room_id").and_then(Value::as_str).ok_or_else(|| Refusal::bad("no room_id"))?;
        let (server, rooms) = (self.server.name(), self.server.world().rooms());
        let rules = rooms.read(room_id, |room| room.has_server(server).then(|| room.rules().clone()))?;
        let rules = rules.ok_or_else(|| Refusal::not_found("this server does not protect the room"))?;
        if self.refuses.as_ref().is_some_and(|text| pdu["content"].to_string().contains(text)) {
            return Err(Refusal::new(400, "M_FORBIDDEN", "this event is not wanted here"));
        }
        let key = self.server.policy_key();
        let signed = countersign(pdu, &rules, server, key).map_err(|error| Refusal::bad(error.to_string()))?;
        Ok(json!({ server.as_str(): { key.id(): signed["signatures"][server.as_str()][key.id()] } }))
    }
}
