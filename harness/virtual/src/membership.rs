//! Joining, leaving, knocking at and inviting into rooms that other servers host.
//!
//! Specification: server-server API, "Joining Rooms", "Leaving Rooms", "Knocking upon a room", "Inviting to a room".

use crate::{Built, Draft, Room, VirtualError, VirtualServer, path::encode, world::now_ms};
use fedproof_core::{
    ServerName,
    event::{rules_of, sign},
    room::{Basis, RoomError},
};
use fedproof_gateway::Reply;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The room versions that virtual servers say they support.
pub(crate) const ROOM_VERSIONS: [&str; 3] = ["10", "11", "12"];

/// State events that invites and knocks carry along. Specification: client-server API, "Stripped state".
const STRIPPED_STATE: [&str; 8] = [
    "m.room.create",
    "m.room.join_rules",
    "m.room.name",
    "m.room.avatar",
    "m.room.topic",
    "m.room.canonical_alias",
    "m.room.encryption",
    "m.room.member",
];

/// A membership that a server asks another for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names are those of the specification")]
pub enum Membership {
    Join,
    Leave,
    Knock,
}

impl Membership {
    fn as_str(self) -> &'static str {
        match self {
            Self::Join => "join",
            Self::Leave => "leave",
            Self::Knock => "knock",
        }
    }
}

/// Version of `send_join` and `send_leave`; `send_knock` has only the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names are those of the specification")]
pub enum ApiVersion {
    V1,
    V2,
}

impl VirtualServer {
    /// Joins a room through `via`. The answer is that of the request that failed, or of send_join.
    pub async fn join(&self, room: &str, user: &str, via: &ServerName) -> Result<Reply, VirtualError> {
        self.change(Membership::Join, room, user, via).await
    }

    /// Leaves a room or rejects an invite through `via`.
    pub async fn leave(&self, room: &str, user: &str, via: &ServerName) -> Result<Reply, VirtualError> {
        self.change(Membership::Leave, room, user, via).await
    }

    /// Knocks at a room through `via`.
    pub async fn knock(&self, room: &str, user: &str, via: &ServerName) -> Result<Reply, VirtualError> {
        self.change(Membership::Knock, room, user, via).await
    }

    async fn change(
        &self,
        membership: Membership,
        room: &str,
        user: &str,
        via: &ServerName,
    ) -> Result<Reply, VirtualError> {
        match self.template(membership, room, user, via).await? {
            (_, Some(built)) => self.submit(membership, room, &built, via, ApiVersion::V2).await,
            (reply, None) => Ok(reply),
        }
    }

    /// Asks for a template (make_join, make_leave, make_knock). On 200 it comes completed, hashed and signed.
    pub async fn template(
        &self,
        membership: Membership,
        room: &str,
        user: &str,
        via: &ServerName,
    ) -> Result<(Reply, Option<Built>), VirtualError> {
        let versions = ROOM_VERSIONS.map(|version| format!("ver={version}")).join("&");
        let query = if membership == Membership::Leave { String::new() } else { format!("?{versions}") };
        let kind = membership.as_str();
        let path = format!("/_matrix/federation/v1/make_{kind}/{}/{}{query}", encode(room), encode(user));
        let reply = self.request(via, "GET", &path, None).await?;
        if reply.status != 200 {
            return Ok((reply, None));
        }
        let room_version = reply.body["room_version"].as_str().unwrap_or("1").to_owned();
        let mut event = reply.body["event"].clone();
        let Some(fields) = event.as_object_mut() else {
            let problem = "event is no object".into();
            return Err(VirtualError::Answer { endpoint: "make_*", problem, reply: reply.into() });
        };
        fields.retain(|key, _| !matches!(key.as_str(), "event_id" | "hashes" | "signatures" | "unsigned" | "origin"));
        fields.insert("origin_server_ts".into(), now_ms().into());
        let (event_id, event) = sign(&event, &rules_of(&room_version)?, self.name(), self.key())?;
        Ok((reply, Some(Built { event_id, event, room_id: room.to_owned(), room_version })))
    }

    /// Submits an event made from a template (send_join, send_leave, send_knock); on success the graph has it.
    pub async fn submit(
        &self,
        membership: Membership,
        room: &str,
        built: &Built,
        via: &ServerName,
        version: ApiVersion,
    ) -> Result<Reply, VirtualError> {
        let version = if membership == Membership::Knock { ApiVersion::V1 } else { version };
        let api = if version == ApiVersion::V1 { "v1" } else { "v2" };
        let kind = membership.as_str();
        let path = format!("/_matrix/federation/{api}/send_{kind}/{}/{}", encode(room), encode(&built.event_id));
        let reply = self.request(via, "PUT", &path, Some(built.event.clone())).await?;
        if reply.status == 200 {
            let answer = reply.body.get(1).unwrap_or(&reply.body);
            if let Err(error) = self.take_in(membership, room, built, answer) {
                let (endpoint, problem) = ("send_*", error.to_string());
                return Err(VirtualError::Answer { endpoint, problem, reply: reply.into() });
            }
        }
        Ok(reply)
    }

    /// Brings an accepted membership into the graph.
    fn take_in(&self, membership: Membership, room: &str, built: &Built, answer: &Value) -> Result<(), RoomError> {
        let rooms = self.world().rooms();
        if membership != Membership::Join {
            // Whoever knocks or rejects an invite need not know the room.
            if rooms.ids().iter().any(|id| id == room) {
                rooms.write(room, |room| room.add(built.event.clone(), Basis::CurrentIfMissing, false))??;
            }
            return Ok(());
        }
        let list = |key: &str| answer.get(key).and_then(Value::as_array).map(Vec::as_slice);
        let (Some(state), Some(auth_chain)) = (list("state"), list("auth_chain")) else {
            return Err(RoomError::Lacking("state or auth_chain"));
        };
        // A restricted join comes back with the second signature.
        let event = answer.get("event").filter(|event| event.is_object()).unwrap_or(&built.event);
        rooms.insert(Room::new(room, &built.room_version)?);
        rooms.write(room, |room| room.import(state, auth_chain, event.clone()))??;
        Ok(())
    }

    /// Invites `target`, a user of `to`; once accepted, the graph has the invite.
    pub async fn invite(
        &self,
        room: &str,
        sender: &str,
        target: &str,
        to: &ServerName,
    ) -> Result<(Reply, Built), VirtualError> {
        let draft = Draft {
            room: room.to_owned(),
            sender: sender.to_owned(),
            kind: "m.room.member".into(),
            state_key: Some(target.to_owned()),
            content: json!({"membership": "invite"}),
            ..Draft::default()
        };
        let (built, stripped) = self.world().rooms().read(room, |room| {
            let (event_id, event) = sign(&room.complete(&draft, now_ms())?, room.rules(), self.name(), self.key())?;
            let (room_id, room_version) = (room.id().to_owned(), room.version().to_owned());
            Ok::<_, VirtualError>((Built { event_id, event, room_id, room_version }, stripped_state(room, sender)))
        })??;
        let path = format!("/_matrix/federation/v2/invite/{}/{}", encode(room), encode(&built.event_id));
        let body = json!({"event": built.event, "room_version": built.room_version, "invite_room_state": stripped});
        let reply = self.request(to, "PUT", &path, Some(body)).await?;
        if reply.status == 200 {
            let event = reply.body.get("event").cloned().unwrap_or_else(|| built.event.clone());
            self.world().rooms().write(room, |room| room.add(event, Basis::CurrentIfMissing, false))??;
        }
        Ok((reply, built))
    }
}

/// What invites and knocks show of a room: complete PDUs (MSC4311), of the members only `sender`.
pub(crate) fn stripped_state(room: &Room, sender: &str) -> Vec<Value> {
    let shown = room.current().iter().filter(|((kind, key), _)| {
        let kind = kind.to_string();
        STRIPPED_STATE.contains(&kind.as_str()) && (kind != "m.room.member" || key == sender)
    });
    shown.map(|(_, event)| event.json().clone()).collect()
}
