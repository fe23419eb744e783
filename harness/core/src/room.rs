//! The room graph: every event of a room once, with the state around it.
//!
//! One graph serves all simulated servers of a process. States are persistent maps, so that the states of a
//! thousand joins cost little more than one. Specification: server-server API, "PDUs", "Auth events selection",
//! "Checks performed on receipt of a PDU".

use crate::{
    ServerName,
    acl::Acl,
    event::{Built, Draft, Event, EventError, rules_of},
    name::server_of,
    state::{self, State, StateKey},
};
use ruma::{
    EventId, OwnedEventId, UserId,
    events::TimelineEventType,
    room_version_rules::RoomVersionRules,
    state_res::{auth_types_for_event, check_state_independent_auth_rules},
};
use serde_json::{Value, json, value::to_raw_value};
use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::{Arc, PoisonError, RwLock},
};

/// Most events that a new event names as its predecessors (the specification allows 20).
const PREV_EVENTS_LIMIT: usize = 10;

/// Why the graph could not take or find something.
#[derive(Debug, thiserror::Error)]
pub enum RoomError {
    /// No such room here.
    #[error("room {0} is not known")]
    UnknownRoom(String),
    /// No such event in this room.
    #[error("event {0} is not known")]
    UnknownEvent(String),
    /// The events before it are missing.
    #[error("the events before it are missing: {0:?}")]
    MissingPrev(Vec<String>),
    /// An answer that should fill the graph lacks what that takes.
    #[error("{0} is missing")]
    Lacking(&'static str),
    /// The draft cannot become an event.
    #[error("complete the draft: {0}")]
    Draft(String),
    /// The authorization rules refuse it.
    #[error("{0}")]
    Forbidden(String),
    /// The event cannot be read.
    #[error(transparent)]
    Event(#[from] EventError),
    /// The forks cannot be resolved.
    #[error("resolve the room's state: {0}")]
    Resolution(#[from] ruma::state_res::Error),
}

/// Where the state before an added event comes from.
#[derive(Clone, Debug)]
pub enum Basis {
    /// From the events before it, which must all be known.
    Graph,
    /// From the events before it or, if some are missing, from the room's current state.
    CurrentIfMissing,
    /// Somebody told us.
    Given(State),
}

/// What became of an added event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Added {
    /// It was there already.
    Known,
    /// It is part of the room.
    Accepted,
    /// The authorization rules refuse it: kept, but without effect.
    Rejected(String),
}

#[derive(Clone)]
struct Node {
    event: Arc<Event>,
    /// State before and after; `None` for an event that is known only as state or authorization of others.
    states: Option<(State, State)>,
}

/// One room.
pub struct Room {
    id: String,
    version: String,
    rules: RoomVersionRules,
    nodes: HashMap<OwnedEventId, Node>,
    /// Events that some event names as predecessor, known or not.
    referenced: HashSet<OwnedEventId>,
    heads: Vec<OwnedEventId>,
    current: State,
}

impl Room {
    /// An empty graph. `version` is a room version such as `"11"`.
    pub fn new(id: impl Into<String>, version: &str) -> Result<Self, RoomError> {
        Ok(Self {
            id: id.into(),
            version: version.to_owned(),
            rules: rules_of(version)?,
            nodes: HashMap::new(),
            referenced: HashSet::new(),
            heads: Vec::new(),
            current: State::new(),
        })
    }

    /// The room's id.
    pub fn id(&self) -> &str {
        &self.id
    }
    /// The room's version.
    pub fn version(&self) -> &str {
        &self.version
    }
    /// The rules of the room's version.
    pub fn rules(&self) -> &RoomVersionRules {
        &self.rules
    }
    /// The forward extremities, oldest first.
    pub fn heads(&self) -> &[OwnedEventId] {
        &self.heads
    }
    /// The state resolved over all forward extremities.
    pub fn current(&self) -> &State {
        &self.current
    }
    /// How many events are known.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }
    /// True before the first event.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// An event by its id.
    pub fn event(&self, id: &str) -> Option<&Arc<Event>> {
        self.find(<&EventId>::try_from(id).ok()?)
    }

    /// The state before an event, if it is known.
    pub fn state_before(&self, id: &str) -> Option<&State> {
        let node = self.nodes.get(<&EventId>::try_from(id).ok()?)?;
        node.states.as_ref().map(|(before, _)| before)
    }

    /// The membership of a user in the current state.
    pub fn membership(&self, user: &str) -> Option<&str> {
        state::get(&self.current, "m.room.member", user).and_then(|event| event.membership())
    }

    /// Servers with a joined member in the current state.
    pub fn servers(&self) -> BTreeSet<ServerName> {
        self.joined_users().filter_map(server_of).map(ServerName::new).collect()
    }

    /// Whether `server` has a joined member in the current state.
    pub fn has_server(&self, server: &ServerName) -> bool {
        self.joined_users().filter_map(server_of).any(|name| name.eq_ignore_ascii_case(server.as_str()))
    }

    fn joined_users(&self) -> impl Iterator<Item = &str> {
        let members = self.current.values().filter(|event| *event.kind() == TimelineEventType::RoomMember);
        members.filter(|event| event.membership() == Some("join")).filter_map(|event| event.key())
    }

    /// Whether the room's server ACL denies `server`. Without an ACL nobody is denied.
    pub fn denies(&self, server: &ServerName) -> bool {
        state::get(&self.current, "m.room.server_acl", "")
            .is_some_and(|acl| !Acl::from_content(acl.content_json()).decide(server.as_str()).is_allowed())
    }

    /// Completes a draft to an unsigned PDU at `now_ms` (Unix milliseconds).
    pub fn complete(&self, draft: &Draft, now_ms: u64) -> Result<Value, RoomError> {
        let prev = match &draft.prev_events {
            Some(ids) => ids.clone(),
            None => {
                let newest = &self.heads[self.heads.len().saturating_sub(PREV_EVENTS_LIMIT)..];
                newest.iter().map(ToString::to_string).collect()
            }
        };
        let known = prev.iter().filter_map(|id| self.event(id));
        let depth = known.map(|event| event.depth()).max().unwrap_or(0) + 1;
        let auth = match (&draft.auth_events, &draft.prev_events) {
            (Some(ids), _) => ids.clone(),
            (None, None) => self.select_auth(draft, &self.current)?,
            (None, Some(_)) => self.select_auth(draft, &self.state_after(&prev)?)?,
        };
        let mut event = json!({
            "type": draft.kind, "sender": draft.sender, "content": draft.content, "origin_server_ts": now_ms,
            "prev_events": prev, "auth_events": auth, "depth": depth,
        });
        if let Some(key) = &draft.state_key {
            event["state_key"] = key.as_str().into();
        }
        if draft.kind != "m.room.create" || self.rules.event_format.require_room_create_room_id {
            event["room_id"] = self.id.as_str().into();
        }
        Ok(event)
    }

    fn select_auth(&self, draft: &Draft, state: &State) -> Result<Vec<String>, RoomError> {
        let wrong = |error: &dyn std::fmt::Display| RoomError::Draft(error.to_string());
        let sender = <&UserId>::try_from(draft.sender.as_str()).map_err(|error| wrong(&error))?;
        let content = to_raw_value(&draft.content).map_err(|error| wrong(&error))?;
        let kind = TimelineEventType::from(draft.kind.as_str());
        let rules = &self.rules.authorization;
        let keys = auth_types_for_event(&kind, sender, draft.state_key.as_deref(), &content, rules)
            .map_err(|error| wrong(&error))?;
        Ok(keys.iter().filter_map(|key| state.get(key)).map(|event| event.id().to_string()).collect())
    }

    /// The state after a set of events, resolved; unknown events are passed over.
    fn state_after(&self, ids: &[impl AsRef<str>]) -> Result<State, RoomError> {
        let known = ids.iter().filter_map(|id| self.nodes.get(<&EventId>::try_from(id.as_ref()).ok()?));
        let states: Vec<&State> = known.filter_map(|node| Some(&node.states.as_ref()?.1)).collect();
        if states.is_empty() {
            return Ok(State::new());
        }
        Ok(state::resolve(&self.rules, &states, |id| self.find(id))?)
    }

    fn find(&self, id: &EventId) -> Option<&Arc<Event>> {
        self.nodes.get(id).map(|node| &node.event)
    }

    /// Whether the event is here with the state around it, so that nothing more is to be learnt of it.
    pub fn has_state_of(&self, id: &str) -> bool {
        self.state_before(id).is_some()
    }

    /// Ids of auth events that are not here.
    pub fn missing_auth(&self, event: &Event) -> Vec<String> {
        event.auth_ids().iter().filter(|id| !self.nodes.contains_key(*id)).map(ToString::to_string).collect()
    }

    /// The events before `event` whose state is not known here.
    pub fn missing_before(&self, event: &Event) -> Vec<String> {
        let has_state = |id: &OwnedEventId| self.nodes.get(id).is_some_and(|node| node.states.is_some());
        event.prev_ids().iter().filter(|id| !has_state(id)).map(ToString::to_string).collect()
    }

    /// Adds a PDU to the graph. A `detached` one can be served but does not become a forward extremity.
    pub fn add(&mut self, json: Value, basis: Basis, detached: bool) -> Result<Added, RoomError> {
        let event = Event::read(json, &self.rules)?;
        if self.nodes.get(event.id()).is_some_and(|node| node.states.is_some()) {
            return Ok(Added::Known);
        }
        let missing = self.missing_before(&event);
        let before = match basis {
            Basis::Given(state) => state,
            _ if missing.is_empty() => self.state_after(event.prev_ids())?,
            Basis::CurrentIfMissing => self.current.clone(),
            Basis::Graph => return Err(RoomError::MissingPrev(missing)),
        };
        let allowed = check_state_independent_auth_rules(&self.rules.authorization, &event, |id| self.find(id))
            .and_then(|()| state::authorize(&self.rules, &event, &before));
        if let Err(reason) = allowed {
            let event = event.reject();
            let states = Some((before.clone(), before));
            self.nodes.insert(event.id().clone(), Node { event: Arc::new(event), states });
            return Ok(Added::Rejected(reason));
        }
        let event = Arc::new(event);
        let mut after = before.clone();
        if let Some(key) = state_key(&event) {
            after.insert(key, event.clone());
        }
        self.nodes.insert(event.id().clone(), Node { event: event.clone(), states: Some((before, after)) });
        if !detached {
            self.advance(&event)?;
        }
        Ok(Added::Accepted)
    }

    /// Moves the forward extremities over `event`.
    fn advance(&mut self, event: &Event) -> Result<(), RoomError> {
        self.heads.retain(|head| !event.prev_ids().contains(head));
        self.referenced.extend(event.prev_ids().iter().cloned());
        if !self.referenced.contains(event.id()) {
            self.heads.push(event.id().clone());
        }
        self.current = self.state_after(&self.heads)?;
        Ok(())
    }

    /// Fills the graph from an answer of send_join: the state before `event`, its auth chain, and the join.
    pub fn import(&mut self, state: &[Value], auth_chain: &[Value], event: Value) -> Result<Added, RoomError> {
        self.add_outliers(auth_chain)?;
        let before = self.add_outliers(state)?;
        let before = before.into_iter().filter_map(|event| Some((state_key(&event)?, event))).collect();
        self.add(event, Basis::Given(before), false)
    }

    /// Adds events that are known only as state or authorization of others; gives them as the graph has them.
    pub fn add_outliers(&mut self, events: &[Value]) -> Result<Vec<Arc<Event>>, RoomError> {
        let mut added = Vec::with_capacity(events.len());
        for json in events {
            let event = Arc::new(Event::read(json.clone(), &self.rules)?);
            let node = self.nodes.entry(event.id().clone()).or_insert(Node { event, states: None });
            added.push(node.event.clone());
        }
        Ok(added)
    }

    /// Whether an event made from `draft` would be allowed now; if not, why.
    pub fn permits(&self, draft: &Draft) -> Result<(), RoomError> {
        let event = Event::read(self.complete(draft, 0)?, &self.rules)?;
        state::authorize(&self.rules, &event, &self.current).map_err(RoomError::Forbidden)
    }

    /// The full auth chain of some events, in no order.
    pub fn auth_chain<'i>(&self, of: impl IntoIterator<Item = &'i OwnedEventId>) -> Vec<&Arc<Event>> {
        state::auth_chain(of, |id| self.find(id)).filter_map(|id| self.find(&id)).collect()
    }

    /// Walks back over `prev_events` from `from` (included), breadth first, at most `limit` events; does not go
    /// on behind an event for which `stop` holds, nor gives it.
    pub fn walk_back<'i>(
        &self,
        from: impl IntoIterator<Item = &'i str>,
        limit: usize,
        stop: impl Fn(&Event) -> bool,
    ) -> Vec<&Arc<Event>> {
        let mut seen = HashSet::new();
        let mut open: std::collections::VecDeque<&Arc<Event>> =
            from.into_iter().filter_map(|id| self.event(id)).collect();
        let mut found = Vec::new();
        while let Some(event) = open.pop_front() {
            if found.len() == limit {
                break;
            }
            if stop(event) || !seen.insert(event.id()) {
                continue;
            }
            found.push(event);
            open.extend(event.prev_ids().iter().filter_map(|id| self.find(id)));
        }
        found
    }

    /// A stored event as it would be if this server had just built it.
    pub fn built(&self, id: &str) -> Option<Built> {
        let event = self.event(id)?.json().clone();
        Some(Built { event_id: id.to_owned(), event, room_id: self.id.clone(), room_version: self.version.clone() })
    }
}

fn state_key(event: &Event) -> Option<StateKey> {
    Some((event.kind().to_string().into(), event.key()?.to_owned()))
}

/// All rooms of a process. Cheap to clone.
#[derive(Clone, Default)]
pub struct Rooms {
    rooms: Arc<RwLock<HashMap<String, Arc<RwLock<Room>>>>>,
}

impl Rooms {
    /// Adds a room unless there is one of that id.
    pub fn insert(&self, room: Room) {
        let mut rooms = self.rooms.write().unwrap_or_else(PoisonError::into_inner);
        rooms.entry(room.id.clone()).or_insert_with(|| Arc::new(RwLock::new(room)));
    }

    /// Looks at a room.
    pub fn read<T>(&self, id: &str, look: impl FnOnce(&Room) -> T) -> Result<T, RoomError> {
        Ok(look(&self.room(id)?.read().unwrap_or_else(PoisonError::into_inner)))
    }

    /// Changes a room; other rooms stay readable.
    pub fn write<T>(&self, id: &str, change: impl FnOnce(&mut Room) -> T) -> Result<T, RoomError> {
        Ok(change(&mut self.room(id)?.write().unwrap_or_else(PoisonError::into_inner)))
    }

    /// Ids of all rooms.
    pub fn ids(&self) -> Vec<String> {
        self.rooms.read().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
    }

    /// The room that holds an event, if one does.
    pub fn holding(&self, event_id: &str) -> Option<String> {
        self.ids().into_iter().find(|id| self.read(id, |room| room.event(event_id).is_some()).unwrap_or(false))
    }

    fn room(&self, id: &str) -> Result<Arc<RwLock<Room>>, RoomError> {
        let rooms = self.rooms.read().unwrap_or_else(PoisonError::into_inner);
        rooms.get(id).cloned().ok_or_else(|| RoomError::UnknownRoom(id.to_owned()))
    }
}

#[cfg(test)]
#[path = "room_tests.rs"]
mod tests;
