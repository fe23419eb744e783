//! `same_state`: whether homeservers agree about the state of a room, as their own users are told it.

use super::{With, text};
use crate::{
    actor::Player,
    outcome::{Done, StepError},
    step::Scene,
};
use fedproof_core::path::encode;
use reqwest::Method;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Event id by type and state key.
type State = BTreeMap<(String, String), String>;

/// Asks each of `clients` for the whole state of `room`: the same event must stand in every place.
pub(super) async fn compare(scene: &Scene<'_>, with: &With) -> Result<Done, StepError> {
    let room = text(with, "room")?;
    let names = with.get("clients").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let mut servers = BTreeSet::new();
    let (mut states, mut exchanges) = (Vec::new(), Vec::new());
    for name in names {
        let Player::Client(client) = scene.player(name)? else {
            return Err(StepError::broken(format!("{name} is no client")));
        };
        servers.insert(client.server().to_string());
        let path = format!("/_matrix/client/v3/rooms/{}/state", encode(room));
        let reply = client.request(Method::GET, &path, None).await?;
        exchanges.push(reply.exchange.id);
        match (reply.status, state_of(&reply.body)) {
            (200, Some(state)) => states.push((name, state)),
            (status, _) => {
                let reason = format!("{name} was answered {status} when asking for the state of {room}");
                return Err(StepError::Broken { reason, exchanges });
            }
        }
    }
    let [(first, one), others @ ..] = states.as_slice() else {
        return Err(StepError::broken("the check needs `clients`"));
    };
    // One homeserver always agrees with itself.
    if servers.len() < 2 {
        return Err(StepError::broken("the check needs `clients` of two homeservers at least"));
    }
    for (second, other) in others {
        let places: BTreeSet<_> = one.keys().chain(other.keys()).collect();
        let differing = places.into_iter().filter(|place| one.get(*place) != other.get(*place));
        let event = |state: &State, place| state.get(place).map_or("nothing", String::as_str).to_owned();
        let told: Vec<_> = differing
            .map(|place| format!("{} {:?}: {} and {}", place.0, place.1, event(one, place), event(other, place)))
            .collect();
        if !told.is_empty() {
            return Err(StepError::Unmet {
                expected: format!("{first} and {second} are told the same state of {room}"),
                seen: format!("they differ in {}", told.join("; ")),
                exchanges,
            });
        }
    }
    Ok(Done::default())
}

fn state_of(body: &Value) -> Option<State> {
    let text = |event: &Value, key: &str| event[key].as_str().map(str::to_owned);
    let entry = |event| Some(((text(event, "type")?, text(event, "state_key")?), text(event, "event_id")?));
    body.as_array()?.iter().map(entry).collect()
}
