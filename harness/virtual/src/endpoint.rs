//! The endpoints of the server-server API that virtual servers answer, and that of push gateways, which each of them
//! is as well.

use crate::path;
use serde::{Deserialize, Serialize};

/// An endpoint whose behaviour can be switched. Versions of one endpoint count as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names are those of the specification")]
pub enum Endpoint {
    Keys,
    KeysNotary,
    Version,
    MakeJoin,
    SendJoin,
    MakeLeave,
    SendLeave,
    MakeKnock,
    SendKnock,
    Invite,
    State,
    StateIds,
    Backfill,
    Event,
    EventAuth,
    GetMissingEvents,
    Send,
    KeysQuery,
    KeysClaim,
    Devices,
    Profile,
    Directory,
    PolicySign,
    Push,
}

impl Endpoint {
    /// Whether the caller must sign its request.
    pub(crate) fn is_authenticated(self) -> bool {
        !matches!(self, Self::Keys | Self::KeysNotary | Self::Version | Self::Push)
    }

    /// Whether the room's server ACL guards the whole request. The room is the first part of the path.
    /// (`send` is guarded per PDU; `event` and the user queries are not listed in the specification.)
    pub(crate) fn is_guarded(self) -> bool {
        use Endpoint::*;
        matches!(
            self,
            MakeJoin
                | SendJoin
                | MakeLeave
                | SendLeave
                | MakeKnock
                | SendKnock
                | Invite
                | State
                | StateIds
                | Backfill
                | EventAuth
                | GetMissingEvents
        )
    }
}

/// Method, path pattern, endpoint. `{}` stands for one segment.
const ROUTES: &[(&str, &str, Endpoint)] = &[
    ("GET", "/_matrix/key/v2/server", Endpoint::Keys),
    ("GET", "/_matrix/key/v2/server/{}", Endpoint::Keys),
    ("POST", "/_matrix/key/v2/query", Endpoint::KeysNotary),
    ("GET", "/_matrix/key/v2/query/{}", Endpoint::KeysNotary),
    ("GET", "/_matrix/key/v2/query/{}/{}", Endpoint::KeysNotary),
    ("GET", "/_matrix/federation/v1/version", Endpoint::Version),
    ("GET", "/_matrix/federation/v1/make_join/{}/{}", Endpoint::MakeJoin),
    ("PUT", "/_matrix/federation/v1/send_join/{}/{}", Endpoint::SendJoin),
    ("PUT", "/_matrix/federation/v2/send_join/{}/{}", Endpoint::SendJoin),
    ("GET", "/_matrix/federation/v1/make_leave/{}/{}", Endpoint::MakeLeave),
    ("PUT", "/_matrix/federation/v1/send_leave/{}/{}", Endpoint::SendLeave),
    ("PUT", "/_matrix/federation/v2/send_leave/{}/{}", Endpoint::SendLeave),
    ("GET", "/_matrix/federation/v1/make_knock/{}/{}", Endpoint::MakeKnock),
    ("PUT", "/_matrix/federation/v1/send_knock/{}/{}", Endpoint::SendKnock),
    ("PUT", "/_matrix/federation/v1/invite/{}/{}", Endpoint::Invite),
    ("PUT", "/_matrix/federation/v2/invite/{}/{}", Endpoint::Invite),
    ("GET", "/_matrix/federation/v1/state/{}", Endpoint::State),
    ("GET", "/_matrix/federation/v1/state_ids/{}", Endpoint::StateIds),
    ("GET", "/_matrix/federation/v1/backfill/{}", Endpoint::Backfill),
    ("GET", "/_matrix/federation/v1/event/{}", Endpoint::Event),
    ("GET", "/_matrix/federation/v1/event_auth/{}/{}", Endpoint::EventAuth),
    ("POST", "/_matrix/federation/v1/get_missing_events/{}", Endpoint::GetMissingEvents),
    ("PUT", "/_matrix/federation/v1/send/{}", Endpoint::Send),
    ("POST", "/_matrix/federation/v1/user/keys/query", Endpoint::KeysQuery),
    ("POST", "/_matrix/federation/v1/user/keys/claim", Endpoint::KeysClaim),
    ("GET", "/_matrix/federation/v1/user/devices/{}", Endpoint::Devices),
    ("GET", "/_matrix/federation/v1/query/profile", Endpoint::Profile),
    ("GET", "/_matrix/federation/v1/query/directory", Endpoint::Directory),
    ("POST", "/_matrix/policy/v1/sign", Endpoint::PolicySign),
    ("POST", "/_matrix/push/v1/notify", Endpoint::Push),
];

/// A request that found its endpoint.
#[derive(Debug, PartialEq)]
pub(crate) struct Route {
    pub(crate) endpoint: Endpoint,
    /// True for `/v1/`, whose membership answers are wrapped in `[200, …]`.
    pub(crate) is_v1: bool,
    /// The variable segments, decoded.
    pub(crate) parts: Vec<String>,
}

/// Finds the endpoint of a request; `path` is percent-encoded, without query.
pub(crate) fn route(method: &str, path: &str) -> Option<Route> {
    let path = path.strip_suffix('/').unwrap_or(path);
    ROUTES.iter().filter(|(expected, ..)| *expected == method).find_map(|(_, pattern, endpoint)| {
        let parts = match_pattern(pattern, path)?;
        Some(Route { endpoint: *endpoint, is_v1: pattern.contains("/v1/"), parts })
    })
}

fn match_pattern(pattern: &str, path: &str) -> Option<Vec<String>> {
    let (mut expected, mut given) = (pattern.split('/'), path.split('/'));
    let mut parts = Vec::new();
    loop {
        match (expected.next(), given.next()) {
            (None, None) => return Some(parts),
            (Some("{}"), Some(segment)) => parts.push(path::decode(segment)),
            (Some(literal), Some(segment)) if literal == segment => {}
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_find_their_endpoint() {
        let found = route("PUT", "/_matrix/federation/v1/send_join/%21r%3Aa.example/%24e").unwrap();
        assert_eq!(
            found,
            Route { endpoint: Endpoint::SendJoin, is_v1: true, parts: vec!["!r:a.example".into(), "$e".into()] }
        );
        assert_eq!(route("GET", "/_matrix/key/v2/server/").unwrap().endpoint, Endpoint::Keys);
        assert_eq!(route("GET", "/_matrix/federation/v1/send_join/a/b"), None);
        assert_eq!(route("PUT", "/_matrix/federation/v3/send_join/a/b"), None);
    }
}
