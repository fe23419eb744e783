//! Whether a user is shown many events, in their order.

use super::{With, client, text};
use crate::{
    outcome::{Done, StepError},
    step::Scene,
    verb::condition::WAIT_LIMIT,
};
use fedproof_client::Client;
use fedproof_core::path::encode;
use reqwest::Method;
use serde_json::Value;
use std::time::{Duration, Instant};

/// What the wait may take longer for each event: to take one in is work for a homeserver, and on a loaded machine the work
/// of two hundred was seen to last longer than any single wait may.
const EACH_LIMIT: Duration = Duration::from_millis(300);

/// `by` (a client) waits until /sync shows the last of `events` (a list of ids) in `room`, and then finds all of them, each
/// once, in this order, by walking backwards through the room. A server that was away knows the last one first and fetches
/// what lies before while somebody asks for it, so it is asked until it has, within a bound.
pub(super) async fn in_order(scene: &Scene<'_>, with: &With) -> Result<Done, StepError> {
    let (by, room) = (client(scene, with, "by")?, text(with, "room")?);
    let events: Option<Vec<&str>> = with.get("events").and_then(Value::as_array).and_then(|events| {
        let texts: Option<Vec<&str>> = events.iter().map(Value::as_str).collect();
        texts.filter(|texts| !texts.is_empty())
    });
    let events = events.ok_or_else(|| StepError::broken("the check needs a list of event ids `events`"))?;
    let expected = format!("{} events in their order", events.len());
    let unmet = |seen: String, exchanges: Vec<u64>| StepError::Unmet { expected: expected.clone(), seen, exchanges };
    let (began, limit) = (Instant::now(), WAIT_LIMIT + EACH_LIMIT * events.len().try_into().unwrap_or(u32::MAX));
    let last = events.last().copied().unwrap_or_default();
    let shown = by.observe(|view| view.event(room, last).map(|_| ()));
    match tokio::time::timeout(limit, shown).await {
        Ok(outcome) => outcome?,
        Err(_) => {
            return Err(unmet(format!("the last of them was not shown within {} s", limit.as_secs()), vec![]));
        }
    }
    loop {
        let (shown, exchange) = history(by, room, &events).await?;
        if shown == events {
            return Ok(Done::default());
        }
        let missing = events.iter().filter(|id| !shown.contains(id)).count();
        if missing == 0 {
            return Err(unmet(format!("{} of them, in another order or twice", shown.len()), vec![exchange]));
        }
        if began.elapsed() > limit {
            let seen = format!("{missing} of them are not in the room's history after {} s", limit.as_secs());
            return Err(unmet(seen, vec![exchange]));
        }
    }
}

/// Those of `events` that the room's history shows, oldest first, and the last exchange.
async fn history<'a>(by: &Client, room: &str, events: &[&'a str]) -> Result<(Vec<&'a str>, u64), StepError> {
    let mut shown = Vec::new();
    let mut from = String::new();
    loop {
        let path = format!("/_matrix/client/v3/rooms/{}/messages?dir=b&limit=100{from}", encode(room));
        let reply = by.request(Method::GET, &path, None).await?;
        let exchange = reply.exchange.id;
        if reply.status != 200 {
            let reason = format!("GET /messages was answered {}", reply.status);
            return Err(StepError::Broken { reason, exchanges: vec![exchange] });
        }
        let chunk = reply.body["chunk"].as_array().map_or(&[][..], Vec::as_slice);
        let known = |event: &Value| events.iter().copied().find(|id| event["event_id"] == **id);
        shown.extend(chunk.iter().filter_map(known));
        match reply.body["end"].as_str() {
            Some(end) if !chunk.is_empty() => from = format!("&from={}", encode(end)),
            _ => {
                shown.reverse();
                return Ok((shown, exchange));
            }
        }
    }
}
