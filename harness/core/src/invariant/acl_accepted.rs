//! `invariant/acl-accepted`: nothing is taken from a server that the room's ACL denies.
//!
//! Server-server API v1.19, "Server Access Control Lists". A request counts if it began after a client of the server
//! had seen the ACL; if several ACLs may have been in force while it was answered, all of them must deny. The sending
//! server is the origin of the request, not the sender of an event in it.

use super::{Judgement, Transcribed, acl_seen::Acls, wire};
use crate::{
    ServerName,
    transcript::{Api, Exchange},
};
use serde_json::Value;
use std::collections::{HashMap, HashSet};

pub(super) fn judge(transcript: &Transcribed<'_>, server: &ServerName) -> Judgement {
    let mut judgement = Judgement::default();
    let acls = Acls::learn(transcript, server);
    let mut transactions = HashSet::new();
    for exchange in transcript.exchanges {
        if exchange.api != Api::Federation || exchange.destination != *server || exchange.status().is_none() {
            continue;
        }
        let case = Case { transcript, server, acls: &acls, exchange };
        if exchange.is_transaction() {
            // A repeated transaction is answered as it was the first time.
            if transactions.insert((exchange.origin.clone(), &exchange.path)) {
                case.transaction(&mut judgement);
            }
        } else if let Some((endpoint, room)) = wire::room_request(exchange) {
            let taken = wire::is_ok(exchange);
            case.judge(&mut judgement, &room, taken, &Value::Null, || format!("answered its {endpoint} with success"));
        }
    }
    judgement
}

#[derive(Clone, Copy)]
struct Case<'a> {
    transcript: &'a Transcribed<'a>,
    server: &'a ServerName,
    acls: &'a HashMap<String, Acls>,
    exchange: &'a Exchange,
}

impl Case<'_> {
    fn transaction(self, judgement: &mut Judgement) {
        let answers = &self.exchange.response["pdus"];
        for pdu in self.exchange.pdus().iter().filter(|_| wire::is_ok(self.exchange)) {
            let Some(room) = wire::text(pdu, "room_id") else { continue };
            let id = self.transcript.rooms.get(room).and_then(|room| room.id_of(pdu));
            // Without an answer of its own an event was not taken, as far as its sender is told.
            let Some(answer) = id.as_ref().and_then(|id| answers.get(id.as_str())) else { continue };
            let taken = answer.get("error").is_none();
            let kind = wire::text(pdu, "type").unwrap_or("event");
            self.judge(judgement, room, taken, pdu, || format!("took its {kind} without an error"));
        }
    }

    fn judge(self, judgement: &mut Judgement, room: &str, taken: bool, about: &Value, what: impl Fn() -> String) {
        let exchange = self.exchange;
        let Some(acls) = self.acls.get(room) else { return };
        let (begun, ended) = (exchange.started_us, wire::ended_us(exchange));
        let origin = exchange.origin.as_ref().map_or(exchange.caller.as_str(), ServerName::as_str);
        let denied = acls.deny(self.transcript, room, begun, ended, origin);
        if denied != Some(true) {
            return;
        }
        if !taken {
            return judgement.held();
        }
        if acls.left_us.is_some_and(|left| left < ended) {
            return judgement.unclear("requests about a room that a user of the server has left");
        }
        let knows = self.transcript.rooms.get(room);
        if knows.is_some_and(|room| room.joined_partially(self.server.as_str())) {
            return judgement.unclear("requests about a room that the server joined partially");
        }
        let what = format!(
            "{} {}, although a client of it had seen the ACL of {room} that denies {origin}",
            self.server,
            what()
        );
        judgement.broken(exchange, what, about);
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        event::Built,
        invariant::testing::{Play, ROOM, breaches, event, founding},
        transcript::{Exchange, Outcome},
    };
    use serde_json::{Value, json};

    /// Alice of s sets an ACL.
    fn set(play: &mut Play, id: &str, acl: Value) -> u64 {
        let path = format!("/_matrix/client/v3/rooms/{ROOM}/state/m.room.server_acl/");
        play.client("@alice:s", "s", "PUT", &path, acl, json!({"event_id": id}))
    }

    fn ask(play: &mut Play, status: u16) -> u64 {
        let path = format!("/_matrix/federation/v1/backfill/{ROOM}?limit=1");
        let id = play.federation("d", "s", "GET", &path, json!(null), json!({}));
        let mut exchange: Exchange = play.exchanges.pop().unwrap().as_ref().clone();
        exchange.outcome = Outcome::Answered { status };
        play.exchanges.push(exchange.into());
        id
    }

    fn denying() -> Value {
        json!({"allow": ["*"], "deny": ["d"]})
    }

    #[test]
    fn an_answer_after_the_acl_was_seen_is_a_breach_until_it_is_lifted() {
        let mut play = Play::default();
        play.room(json!({}));
        ask(&mut play, 200);
        set(&mut play, "$1", denying());
        ask(&mut play, 403);
        assert_eq!(breaches(&play, "acl-accepted", "s"), (1, vec![]));
        let taken = ask(&mut play, 200);
        set(&mut play, "$2", json!({"allow": ["*"]}));
        ask(&mut play, 200);
        assert_eq!(breaches(&play, "acl-accepted", "s"), (1, vec![taken]));
    }

    #[test]
    fn a_request_that_began_before_or_during_a_change_is_not_judged() {
        let mut play = Play::default();
        play.room(json!({}));
        set(&mut play, "$1", denying());
        ask(&mut play, 200);
        let long: Exchange = Exchange { duration_us: 100, ..play.exchanges.pop().unwrap().as_ref().clone() };
        play.exchanges.push(long.into());
        set(&mut play, "$2", json!({"allow": ["*"]}));
        assert_eq!(breaches(&play, "acl-accepted", "s"), (0, vec![]));
    }

    #[test]
    fn an_acl_beside_the_one_that_was_seen_may_be_in_force() {
        let acl =
            |content: Value, prev: &Built| event("@alice:s", "m.room.server_acl", Some(""), content, &[prev], &[]);
        let founding = founding();
        let (open, closed) = (acl(json!({"allow": ["*"]}), &founding[3]), acl(denying(), &founding[3]));
        let mut play = Play::default();
        play.room(json!({}));
        play.transaction("x", "s", json!([open.event, closed.event]), json!([]));
        let shown =
            json!({"type": "m.room.server_acl", "state_key": "", "event_id": closed.event_id, "content": denying()});
        let sync = json!({"rooms": {"join": {ROOM: {"timeline": {"events": [shown]}}}}});
        play.client("@alice:s", "s", "GET", "/_matrix/client/v3/sync?timeout=0", json!(null), sync);
        ask(&mut play, 200);
        assert_eq!(breaches(&play, "acl-accepted", "s"), (0, vec![]));
        // Set by a client that knew it, the next one replaces it.
        set(&mut play, "$next", denying());
        let unclear = ask(&mut play, 200);
        assert_eq!(breaches(&play, "acl-accepted", "s"), (0, vec![]), "{unclear}: the open one was never shown");
    }

    #[test]
    fn of_a_transaction_each_event_counts_by_its_own_answer() {
        let mut play = Play::default();
        play.room(json!({}));
        set(&mut play, "$1", denying());
        let message = event("@u:d", "m.room.message", None, json!({}), &[], &[]);
        for (answer, expected) in [(json!({"error": "denied"}), false), (json!({}), true)] {
            let at = play.transaction("d", "s", json!([message.event]), json!([]));
            let mut exchange: Exchange = play.exchanges.pop().unwrap().as_ref().clone();
            exchange.response = json!({"pdus": {message.event_id.as_str(): answer}});
            play.exchanges.push(exchange.into());
            assert_eq!(breaches(&play, "acl-accepted", "s").1.contains(&at), expected);
        }
    }

    #[test]
    fn malformed_lists_and_rooms_that_were_left_are_not_judged() {
        let mut play = Play::default();
        play.room(json!({}));
        set(&mut play, "$1", json!({"allow": "*", "deny": ["d"]}));
        ask(&mut play, 200);
        set(&mut play, "$2", denying());
        play.client("@alice:s", "s", "POST", &format!("/_matrix/client/v3/rooms/{ROOM}/leave"), json!({}), json!({}));
        ask(&mut play, 200);
        assert_eq!(breaches(&play, "acl-accepted", "s"), (0, vec![]));
    }
}
