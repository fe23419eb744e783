//! Always-on invariants: what no traffic of a run may break.
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
mod canary;
mod content;
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

pub use canary::{canaries_in, canary};

use crate::{ServerName, transcript::Exchange};
use std::{collections::BTreeMap, sync::Arc};

/// A rule: judges what one server did in a transcript.
pub type Rule = fn(&Transcribed<'_>, &ServerName) -> Judgement;

/// Name of the rule that a canary is readable nowhere. What a homeserver keeps can be judged by it, too.
pub const CANARIES: &str = "no-plaintext/canary";

/// The rules by name, which is their case's id without `invariant/`.
pub const RULES: &[(&str, Rule)] = &[
    ("recipients", recipients::judge),
    ("acl-accepted", acl_accepted::judge),
    ("signed", signed::judge),
    ("transaction-limits", transaction_limits::judge),
    ("known-names", known_names::judge),
    ("private-receipts", private_receipts::judge),
    ("unfederated-rooms", unfederated_rooms::judge),
    ("no-plaintext/content", content::judge),
    (CANARIES, canary::judge),
];

/// The rule of that name.
pub fn rule(name: &str) -> Option<Rule> {
    RULES.iter().find(|(known, _)| *known == name).map(|(_, rule)| *rule)
}

/// A transcript, with what can be learned of its rooms. Made once, judged by every rule.
pub struct Transcribed<'a> {
    exchanges: &'a [Arc<Exchange>],
    rooms: rooms::Rooms,
    /// Where nothing but encrypted events is promised: globs over types that are excepted.
    encrypted_only: Option<Vec<String>>,
    /// When real homeservers were started anew, on the clock of [`Exchange::started_us`].
    starts: Vec<(ServerName, u64)>,
}

impl<'a> Transcribed<'a> {
    /// Reads a transcript. The exchanges must stand in their order in it.
    pub fn new(exchanges: &'a [Arc<Exchange>]) -> Self {
        Self { exchanges, rooms: rooms::Rooms::learn(exchanges), encrypted_only: None, starts: Vec::new() }
    }

    /// These homeservers were started anew at these times, on the clock of [`Exchange::started_us`].
    pub fn knowing_starts(self, starts: Vec<(ServerName, u64)>) -> Self {
        Self { starts, ..self }
    }

    /// The deployment promises that events are encrypted, but for state and for types that match one of these globs.
    pub fn promising_encryption(self, except: Vec<String>) -> Self {
        Self { encrypted_only: Some(except), ..self }
    }

    /// Requests that `server` sent to other servers.
    fn sent_by<'s>(&'s self, server: &'s ServerName) -> impl Iterator<Item = &'a Exchange> + 's {
        self.exchanges.iter().map(Arc::as_ref).filter(move |exchange| wire::is_from(exchange, server))
    }
}

/// One thing that must not have happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    /// The exchange that shows it; none if it was found in what a homeserver keeps.
    pub exchange: Option<u64>,
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
    /// Why the rule does not hold here at all, if so.
    pub not_applicable: Option<&'static str>,
}

impl Judgement {
    fn held(&mut self) {
        self.judged += 1;
    }

    /// Notes that something could not be judged.
    pub fn unclear(&mut self, why: &'static str) {
        *self.not_judged.entry(why).or_default() += 1;
    }

    fn broken(&mut self, exchange: &Exchange, what: String, about: &serde_json::Value) {
        self.judged += 1;
        let names = format!("{about} {} {} {}", exchange.caller, exchange.destination, exchange.path);
        self.breaches.push(Breach { exchange: Some(exchange.id), what, names });
    }
}
