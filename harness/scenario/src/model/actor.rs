//! Who takes part, and what kind of actor can be named how.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who takes part.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Actor {
    /// A real homeserver of the deployment.
    Homeserver(Part),
    /// A user with a client, freshly registered on the homeserver actor of this name.
    Client(String),
    /// A client under test (an agent, with a real SDK in it), as one more device of the user of the client actor of this
    /// name. It does nothing before it is told to `log_in`.
    Agent(String),
    /// A simulated homeserver. The text is its name; `*` in it stands for a part that is unique per instance
    /// (`*.denied.example`). Keep the `*` wherever a literal name is not the point. With a case's variable in it
    /// (`${name}`), every case has a server of its own; such names are unique by `${unique}` or `${ip.v4}`.
    Virtual(String),
    /// A front end of the homeserver actor of this name, this instance's own: where client programs reach it, and what
    /// serves the documents of a deployment (well-known, maintenance, authenticity).
    Front(String),
}

impl Actor {
    /// Its sort.
    pub fn kind(&self) -> ActorKind {
        match self {
            Self::Homeserver(_) => ActorKind::Homeserver,
            Self::Client(_) => ActorKind::Client,
            Self::Agent(_) => ActorKind::Agent,
            Self::Virtual(_) => ActorKind::Virtual,
            Self::Front(_) => ActorKind::Front,
        }
    }
}

/// What sort of actor: decides which verbs it can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ActorKind {
    /// A real homeserver.
    Homeserver,
    /// A user with a client.
    Client,
    /// A client under test.
    Agent,
    /// A simulated homeserver.
    Virtual,
    /// A front end.
    Front,
}

impl ActorKind {
    /// As one would say it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Homeserver => "homeserver",
            Self::Client => "client",
            Self::Agent => "client under test",
            Self::Virtual => "virtual server",
            Self::Front => "front end",
        }
    }

    /// What `${actor.FIELD}` can name beside `${actor}` itself.
    pub fn fields(self) -> &'static [&'static str] {
        match self {
            Self::Homeserver => &[],
            Self::Client => &["user", "server"],
            Self::Agent => &["user"],
            Self::Virtual => &["user", "policy_key"],
            Self::Front => &["host"],
        }
    }
}

/// Which homeserver of the deployment an actor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// The server under test: the scenario runs once for each distinct version in the deployment.
    Subject,
    /// Another one, of whatever version.
    Other,
    /// The one whose allow-list is empty; the scenario must need the feature `shut`.
    Shut,
}
