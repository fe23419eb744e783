//! What a scenario may switch in a virtual server.

use crate::Endpoint;
use serde_json::Value;
use std::collections::HashMap;
use tokio::sync::watch;

/// How a virtual server answers at one endpoint.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Behaviour {
    /// As the specification asks.
    #[default]
    Honest,
    /// Always the same, whoever asks and however it is signed.
    Answer {
        /// HTTP status.
        status: u16,
        /// JSON body.
        body: Value,
    },
    /// Honest, but the room's server ACL is not enforced.
    IgnoreAcl,
    /// No answer until the behaviour is changed.
    Stall,
    /// Honest, but send_join leaves the members out of the state where the joining server asks for that.
    /// Specification: server-server API, `PUT /_matrix/federation/v2/send_join`, `omit_members` (MSC3706).
    OmitMembers,
    /// Honest, but as a policy server it signs no event whose content holds `mentions`.
    /// Specification: server-server API, `POST /_matrix/policy/v1/sign` (MSC4284).
    Refuse {
        /// The text.
        mentions: String,
    },
}

/// The behaviours of one server, by endpoint.
pub(crate) struct Behaviours(watch::Sender<HashMap<Endpoint, Behaviour>>);

impl Default for Behaviours {
    fn default() -> Self {
        Self(watch::Sender::new(HashMap::new()))
    }
}

impl Behaviours {
    pub(crate) fn set(&self, endpoint: Endpoint, behaviour: Behaviour) {
        self.0.send_modify(|behaviours| {
            behaviours.insert(endpoint, behaviour);
        });
    }

    /// The behaviour at `endpoint`, after any stall has ended.
    pub(crate) async fn settled(&self, endpoint: Endpoint) -> Behaviour {
        let of = |all: &HashMap<Endpoint, Behaviour>| all.get(&endpoint).cloned().unwrap_or_default();
        let mut changes = self.0.subscribe();
        match changes.wait_for(|all| of(all) != Behaviour::Stall).await {
            Ok(all) => of(&all),
            // The sender lives as long as the server that asks.
            Err(_) => Behaviour::Honest,
        }
    }
}
