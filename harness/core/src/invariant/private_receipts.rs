//! `invariant/private-receipts`: a private read receipt never leaves its server.
//!
//! Client-server API, "Receipts": `m.read.private` must not be sent over federation. What is judged are the
//! receipts that a server sends.

use super::{Judgement, Transcribed, wire};
use crate::ServerName;

pub(super) fn judge(transcript: &Transcribed<'_>, server: &ServerName) -> Judgement {
    let mut judgement = Judgement::default();
    for exchange in transcript.sent_by(server) {
        for edu in exchange.edus().iter().filter(|edu| wire::text(edu, "edu_type") == Some("m.receipt")) {
            let rooms = edu["content"].as_object().into_iter().flatten();
            let kinds = rooms.flat_map(|(room, kinds)| {
                kinds.as_object().into_iter().flatten().map(move |(kind, users)| (room, kind, users))
            });
            let private = kinds.into_iter().find(|(_, kind, _)| kind.as_str() == "m.read.private");
            match private {
                Some((room, _, users)) => {
                    let users: Vec<&str> =
                        users.as_object().into_iter().flatten().map(|(user, _)| user.as_str()).collect();
                    let users = users.join(", ");
                    let what =
                        format!("the private read receipt of {users} in {room} went to {}", exchange.destination);
                    judgement.broken(exchange, what, edu);
                }
                None => judgement.held(),
            }
        }
    }
    judgement
}

#[cfg(test)]
mod tests {
    use crate::invariant::testing::{Play, breaches};
    use serde_json::json;

    #[test]
    fn a_private_receipt_is_seen_beside_a_public_one() {
        let receipt = |kinds| json!({"edu_type": "m.receipt", "content": {"!r": kinds}});
        let public = json!({"m.read": {"@u:s": {"data": {}, "event_ids": ["$1"]}}});
        let mut play = Play::default();
        play.transaction(
            "s",
            "d",
            json!([]),
            json!([receipt(public.clone()), {"edu_type": "m.typing", "content": {}}]),
        );
        assert_eq!(breaches(&play, "private-receipts", "s"), (1, vec![]));
        let both = json!({"m.read": {"@u:s": {}}, "m.read.private": {"@u:s": {}}});
        let at = play.transaction("s", "d", json!([]), json!([receipt(both.clone())]));
        play.transaction("d", "s", json!([]), json!([receipt(both)]));
        assert_eq!(breaches(&play, "private-receipts", "s"), (1, vec![at]));
    }
}
