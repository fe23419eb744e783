//! `invariant/signed`: what a server asks of another is signed, by it, for that other, with its key.
//!
//! Server-server API, "Request Authentication". Not authenticated: version, keys, OpenID user info, third-party
//! binding. Keys are those that the server itself published within the transcript.

use super::{Judgement, Transcribed, wire};
use crate::{
    ServerName,
    keys::{PublicKeys, read_document},
    transcript::Exchange,
    xmatrix::{self, Signed},
};
use serde_json::Value;

const OPEN: [&str; 3] =
    ["/_matrix/federation/v1/version", "/_matrix/federation/v1/openid/", "/_matrix/federation/v1/3pid/"];

pub(super) fn judge(transcript: &Transcribed<'_>, server: &ServerName) -> Judgement {
    let mut judgement = Judgement::default();
    let keys = keys_of(transcript, server);
    for exchange in transcript.sent_by(server).filter(|exchange| is_authenticated(&exchange.path)) {
        if !keys.contains_key(server.as_str()) {
            judgement.unclear("requests of a server whose keys nobody asked for");
        } else if exchange.request.to_string().contains("[redacted]") {
            judgement.unclear("requests with a secret in them");
        } else {
            match check(exchange, server, &keys) {
                Ok(()) => judgement.held(),
                Err(why) => {
                    let what = format!("{} {} to {}: {why}", exchange.method, exchange.path, exchange.destination);
                    judgement.broken(exchange, what, &exchange.request);
                }
            }
        }
    }
    judgement
}

fn is_authenticated(path: &str) -> bool {
    (path.starts_with("/_matrix/federation/") || path.starts_with("/_matrix/policy/"))
        && !OPEN.iter().any(|open| path.starts_with(open))
}

fn keys_of(transcript: &Transcribed<'_>, server: &ServerName) -> PublicKeys {
    let mut keys = PublicKeys::new();
    for exchange in transcript.exchanges {
        if exchange.destination == *server
            && exchange.path.starts_with("/_matrix/key/v2/server")
            && wire::is_ok(exchange)
            && let Ok(found) = read_document(server, &exchange.response)
        {
            keys.entry(server.to_string()).or_default().extend(found);
        }
    }
    keys
}

fn check(exchange: &Exchange, server: &ServerName, keys: &PublicKeys) -> Result<(), String> {
    let claim = exchange.authorization.as_ref().ok_or("there is no readable X-Matrix header")?;
    let (origin, header) = xmatrix::read(Some(&claim.header())).map_err(|error| error.to_string())?;
    if origin != *server {
        return Err(format!("its origin is {origin}, but {server} sent it"));
    }
    let signed = Signed {
        method: &exchange.method,
        uri: &exchange.path,
        origin: server.as_str(),
        destination: exchange.destination.as_str(),
        content: Some(&exchange.request).filter(|body| **body != Value::Null),
    };
    signed.check(&header, keys).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        invariant::testing::{Play, breaches},
        keys::SigningKey,
        transcript::Authorization,
    };
    use serde_json::json;

    /// A request whose header was made for these; it really goes from s to d.
    fn request(play: &mut Play, origin: &str, destination: &str, key: &SigningKey) -> u64 {
        let body = json!({"pdus": [], "edus": []});
        let path = "/_matrix/federation/v1/send/1";
        let signed = Signed { method: "PUT", uri: path, origin, destination, content: Some(&body) };
        let (_, header) = xmatrix::read(Some(&signed.header(key))).unwrap();
        let id = play.federation("s", "d", "PUT", path, body, json!({}));
        let claim = Authorization {
            origin: header.origin.to_string(),
            destination: header.destination.map(|name| name.to_string()),
            key: header.key.to_string(),
            sig: header.sig.encode(),
        };
        let mut exchange = play.exchanges.pop().unwrap().as_ref().clone();
        exchange.authorization = Some(claim);
        play.exchanges.push(exchange.into());
        id
    }

    #[test]
    fn origin_destination_key_and_signature_must_hold() {
        let (s, d) = (ServerName::new("s"), ServerName::new("d"));
        let key = SigningKey::derive(1, &s, "1");
        let mut play = Play::default();
        request(&mut play, "s", "d", &key);
        assert_eq!(breaches(&play, "signed", "s"), (0, vec![]), "without keys nothing is said");
        play.federation("d", "s", "GET", "/_matrix/key/v2/server", json!(null), key.document(s.as_str(), 1));
        for path in ["/_matrix/federation/v1/version", "/_matrix/key/v2/server", "/.well-known/matrix/server"] {
            play.federation("s", "d", "GET", path, json!(null), json!({}));
        }
        assert_eq!(breaches(&play, "signed", "s"), (1, vec![]));
        let broken = vec![
            request(&mut play, "other", "d", &key),
            request(&mut play, "s", "other", &key),
            request(&mut play, "s", "d", &SigningKey::derive(2, &s, "1")),
            request(&mut play, "s", "d", &SigningKey::derive(1, &s, "2")),
            play.transaction("s", "d", json!([]), json!([])),
        ];
        assert_eq!(breaches(&play, "signed", "s"), (1, broken));
        assert_eq!(breaches(&play, "signed", d.as_str()), (0, vec![]));
    }
}
