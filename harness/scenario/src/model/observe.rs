//! Arguments of the verbs that observe (R2).

use super::BodyCheck;
use fedproof_agent_protocol::Command;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Something that can be observed.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Condition {
    /// client: an event in the room's timeline or state, by id. `never` asks `/event/{id}` as well.
    Event {
        /// Room id.
        room: String,
        /// Event id.
        id: String,
    },
    /// client: a user shown as typing.
    Typing {
        /// Room id.
        room: String,
        /// User id.
        user: String,
    },
    /// client: a receipt.
    Receipt {
        /// Room id.
        room: String,
        /// User id.
        user: String,
        /// Event id.
        event: String,
    },
    /// client: a state event's content.
    State {
        /// Room id.
        room: String,
        /// Event type.
        #[serde(rename = "type")]
        kind: String,
        /// State key.
        #[serde(default)]
        state_key: String,
        /// The whole content.
        content: Value,
    },
    /// client: an invite of this user into the room.
    Invite {
        /// Room id.
        room: String,
        /// User id of who invites.
        by: String,
    },
    /// client: another user's presence with this status text.
    Presence {
        /// User id.
        user: String,
        /// The whole status text.
        status: String,
    },
    /// client: a to-device message.
    ToDevice {
        /// Event type.
        #[serde(rename = "type")]
        kind: String,
        /// A text that stands in its content.
        mentions: String,
    },
    /// client: what its homeserver says of a user's devices and keys, by `/keys/query`.
    Keys {
        /// User id.
        user: String,
        /// A text that stands in it: a device id, a key.
        mentions: String,
    },
    /// client: a signature of cross-signing, as `/keys/query` shows it and if it is right: its own user's on another user's
    /// master key, or with `device` a user's on a device of the same user.
    Signed {
        /// User id.
        user: String,
        /// Device id.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        device: Option<String>,
    },
    /// agent: a message that it can read; with `eventually`, one that was encrypted, which its homeserver is asked. With
    /// `never` it must have had the message before it: a refusal decides nothing.
    Reads {
        /// Room id.
        room: String,
        /// Event id.
        event: String,
        /// Its whole text.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        body: Option<String>,
    },
    /// agent: what it answers to an order that changes nothing (`room`, `devices`, `read`, `read_back`).
    Answers {
        /// The order.
        to: Command,
        /// Checks of the answer.
        body: Vec<BodyCheck>,
    },
    /// virtual: a PDU in a transaction for it, by event id.
    Pdu {
        /// Event id.
        id: String,
    },
    /// virtual: an EDU in a transaction for it.
    Edu {
        /// EDU type.
        #[serde(rename = "type")]
        kind: String,
        /// A text that stands in its content (an id).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mentions: Option<String>,
    },
    /// virtual: a notification that a homeserver pushed to it (push gateway API, `/_matrix/push/v1/notify`).
    Push {
        /// A text that stands in it: an event id, a piece of content, a key.
        mentions: String,
    },
    /// virtual, front: a request for it.
    Request {
        /// HTTP method, or `*` for any.
        method: String,
        /// Glob over the path.
        path: String,
        /// front: globs over paths that do not count.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        except: Vec<String>,
        /// front: how many requests had arrived when it begins to count (`${mark}`, what `serve` or `eventually` saved).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<String>,
    },
}

/// Arguments of `barrier`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Barrier {
    /// Who sends: a virtual server (towards a client) or a client (towards a virtual server).
    pub from: String,
    /// Who must see it.
    pub to: String,
    /// Room id; none for to-device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<String>,
    /// What is sent.
    pub by: BarrierKind,
}

/// What a barrier sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BarrierKind {
    /// A message event.
    Message,
    /// An encrypted message event, of which nobody has the key: for rooms in which nothing else may be said.
    Encrypted,
    /// A typing notification.
    Typing,
    /// A read receipt (of the newest event the sender knows).
    Receipt,
    /// A to-device message (client to virtual server).
    ToDevice,
}
