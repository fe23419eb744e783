//! The actors of an instance: the names of a scenario, brought to life.

use crate::outcome::StepError;
use fedproof_agent::Agent;
use fedproof_client::Client;
use fedproof_deployment::Home;
use fedproof_gateway::Front;
use fedproof_virtual::VirtualServer;
use indexmap::IndexMap;
use serde_json::Value;

/// Localpart of a virtual server's default user.
const DEFAULT_USER: &str = "user";

/// Who takes part.
pub(crate) enum Player {
    Homeserver(Home),
    Client(Box<Client>),
    Agent(Box<AgentPlayer>),
    Virtual(VirtualServer),
    Front(Front),
}

/// A client under test.
pub(crate) struct AgentPlayer {
    /// Name of the actor.
    pub(crate) name: String,
    /// The client actor whose user's device it is.
    pub(crate) of: String,
    pub(crate) agent: Agent,
}

/// All actors of an instance, by their names in the scenario.
pub(crate) type Cast = IndexMap<String, Player>;

impl Player {
    /// What `${actor}` and `${actor.field}` stand for.
    pub(crate) fn field(&self, field: Option<&str>) -> Option<Value> {
        let text = match (self, field) {
            (Self::Homeserver(homeserver), None) => homeserver.server_name().to_string(),
            (Self::Client(client), None | Some("user")) => client.user_id().to_owned(),
            (Self::Client(client), Some("server")) => client.server().to_string(),
            (Self::Virtual(server), None) => server.spelling().to_owned(),
            (Self::Virtual(server), Some("user")) => server.user(DEFAULT_USER),
            (Self::Virtual(server), Some("policy_key")) => server.policy_key().public_base64(),
            (Self::Front(front), None) => front.base_url().to_owned(),
            (Self::Front(front), Some("host")) => front.host(),
            _ => return None,
        };
        Some(text.into())
    }
}

/// A user of a virtual server: a full id, a localpart, or the default user.
pub(crate) fn user_of(server: &VirtualServer, user: Option<&str>) -> String {
    match user {
        Some(id) if id.starts_with('@') => id.to_owned(),
        Some(localpart) => server.user(localpart),
        None => server.user(DEFAULT_USER),
    }
}

/// A value that a verb cannot do without.
pub(crate) fn needed<'a>(value: Option<&'a str>, what: &str) -> Result<&'a str, StepError> {
    value.ok_or_else(|| StepError::broken(format!("the step must say `{what}`")))
}
