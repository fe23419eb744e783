//! What a transcript tells of rooms: their events, and the state before each of them.
//!
//! Events come from every body that crossed the wire. The state before an event follows from the events before it,
//! down to one whose state a server gave in an answer (`send_join`, `state`, `state_ids`). Where that chain is broken the state
//! is not known.

use super::wire;
use crate::{
    event::{Event, rules_of},
    name::server_of,
    state::{self, State},
    transcript::{Api, Exchange},
};
use ruma::{EventId, OwnedEventId, room_version_rules::RoomVersionRules};
use serde_json::Value;
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

/// Everything that is known of rooms.
#[derive(Default)]
pub(super) struct Rooms(HashMap<String, Room>);

/// What is known of one room.
#[derive(Default)]
pub(super) struct Room {
    rules: Option<RoomVersionRules>,
    events: HashMap<OwnedEventId, Arc<Event>>,
    /// States that servers gave: ids of the state events before an event.
    given: HashMap<OwnedEventId, Vec<OwnedEventId>>,
    before: HashMap<OwnedEventId, State>,
    /// Servers of which any join was ever told, to whomever.
    joined_ever: HashSet<String>,
    /// Per server: the list of servers that came with its partial join.
    partial: HashMap<String, HashSet<String>>,
    /// A client made it while the transcript ran, so that no join in it can have been missed.
    pub(super) is_new: bool,
    /// `m.federate` is false.
    pub(super) is_local: bool,
}

impl Rooms {
    /// Reads a transcript.
    pub(super) fn learn(exchanges: &[Arc<Exchange>]) -> Self {
        let mut rooms = Self::default();
        for exchange in exchanges {
            rooms.read_kind(exchange);
        }
        for exchange in exchanges.iter().filter(|exchange| exchange.api == Api::Federation) {
            rooms.read_events(exchange);
        }
        for exchange in exchanges.iter().filter(|exchange| exchange.api == Api::Federation) {
            rooms.read_given(exchange);
        }
        for room in rooms.0.values_mut() {
            room.derive();
        }
        rooms
    }

    /// A room that anything is known of.
    pub(super) fn get(&self, room: &str) -> Option<&Room> {
        self.0.get(room)
    }

    fn room(&mut self, id: &str) -> &mut Room {
        self.0.entry(id.to_owned()).or_default()
    }

    /// Version, creation, `m.federate`.
    fn read_kind(&mut self, exchange: &Exchange) {
        if let Some(id) = wire::created(exchange) {
            let room = self.room(id);
            room.is_new = true;
            room.is_local |= exchange.request["creation_content"]["m.federate"] == false;
            room.set_version(wire::text(&exchange.request, "room_version"));
        }
        for (id, events) in wire::synced(exchange) {
            events.into_iter().for_each(|event| self.read_create(id, event));
        }
        if let Some((_, id)) = wire::room_request(exchange) {
            for body in [&exchange.request, &exchange.response] {
                let version = wire::text(body, "room_version");
                if version.is_some() {
                    self.room(&id).set_version(version);
                }
            }
            for event in wire::pdus_of_answer(exchange) {
                self.read_create(&id, event);
            }
        }
    }

    fn read_create(&mut self, id: &str, event: &Value) {
        if wire::text(event, "type") == Some("m.room.create") {
            let content = &event["content"];
            let room = self.room(id);
            room.is_local |= content["m.federate"] == false;
            room.set_version(wire::text(content, "room_version"));
        }
    }

    fn read_events(&mut self, exchange: &Exchange) {
        let asked = wire::room_request(exchange).map(|(_, room)| room);
        for pdu in wire::pdus_of_request(exchange).into_iter().chain(wire::pdus_of_answer(exchange)) {
            // Since room version 12 a create event does not name its room.
            if let Some(id) = wire::text(pdu, "room_id").or(asked.as_deref()) {
                self.room(id).add(pdu);
            }
        }
    }

    fn read_given(&mut self, exchange: &Exchange) {
        let Some((endpoint, id)) = wire::room_request(exchange).filter(|_| wire::is_ok(exchange)) else { return };
        let room = self.room(&id);
        let body = exchange.response.get(1).unwrap_or(&exchange.response);
        let of = |key: &str| body.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        match endpoint {
            "send_join" if body["members_omitted"] == true => {
                let servers = of("servers_in_room").iter().filter_map(Value::as_str).map(str::to_ascii_lowercase);
                room.partial.entry(exchange.caller.to_ascii_lowercase()).or_default().extend(servers);
            }
            "send_join" => {
                let join = body.get("event").unwrap_or(&exchange.request);
                if let Some(join) = room.id_of(join) {
                    room.give(join, of("state"));
                }
            }
            "state" | "state_ids" => {
                let query = crate::path::query(exchange.path.split_once('?').map(|(_, query)| query));
                let at = query.into_iter().find(|(key, _)| key == "event_id");
                let Some(at) = at.and_then(|(_, id)| OwnedEventId::try_from(id).ok()) else { return };
                if endpoint == "state" {
                    return room.give(at, of("pdus"));
                }
                let ids = of("pdu_ids").iter().map(|id| id.as_str().and_then(|id| OwnedEventId::try_from(id).ok()));
                if let Some(ids) = ids.collect() {
                    room.given.entry(at).or_insert(ids);
                }
            }
            _ => {}
        }
    }
}

impl Room {
    fn set_version(&mut self, version: Option<&str>) {
        if self.rules.is_none() {
            self.rules = version.and_then(|version| rules_of(version).ok());
        }
    }

    fn add(&mut self, pdu: &Value) {
        if let Some((user, "join")) = wire::membership(pdu)
            && let Some(server) = server_of(user)
        {
            self.joined_ever.insert(server.to_ascii_lowercase());
        }
        let Some(rules) = &self.rules else { return };
        if let Ok(event) = Event::read(pdu.clone(), rules) {
            self.events.entry(event.id().clone()).or_insert_with(|| Arc::new(event));
        }
    }

    /// The id of a PDU of this room, if it is well-formed.
    pub(super) fn id_of(&self, pdu: &Value) -> Option<OwnedEventId> {
        let id = crate::event::event_id(pdu, self.rules.as_ref()?).ok()?;
        OwnedEventId::try_from(id).ok()
    }

    fn give(&mut self, at: OwnedEventId, state: &[Value]) {
        let ids: Option<Vec<OwnedEventId>> = state.iter().map(|pdu| self.id_of(pdu)).collect();
        if let Some(ids) = ids {
            self.given.entry(at).or_insert(ids);
        }
    }

    /// Works out the state before every event for which it can be.
    fn derive(&mut self) {
        let Some(rules) = self.rules.clone() else { return };
        let mut waiting: HashMap<OwnedEventId, Vec<OwnedEventId>> = HashMap::new();
        let mut missing: HashMap<OwnedEventId, usize> = HashMap::new();
        let mut ready: Vec<OwnedEventId> = Vec::new();
        for (id, event) in &self.events {
            let is_given = self.given.get(id).is_some_and(|ids| ids.iter().all(|id| self.events.contains_key(id)));
            if is_given || event.prev_ids().is_empty() {
                ready.push(id.clone());
                continue;
            }
            let before: HashSet<&OwnedEventId> = event.prev_ids().iter().collect();
            missing.insert(id.clone(), before.len());
            for prev in before {
                waiting.entry(prev.clone()).or_default().push(id.clone());
            }
        }
        let mut after: HashMap<OwnedEventId, State> = HashMap::new();
        while let Some(id) = ready.pop() {
            let Some(event) = self.events.get(&id).cloned() else { continue };
            let Some(before) = self.state_before(&rules, &event, &after) else { continue };
            after.insert(id.clone(), state_after(&rules, &event, &before));
            self.before.insert(id.clone(), before);
            for next in waiting.remove(&id).unwrap_or_default() {
                if let Some(count) = missing.get_mut(&next) {
                    *count -= 1;
                    if *count == 0 {
                        ready.push(next);
                    }
                }
            }
        }
    }

    fn state_before(
        &self,
        rules: &RoomVersionRules,
        event: &Event,
        after: &HashMap<OwnedEventId, State>,
    ) -> Option<State> {
        if let Some(ids) = self.given.get(event.id()) {
            let given: Option<Vec<_>> = ids.iter().map(|id| self.events.get(id).cloned()).collect();
            if let Some(events) = given {
                return Some(events.into_iter().filter_map(|event| Some((key_of(&event)?, event))).collect());
            }
        }
        if event.prev_ids().is_empty() {
            return Some(State::new());
        }
        let states: Vec<&State> = event.prev_ids().iter().map(|id| after.get(id)).collect::<Option<_>>()?;
        state::resolve(rules, &states, |id: &EventId| self.events.get(id)).ok()
    }

    /// The state before an event; `None` if it is not known.
    pub(super) fn before(&self, id: &EventId) -> Option<&State> {
        self.before.get(id)
    }

    /// Whether any join of that server's users was ever told.
    pub(super) fn has_ever_joined(&self, server: &str) -> bool {
        self.joined_ever.contains(server)
    }

    /// Whether `server` learned of `other` by the list of a partial join.
    pub(super) fn is_on_list(&self, server: &str, other: &str) -> bool {
        self.partial.get(server).is_some_and(|list| list.contains(other))
    }

    /// Whether `server` joined without being told all members.
    pub(super) fn joined_partially(&self, server: &str) -> bool {
        self.partial.contains_key(server)
    }

    /// Whether each join of that server's users that was ever told comes before `id`, so that after `id` there is none.
    pub(super) fn joined_only_before(&self, server: &str, id: &EventId) -> bool {
        let mut seen: HashSet<&EventId> = HashSet::new();
        let mut open = vec![id];
        while let Some(event) = open.pop().and_then(|id| self.events.get(id)) {
            open.extend(event.prev_ids().iter().map(|id| &**id).filter(|id| seen.insert(id)));
        }
        // A walk that ends at an unknown event leaves joins unseen, and so answers no.
        self.events.values().filter(|event| is_join_of(event, server)).all(|join| seen.contains(&**join.id()))
    }

    /// Whether `earlier` is among the events before `later`.
    pub(super) fn precedes(&self, earlier: &EventId, later: &EventId) -> bool {
        let mut seen: HashSet<&EventId> = HashSet::new();
        let mut open = vec![later];
        while let Some(id) = open.pop() {
            let Some(event) = self.events.get(id) else { continue };
            if event.prev_ids().iter().any(|prev| **prev == *earlier) {
                return true;
            }
            open.extend(event.prev_ids().iter().map(|id| &**id).filter(|id| seen.insert(id)));
        }
        false
    }
}

fn is_join_of(event: &Event, server: &str) -> bool {
    event.membership() == Some("join")
        && event.key().and_then(server_of).is_some_and(|of| of.eq_ignore_ascii_case(server))
}

fn key_of(event: &Event) -> Option<state::StateKey> {
    Some((event.kind().to_string().into(), event.key()?.to_owned()))
}

fn state_after(rules: &RoomVersionRules, event: &Arc<Event>, before: &State) -> State {
    let Some(key) = key_of(event) else { return before.clone() };
    let is_create = event.prev_ids().is_empty();
    if !is_create && state::authorize(rules, event, before).is_err() {
        return before.clone();
    }
    before.update(key, event.clone())
}

/// Whether a user of that server is joined.
pub(super) fn is_in(state: &State, server: &str) -> bool {
    let member = "m.room.member";
    state.iter().any(|((kind, _), event)| kind.to_string() == member && is_join_of(event, server))
}
