//! Always-on invariants: what no traffic of a run may break (design.md §6).
//!
//! Each rule is a function over the whole transcript that judges what one real server did; nothing here does I/O.
//! What a rule must know (who is in which room, which ACL a client saw, whose keys these are) it gathers from the
//! transcript itself. Where that is not known well enough the rule does not judge, and says so: a guess would be
//! either a false alarm or a blind eye.
//!
//! To add a rule: a file here with a function of type [`Rule`], a line in [`RULES`], a case in
//! `scenarios/invariant/always.yaml`, and a mutant that breaks it.

mod acl_accepted;
mod acl_seen;
mod edus;
mod known_names;
mod private_receipts;
mod recipients;
#[cfg(test)]
mod recipients_tests;
mod rooms;
mod signed;
#[cfg(test)]
mod testing;
mod transaction_limits;
mod unfederated_rooms;
mod wire;

use crate::{ServerName, transcript::Exchange};
use std::{collections::BTreeMap, sync::Arc};

/// A rule: judges what one server did in a transcript.
pub type Rule = fn(&Transcribed<'_>, &ServerName) -> Judgement;

/// The rules by name, which is the last segment of their case's id.
pub const RULES: &[(&str, Rule)] = &[
    ("recipients", recipients::judge),
    ("acl-accepted", acl_accepted::judge),
    ("signed", signed::judge),
    ("transaction-limits", transaction_limits::judge),
    ("known-names", known_names::judge),
    ("private-receipts", private_receipts::judge),
    ("unfederated-rooms", unfederated_rooms::judge),
];

/// The rule of that name.
pub fn rule(name: &str) -> Option<Rule> {
    RULES.iter().find(|(known, _)| *known == name).map(|(_, rule)| *rule)
}

/// A transcript, with what can be learned of its rooms. Made once, judged by every rule.
pub struct Transcribed<'a> {
    exchanges: &'a [Arc<Exchange>],
    rooms: rooms::Rooms,
}

impl<'a> Transcribed<'a> {
    /// Reads a transcript. The exchanges must stand in their order in it.
    pub fn new(exchanges: &'a [Arc<Exchange>]) -> Self {
        Self { exchanges, rooms: rooms::Rooms::learn(exchanges) }
    }

    /// Requests that `server` sent to other servers.
    fn sent_by<'s>(&'s self, server: &'s ServerName) -> impl Iterator<Item = &'a Exchange> + 's {
        self.exchanges.iter().map(Arc::as_ref).filter(move |exchange| wire::is_from(exchange, server))
    }
}

/// One thing that must not have happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    /// The exchange that shows it.
    pub exchange: u64,
    /// In a sentence.
    pub what: String,
    /// Names in it (rooms, users, servers) by which the case that caused the traffic is found.
    pub names: String,
}

/// What a rule says of one server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judgement {
    /// How many things were judged: PDUs, EDUs, requests, as the rule has it.
    pub judged: u64,
    /// What could not be judged, and how often, by the reason.
    pub not_judged: BTreeMap<&'static str, u64>,
    /// What must not have happened, in order.
    pub breaches: Vec<Breach>,
}

impl Judgement {
    fn held(&mut self) {
        self.judged += 1;
    }

    fn unclear(&mut self, why: &'static str) {
        *self.not_judged.entry(why).or_default() += 1;
    }

    fn broken(&mut self, exchange: &Exchange, what: String, about: &serde_json::Value) {
        self.judged += 1;
        let names = format!("{about} {} {} {}", exchange.caller, exchange.destination, exchange.path);
        self.breaches.push(Breach { exchange: exchange.id, what, names });
    }
}
