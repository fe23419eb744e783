//! Rooms that a virtual server hosts itself.

use crate::{Draft, Room, VirtualError, VirtualServer, world::now_ms};
use fedproof_core::{
    ServerName,
    event::sign,
    name::server_of,
    room::{Added, Basis, RoomError},
};
use serde_json::{Value, json};

/// A room to be created. The creator joins it.
#[derive(Clone, Debug)]
pub struct NewRoom {
    /// The room version.
    pub version: String,
    /// Localpart of the creator.
    pub creator: String,
    /// The join rule, such as `public` or `invite`.
    pub join_rule: String,
    /// The history visibility, such as `shared`.
    pub history_visibility: String,
    /// More of the create event's content, such as `m.federate` or `additional_creators`.
    pub creation_content: Value,
    /// The content of `m.room.power_levels`, in place of the usual one.
    pub power_levels: Option<Value>,
    /// The room's name.
    pub name: Option<String>,
    /// State events set last, in order: type, state key, content.
    pub initial_state: Vec<(String, String, Value)>,
}

impl Default for NewRoom {
    fn default() -> Self {
        Self {
            version: "11".into(),
            creator: "creator".into(),
            join_rule: "public".into(),
            history_visibility: "shared".into(),
            creation_content: json!({}),
            power_levels: None,
            name: None,
            initial_state: Vec::new(),
        }
    }
}

impl VirtualServer {
    /// Creates a room that this server hosts; gives its id.
    pub fn create_room(&self, options: NewRoom) -> Result<String, VirtualError> {
        let creator = self.user(&options.creator);
        let (id, create) = self.create_event(&options, &creator)?;
        let mut room = Room::new(&*id, &options.version)?;
        room.add(create, Basis::Graph, false)?;
        let privileged = room.rules().authorization.explicitly_privilege_room_creators;
        self.world().rooms().insert(room);

        let users = if privileged { json!({}) } else { json!({ &creator: 100 }) };
        let power_levels = options.power_levels.unwrap_or_else(|| json!({"users": users, "invite": 0}));
        let mut state = vec![
            ("m.room.member".to_owned(), creator.clone(), json!({"membership": "join"})),
            ("m.room.power_levels".into(), String::new(), power_levels),
            ("m.room.join_rules".into(), String::new(), json!({"join_rule": options.join_rule})),
            (
                "m.room.history_visibility".into(),
                String::new(),
                json!({"history_visibility": options.history_visibility}),
            ),
        ];
        state.extend(options.name.map(|name| ("m.room.name".into(), String::new(), json!({"name": name}))));
        state.extend(options.initial_state);
        for (kind, key, content) in state {
            let draft = Draft {
                room: id.clone(),
                sender: creator.clone(),
                kind,
                state_key: Some(key),
                content,
                ..Draft::default()
            };
            self.put(draft)?;
        }
        Ok(id)
    }

    /// The signed create event and the room id, which follows from it since room version 12.
    fn create_event(&self, options: &NewRoom, creator: &str) -> Result<(String, Value), VirtualError> {
        let mark = self.world().unique();
        let given_id = format!("!{mark}:{}", self.name());
        let blank = Room::new(&*given_id, &options.version)?;
        let rules = &blank.rules().authorization;
        let mut content = options.creation_content.clone();
        content["room_version"] = options.version.as_str().into();
        // Since room version 12 the id is this event's hash: two rooms of one millisecond must differ.
        content["org.fedproof.room"] = mark.into();
        if !rules.use_room_create_sender {
            content["creator"] = creator.into();
        }
        let draft = Draft {
            room: given_id.clone(),
            sender: creator.into(),
            kind: "m.room.create".into(),
            state_key: Some(String::new()),
            content,
            ..Draft::default()
        };
        let (event_id, event) = sign(&blank.complete(&draft, now_ms())?, blank.rules(), self.name(), self.key())?;
        let from_hash = rules.room_create_event_id_as_room_id;
        Ok((if from_hash { event_id.replacen('$', "!", 1) } else { given_id }, event))
    }

    /// Lets users join a room directly in the graph, without any request; creates their servers. For large
    /// rooms: real servers that are in the room already are not told.
    pub fn add_members(&self, room: &str, users: &[String]) -> Result<(), VirtualError> {
        for user in users {
            let server =
                server_of(user).map_or_else(|| self.clone(), |name| self.world().server(ServerName::new(name)));
            server.put(Draft {
                room: room.to_owned(),
                sender: user.clone(),
                kind: "m.room.member".into(),
                state_key: Some(user.clone()),
                content: json!({"membership": "join"}),
                ..Draft::default()
            })?;
        }
        Ok(())
    }

    /// Like [`VirtualServer::build`], but an event that the rules refuse is an error.
    fn put(&self, draft: Draft) -> Result<(), VirtualError> {
        self.world().rooms().write(&draft.room, |room| {
            let event = room.complete(&draft, now_ms())?;
            let (_, event) = sign(&event, room.rules(), self.name(), self.key())?;
            match room.add(event, Basis::Graph, false)? {
                Added::Rejected(reason) => Err(RoomError::Forbidden(reason).into()),
                Added::Known | Added::Accepted => Ok(()),
            }
        })?
    }
}
