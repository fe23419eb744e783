//! Events: reading, completing, hashing, signing and checking PDUs of one room version.
//!
//! Specification: server-server API, "PDUs" and "Signing Events"; room versions 10, 11 and 12. Hashes, redaction
//! and signatures are ruma's.

use crate::{
    ServerName,
    keys::{PublicKeys, SigningKey},
};
use ruma::{
    CanonicalJsonObject, MilliSecondsSinceUnixEpoch, OwnedEventId, OwnedRoomId, OwnedUserId, RoomId, RoomVersionId,
    UserId,
    canonical_json::try_from_json_map,
    events::TimelineEventType,
    room_version_rules::RoomVersionRules,
    signatures::{Verified, hash_and_sign_event, reference_hash, sign_event, verify_event},
    state_res,
};
use serde::{Deserialize, Serialize};
use serde_json::{
    Value,
    value::{RawValue, to_raw_value},
};

/// Why an event could not be read, signed or believed.
#[derive(Debug, thiserror::Error)]
pub enum EventError {
    /// The room version is unknown to this build.
    #[error("room version {0:?} is not supported")]
    RoomVersion(String),
    /// It breaks the format: no object, a field missing or of the wrong type, too large, …
    #[error("read the event: {0}")]
    Format(String),
    /// A signature that must be there is missing or wrong.
    #[error("check the event's signatures: {0}")]
    Signature(#[from] ruma::signatures::VerificationError),
}

/// The rules of a room version such as `"11"`.
pub fn rules_of(room_version: &str) -> Result<RoomVersionRules, EventError> {
    let unknown = || EventError::RoomVersion(room_version.to_owned());
    RoomVersionId::try_from(room_version).map_err(|_| unknown())?.rules().ok_or_else(unknown)
}

/// An event to be made. Whatever is left open is filled in honestly from the room graph.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Draft {
    /// The room's id.
    pub room: String,
    /// The sender's user id.
    pub sender: String,
    /// The event type.
    pub kind: String,
    /// The state key; `None` makes a message event.
    pub state_key: Option<String>,
    /// The content.
    pub content: Value,
    /// Event ids to stand in for the room's forward extremities: a fork.
    pub prev_events: Option<Vec<String>>,
    /// Event ids to stand in for the honest selection of auth events.
    pub auth_events: Option<Vec<String>>,
    /// Kept in the graph, so that it can be served, but no other event will refer to it.
    pub detached: bool,
}

/// An event that is hashed and signed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Built {
    /// The event's id (its reference hash).
    pub event_id: String,
    /// The PDU, as it crosses the wire.
    pub event: Value,
    /// The room's id.
    pub room_id: String,
    /// The room's version.
    pub room_version: String,
}

/// Hashes and signs a PDU as `server`; gives it back with its event id.
pub fn sign(
    event: &Value,
    rules: &RoomVersionRules,
    server: &ServerName,
    key: &SigningKey,
) -> Result<(String, Value), EventError> {
    let mut object = canonical_object(event)?;
    hash_and_sign_event(server.as_str(), key.pair(), &mut object, &rules.redaction).map_err(format_error)?;
    let id = id_of_object(&object, rules)?;
    Ok((id, to_value(&object)?))
}

/// Adds a second signature to an event that is already hashed (an invite, a restricted join).
pub fn countersign(
    event: &Value,
    rules: &RoomVersionRules,
    server: &ServerName,
    key: &SigningKey,
) -> Result<Value, EventError> {
    let mut object = canonical_object(event)?;
    sign_event(server.as_str(), key.pair(), &mut object, &rules.redaction).map_err(format_error)?;
    to_value(&object)
}

/// The id of a PDU: `$` and its reference hash.
pub fn event_id(event: &Value, rules: &RoomVersionRules) -> Result<String, EventError> {
    id_of_object(&canonical_object(event)?, rules)
}

/// Checks hash and signatures against `keys`, which must hold the keys of [`signers`].
pub fn verify(event: &Value, rules: &RoomVersionRules, keys: &PublicKeys) -> Result<Verified, EventError> {
    Ok(verify_event(keys, &canonical_object(event)?, rules)?)
}

/// The servers whose signatures an event must carry.
pub fn signers(event: &Value, rules: &RoomVersionRules) -> Result<Vec<ServerName>, EventError> {
    let servers =
        ruma::signatures::required_server_signatures_to_verify_event(&canonical_object(event)?, &rules.signatures)?;
    Ok(servers.iter().map(|name| ServerName::new(name.as_str())).collect())
}

fn canonical_object(event: &Value) -> Result<CanonicalJsonObject, EventError> {
    let fields = event.as_object().ok_or_else(|| EventError::Format("it is no object".into()))?;
    try_from_json_map(fields.clone()).map_err(format_error)
}

fn id_of_object(object: &CanonicalJsonObject, rules: &RoomVersionRules) -> Result<String, EventError> {
    Ok(format!("${}", reference_hash(object, rules).map_err(format_error)?))
}

fn to_value(object: &CanonicalJsonObject) -> Result<Value, EventError> {
    serde_json::to_value(object).map_err(format_error)
}

fn format_error(error: impl std::fmt::Display) -> EventError {
    EventError::Format(error.to_string())
}

/// An event of the room graph: the PDU and what the authorization rules read of it.
#[derive(Clone, Debug)]
pub struct Event {
    id: OwnedEventId,
    json: Value,
    content: Box<RawValue>,
    fields: Fields,
    rejected: bool,
}

#[derive(Clone, Debug, Deserialize)]
struct Fields {
    room_id: Option<OwnedRoomId>,
    sender: OwnedUserId,
    origin_server_ts: MilliSecondsSinceUnixEpoch,
    #[serde(rename = "type")]
    kind: TimelineEventType,
    state_key: Option<String>,
    prev_events: Vec<OwnedEventId>,
    auth_events: Vec<OwnedEventId>,
    redacts: Option<OwnedEventId>,
    depth: u64,
}

impl Event {
    /// Reads a PDU and computes its id; signatures are not looked at.
    pub fn read(json: Value, rules: &RoomVersionRules) -> Result<Self, EventError> {
        let object = canonical_object(&json)?;
        state_res::check_pdu_format(&object, &rules.event_format).map_err(EventError::Format)?;
        let id = id_of_object(&object, rules)?;
        Ok(Self {
            id: OwnedEventId::try_from(id).map_err(format_error)?,
            content: to_raw_value(&json["content"]).map_err(format_error)?,
            fields: Fields::deserialize(&json).map_err(format_error)?,
            json,
            rejected: false,
        })
    }

    /// The event's id.
    pub fn id(&self) -> &OwnedEventId {
        &self.id
    }
    /// The PDU as it came.
    pub fn json(&self) -> &Value {
        &self.json
    }
    /// The event type.
    pub fn kind(&self) -> &TimelineEventType {
        &self.fields.kind
    }
    /// The content, empty values included.
    pub fn content_json(&self) -> &Value {
        &self.json["content"]
    }
    /// The sender's user id.
    pub fn sender_id(&self) -> &UserId {
        &self.fields.sender
    }
    /// The state key of a state event.
    pub fn key(&self) -> Option<&str> {
        self.fields.state_key.as_deref()
    }
    /// Ids of the events before this one.
    pub fn prev_ids(&self) -> &[OwnedEventId] {
        &self.fields.prev_events
    }
    /// Ids of the events that authorize this one.
    pub fn auth_ids(&self) -> &[OwnedEventId] {
        &self.fields.auth_events
    }
    /// Longest way to the create event, as the sender says.
    pub fn depth(&self) -> u64 {
        self.fields.depth
    }
    /// The membership that an `m.room.member` event gives.
    pub fn membership(&self) -> Option<&str> {
        self.content_json().get("membership").and_then(Value::as_str)
    }
    /// True if the authorization rules refuse it; it then changes no state.
    pub fn is_rejected(&self) -> bool {
        self.rejected
    }
    pub(crate) fn reject(mut self) -> Self {
        self.rejected = true;
        self
    }
}

impl state_res::Event for Event {
    type Id = OwnedEventId;

    fn event_id(&self) -> &OwnedEventId {
        &self.id
    }
    fn room_id(&self) -> Option<&RoomId> {
        self.fields.room_id.as_deref()
    }
    fn sender(&self) -> &UserId {
        &self.fields.sender
    }
    fn origin_server_ts(&self) -> MilliSecondsSinceUnixEpoch {
        self.fields.origin_server_ts
    }
    fn event_type(&self) -> &TimelineEventType {
        &self.fields.kind
    }
    fn content(&self) -> &RawValue {
        &self.content
    }
    fn state_key(&self) -> Option<&str> {
        self.key()
    }
    fn prev_events(&self) -> Box<dyn DoubleEndedIterator<Item = &OwnedEventId> + '_> {
        Box::new(self.fields.prev_events.iter())
    }
    fn auth_events(&self) -> Box<dyn DoubleEndedIterator<Item = &OwnedEventId> + '_> {
        Box::new(self.fields.auth_events.iter())
    }
    fn redacts(&self) -> Option<&OwnedEventId> {
        self.fields.redacts.as_ref()
    }
    fn rejected(&self) -> bool {
        self.rejected
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_signed_verifies_in_every_version() {
        let name = ServerName::new("a.example");
        let key = SigningKey::derive(1, &name, "1");
        let keys = PublicKeys::from([(name.to_string(), key.public_set())]);
        for version in ["10", "11", "12"] {
            let rules = rules_of(version).unwrap();
            let event = json!({
                "room_id": "!r:a.example", "sender": "@u:a.example", "type": "m.room.message", "origin_server_ts": 1,
                "content": {"body": "hello"}, "prev_events": [], "auth_events": [], "depth": 3,
            });
            let (id, signed) = sign(&event, &rules, &name, &key).unwrap();
            assert_eq!(verify(&signed, &rules, &keys).unwrap(), Verified::All, "{version}");
            assert_eq!(event_id(&signed, &rules).unwrap(), id);
            let mut changed = signed.clone();
            changed["content"]["body"] = "other".into();
            assert_eq!(verify(&changed, &rules, &keys).unwrap(), Verified::Signatures, "redacted: {version}");
            changed["depth"] = 4.into();
            verify(&changed, &rules, &keys).unwrap_err();
        }
        assert!(rules_of("org.example.none").is_err());
    }
}
