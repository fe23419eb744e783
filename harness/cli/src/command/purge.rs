//! The end of `fedproof run --attach`: what the run made goes again, if need be later (`fedproof cleanup --attach`).

use super::attach::endpoints;
use crate::{error::CliError, stdout};
use fedproof_client::Purged;
use fedproof_core::transcript::{Api, Exchange};
use fedproof_results::{Event, exit};
use fedproof_runner::{Field, Sink};
use futures::future::join_all;
use serde_json::json;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

/// Purges all homeservers side by side, tells of it, and writes it to `purged.json` in `out`.
pub(super) async fn purge(field: &Field, mark: &str, out: &Path, sink: &Sink) {
    let rooms = rooms(field);
    let purges = field.homeservers.iter().map(|home| {
        let rooms = &rooms;
        async move { (home.name().to_owned(), home.endpoint().purge(rooms, mark).await) }
    });
    let purged: BTreeMap<String, Purged> = join_all(purges).await.into_iter().collect();
    for (name, purged) in &purged {
        let message = format!("{} rooms purged, {} accounts deactivated", purged.rooms, purged.accounts);
        sink(Event::Progress { server: Some(name.clone()), message });
        for left in &purged.left {
            sink(Event::Warning { message: format!("left on {name}: {left}") });
        }
    }
    let told = json!({"mark": mark, "homeservers": purged});
    let written = serde_json::to_vec_pretty(&told).map_err(std::io::Error::other);
    if let Err(error) = written.and_then(|text| std::fs::write(out.join("purged.json"), text)) {
        sink(Event::Warning { message: format!("what was purged could not be written: {error}") });
    }
}

/// Takes away what a run with this mark left on the homeservers of a connection file.
pub(super) async fn purge_later(file: &Path, mark: &str) -> Result<u8, CliError> {
    if mark.len() < 12 || !mark.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(CliError::bad_input(format!(
            "--mark {mark}: expected what a run said is in all its names, such as 00046927b1c2"
        )));
    }
    let mut all_gone = true;
    for (name, purged) in purged(file, mark).await? {
        stdout::print(&format!("{name}: {} rooms purged, {} accounts deactivated", purged.rooms, purged.accounts));
        for left in &purged.left {
            all_gone = false;
            stdout::print(&format!("left on {name}: {left}"));
        }
    }
    Ok(if all_gone { exit::QUALIFIED } else { exit::INCONCLUSIVE })
}

async fn purged(file: &Path, mark: &str) -> Result<Vec<(String, Purged)>, CliError> {
    let mut all = Vec::new();
    for (name, endpoint) in endpoints(file)? {
        if !endpoint.accounts().may_administer() {
            return Err(CliError::bad_input(format!(
                "{name}: it takes `administrator:` or `shared_secret:` to find them"
            )));
        }
        all.push((name, endpoint.purge(&BTreeSet::new(), mark).await));
    }
    Ok(all)
}

/// The rooms that the run has made: those that its users were told of when they made them, and those of its simulated
/// servers.
fn rooms(field: &Field) -> BTreeSet<String> {
    let exchanges = field.gateway.transcript().since(0);
    let made = exchanges.iter().filter_map(|exchange| made_in(exchange));
    made.chain(field.world.rooms().ids()).collect()
}

/// The room that a client's request made.
fn made_in(exchange: &Exchange) -> Option<String> {
    if exchange.api != Api::Client || exchange.method != "POST" {
        return None;
    }
    let path = exchange.path.split('?').next()?;
    let key = match path.rsplit('/').next()? {
        "createRoom" => "room_id",
        "upgrade" => "replacement_room",
        _ => return None,
    };
    exchange.response[key].as_str().map(str::to_owned)
}
