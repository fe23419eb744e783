//! `invariant/unfederated-rooms`: nothing of a room that is not federated leaves its server.
//!
//! Client-server API, `m.room.create`: with `m.federate: false` users of other servers cannot join. A room id in an
//! outsider's own request is no leak. What is judged is
//! every event that a client makes in such a room: none may be found on the wire.

use super::{Judgement, Transcribed, wire};
use crate::{
    ServerName,
    path::decode,
    transcript::{Api, Exchange},
};
use serde_json::Value;

pub(super) fn judge(transcript: &Transcribed<'_>, server: &ServerName) -> Judgement {
    let mut judgement = Judgement::default();
    let is_local = |room: &str| transcript.rooms.get(room).is_some_and(|room| room.is_local);
    for exchange in transcript.exchanges {
        if exchange.api == Api::Client && exchange.destination == *server {
            if room_written(exchange).is_some_and(|room| is_local(&room)) {
                judgement.held();
            }
            continue;
        }
        if wire::is_from(exchange, server) {
            look(&mut judgement, exchange, &is_local, wire::pdus_of_request(exchange), None);
            let edus = exchange.edus().iter().filter(|edu| rooms_of(edu).iter().any(|room| is_local(room)));
            for edu in edus {
                let kind = wire::text(edu, "edu_type").unwrap_or("EDU");
                let what = format!("{kind} of a room that is not federated went to {}", exchange.destination);
                judgement.broken(exchange, what, edu);
            }
        } else if exchange.destination == *server {
            let asked = wire::room_request(exchange).map(|(_, room)| room);
            look(&mut judgement, exchange, &is_local, wire::pdus_of_answer(exchange), asked);
        }
    }
    judgement
}

fn look(
    judgement: &mut Judgement,
    exchange: &Exchange,
    is_local: &impl Fn(&str) -> bool,
    pdus: Vec<&Value>,
    asked: Option<String>,
) {
    for pdu in pdus {
        let Some(room) = wire::text(pdu, "room_id").or(asked.as_deref()).filter(|room| is_local(room)) else {
            continue;
        };
        let kind = wire::text(pdu, "type").unwrap_or("event");
        let other = if exchange.pdus().is_empty() { &exchange.caller } else { exchange.destination.as_str() };
        judgement.broken(exchange, format!("{kind} of {room}, which is not federated, went to {other}"), pdu);
    }
}

/// The room in which a client made an event.
fn room_written(exchange: &Exchange) -> Option<String> {
    if !wire::is_ok(exchange) {
        return None;
    }
    if let Some(room) = wire::created(exchange) {
        return Some(room.to_owned());
    }
    let rest = exchange.path.strip_prefix("/_matrix/client/v3/rooms/")?;
    let (room, what) = rest.split_once('/')?;
    let makes = ["send/", "state/", "redact/", "invite", "kick", "ban", "leave", "typing/", "receipt/"];
    (exchange.method != "GET" && makes.iter().any(|word| what.starts_with(word))).then(|| decode(room))
}

/// Rooms that an EDU is about.
fn rooms_of(edu: &Value) -> Vec<&str> {
    let content = &edu["content"];
    match wire::text(edu, "edu_type") {
        Some("m.typing") => wire::text(content, "room_id").into_iter().collect(),
        Some("m.receipt") => content.as_object().into_iter().flatten().map(|(room, _)| room.as_str()).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use crate::invariant::testing::{Play, ROOM, breaches, founding};
    use serde_json::json;

    #[test]
    fn events_and_edus_of_such_a_room_are_leaks_and_a_question_is_none() {
        let founding = founding();
        let mut play = Play::default();
        play.room(json!({"m.federate": false}));
        play.federation("d", "s", "GET", &format!("/_matrix/federation/v1/state/{ROOM}"), json!(null), json!({}));
        assert_eq!(breaches(&play, "unfederated-rooms", "s"), (1, vec![]));
        let typing = json!([{"edu_type": "m.typing", "content": {"room_id": ROOM}}]);
        let answer = json!({"pdus": [founding[0].event]});
        let leaks = [
            play.transaction("s", "d", json!([founding[3].event]), json!([])),
            play.transaction("s", "d", json!([]), typing),
            play.federation("d", "s", "GET", &format!("/_matrix/federation/v1/state/{ROOM}"), json!(null), answer),
        ];
        assert_eq!(breaches(&play, "unfederated-rooms", "s"), (1, leaks.to_vec()));
    }

    #[test]
    fn other_rooms_are_none_of_its_concern() {
        let mut play = Play::default();
        play.room(json!({}));
        play.transaction("s", "d", json!([founding()[3].event]), json!([]));
        assert_eq!(breaches(&play, "unfederated-rooms", "s"), (0, vec![]));
    }
}
