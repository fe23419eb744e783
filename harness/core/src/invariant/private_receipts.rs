//! `invariant/private-receipts`: a private read receipt never leaves its server.
//!
//! Client-server API, "Receipts": `m.read.private` must not be sent over federation. What is judged are the private
//! receipts that clients of a server made, once it has sent anything after them: where there was none, nothing has held.

use super::{Judgement, Transcribed, wire};
use crate::{
    ServerName,
    transcript::{Api, Exchange},
};

const PRIVATE: &str = "m.read.private";

pub(super) fn judge(transcript: &Transcribed<'_>, server: &ServerName) -> Judgement {
    let mut judgement = Judgement::default();
    let last_sent = transcript.sent_by(server).filter(|sent| sent.is_transaction()).map(|sent| sent.started_us).max();
    let made = transcript.exchanges.iter().filter(|exchange| makes_private(exchange, server));
    for _ in made.filter(|made| last_sent.is_some_and(|sent| sent > wire::ended_us(made))) {
        judgement.held();
    }
    for exchange in transcript.sent_by(server) {
        for edu in exchange.edus().iter().filter(|edu| wire::text(edu, "edu_type") == Some("m.receipt")) {
            let rooms = edu["content"].as_object().into_iter().flatten();
            let kinds = rooms.flat_map(|(room, kinds)| {
                kinds.as_object().into_iter().flatten().map(move |(kind, users)| (room, kind, users))
            });
            let private = kinds.into_iter().find(|(_, kind, _)| kind.as_str() == PRIVATE);
            if let Some((room, _, users)) = private {
                let users: Vec<&str> = users.as_object().into_iter().flatten().map(|(user, _)| user.as_str()).collect();
                let users = users.join(", ");
                let what = format!("the private read receipt of {users} in {room} went to {}", exchange.destination);
                judgement.broken(exchange, what, edu);
            }
        }
    }
    judgement
}

/// Whether a client of `server` marked something read in private: by a receipt, or by its read markers.
fn makes_private(exchange: &Exchange, server: &ServerName) -> bool {
    let path = exchange.path.split('?').next().unwrap_or_default();
    let by_receipt = path.contains("/receipt/") && path.rsplit('/').nth(1) == Some(PRIVATE);
    let by_markers = path.ends_with("/read_markers") && exchange.request.get(PRIVATE).is_some();
    exchange.api == Api::Client
        && exchange.destination == *server
        && wire::is_ok(exchange)
        && (by_receipt || by_markers)
}

#[cfg(test)]
mod tests {
    use crate::invariant::testing::{Play, breaches};
    use serde_json::{Value, json};

    #[test]
    fn what_clients_marked_in_private_is_judged_once_something_was_sent_after_it() {
        let receipt = |kinds| json!({"edu_type": "m.receipt", "content": {"!r": kinds}});
        let public = json!({"m.read": {"@u:s": {"data": {}, "event_ids": ["$1"]}}});
        let mut play = Play::default();
        let send =
            |play: &mut Play, kinds: &Value| play.transaction("s", "d", json!([]), json!([receipt(kinds.clone())]));
        send(&mut play, &public);
        assert_eq!(breaches(&play, "private-receipts", "s"), (0, vec![]), "nobody made a private one");
        let path = "/_matrix/client/v3/rooms/!r/receipt/m.read.private/$1";
        play.client("@u:s", "s", "POST", path, json!({}), json!({}));
        assert_eq!(breaches(&play, "private-receipts", "s"), (0, vec![]), "it may still go out");
        send(&mut play, &public);
        assert_eq!(breaches(&play, "private-receipts", "s"), (1, vec![]));
        let both = json!({"m.read": {"@u:s": {}}, "m.read.private": {"@u:s": {}}});
        let at = send(&mut play, &both);
        play.transaction("d", "s", json!([]), json!([receipt(both)]));
        assert_eq!(breaches(&play, "private-receipts", "s"), (1, vec![at]), "its own, not somebody else's");
    }
}
