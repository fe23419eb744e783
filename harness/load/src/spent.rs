//! Traffic between servers, watched while it passes: what each homeserver sends, and what of the load arrives where.

use crate::{
    Home,
    ledger::{Ledger, MARK},
};
use fedproof_gateway::Gateway;
use fedproof_virtual::VirtualServer;
use std::{
    collections::HashMap,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

/// What homeservers sent to others, by position among the homeservers.
pub(crate) struct Spent {
    names: Vec<String>,
    requests: Vec<AtomicU64>,
    bytes: Vec<AtomicU64>,
}

impl Spent {
    pub(crate) fn new(homeservers: &[Home]) -> Self {
        let count = || homeservers.iter().map(|_| AtomicU64::new(0)).collect();
        let names = homeservers.iter().map(|one| one.server_name().to_string()).collect();
        Self { names, requests: count(), bytes: count() }
    }

    /// Requests and bytes of their bodies so far.
    pub(crate) fn so_far(&self) -> (Vec<u64>, Vec<u64>) {
        let count = |of: &[AtomicU64]| of.iter().map(|count| count.load(Ordering::Relaxed)).collect();
        (count(&self.requests), count(&self.bytes))
    }
}

/// The ledger of the play that is on, by the label in its marks: what an earlier play sent is nobody's any more.
#[derive(Default)]
pub(crate) struct Heard {
    playing: RwLock<Option<(String, Arc<Ledger>)>>,
}

impl Heard {
    pub(crate) fn begin(&self, label: &str, ledger: &Arc<Ledger>) {
        *self.playing.write().unwrap_or_else(PoisonError::into_inner) = Some((label.to_owned(), ledger.clone()));
    }

    /// The ledger that a mark of `run` is for.
    pub(crate) fn ledger(&self, run: &str) -> Option<Arc<Ledger>> {
        let playing = self.playing.read().unwrap_or_else(PoisonError::into_inner);
        playing.as_ref().filter(|(label, _)| label == run).map(|(_, ledger)| ledger.clone())
    }
}

/// Watches the traffic of a gateway.
pub(crate) fn tap(gateway: &Gateway, heard: &Arc<Heard>, spent: &Arc<Spent>, virtual_servers: &[VirtualServer]) {
    let (heard, spent) = (heard.clone(), spent.clone());
    let names = virtual_servers.iter().enumerate().map(|(n, server)| (server.name().to_string(), n));
    let virtual_servers: HashMap<String, usize> = names.collect();
    gateway.transcript().tap(move |exchange| {
        if exchange.path.contains("/get_missing_events/") && virtual_servers.contains_key(&exchange.caller) {
            for event in exchange.response["events"].as_array().into_iter().flatten() {
                let mark = &event["content"][MARK];
                let ledger = mark["run"].as_str().and_then(|run| heard.ledger(run));
                ledger.zip(mark["n"].as_u64()).into_iter().for_each(|(ledger, number)| ledger.fetched(number));
            }
        }
        let Some(home) = spent.names.iter().position(|name| *name == exchange.caller) else { return };
        spent.requests[home].fetch_add(1, Ordering::Relaxed);
        if !exchange.request.is_null() {
            let bytes = serde_json::to_vec(&exchange.request).map_or(0, |body| body.len() as u64);
            spent.bytes[home].fetch_add(bytes, Ordering::Relaxed);
        }
        let Some(receiver) = virtual_servers.get(exchange.destination.as_str()) else { return };
        if exchange.status() == Some(200) {
            for pdu in exchange.pdus() {
                let (mark, room) = (&pdu["content"][MARK], pdu["room_id"].as_str().unwrap_or_default());
                if let Some(ledger) = mark["run"].as_str().and_then(|run| heard.ledger(run)) {
                    mark["n"].as_u64().into_iter().for_each(|number| ledger.delivered(number, *receiver, room));
                }
            }
        }
    });
}
