//! Watchers: users who long-poll all the time, as most people's clients do, and tell when they saw what.

use crate::{
    http::{Reason, ask},
    ledger::MARK,
    stage::Stage,
};
use reqwest::Method;
use serde::Deserialize;
use std::{collections::HashMap, time::Duration};

/// How long the server may hold a poll open.
const POLL_MS: u64 = 20_000;
/// Room timelines long enough for what comes between two polls.
const FILTER: &str = "%7B%22presence%22%3A%7B%22types%22%3A%5B%5D%7D%2C%22account_data%22%3A%7B%22types%22%3A%5B%5D%7D%2C%22room%22%3A%7B%22state%22%3A%7B%22lazy_load_members%22%3Atrue%7D%2C%22timeline%22%3A%7B%22limit%22%3A100%7D%7D%7D";

/// One long poll of the watcher `user`; gives where the next goes on.
pub(crate) async fn poll(stage: &Stage, user: usize, since: Option<&str>) -> Result<String, Reason> {
    let it = &stage.population.users[user];
    let rest = since.map_or_else(|| "timeout=0".to_owned(), |since| format!("timeout={POLL_MS}&since={since}"));
    let url = stage.population.homeservers[it.home].url(&format!("/_matrix/client/v3/sync?filter={FILTER}&{rest}"));
    let limit = stage.give_up + Duration::from_millis(POLL_MS);
    let body = ask(&stage.http, Method::GET, &url, Some(it.client.token()), None, limit).await?;
    let synced: Synced = serde_json::from_slice(&body).map_err(|_| "not a /sync answer")?;
    for room in synced.rooms.join.into_values() {
        for event in room.timeline.events {
            if let Some(mark) = event.content.and_then(|content| content.mark)
                && let Some(ledger) = stage.heard.ledger(&mark.run)
            {
                ledger.seen(mark.n, user);
            }
        }
    }
    Ok(synced.next_batch)
}

// Only what is looked for is read: the rest of an answer, which is most of it, is skipped by the parser.

#[derive(Deserialize)]
struct Synced {
    next_batch: String,
    #[serde(default)]
    rooms: Rooms,
}

#[derive(Default, Deserialize)]
struct Rooms {
    #[serde(default)]
    join: HashMap<String, JoinedRoom>,
}

#[derive(Deserialize)]
struct JoinedRoom {
    #[serde(default)]
    timeline: Timeline,
}

#[derive(Default, Deserialize)]
struct Timeline {
    #[serde(default)]
    events: Vec<Event>,
}

#[derive(Deserialize)]
struct Event {
    #[serde(default)]
    content: Option<Content>,
}

#[derive(Deserialize)]
struct Content {
    #[serde(default, rename = "org.fedproof.load")]
    mark: Option<Mark>,
}

/// What an event of a load carries under [`MARK`].
#[derive(Deserialize)]
struct Mark {
    run: String,
    n: u64,
}

const _: () = assert!(matches!(MARK.as_bytes(), b"org.fedproof.load"));
