//! Room state and its resolution.
//!
//! Specification: room version 2, "State resolution" (2.0), and room version 12 (2.1). The algorithm is ruma's.

use crate::event::Event;
use ruma::{
    EventId, OwnedEventId,
    events::StateEventType,
    room_version_rules::RoomVersionRules,
    state_res::{self, StateMap, utils::event_id_set::EventIdSet},
};
use std::{collections::HashMap, sync::Arc};

/// Event type and state key.
pub type StateKey = (StateEventType, String);

/// The state at a point of the graph. A persistent map: a thousand joins share almost all of their states.
pub type State = imbl::OrdMap<StateKey, Arc<Event>>;

/// The state event of a type and key.
pub fn get<'a>(state: &'a State, kind: &str, key: &str) -> Option<&'a Arc<Event>> {
    state.get(&(kind.into(), key.to_owned()))
}

/// Checks an event by the authorization rules that depend on state.
pub fn authorize(rules: &RoomVersionRules, event: &Event, state: &State) -> Result<(), String> {
    state_res::check_state_dependent_auth_rules(&rules.authorization, event, |kind, key| {
        state.get(&(kind.clone(), key.to_owned()))
    })
}

/// Resolves the states after several events into one. `fetch` finds any event of the room.
pub fn resolve<'a>(
    rules: &RoomVersionRules,
    states: &[&State],
    fetch: impl Fn(&EventId) -> Option<&'a Arc<Event>>,
) -> Result<State, state_res::Error> {
    let mut distinct: Vec<&State> = Vec::new();
    for state in states {
        if !distinct.iter().any(|known| known.ptr_eq(state)) {
            distinct.push(state);
        }
    }
    if let [state] = distinct.as_slice() {
        return Ok((*state).clone());
    }
    let Some(resolution) = rules.state_res.v2_rules() else {
        return Ok(distinct.last().map_or_else(State::new, |state| (*state).clone()));
    };
    let maps: Vec<StateMap<OwnedEventId>> = distinct
        .iter()
        .map(|state| state.iter().map(|(key, event)| (key.clone(), event.id().clone())).collect())
        .collect();
    let chains = maps.iter().map(|map| auth_chain(map.values(), &fetch).collect()).collect();
    let resolved = state_res::resolve(&rules.authorization, resolution, &maps, chains, &fetch, |conflicted| {
        Some(conflicted_subgraph(conflicted, &fetch))
    })?;
    let event = |id: &OwnedEventId| fetch(id).cloned().ok_or_else(|| state_res::Error::NotFound(id.clone()));
    resolved.into_iter().map(|(key, id)| Ok((key, event(&id)?))).collect()
}

/// The events that authorize `of`, directly or through others, each once; `of` themselves only where one
/// authorizes another.
pub fn auth_chain<'a, 'i>(
    of: impl IntoIterator<Item = &'i OwnedEventId>,
    fetch: impl Fn(&EventId) -> Option<&'a Arc<Event>>,
) -> impl Iterator<Item = OwnedEventId> {
    let mut chain = std::collections::HashSet::new();
    let mut open: Vec<&Arc<Event>> = of.into_iter().filter_map(|id| fetch(id)).collect();
    while let Some(event) = open.pop() {
        for id in event.auth_ids() {
            if let Some(authorizing) = fetch(id)
                && chain.insert(id.clone())
            {
                open.push(authorizing);
            }
        }
    }
    chain.into_iter()
}

/// The events on any way through auth events from one conflicted event to another (room version 12).
fn conflicted_subgraph<'a>(
    conflicted: &StateMap<Vec<OwnedEventId>>,
    fetch: impl Fn(&EventId) -> Option<&'a Arc<Event>>,
) -> EventIdSet<OwnedEventId> {
    let ends: EventIdSet<OwnedEventId> = conflicted.values().flatten().cloned().collect();
    let mut leads: HashMap<OwnedEventId, bool> = HashMap::new();
    for id in ends.iter() {
        leads_to_conflict(id, &ends, &fetch, &mut leads);
    }
    leads.into_iter().filter(|(_, leads)| *leads).map(|(id, _)| id).collect()
}

/// Whether `id` is conflicted or has a conflicted event in its auth chain. Walks with a list of its own, so
/// that a hostile chain cannot exhaust the stack.
fn leads_to_conflict<'a>(
    id: &EventId,
    ends: &EventIdSet<OwnedEventId>,
    fetch: &impl Fn(&EventId) -> Option<&'a Arc<Event>>,
    leads: &mut HashMap<OwnedEventId, bool>,
) {
    let mut open = vec![id.to_owned()];
    while let Some(id) = open.last().cloned() {
        let authorizing = fetch(&id).map_or(&[][..], |event| event.auth_ids());
        let unseen: Vec<_> = authorizing.iter().filter(|next| !leads.contains_key(*next)).cloned().collect();
        if !unseen.is_empty() && !leads.contains_key(&id) {
            // A cycle cannot be: ids are hashes of events that name the ids before them.
            open.extend(unseen);
            continue;
        }
        let leads_on = ends.contains(&id) || authorizing.iter().any(|next| leads.get(next) == Some(&true));
        leads.insert(id, leads_on);
        open.pop();
    }
}
