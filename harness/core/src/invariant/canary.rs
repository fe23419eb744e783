//! `invariant/no-plaintext/canary`: what clients under test say can be read nowhere but in clients.
//!
//! Each of their messages carries a canary, a text that stands nowhere else. Whoever finds it outside of a client has found
//! a message in plain text: in any exchange of the Matrix APIs here, in what a homeserver keeps by [`canaries_in`]. Judged are
//! the encrypted events that a homeserver had to do with: where there were none, nothing has held.

use super::{Judgement, Transcribed, content::SEALED, wire};
use crate::{
    ServerName,
    transcript::{Api, Exchange},
};
use serde_json::Value;
use std::collections::BTreeSet;

const PREFIX: &str = "fedproof-canary-";

/// The canary of an instance.
pub fn canary(instance: &str) -> String {
    format!("{PREFIX}{instance}")
}

/// The canaries in a piece of data.
pub fn canaries_in(data: &[u8]) -> BTreeSet<String> {
    let is_name = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'-';
    let found = memchr::memmem::find_iter(data, PREFIX).map(|at| {
        let name = data[at..].iter().take_while(is_name).map(|byte| char::from(*byte));
        name.collect()
    });
    found.collect()
}

pub(super) fn judge(transcript: &Transcribed<'_>, server: &ServerName) -> Judgement {
    let mut judgement = Judgement::default();
    for exchange in transcript.exchanges {
        let is_sender = wire::is_from(exchange, server);
        let is_client = exchange.api == Api::Client && exchange.destination == *server;
        let is_asked = exchange.api == Api::Federation && exchange.destination == *server;
        if is_client && wire::is_ok(exchange) && exchange.path.contains(&format!("/send/{SEALED}/")) {
            judgement.held();
        }
        if is_sender {
            let pdus = wire::pdus_of_request(exchange).into_iter();
            pdus.filter(|pdu| wire::text(pdu, "type") == Some(SEALED)).for_each(|_| judgement.held());
        }
        // What a stranger sends is not this homeserver's doing; what it answers is.
        let parts = [
            (is_sender || is_client, "request", &exchange.request),
            (is_asked || is_client, "answer", &exchange.response),
        ];
        let in_path = (is_sender || is_client).then_some(exchange.path.as_str()).filter(|path| path.contains(PREFIX));
        let in_bodies = parts.into_iter().filter(|(is_its_own, ..)| *is_its_own);
        let found = in_bodies.filter_map(|(_, part, body)| Some((part, find(body)?)));
        for (part, text) in in_path.map(|path| ("path", path)).into_iter().chain(found) {
            judgement.broken(exchange, told(exchange, part, text), &text.into());
        }
    }
    judgement
}

fn told(exchange: &Exchange, part: &str, text: &str) -> String {
    let Exchange { method, path, caller, destination, .. } = exchange;
    let found: Vec<String> = canaries_in(text.as_bytes()).into_iter().collect();
    format!("{} can be read in the {part} of {method} {path} ({caller} to {destination})", found.join(", "))
}

/// The first text that holds a canary.
fn find(body: &Value) -> Option<&str> {
    match body {
        Value::String(text) => text.contains(PREFIX).then_some(text.as_str()),
        Value::Array(items) => items.iter().find_map(find),
        Value::Object(fields) => {
            fields.iter().find_map(|(key, value)| if key.contains(PREFIX) { Some(key.as_str()) } else { find(value) })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{canaries_in, canary};
    use crate::invariant::testing::{Play, breaches};
    use serde_json::json;

    const SEND: &str = "/_matrix/client/v3/rooms/!r/send/m.room.encrypted/1";
    const RULE: &str = super::super::CANARIES;

    #[test]
    fn canaries_are_found_in_any_data() {
        let data = format!("\0\u{1}\"body\":\"{} and {}\"\0", canary("i1-00ff"), canary("m2-00ff"));
        assert_eq!(canaries_in(data.as_bytes()), [canary("i1-00ff"), canary("m2-00ff")].into());
        assert!(canaries_in(b"fedproof-canar").is_empty());
    }

    #[test]
    fn encrypted_messages_are_judged_and_a_readable_one_is_a_breach_wherever_it_is() {
        let mut play = Play::default();
        let (sealed, body) = (json!({"ciphertext": "c"}), json!({"body": canary("i1-0000")}));
        play.client("@u:s", "s", "PUT", SEND, sealed.clone(), json!({"event_id": "$1"}));
        play.transaction("s", "d", json!([{"type": "m.room.encrypted", "content": sealed}]), json!([]));
        assert_eq!(breaches(&play, RULE, "s"), (2, vec![]));
        play.transaction("d", "s", json!([{"content": body}]), json!([]));
        assert_eq!(breaches(&play, RULE, "s"), (2, vec![]), "what d says is not the doing of s");
        let leaks = [
            play.client(
                "@u:s",
                "s",
                "PUT",
                "/_matrix/client/v3/rooms/!r/send/m.room.message/1",
                body.clone(),
                json!({}),
            ),
            play.federation("s", "push", "POST", "/_matrix/push/v1/notify", json!({"notification": body}), json!({})),
            play.federation("d", "s", "GET", "/_matrix/federation/v1/event/$1", json!(null), json!({"pdus": [body]})),
            play.client("@u:s", "s", "GET", "/_matrix/client/v3/sync", json!(null), json!({canary("i1-0000"): 1})),
            play.client("@u:s", "s", "GET", &format!("/search?q={}", canary("i1-0000")), json!(null), json!({})),
        ];
        assert_eq!(breaches(&play, RULE, "s"), (2, leaks.to_vec()));
    }
}
