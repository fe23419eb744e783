use super::*;
use crate::{event::sign, keys::SigningKey};

const CREATOR: &str = "@c:a.example";

struct Author {
    room: Room,
    key: SigningKey,
    clock: u64,
}

impl Author {
    /// A public room of `@c:a.example` with one more moderator, `@m:a.example`.
    fn new(version: &str) -> Self {
        let name = ServerName::new("a.example");
        let key = SigningKey::derive(1, &name, "1");
        let id = if version == "12" {
            let create = json!({"type": "m.room.create", "sender": CREATOR, "state_key": "", "content": {"room_version": "12"},
                "origin_server_ts": 1, "prev_events": [], "auth_events": [], "depth": 1});
            sign(&create, &rules_of(version).unwrap(), &name, &key).unwrap().0.replace('$', "!")
        } else {
            "!r:a.example".to_owned()
        };
        let mut author = Self { room: Room::new(id, version).unwrap(), key, clock: 0 };
        let mut users = json!({"@m:a.example": 50});
        if version != "12" {
            users[CREATOR] = 100.into();
        }
        let create = if version == "10" {
            json!({"room_version": version, "creator": CREATOR})
        } else {
            json!({"room_version": version})
        };
        author.state(CREATOR, "m.room.create", "", create, None);
        author.state(CREATOR, "m.room.member", CREATOR, json!({"membership": "join"}), None);
        author.state(CREATOR, "m.room.power_levels", "", json!({"users": users}), None);
        author.state(CREATOR, "m.room.join_rules", "", json!({"join_rule": "public"}), None);
        author.state("@m:a.example", "m.room.member", "@m:a.example", json!({"membership": "join"}), None);
        author
    }

    fn state(
        &mut self,
        sender: &str,
        kind: &str,
        key: &str,
        content: Value,
        prev: Option<Vec<String>>,
    ) -> (String, Added) {
        self.clock += 1;
        let draft = Draft {
            room: self.room.id().into(),
            sender: sender.into(),
            kind: kind.into(),
            state_key: Some(key.into()),
            content,
            prev_events: prev,
            ..Draft::default()
        };
        let event = self.room.complete(&draft, self.clock).unwrap();
        let (id, event) = sign(&event, self.room.rules(), &"a.example".into(), &self.key).unwrap();
        let added = self.room.add(event, Basis::Graph, false).unwrap();
        (id, added)
    }
}

#[test]
fn a_fork_is_resolved_by_power() {
    for version in ["10", "11", "12"] {
        let mut author = Author::new(version);
        let fork: Vec<String> = author.room.heads().iter().map(ToString::to_string).collect();
        assert_eq!(fork.len(), 1, "{version}");
        let (kick, added) =
            author.state(CREATOR, "m.room.member", "@m:a.example", json!({"membership": "ban"}), Some(fork.clone()));
        assert_eq!(added, Added::Accepted, "{version}");
        let (_, added) = author.state("@m:a.example", "m.room.topic", "", json!({"topic": "mine"}), Some(fork));
        assert_eq!(added, Added::Accepted, "allowed where it stands: {version}");
        assert_eq!(author.room.heads().len(), 2);
        assert_eq!(author.room.membership("@m:a.example"), Some("ban"), "{version}");
        assert!(
            state::get(author.room.current(), "m.room.topic", "").is_none(),
            "{version}: the banned user's topic stays out"
        );
        let (_, added) = author.state(CREATOR, "m.room.name", "", json!({"name": "n"}), None);
        assert_eq!(added, Added::Accepted);
        assert_eq!(author.room.heads().len(), 1, "merged");
        assert!(author.room.event(&kick).is_some());
    }
}

#[test]
fn what_is_not_allowed_has_no_effect() {
    let mut author = Author::new("11");
    let (id, added) = author.state("@m:a.example", "m.room.member", CREATOR, json!({"membership": "ban"}), None);
    assert!(matches!(added, Added::Rejected(_)), "{added:?}");
    assert!(author.room.event(&id).unwrap().is_rejected());
    assert_eq!(author.room.membership(CREATOR), Some("join"));
    assert!(author.room.heads().iter().all(|head| head.as_str() != id));
}

#[test]
fn the_acl_of_the_current_state_decides() {
    let mut author = Author::new("10");
    assert!(!author.room.denies(&"b.example".into()));
    author.state(CREATOR, "m.room.server_acl", "", json!({"allow": ["*"], "deny": ["b.example"]}), None);
    assert!(author.room.denies(&"b.example".into()));
    assert!(!author.room.denies(&"c.example".into()));
}
