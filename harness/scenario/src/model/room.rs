//! Arguments of the verbs that make rooms and change memberships.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Arguments of `create_room`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateRoom {
    /// Room version.
    #[serde(default = "instance_version")]
    pub version: String,
    /// `public`, `invite` or `knock`.
    #[serde(default = "public")]
    pub join_rule: String,
    /// Power levels of users beyond the creator's.
    #[serde(default)]
    pub powers: IndexMap<String, i64>,
    /// More of the create event's content, such as `m.federate`.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub creation_content: IndexMap<String, Value>,
    /// Further initial state events (`type`, `state_key`, `content`).
    #[serde(default)]
    pub initial_state: Vec<Value>,
}
fn instance_version() -> String {
    "${version}".into()
}
fn public() -> String {
    "public".into()
}

/// Arguments of `join`, `leave` and `knock`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Membership {
    /// Room id.
    pub room: String,
    /// virtual: which of its users; its default user if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Through which server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<String>,
}

/// Arguments of `invite`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Invite {
    /// Room id.
    pub room: String,
    /// Who is invited, a user id.
    pub target: String,
    /// virtual: the server it is sent to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// virtual: which of its users; its default user if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
}

/// Arguments of `kick` and `ban`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// Room id.
    pub room: String,
    /// User id.
    pub target: String,
}

/// Arguments of `template`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Template {
    /// Which membership.
    pub membership: MembershipKind,
    /// Room id.
    pub room: String,
    /// Which user; the server's default user if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The resident server asked.
    pub via: String,
}

/// Memberships that are asked for by template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MembershipKind {
    /// make_join, send_join.
    Join,
    /// make_leave, send_leave.
    Leave,
    /// make_knock, send_knock.
    Knock,
}

/// Arguments of `countersign`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Countersign {
    /// A built event: `"${built}"`.
    pub event: Value,
    /// Signs as a policy server, with the key `ed25519:policy_server` (MSC4284).
    #[serde(default)]
    pub policy: bool,
}

/// Arguments of `submit`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Submit {
    /// Which membership.
    pub membership: MembershipKind,
    /// A built event: `"${template}"`, or its pieces changed by hand.
    pub event: Value,
    /// The resident server.
    pub via: String,
    /// `v1` or `v2` of the endpoint; `v2` if missing (send_knock has v1 only).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api: Option<String>,
}
