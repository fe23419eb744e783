//! Signed ahead: transactions of virtual servers, whole, before the load begins, so that neither building nor signing an
//! event is in any latency.
//!
//! Every event is valid: it has the right auth events, and it follows the one before it in its room. So the transactions
//! of one room go out in order, each when the one before it was answered.

use crate::{
    ledger::MARK,
    operation::Operation,
    population::{Population, VIRTUAL_USER},
    schedule::{Arrival, Draw},
};
use bytes::Bytes;
use fedproof_virtual::{Draft, VirtualError, VirtualServer};
use serde_json::json;
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};
use tokio::sync::watch;

/// A transaction that only needs to be sent.
pub(crate) struct Prepared {
    pub(crate) server: VirtualServer,
    pub(crate) request: http::Request<Bytes>,
    /// The room, by position.
    pub(crate) room: usize,
    /// Its turn in the room.
    turn: u64,
}

/// All of them.
#[derive(Default)]
pub(crate) struct Transactions {
    ready: Mutex<HashMap<u64, Prepared>>,
    /// By room: which turn it is.
    turns: HashMap<usize, watch::Sender<u64>>,
}

impl Transactions {
    /// Builds and signs one for each arrival that is a transaction.
    pub(crate) fn prepare(
        population: &Population,
        arrivals: &[Arrival],
        seed: u64,
        label: &str,
        progress: impl Fn(&str, usize, usize),
    ) -> Result<Self, VirtualError> {
        let mut all = Self::default();
        let wanted: Vec<&Arrival> = arrivals.iter().filter(|one| one.operation == Operation::Transaction).collect();
        let mut ready = HashMap::with_capacity(wanted.len());
        let mut next: HashMap<usize, u64> = HashMap::new();
        let Some(to) = population.homeservers.first().map(|one| one.server_name().clone()) else { return Ok(all) };
        for (n, arrival) in wanted.iter().enumerate() {
            let draw = Draw::new(seed, arrival.number);
            let place = population.virtual_rooms[draw.below("room", population.virtual_rooms.len() as u64) as usize];
            let room = &population.rooms[place];
            let member = room.virtual_members[draw.below("member", room.virtual_members.len() as u64) as usize];
            let server = &population.virtual_servers[member];
            let built = server.build(Draft {
                room: room.id.clone(),
                sender: server.user(VIRTUAL_USER),
                kind: "m.room.message".into(),
                content: json!({"msgtype": "m.text", "body": "from outside", MARK: {"run": label, "n": arrival.number}}),
                ..Draft::default()
            })?;
            let request = server.transaction(&to, vec![built.event], vec![])?;
            let turn = next.entry(place).or_default();
            ready.insert(arrival.number, Prepared { server: server.clone(), request, room: place, turn: *turn });
            *turn += 1;
            progress("signed transactions", n + 1, wanted.len());
        }
        all.turns = next.into_keys().map(|room| (room, watch::Sender::new(0))).collect();
        *all.ready.lock().unwrap_or_else(PoisonError::into_inner) = ready;
        Ok(all)
    }

    /// The one for an arrival, once it is its turn in its room. The next one's turn comes when what is given with it is
    /// dropped, also if nobody waited for the answer.
    pub(crate) async fn take(&self, number: u64) -> Option<(Prepared, Turn<'_>)> {
        let prepared = self.ready.lock().unwrap_or_else(PoisonError::into_inner).remove(&number)?;
        let turns = self.turns.get(&prepared.room)?;
        turns.subscribe().wait_for(|turn| *turn >= prepared.turn).await.ok()?;
        Some((prepared, Turn(turns)))
    }
}

/// A turn in a room: when it is dropped, the next one may go.
pub(crate) struct Turn<'a>(&'a watch::Sender<u64>);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|turn| *turn += 1);
    }
}
