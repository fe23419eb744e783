//! Users, their devices, and room aliases. Virtual users have a display name and no devices.

use super::{Call, Refusal};
use fedproof_core::{ServerName, name::server_of, state};
use serde_json::{Map, Value, json};

impl Call<'_> {
    pub(super) fn device_keys(&self) -> Value {
        let asked = self.body.get("device_keys").and_then(Value::as_object).into_iter().flat_map(Map::keys);
        let devices: Map<String, Value> = asked.map(|user| (user.clone(), json!({}))).collect();
        json!({ "device_keys": devices })
    }

    pub(super) fn profile(&self) -> Result<Value, Refusal> {
        let user = self.parameter("user_id").unwrap_or_default();
        if server_of(user).map(ServerName::new).as_ref() != Some(self.server.name()) {
            return Err(Refusal::not_found("no such user here"));
        }
        let name = user.trim_start_matches('@').split(':').next();
        Ok(json!({ "displayname": name }))
    }

    pub(super) fn directory(&self) -> Result<Value, Refusal> {
        let alias = self.parameter("room_alias").unwrap_or_default();
        let rooms = self.server.world().rooms();
        let has_alias = |id: &String| {
            let canonical = |room: &crate::Room| {
                state::get(room.current(), "m.room.canonical_alias", "")
                    .is_some_and(|set| set.content_json()["alias"] == alias)
            };
            rooms.read(id, canonical).unwrap_or(false)
        };
        match rooms.ids().into_iter().find(has_alias) {
            Some(room_id) => Ok(json!({"room_id": room_id, "servers": [self.server.name()]})),
            None => Err(Refusal::not_found("no such alias here")),
        }
    }
}
