//! `classified`: what a client would say of a room and of its members, by the room's state, held against what crossed the
//! wire. A room is local if its ACL admits its own server by name and nobody else; a user is somebody else's if the
//! domain of the user id is not the own one.

use super::{With, text};
use crate::{
    expect::quote,
    outcome::{Done, StepError},
    step::Scene,
};
use fedproof_core::{
    name::server_of,
    path::encode,
    transcript::{Api, Exchange},
};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// `by`: the homeserver. `room`: the room's id. `acl`: content of its ACL. `members`: the `joined` of joined_members.
/// Looks at what happened since the instance began, and means something only after a barrier. Result: `local`, and what
/// crossed the wire.
pub(super) fn check(scene: &Scene<'_>, with: &With) -> Result<Done, StepError> {
    let (by, room) = (text(with, "by")?, text(with, "room")?);
    let is_local = is_local(with.get("acl").unwrap_or(&Value::Null), by);
    let exchanges = scene.stage.transcript().since(scene.stage.mark);
    let federated = exchanges.iter().filter(|exchange| exchange.api == Api::Federation);
    let of_room: Vec<_> = federated.filter(|exchange| concerns(exchange, room)).collect();
    let crossed: Vec<_> = of_room
        .iter()
        // What it sends, and what it answers; a refusal gives nothing away.
        .filter(|exchange| {
            exchange.caller == by || (exchange.destination.as_str() == by && exchange.status() == Some(200))
        })
        .collect();
    let unmet = |expected: String, seen: String| StepError::Unmet {
        expected,
        seen,
        exchanges: crossed.first().map(|exchange| exchange.id).into_iter().collect(),
    };
    if is_local && let Some(first) = crossed.first() {
        let seen = format!("{} {} {} → {}", first.method, first.path, first.caller, first.destination);
        return Err(unmet("nothing of a room that is local by its state crosses the wire".to_owned(), seen));
    }
    if !is_local && !of_room.iter().any(|exchange| exchange.caller == by && exchange.is_transaction()) {
        let expected = "events of a room that is federated by its state, with members elsewhere, cross the wire";
        return Err(unmet(expected.to_owned(), format!("{by} sent none of {room}")));
    }
    let members = with.get("members").and_then(Value::as_object).into_iter().flatten();
    let foreign = |user: &&String| server_of(user).is_some_and(|server| server != by);
    let by_state: BTreeSet<&str> = members.map(|(user, _)| user).filter(foreign).map(String::as_str).collect();
    let by_wire: BTreeSet<&str> =
        of_room.iter().filter(|exchange| exchange.caller != by).filter_map(|it| joins(it)).collect();
    if by_state != by_wire {
        let seen = format!("members of other servers by state: {by_state:?}, by what came over the wire: {by_wire:?}");
        return Err(unmet(
            "users are somebody else's by state if their joins came over the wire".to_owned(),
            quote(&seen),
        ));
    }
    Ok(Done { result: json!({"local": is_local, "crossed": crossed.len()}), answer: None, flaw: None })
}

fn is_local(acl: &Value, own: &str) -> bool {
    let allow = acl.get("allow").and_then(Value::as_array);
    allow.is_some_and(|allow| !allow.is_empty() && allow.iter().all(|entry| entry.as_str() == Some(own)))
}

/// Whether an exchange is about a room: by its path, an event or an EDU.
fn concerns(exchange: &Exchange, room: &str) -> bool {
    exchange.path.contains(&encode(room))
        || exchange.pdus().iter().any(|pdu| pdu["room_id"] == room)
        || exchange.edus().iter().any(|edu| edu["content"].to_string().contains(room))
}

/// The user whose join somebody sent by send_join.
fn joins(exchange: &Exchange) -> Option<&str> {
    let is_join = exchange.path.contains("/send_join/") && exchange.status() == Some(200);
    is_join.then(|| exchange.request["state_key"].as_str()).flatten()
}
