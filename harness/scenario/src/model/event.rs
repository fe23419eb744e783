//! Arguments of the verbs that send something.

use crate::template::{self, TemplateError};
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Arguments of `send`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Send {
    /// Room id.
    pub room: String,
    /// Event type.
    #[serde(default = "message", rename = "type")]
    pub kind: String,
    /// Makes it a state event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state_key: Option<String>,
    /// Event content; a text message that names its case if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Value>,
    /// virtual: the homeserver it is sent to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// virtual: which of its users; its default user if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// virtual: no later event refers to it, so nobody fetches it.
    #[serde(default)]
    pub detached: bool,
}
fn message() -> String {
    "m.room.message".into()
}

/// Arguments of `build`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Build {
    /// Room id.
    pub room: String,
    /// Event type.
    #[serde(default = "message", rename = "type")]
    pub kind: String,
    /// Makes it a state event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state_key: Option<String>,
    /// Event content; a text message that names its case if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Value>,
    /// Sender; the server's default user if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Previous events by id, to fork the room; the room's heads if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prev_events: Option<Vec<String>>,
    /// Auth events by id; the right ones if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_events: Option<Vec<String>>,
    /// No later event refers to it.
    #[serde(default)]
    pub detached: bool,
}

/// Arguments of `typing`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Typing {
    /// Room id.
    pub room: String,
    /// Starts or stops.
    pub typing: bool,
}

/// Arguments of `receipt`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// Room id.
    pub room: String,
    /// Event id.
    pub event: String,
    /// `m.read` or `m.read.private`.
    #[serde(default = "read", rename = "type")]
    pub kind: String,
}
fn read() -> String {
    "m.read".into()
}

/// Arguments of `to_device`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ToDevice {
    /// Event type.
    #[serde(rename = "type")]
    pub kind: String,
    /// User id; all devices.
    pub to: String,
    /// Message content.
    #[serde(default)]
    pub content: Value,
}

/// Arguments of `transaction`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Transaction {
    /// The homeserver.
    pub to: String,
    /// Events (`${built.event}`).
    #[serde(default)]
    pub pdus: Vec<Value>,
    /// EDUs (`edu_type`, `content`).
    #[serde(default)]
    pub edus: Vec<Value>,
}

/// Arguments of `request`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// virtual: the server asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// HTTP method.
    pub method: String,
    /// Path; values that are put in are percent-encoded, but for one that is the whole path.
    pub path: String,
    /// Query parameters, a list gives the key several times.
    #[serde(default)]
    pub query: IndexMap<String, Value>,
    /// JSON body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
}

impl Request {
    /// With every reference replaced; what is put into the path is percent-encoded.
    ///
    /// # Errors
    /// As [`template::substitute`].
    pub fn completed(&self, lookup: template::Lookup) -> Result<Self, TemplateError> {
        Ok(Self { path: template::substitute_path(&self.path, lookup)?, ..template::substitute(self, lookup)? })
    }
}
