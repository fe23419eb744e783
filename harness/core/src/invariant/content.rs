//! `invariant/no-plaintext/content`: in an encryption-only deployment no message content crosses the wire, or reaches a push
//! gateway, in plain text.
//!
//! What is state is readable by its nature; beyond it only the types that the deployment's operator excepts may be
//! (reactions, redactions, calls). Where nothing is promised, nothing is judged.

use super::{Judgement, Transcribed, wire};
use crate::{ServerName, acl::glob_matches};
use serde_json::Value;

/// Type of an encrypted event.
pub(super) const SEALED: &str = "m.room.encrypted";

pub(super) fn judge(transcript: &Transcribed<'_>, server: &ServerName) -> Judgement {
    let mut judgement = Judgement::default();
    let Some(except) = &transcript.encrypted_only else {
        judgement.not_applicable = Some("the deployment does not promise that all events are encrypted");
        return judgement;
    };
    let may_be_read = |kind: &str| kind == SEALED || except.iter().any(|glob| glob_matches(glob, kind));
    for exchange in transcript.exchanges {
        let (pdus, to) = match wire::is_from(exchange, server) {
            true => (wire::pdus_of_request(exchange), exchange.destination.as_str()),
            false if exchange.destination == *server => (wire::pdus_of_answer(exchange), exchange.caller.as_str()),
            false => continue,
        };
        for pdu in pdus.into_iter().filter(|pdu| pdu.get("state_key").is_none()) {
            let kind = wire::text(pdu, "type").unwrap_or_default();
            // What was redacted has no content that could be read.
            let is_empty = pdu["content"].as_object().is_none_or(|content| content.is_empty());
            match may_be_read(kind) || is_empty {
                true => judgement.held(),
                false => judgement.broken(exchange, format!("{kind} in plain text went to {to}"), pdu),
            }
        }
        if exchange.is_push() && wire::is_from(exchange, server) {
            let pushed = &exchange.request["notification"];
            match wire::text(pushed, "type").filter(|_| has_content(pushed)) {
                Some(kind) if !may_be_read(kind) && !is_state(kind) => {
                    judgement.broken(exchange, format!("{kind} in plain text was pushed to {to}"), pushed);
                }
                _ => judgement.held(),
            }
        }
    }
    judgement
}

fn has_content(pushed: &Value) -> bool {
    pushed["content"].as_object().is_some_and(|content| !content.is_empty())
}

/// Whether events of this type are state: a notification does not say.
fn is_state(kind: &str) -> bool {
    kind.starts_with("m.room.") && kind != "m.room.message"
}

#[cfg(test)]
mod tests {
    use crate::invariant::{
        Transcribed,
        testing::{Play, breaches, breaches_in},
    };
    use serde_json::{Value, json};

    const RULE: &str = "no-plaintext/content";

    fn pdu(kind: &str) -> Value {
        json!({"type": kind, "content": {"body": "b"}})
    }

    #[test]
    fn plain_text_is_a_breach_where_encryption_is_promised() {
        let mut play = Play::default();
        let push = |play: &mut Play, pushed: Value| {
            play.federation("s", "p", "POST", "/_matrix/push/v1/notify", json!({"notification": pushed}), json!({}))
        };
        let topic = json!({"type": "m.room.topic", "state_key": "", "content": {"topic": "t"}});
        let gone = json!({"type": "m.room.message", "content": {}});
        play.transaction("s", "d", json!([pdu("m.room.encrypted"), pdu("m.reaction"), topic, gone]), json!([]));
        play.transaction("d", "s", json!([pdu("m.room.message")]), json!([]));
        push(&mut play, json!({"event_id": "$1"}));
        push(&mut play, json!({"type": "m.room.member", "content": {"membership": "invite"}}));
        let backfilled = json!({"pdus": [pdu("m.sticker")]});
        let leaks = [
            play.transaction("s", "d", json!([pdu("m.room.message")]), json!([])),
            play.federation("d", "s", "GET", "/_matrix/federation/v1/backfill/!r", json!(null), backfilled),
            push(&mut play, pdu("m.room.message")),
        ];
        let promised = Transcribed::new(&play.exchanges).promising_encryption(vec!["m.reaction".into()]);
        assert_eq!(breaches_in(promised, RULE, "s"), (5, leaks.to_vec()));
        assert_eq!(breaches(&play, RULE, "s"), (0, vec![]), "nothing is promised");
    }
}
