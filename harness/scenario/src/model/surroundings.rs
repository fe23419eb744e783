//! Arguments of the verbs that change how servers and the gateway behave, and of native checks.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Arguments of `behave`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Behave {
    /// Endpoint in snake case (`get_missing_events`).
    pub at: String,
    /// What it does there.
    pub like: Manner,
}

/// What a virtual server does at an endpoint.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Manner {
    /// As the specification says.
    Honest,
    /// Serves servers that the room's ACL denies.
    IgnoreAcl,
    /// Answers nothing until it is honest again.
    Stall,
    /// send_join: leaves the members out of the state where the joining server asks for that (faster joins, MSC3706).
    OmitMembers,
    /// policy_sign: as a policy server, signs no event whose content holds this text (MSC4284).
    Refuse {
        /// The text.
        mentions: String,
    },
    /// Answers this.
    Answer {
        /// HTTP status.
        status: u16,
        /// JSON body.
        #[serde(default)]
        body: Value,
    },
}

/// Arguments of `serve`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Serve {
    /// Path, decoded and without a query; `*` and `?` are wild. The last `serve` that matches counts.
    pub at: String,
    /// What it does there.
    pub like: Service,
}

/// What a front end does at a path.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Service {
    /// Answers this itself.
    Answer {
        /// HTTP status.
        #[serde(default = "ok")]
        status: u16,
        /// Sent as JSON; a text is sent as it is, whether it is JSON or not.
        #[serde(default)]
        body: Value,
    },
    /// Answers what it would otherwise, with this merged into it (RFC 7396: `null` removes a key).
    Amended(Value),
    /// Ends the connection without an answer.
    Unreachable,
    /// Passes the request on to the homeserver, as it does where nothing else was said.
    Homeserver,
}
fn ok() -> u16 {
    200
}

/// What is done to a homeserver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Lifecycle {
    /// Starts it and waits until it is ready.
    Start,
    /// Stops it in an orderly way.
    Stop,
    /// Stops and starts it.
    Restart,
    /// Ends it at once.
    Kill,
    /// Halts it.
    Pause,
    /// Lets it go on.
    Resume,
    /// Cuts it off from the network: it runs on, reaches nobody and is not reached. In containers only.
    CutOff,
    /// Puts it back onto the network.
    Reconnect,
    /// Stops it and starts the later release that the deployment names (`upgrade_to`) on the same database. The instance's
    /// end puts the earlier one back, with an empty database.
    Upgrade,
}

/// Arguments of `fault`: what does not match is not touched.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Only requests of this server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Only requests for this server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Only paths that match this glob.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Only every so manyth of them, the first one too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub one_in: Option<std::num::NonZeroU32>,
    /// What happens to them.
    pub effect: Effect,
}

/// What a fault does.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Effect {
    /// The connection is cut.
    Refuse,
    /// Nothing happens until healed.
    Stall,
    /// The answer ends in the middle of its body.
    Cut,
    /// This is answered.
    Answer {
        /// HTTP status.
        status: u16,
        /// JSON body.
        #[serde(default)]
        body: Value,
    },
}

/// Arguments of `native`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Native {
    /// Name of the check.
    pub check: String,
    /// Its arguments.
    #[serde(default)]
    pub with: IndexMap<String, Value>,
}
