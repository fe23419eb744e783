//! What clients have from before the clock starts: a place where their syncs go on, and media to download.
//!
//! Each play begins alike: what an earlier one on the same stage left is not gone on from, or the first incremental syncs
//! of a later play would have more to bring than those of an earlier one.

use crate::{
    http::{Reason, ask},
    operation::Operation,
    perform::{MEDIA_BYTES, lock},
    schedule::{Arrival, Draw},
    stage::Stage,
    workload::Workload,
};
use futures::{StreamExt, TryStreamExt, stream};
use reqwest::Method;
use serde::Deserialize;
use serde_json::Value;
use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicUsize, Ordering},
};

/// Requests at once.
const AT_ONCE: usize = 8;
/// `{"room":{"rooms":[]},"presence":{"types":[]},"account_data":{"types":[]}}`: nothing but where the stream is, which a
/// homeserver can tell without looking into a room.
const NOTHING: &str = "%7B%22room%22%3A%7B%22rooms%22%3A%5B%5D%7D%2C%22presence%22%3A%7B%22types%22%3A%5B%5D%7D%2C%22account_data%22%3A%7B%22types%22%3A%5B%5D%7D%7D";

/// Of a `/sync` answer, what has to be known.
#[derive(Deserialize)]
pub(crate) struct Synced {
    pub(crate) next_batch: String,
}

/// Makes a stage ready for a play. Whoever could not be made ready has nothing to go on from, and what he is to do then is
/// an error of the play.
///
/// # Errors
/// The first refusal; nobody is asked for more after it.
pub(crate) async fn make_ready(
    stage: &Stage,
    workload: &Workload,
    arrivals: &[Arrival],
    seed: u64,
    progress: impl Fn(&str, usize, usize),
) -> Result<(), Reason> {
    stage.since.iter().for_each(|since| *lock(since) = None);
    lock(&stage.media).clear();
    let who = who_goes_on(workload, arrivals, seed, stage.population.users.len());
    let (done, all) = (AtomicUsize::new(0), who.len());
    let synced = stream::iter(who).map(Ok).try_for_each_concurrent(AT_ONCE, |user| {
        let (done, progress) = (&done, &progress);
        async move {
            *lock(&stage.since[user]) = Some(stream_position(stage, user).await?);
            progress("users who go on from here", done.fetch_add(1, Ordering::Relaxed) + 1, all);
            Ok::<_, Reason>(())
        }
    });
    synced.await?;
    if operations(workload).any(|operation| operation == Operation::MediaDownload) {
        for home in 0..stage.population.homeservers.len() {
            let user = stage.population.users.iter().position(|user| user.home == home);
            let media = upload(stage, user.ok_or("a homeserver without users")?).await?;
            lock(&stage.media).extend(media);
        }
    }
    Ok(())
}

fn operations(workload: &Workload) -> impl Iterator<Item = Operation> {
    let all = workload.phases.iter().flat_map(|phase| workload.operations(phase).iter());
    all.filter(|(_, weight)| **weight > 0).map(|(operation, _)| *operation)
}

/// Users who sync incrementally, by position. Open arrivals are known; who comes in a closed phase is not.
fn who_goes_on(workload: &Workload, arrivals: &[Arrival], seed: u64, users: usize) -> BTreeSet<usize> {
    let is_closed = workload.phases.iter().any(|phase| {
        let wanted = workload.operations(phase).get(&Operation::IncrementalSync);
        phase.closed.is_some() && wanted.is_some_and(|weight| *weight > 0)
    });
    if is_closed {
        return (0..users).collect();
    }
    let syncs = arrivals.iter().filter(|arrival| arrival.operation == Operation::IncrementalSync);
    syncs.map(|arrival| Draw::new(seed, arrival.number).user(users)).collect()
}

/// Where a user's incremental syncs go on.
async fn stream_position(stage: &Stage, user: usize) -> Result<String, Reason> {
    let path = format!("/_matrix/client/v3/sync?timeout=0&filter={NOTHING}");
    let body = request(stage, user, Method::GET, &path, None).await?;
    let Synced { next_batch } = serde_json::from_slice(&body).map_err(|_| "not a /sync answer")?;
    Ok(next_batch)
}

/// Uploads one medium; its server and id.
async fn upload(stage: &Stage, user: usize) -> Result<Option<String>, Reason> {
    let path = "/_matrix/media/v3/upload?filename=first.bin";
    let body = (vec![0xff; MEDIA_BYTES].into(), "application/octet-stream");
    let body = request(stage, user, Method::POST, path, Some(body)).await?;
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    Ok(body["content_uri"].as_str().and_then(|uri| uri.strip_prefix("mxc://")).map(str::to_owned))
}

async fn request(
    stage: &Stage,
    user: usize,
    method: Method,
    path: &str,
    body: Option<(bytes::Bytes, &str)>,
) -> Result<bytes::Bytes, Reason> {
    let user = &stage.population.users[user];
    let url = stage.population.homeservers[user.home].url(path);
    ask(&stage.http, method, &url, Some(user.client.token()), body, stage.give_up).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::{Shard, arrivals};

    fn workload(phase: &str) -> Workload {
        let text = format!(
            "{{workload: t, about: t, population: {{users: 9, rooms: [{{count: 1, members: 1}}]}}, \
             operations: {{send: 3, incremental_sync: 1}}, phases: [{{phase: only, seconds: 100, {phase}}}]}}"
        );
        serde_saphyr::from_str(&text).unwrap()
    }

    #[test]
    fn who_syncs_incrementally_is_known_beforehand() {
        let open = workload("rate: 1");
        let arrivals = arrivals(&open, 7, Shard::WHOLE);
        let who = who_goes_on(&open, &arrivals, 7, 1000);
        let syncs = arrivals.iter().filter(|arrival| arrival.operation == Operation::IncrementalSync);
        assert!(syncs.clone().count() > 0 && who.len() < 100, "not everybody: {}", who.len());
        assert!(syncs.clone().all(|arrival| who.contains(&Draw::new(7, arrival.number).user(1000))));
        assert_eq!(who_goes_on(&workload("closed: {users: 3, think_seconds: 1}"), &[], 7, 9).len(), 9);
        assert!(who_goes_on(&workload("rate: 1, operations: {send: 1}"), &[], 7, 9).is_empty());
    }
}
