//! What a client has seen.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Everything that a client's `/sync` has shown so far. Nothing is ever forgotten, so that "never seen" means it.
#[derive(Debug, Default)]
pub struct View {
    since: Option<String>,
    events: BTreeMap<(String, String), Value>,
    state: BTreeMap<(String, String, String), Vec<Value>>,
    typing: BTreeSet<(String, String)>,
    receipts: BTreeSet<(String, String, String)>,
    newest: BTreeMap<String, String>,
    invites: BTreeSet<(String, String)>,
    to_device: Vec<Value>,
}

impl View {
    /// Token of the next `/sync`, if there was one already.
    pub fn since(&self) -> Option<&str> {
        self.since.as_deref()
    }

    /// An event that stood in the room's timeline or state.
    pub fn event(&self, room: &str, id: &str) -> Option<&Value> {
        self.events.get(&(room.to_owned(), id.to_owned()))
    }

    /// The content of the current state event, as far as `/sync` showed it.
    pub fn state(&self, room: &str, kind: &str, key: &str) -> Option<&Value> {
        self.state.get(&(room.to_owned(), kind.to_owned(), key.to_owned()))?.last()
    }

    /// Whether the state event ever had this content.
    pub fn had_state(&self, room: &str, kind: &str, key: &str, content: &Value) -> bool {
        let contents = self.state.get(&(room.to_owned(), kind.to_owned(), key.to_owned()));
        contents.is_some_and(|contents| contents.contains(content))
    }

    /// Whether the user was ever shown as typing.
    pub fn was_typing(&self, room: &str, user: &str) -> bool {
        self.typing.contains(&(room.to_owned(), user.to_owned()))
    }

    /// Whether the user's receipt for this event was ever shown.
    pub fn had_receipt(&self, room: &str, user: &str, event: &str) -> bool {
        self.receipts.contains(&(room.to_owned(), user.to_owned(), event.to_owned()))
    }

    /// Whether an invite into the room by this user was ever shown.
    pub fn was_invited(&self, room: &str, by: &str) -> bool {
        self.invites.contains(&(room.to_owned(), by.to_owned()))
    }

    /// Whether a to-device message of this type came whose content holds the text.
    pub fn had_to_device(&self, kind: &str, text: &str) -> bool {
        let mut messages = self.to_device.iter();
        messages.any(|message| message["type"] == kind && message["content"].to_string().contains(text))
    }

    /// Id of the newest timeline event of a room.
    pub fn newest_event(&self, room: &str) -> Option<&str> {
        self.newest.get(room).map(String::as_str)
    }

    /// In words, what is known of a room: for the error of a wait that ended in vain.
    pub fn describe(&self, room: &str) -> String {
        let count = self.events.keys().filter(|(of, _)| of == room).count();
        let of = |set: &BTreeSet<(String, String)>| {
            set.iter().filter(|(of, _)| of == room).map(|(_, user)| user.as_str()).collect::<Vec<_>>().join(", ")
        };
        let receipts = self.receipts.iter().filter(|(of, ..)| of == room).count();
        format!("{count} events, {receipts} receipts, typing so far: [{}]", of(&self.typing))
    }

    /// Takes in what `/sync` gave to `user`.
    pub(crate) fn absorb(&mut self, user: &str, sync: &Value) {
        self.since = sync["next_batch"].as_str().map(str::to_owned).or(self.since.take());
        for membership in ["join", "leave"] {
            let rooms = sync["rooms"][membership].as_object();
            for (room, content) in rooms.into_iter().flatten() {
                self.absorb_room(room, content);
            }
        }
        for (room, content) in sync["rooms"]["invite"].as_object().into_iter().flatten() {
            self.absorb_invite(room, user, content);
        }
        self.absorb_to_device(sync);
    }

    pub(crate) fn absorb_to_device(&mut self, sync: &Value) {
        self.to_device.extend(sync["to_device"]["events"].as_array().into_iter().flatten().cloned());
    }

    /// The invited user's own member event is the invite; its sender is who invites.
    fn absorb_invite(&mut self, room: &str, user: &str, content: &Value) {
        let stripped = content["invite_state"]["events"].as_array().into_iter().flatten();
        let own = stripped.filter(|event| event["type"] == "m.room.member" && event["state_key"] == user);
        let senders = own.filter_map(|event| event["sender"].as_str());
        self.invites.extend(senders.map(|sender| (room.to_owned(), sender.to_owned())));
    }

    fn absorb_room(&mut self, room: &str, content: &Value) {
        let list = |section: &str| content[section]["events"].as_array().into_iter().flatten();
        for event in list("state").chain(list("timeline")) {
            if let Some(id) = event["event_id"].as_str() {
                self.events.insert((room.to_owned(), id.to_owned()), event.clone());
            }
            if let (Some(kind), Some(key)) = (event["type"].as_str(), event["state_key"].as_str()) {
                let contents = self.state.entry((room.to_owned(), kind.to_owned(), key.to_owned())).or_default();
                contents.push(event["content"].clone());
            }
        }
        if let Some(id) = list("timeline").rev().find_map(|event| event["event_id"].as_str()) {
            self.newest.insert(room.to_owned(), id.to_owned());
        }
        for event in list("ephemeral") {
            match event["type"].as_str() {
                Some("m.typing") => {
                    let users = event["content"]["user_ids"].as_array().into_iter().flatten();
                    self.typing.extend(users.filter_map(Value::as_str).map(|user| (room.to_owned(), user.to_owned())));
                }
                Some("m.receipt") => self.absorb_receipts(room, &event["content"]),
                _ => {}
            }
        }
    }

    /// `{event id: {"m.read": {user id: {…}}}}`
    fn absorb_receipts(&mut self, room: &str, content: &Value) {
        for (event, kinds) in content.as_object().into_iter().flatten() {
            for users in kinds.as_object().into_iter().flat_map(|kinds| kinds.values()) {
                for user in users.as_object().into_iter().flat_map(|users| users.keys()) {
                    self.receipts.insert((room.to_owned(), user.clone(), event.clone()));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_view_remembers_what_has_passed() {
        let mut view = View::default();
        view.absorb("@me:x", &json!({"next_batch": "s1", "rooms": {"join": {"!r": {
            "timeline": {"events": [{"event_id": "$1", "type": "m.room.name", "state_key": "", "content": {"name": "n"}}]},
            "ephemeral": {"events": [
                {"type": "m.typing", "content": {"user_ids": ["@a:x"]}},
                {"type": "m.receipt", "content": {"$1": {"m.read": {"@b:x": {"ts": 1}}}}}]}}}}}));
        view.absorb("@me:x", &json!({"next_batch": "s2", "rooms": {"join": {"!r": {
            "ephemeral": {"events": [{"type": "m.typing", "content": {"user_ids": []}}]}}},
            "invite": {"!i": {"invite_state": {"events": [
                {"type": "m.room.member", "state_key": "@a:x", "sender": "@a:x", "content": {"membership": "join"}},
                {"type": "m.room.member", "state_key": "@me:x", "sender": "@a:x", "content": {"membership": "invite"}}]}}}},
            "to_device": {"events": [{"type": "t", "sender": "@a:x", "content": {"mark": "m1"}}]}}));
        assert!(view.was_invited("!i", "@a:x") && !view.was_invited("!i", "@b:x"));
        assert!(view.had_to_device("t", "m1") && !view.had_to_device("t", "m2"));
        assert_eq!(view.since(), Some("s2"));
        assert!(view.event("!r", "$1").is_some() && view.event("!other", "$1").is_none());
        assert_eq!(view.state("!r", "m.room.name", ""), Some(&json!({"name": "n"})));
        assert!(view.was_typing("!r", "@a:x") && !view.was_typing("!r", "@b:x"));
        assert!(view.had_receipt("!r", "@b:x", "$1"));
        assert_eq!(view.newest_event("!r"), Some("$1"));
    }
}
