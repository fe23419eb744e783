//! Hand-made transcripts for the tests of the rules.

use super::{Transcribed, rule};
use crate::{
    ServerName,
    event::{Built, rules_of, sign},
    keys::SigningKey,
    transcript::{Api, Exchange, Outcome},
};
use serde_json::{Value, json};
use std::sync::Arc;

/// Room of the tests.
pub(super) const ROOM: &str = "!r:s";

/// Exchanges one after the other, ten microseconds each.
#[derive(Default)]
pub(super) struct Play {
    pub(super) exchanges: Vec<Arc<Exchange>>,
}

impl Play {
    pub(super) fn add(&mut self, exchange: Exchange) -> u64 {
        let id = self.exchanges.len() as u64;
        self.exchanges.push(Arc::new(Exchange { id, started_us: id * 10, duration_us: 9, ..exchange }));
        id
    }

    pub(super) fn federation(
        &mut self,
        from: &str,
        to: &str,
        method: &str,
        path: &str,
        request: Value,
        response: Value,
    ) -> u64 {
        self.add(exchange(Api::Federation, from, to, method, path, request, response))
    }

    pub(super) fn client(
        &mut self,
        user: &str,
        on: &str,
        method: &str,
        path: &str,
        request: Value,
        response: Value,
    ) -> u64 {
        self.add(exchange(Api::Client, user, on, method, path, request, response))
    }

    pub(super) fn transaction(&mut self, from: &str, to: &str, pdus: Value, edus: Value) -> u64 {
        let path = format!("/_matrix/federation/v1/send/{}", self.exchanges.len());
        self.federation(from, to, "PUT", &path, json!({"pdus": pdus, "edus": edus}), json!({"pdus": {}}))
    }

    /// A transaction that is answered with 403.
    pub(super) fn turned_away(&mut self, from: &str, to: &str, pdus: Value) -> u64 {
        let path = format!("/_matrix/federation/v1/send/{}", self.exchanges.len());
        let request = json!({"pdus": pdus, "edus": []});
        let exchange = exchange(Api::Federation, from, to, "PUT", &path, request, json!({"errcode": "M_FORBIDDEN"}));
        self.add(Exchange { outcome: Outcome::Answered { status: 403 }, ..exchange })
    }

    /// Alice of s makes the room.
    pub(super) fn room(&mut self, creation_content: Value) {
        let request = json!({"room_version": "11", "creation_content": creation_content});
        self.client("@alice:s", "s", "POST", "/_matrix/client/v3/createRoom", request, json!({"room_id": ROOM}));
    }

    /// A user joins through s; the answer tells the state before.
    pub(super) fn join(&mut self, join: &Built, state: &[&Built], members_omitted: bool) {
        let state: Vec<&Value> = state.iter().map(|built| &built.event).collect();
        let from = join.event["sender"].as_str().unwrap().split_once(':').unwrap().1.to_owned();
        let path = format!("/_matrix/federation/v2/send_join/{ROOM}/{}", join.event_id);
        let answer = json!({"state": state, "auth_chain": state, "event": join.event, "members_omitted": members_omitted,
            "servers_in_room": ["s", "listed"]});
        self.federation(&from, "s", "PUT", &path, join.event.clone(), answer);
    }
}

fn exchange(api: Api, from: &str, to: &str, method: &str, path: &str, request: Value, response: Value) -> Exchange {
    Exchange {
        id: 0,
        api,
        caller: from.to_owned(),
        origin: None,
        authorization: None,
        destination: to.into(),
        method: method.to_owned(),
        path: path.to_owned(),
        request,
        outcome: Outcome::Answered { status: 200 },
        response,
        started_us: 0,
        duration_us: 0,
    }
}

/// What a rule says of a server: how many held, and which exchanges broke it.
pub(super) fn breaches(play: &Play, name: &str, server: &str) -> (u64, Vec<u64>) {
    breaches_in(Transcribed::new(&play.exchanges), name, server)
}

/// As [`breaches`], of a transcript of which something is promised.
pub(super) fn breaches_in(transcript: Transcribed<'_>, name: &str, server: &str) -> (u64, Vec<u64>) {
    let judgement = rule(name).unwrap()(&transcript, &ServerName::new(server));
    let broken: Vec<u64> = judgement.breaches.iter().filter_map(|breach| breach.exchange).collect();
    (judgement.judged - broken.len() as u64, broken)
}

/// An event of the room, version 11, after `prev` and authorized by `auth`.
pub(super) fn event(
    sender: &str,
    kind: &str,
    key: Option<&str>,
    content: Value,
    prev: &[&Built],
    auth: &[&Built],
) -> Built {
    let ids = |of: &[&Built]| of.iter().map(|built| built.event_id.clone()).collect::<Vec<_>>();
    let depth = prev.len() as u64 + prev.iter().map(|built| built.event["depth"].as_u64().unwrap()).max().unwrap_or(0);
    let mut event = json!({
        "room_id": ROOM, "sender": sender, "type": kind, "content": content, "origin_server_ts": depth,
        "prev_events": ids(prev), "auth_events": ids(auth), "depth": depth,
    });
    if let Some(key) = key {
        event["state_key"] = key.into();
    }
    let server = ServerName::new(sender.split_once(':').unwrap().1);
    let rules = rules_of("11").unwrap();
    let (event_id, event) = sign(&event, &rules, &server, &SigningKey::derive(1, &server, "1")).unwrap();
    Built { event_id, event, room_id: ROOM.into(), room_version: "11".into() }
}

/// What alice made: create event, her join, power levels, join rules.
pub(super) fn founding() -> Vec<Built> {
    let create = event("@alice:s", "m.room.create", Some(""), json!({"room_version": "11"}), &[], &[]);
    let join =
        event("@alice:s", "m.room.member", Some("@alice:s"), json!({"membership": "join"}), &[&create], &[&create]);
    let levels = json!({"users": {"@alice:s": 100}});
    let power = event("@alice:s", "m.room.power_levels", Some(""), levels, &[&join], &[&create, &join]);
    let public = json!({"join_rule": "public"});
    let rules = event("@alice:s", "m.room.join_rules", Some(""), public, &[&power], &[&create, &join, &power]);
    vec![create, join, power, rules]
}
