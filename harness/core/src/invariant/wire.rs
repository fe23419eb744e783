//! Reading exchanges: whose they are, which endpoint and room they are about, which PDUs they carry.

use crate::{
    ServerName,
    path::decode,
    transcript::{Api, Exchange},
};
use serde_json::Value;

/// Whether `server` sent this to another server.
pub(super) fn is_from(exchange: &Exchange, server: &ServerName) -> bool {
    exchange.api == Api::Federation && exchange.caller.eq_ignore_ascii_case(server.as_str())
}

/// When the answer was complete, on the clock of [`Exchange::started_us`].
pub(super) fn ended_us(exchange: &Exchange) -> u64 {
    exchange.started_us + exchange.duration_us
}

/// Whether the answer was a success.
pub(super) fn is_ok(exchange: &Exchange) -> bool {
    exchange.status().is_some_and(|status| (200..300).contains(&status))
}

/// `/_matrix/federation/v2/send_join/!room/$event?x` gives `send_join` and the segments after it, decoded.
pub(super) fn endpoint(exchange: &Exchange) -> Option<(&str, Vec<String>)> {
    if exchange.api != Api::Federation {
        return None;
    }
    let path = exchange.path.split('?').next()?.strip_prefix("/_matrix/federation/")?;
    let (_version, rest) = path.split_once('/')?;
    let mut segments = rest.split('/');
    Some((segments.next()?, segments.map(decode).collect()))
}

/// Endpoints whose first argument is a room's id.
const OF_ROOMS: [&str; 12] = [
    "make_join",
    "send_join",
    "make_leave",
    "send_leave",
    "invite",
    "make_knock",
    "send_knock",
    "state",
    "state_ids",
    "backfill",
    "event_auth",
    "get_missing_events",
];

/// Endpoint and room of a request whose path names a room. These are also the endpoints that the specification
/// protects by the room's ACL, all of them and no other (server-server API, "Server Access Control Lists").
pub(super) fn room_request(exchange: &Exchange) -> Option<(&str, String)> {
    let (name, arguments) = endpoint(exchange)?;
    let room = arguments.into_iter().next()?;
    OF_ROOMS.contains(&name).then_some((name, room))
}

/// PDUs in the body of a request.
pub(super) fn pdus_of_request(exchange: &Exchange) -> Vec<&Value> {
    let body = &exchange.request;
    match endpoint(exchange) {
        Some(("send", _)) => exchange.pdus().iter().collect(),
        Some(("send_join" | "send_leave" | "send_knock", _)) => vec![body],
        Some(("invite", _)) => vec![body.get("event").unwrap_or(body)],
        _ => Vec::new(),
    }
}

/// PDUs in the body of a successful answer.
pub(super) fn pdus_of_answer(exchange: &Exchange) -> Vec<&Value> {
    if !is_ok(exchange) {
        return Vec::new();
    }
    let Some((name, _)) = endpoint(exchange) else { return Vec::new() };
    // Answers of version 1 of send_join, send_leave and invite are `[200, {…}]`.
    let body = exchange.response.get(1).unwrap_or(&exchange.response);
    let keys: &[&str] = match name {
        "send_join" => &["state", "auth_chain", "event"],
        "invite" => &["event"],
        "state" => &["pdus", "auth_chain"],
        "event_auth" => &["auth_chain"],
        "backfill" | "event" => &["pdus"],
        "get_missing_events" => &["events"],
        _ => &[],
    };
    let mut found = Vec::new();
    for value in keys.iter().filter_map(|key| body.get(*key)) {
        match value {
            Value::Array(pdus) => found.extend(pdus),
            pdu => found.push(pdu),
        }
    }
    found
}

/// A text of an object.
pub(super) fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key).and_then(Value::as_str)
}

/// The membership that a member event gives, of whom.
pub(super) fn membership(event: &Value) -> Option<(&str, &str)> {
    if text(event, "type") != Some("m.room.member") {
        return None;
    }
    Some((text(event, "state_key")?, text(event.get("content")?, "membership")?))
}

/// Rooms of a `/sync` answer with the client-format events it shows of each, in order.
pub(super) fn synced(exchange: &Exchange) -> Vec<(&str, Vec<&Value>)> {
    let is_sync = exchange.api == Api::Client && exchange.path.starts_with("/_matrix/client/v3/sync");
    if !is_sync || !is_ok(exchange) {
        return Vec::new();
    }
    let mut rooms = Vec::new();
    for kind in ["join", "leave"] {
        for (room, shown) in exchange.response["rooms"][kind].as_object().into_iter().flatten() {
            let list = |part: &str| shown[part]["events"].as_array().into_iter().flatten();
            rooms.push((room.as_str(), list("state").chain(list("timeline")).collect()));
        }
    }
    rooms
}

/// Room, event type and state key of a client's request to set state.
pub(super) fn state_set(exchange: &Exchange) -> Option<(String, String, String)> {
    if exchange.api != Api::Client || exchange.method != "PUT" {
        return None;
    }
    let path = exchange.path.split('?').next()?.strip_prefix("/_matrix/client/v3/rooms/")?;
    let segments: Vec<String> = path.split('/').map(decode).collect();
    match segments.as_slice() {
        [room, word, kind] if word == "state" => Some((room.clone(), kind.clone(), String::new())),
        [room, word, kind, key] if word == "state" => Some((room.clone(), kind.clone(), key.clone())),
        _ => None,
    }
}

/// The room that a client's `createRoom` made.
pub(super) fn created(exchange: &Exchange) -> Option<&str> {
    let is_create = exchange.api == Api::Client && exchange.path.starts_with("/_matrix/client/v3/createRoom");
    if is_create && is_ok(exchange) { text(&exchange.response, "room_id") } else { None }
}
