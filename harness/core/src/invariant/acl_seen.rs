//! Which ACLs a room may have had, and which of them clients of a server have seen when.

use super::{Transcribed, wire};
use crate::{
    ServerName,
    acl::Acl,
    name::server_of,
    transcript::{Api, Exchange},
};
use ruma::OwnedEventId;
use serde_json::Value;
use std::collections::HashMap;

const KIND: &str = "m.room.server_acl";

/// The ACLs of one room, and what else matters to whether they are enforced.
#[derive(Default)]
pub(super) struct Acls {
    all: HashMap<String, Known>,
    /// When a client of the server saw which, in order.
    seen: Vec<(u64, String)>,
    /// When a user of the server first left; from then on the server may have forgotten the room.
    pub(super) left_us: Option<u64>,
}

/// An ACL event.
struct Known {
    /// When it can first have been there.
    from_us: u64,
    /// Made by a client of the server at hand, in a request that began at `from_us`.
    own: bool,
    seen_us: Option<u64>,
    content: Value,
    /// Redacted: which content counts then is not for this rule to say.
    unclear: bool,
}

impl Acls {
    /// Reads a transcript as `server` and its clients see it.
    pub(super) fn learn(transcript: &Transcribed<'_>, server: &ServerName) -> HashMap<String, Self> {
        let mut rooms: HashMap<String, Self> = HashMap::new();
        for exchange in transcript.exchanges {
            let is_own = exchange.destination == *server;
            match exchange.api {
                // Agents speak to their homeserver beside the transcript, so all that they bring about is seen by others.
                Api::Agent => {}
                Api::Client => read_client(&mut rooms, exchange, is_own, server),
                Api::Federation => {
                    let (start, end) = (exchange.started_us, wire::ended_us(exchange));
                    let told = wire::pdus_of_request(exchange).into_iter().map(|pdu| (start, pdu));
                    for (at, pdu) in told.chain(wire::pdus_of_answer(exchange).into_iter().map(|pdu| (end, pdu))) {
                        read_pdu(&mut rooms, transcript, at, pdu, server);
                    }
                }
            }
        }
        for acls in rooms.values_mut() {
            acls.seen.sort_by_key(|(at, _)| *at);
        }
        rooms
    }

    fn know(&mut self, id: &str, from_us: u64, own: bool, content: &Value) -> &mut Known {
        let fresh = || Known { from_us, own, seen_us: None, content: content.clone(), unclear: false };
        let known = self.all.entry(id.to_owned()).or_insert_with(fresh);
        known.own |= own;
        known.from_us = known.from_us.min(from_us);
        known
    }

    fn see(&mut self, id: &str, at: u64) {
        if let Some(known) = self.all.get_mut(id)
            && known.seen_us.is_none()
        {
            known.seen_us = Some(at);
            self.seen.push((at, id.to_owned()));
        }
    }

    /// Whether every ACL that can have been in force from `begun` to `ended` denies the server; `None` if no client
    /// had seen one, or if that cannot be said.
    pub(super) fn deny(
        &self,
        transcript: &Transcribed<'_>,
        room: &str,
        begun: u64,
        ended: u64,
        name: &str,
    ) -> Option<bool> {
        let (_, newest) = self.seen.iter().rev().find(|(at, _)| *at <= begun)?;
        let current = self.all.get(newest)?;
        let possible = self.all.iter().filter(|(id, known)| {
            *id == newest
                || (known.from_us < ended && !self.is_replaced(transcript, room, (id, known), (newest, current)))
        });
        let mut all_deny = true;
        for (_, known) in possible {
            if known.unclear || !is_clear(&known.content) {
                return None;
            }
            all_deny &= !Acl::from_content(&known.content).decide(name).is_allowed();
        }
        Some(all_deny)
    }

    /// Whether `by` was made with `old` before it, so that it took its place.
    fn is_replaced(
        &self,
        transcript: &Transcribed<'_>,
        room: &str,
        (old_id, old): (&str, &Known),
        (by_id, by): (&str, &Known),
    ) -> bool {
        if by.own && old.seen_us.is_some_and(|seen| seen <= by.from_us) {
            return true;
        }
        let ids = OwnedEventId::try_from(old_id).ok().zip(OwnedEventId::try_from(by_id).ok());
        let room = transcript.rooms.get(room);
        ids.zip(room).is_some_and(|((old, by), room)| room.precedes(&old, &by))
    }
}

fn read_client(rooms: &mut HashMap<String, Acls>, exchange: &Exchange, is_own: bool, server: &ServerName) {
    let (start, end) = (exchange.started_us, wire::ended_us(exchange));
    if let Some((room, kind, key)) = wire::state_set(exchange).filter(|(_, kind, key)| kind == KIND && key.is_empty()) {
        debug_assert!(kind == KIND && key.is_empty());
        let refused = exchange.status().is_some_and(|status| status >= 400);
        let acls = rooms.entry(room).or_default();
        let pending = format!("pending {}", exchange.id);
        let id = wire::text(&exchange.response, "event_id").unwrap_or(&pending).to_owned();
        if !refused {
            acls.know(&id, start, is_own, &exchange.request);
            if is_own && wire::is_ok(exchange) {
                acls.see(&id, end);
            }
        }
    }
    for (room, events) in wire::synced(exchange) {
        for event in events {
            let acls = rooms.entry(room.to_owned()).or_default();
            if is_own && is_departure(event, server) {
                acls.leave(start);
            }
            let Some(id) = wire::text(event, "event_id").filter(|_| is_acl(event)) else { continue };
            let known = acls.know(id, end, false, &event["content"]);
            known.unclear |= event["unsigned"].get("redacted_because").is_some();
            if is_own {
                acls.see(id, end);
            }
        }
    }
    if is_own
        && exchange.method == "POST"
        && let Some(rest) = exchange.path.strip_prefix("/_matrix/client/v3/rooms/")
        && let Some((room, "leave")) = rest.split_once('/')
    {
        rooms.entry(crate::path::decode(room)).or_default().leave(start);
    }
}

impl Acls {
    fn leave(&mut self, at: u64) {
        self.left_us = Some(self.left_us.map_or(at, |known| known.min(at)));
    }
}

fn read_pdu(
    rooms: &mut HashMap<String, Acls>,
    transcript: &Transcribed<'_>,
    at: u64,
    pdu: &Value,
    server: &ServerName,
) {
    let Some(room) = wire::text(pdu, "room_id") else { return };
    if is_departure(pdu, server) {
        rooms.entry(room.to_owned()).or_default().leave(at);
    }
    if !is_acl(pdu) {
        return;
    }
    let id = transcript.rooms.get(room).and_then(|room| room.id_of(pdu));
    let id = id.map_or_else(|| format!("unreadable {pdu}"), |id| id.to_string());
    rooms.entry(room.to_owned()).or_default().know(&id, at, false, &pdu["content"]);
}

fn is_acl(event: &Value) -> bool {
    wire::text(event, "type") == Some(KIND) && wire::text(event, "state_key") == Some("")
}

fn is_departure(event: &Value, server: &ServerName) -> bool {
    let of = |user| server_of(user).is_some_and(|of| of.eq_ignore_ascii_case(server.as_str()));
    wire::membership(event).is_some_and(|(user, membership)| matches!(membership, "leave" | "ban") && of(user))
}

/// Well-formed and plain: what a malformed ACL says is for `acl/match` to ask, not a thing to fail every run for.
fn is_clear(content: &Value) -> bool {
    let is_list = |key: &str| match content.get(key) {
        None => true,
        Some(list) => list.as_array().is_some_and(|entries| {
            entries.iter().all(|entry| entry.as_str().is_some_and(|text| text.is_ascii() && !text.contains(' ')))
        }),
    };
    is_list("allow") && is_list("deny") && content.get("allow_ip_literals").is_none_or(Value::is_boolean)
}
