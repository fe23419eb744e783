//! What a step keeps of an answer, and what the answer must be.

use crate::template::{self, TemplateError};
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What is bound after a step: one name for the verb's own result, or names for pieces of the answer.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Save {
    /// The verb's result: room id, event id, built event, response body.
    Result(String),
    /// JSON pointers into the response body.
    Pieces(IndexMap<String, String>),
}

/// What an answer must be; with nothing in it (`expect: {}`) any answer will do, where else 200 would be asked for.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// HTTP status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Matrix error code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub errcode: Option<String>,
    /// Longest time the answer may take, in milliseconds. For answers that must come at all: bounds far above what a
    /// busy machine needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within_ms: Option<u64>,
    /// Checks of the body.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub body: Vec<BodyCheck>,
}

impl Expect {
    /// With every reference replaced; what is put into JSON pointers is escaped.
    ///
    /// # Errors
    /// As [`template::substitute`].
    pub fn completed(&self, lookup: template::Lookup) -> Result<Self, TemplateError> {
        let mut completed = template::substitute(self, lookup)?;
        for (check, written) in completed.body.iter_mut().zip(&self.body) {
            check.at = template::substitute_pointer(&written.at, lookup)?;
        }
        Ok(completed)
    }
}

/// One check of a response body.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BodyCheck {
    /// JSON pointer; `${…}` in it is escaped as the pointer needs.
    pub at: String,
    /// Whether something stands there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is: Option<Presence>,
    /// Exactly this value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub equals: Option<Value>,
    /// Something, and not this value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub differs: Option<Value>,
    /// An array that holds this value, or a text that holds this text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contains: Option<Value>,
}

/// Whether something stands at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// Something other than null.
    Present,
    /// Nothing, or null.
    Absent,
}
