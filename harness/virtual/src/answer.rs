//! The honest answers, one file per group of endpoints.

mod directory;
mod graph;
mod keys;
mod membership;
mod policy;
mod transaction;

use crate::{Endpoint, Room, VirtualError, VirtualServer, endpoint::Route};
use fedproof_core::{ServerName, room::RoomError};
use serde_json::{Value, json};

/// A request that may be answered.
pub(crate) struct Call<'a> {
    pub(crate) server: &'a VirtualServer,
    pub(crate) origin: ServerName,
    pub(crate) route: Route,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) body: Value,
    pub(crate) enforces_acl: bool,
    pub(crate) may_omit_members: bool,
    /// A policy server signs no event whose content holds this text.
    pub(crate) refuses: Option<String>,
}

/// A standard error answer.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: u16,
    body: Value,
}

impl Refusal {
    pub(crate) fn new(status: u16, errcode: &str, error: impl Into<String>) -> Self {
        Self { status, body: json!({"errcode": errcode, "error": error.into()}) }
    }
    pub(crate) fn forbidden(error: impl Into<String>) -> Self {
        Self::new(403, "M_FORBIDDEN", error)
    }
    pub(crate) fn not_found(error: impl Into<String>) -> Self {
        Self::new(404, "M_NOT_FOUND", error)
    }
    pub(crate) fn bad(error: impl Into<String>) -> Self {
        Self::new(400, "M_BAD_JSON", error)
    }
    pub(crate) fn status(&self) -> u16 {
        self.status
    }
    pub(crate) fn body(self) -> Value {
        self.body
    }
}

impl From<RoomError> for Refusal {
    fn from(error: RoomError) -> Self {
        match error {
            RoomError::UnknownRoom(_) | RoomError::UnknownEvent(_) => Self::not_found(error.to_string()),
            RoomError::Forbidden(_) => Self::forbidden(error.to_string()),
            _ => Self::bad(error.to_string()),
        }
    }
}

impl From<VirtualError> for Refusal {
    fn from(error: VirtualError) -> Self {
        match error {
            VirtualError::Room(error) => error.into(),
            other => Self::bad(other.to_string()),
        }
    }
}

/// Gives the honest answer.
pub(crate) async fn answer(call: Call<'_>) -> Result<Value, Refusal> {
    match call.route.endpoint {
        Endpoint::Keys => Ok(call.own_keys()),
        Endpoint::KeysNotary => Ok(call.notary()),
        Endpoint::Version => {
            Ok(json!({"server": {"name": "fedproof virtual server", "version": env!("CARGO_PKG_VERSION")}}))
        }
        Endpoint::MakeJoin => call.make("join"),
        Endpoint::MakeLeave => call.make("leave"),
        Endpoint::MakeKnock => call.make("knock"),
        Endpoint::SendJoin => call.send("join").await,
        Endpoint::SendLeave => call.send("leave").await,
        Endpoint::SendKnock => call.send("knock").await,
        Endpoint::Invite => call.invite().await,
        Endpoint::State => call.state(),
        Endpoint::StateIds => call.state_ids(),
        Endpoint::Backfill => call.backfill(),
        Endpoint::Event => call.event(),
        Endpoint::EventAuth => call.event_auth(),
        Endpoint::GetMissingEvents => call.missing_events(),
        Endpoint::Send => call.transaction().await,
        Endpoint::KeysQuery => Ok(call.device_keys()),
        Endpoint::KeysClaim => Ok(json!({"one_time_keys": {}})),
        Endpoint::Devices => Ok(json!({"user_id": call.part(0), "stream_id": 1, "devices": []})),
        Endpoint::Profile => call.profile(),
        Endpoint::Directory => call.directory(),
        Endpoint::PolicySign => call.policy_signature(),
        Endpoint::Push => Ok(json!({"rejected": []})),
    }
}

impl Call<'_> {
    /// A variable segment of the path.
    fn part(&self, position: usize) -> &str {
        self.route.parts.get(position).map_or("", String::as_str)
    }

    fn parameter(&self, key: &str) -> Option<&str> {
        self.query.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// Looks at the room in the path, in which this server must be.
    fn room<T>(&self, look: impl FnOnce(&Room) -> Result<T, Refusal>) -> Result<T, Refusal> {
        self.server.world().rooms().read(self.part(0), |room| {
            if !room.has_server(self.server.name()) {
                return Err(Refusal::not_found("this server is not in the room"));
            }
            look(room)
        })?
    }

    /// Looks at the room in the path, in which the caller must be, too.
    fn shared_room<T>(&self, look: impl FnOnce(&Room) -> Result<T, Refusal>) -> Result<T, Refusal> {
        self.room(|room| match room.has_server(&self.origin) {
            true => look(room),
            false => Err(Refusal::forbidden("your server is not in the room")),
        })
    }

    /// Membership answers of version 1 come with a status inside.
    fn wrapped(&self, answer: Value) -> Value {
        if self.route.is_v1 { json!([200, answer]) } else { answer }
    }
}
