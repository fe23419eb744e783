//! Letting other servers' users join, leave and knock, and being invited.

use super::{Call, Refusal};
use crate::{Draft, Room, VirtualServer, membership::stripped_state};
use fedproof_core::{
    ServerName,
    event::{countersign, event_id, rules_of},
    name::server_of,
    room::{Added, Basis},
};
use serde_json::{Value, json};

impl Call<'_> {
    /// make_join, make_leave, make_knock: a template of what would be allowed now.
    pub(super) fn make(&self, membership: &str) -> Result<Value, Refusal> {
        let user = self.part(1);
        self.own_user(user)?;
        self.room(|room| {
            self.supports(room)?;
            let draft = Draft {
                room: room.id().to_owned(),
                sender: user.to_owned(),
                kind: "m.room.member".into(),
                state_key: Some(user.to_owned()),
                content: json!({ "membership": membership }),
                ..Draft::default()
            };
            room.permits(&draft)?;
            let event = room.complete(&draft, crate::world::now_ms())?;
            Ok(json!({"room_version": room.version(), "event": event}))
        })
    }

    /// The caller names the room versions it knows as `ver`; make_leave has no such parameter.
    fn supports(&self, room: &Room) -> Result<(), Refusal> {
        let mut versions =
            self.query.iter().filter(|(key, _)| key == "ver").map(|(_, version)| version.as_str()).peekable();
        if versions.peek().is_none() || versions.any(|version| version == room.version()) {
            return Ok(());
        }
        let mut refusal =
            Refusal::new(400, "M_INCOMPATIBLE_ROOM_VERSION", "your server does not know this room version");
        refusal.body["room_version"] = room.version().into();
        Err(refusal)
    }

    fn own_user(&self, user: &str) -> Result<(), Refusal> {
        match server_of(user).map(ServerName::new) {
            Some(server) if server == self.origin => Ok(()),
            _ => Err(Refusal::forbidden("the user is not of your server")),
        }
    }

    /// send_join, send_leave, send_knock: takes the event, tells the other real servers in the room.
    pub(super) async fn send(&self, membership: &str) -> Result<Value, Refusal> {
        let pdu = &self.body;
        let text = |key: &str| pdu.get(key).and_then(Value::as_str).unwrap_or_default();
        self.own_user(text("sender"))?;
        let fits = text("type") == "m.room.member"
            && text("state_key") == text("sender")
            && text("room_id") == self.part(0)
            && pdu["content"]["membership"] == membership;
        if !fits {
            return Err(Refusal::bad(format!("this is no {membership} of the sender into this room")));
        }
        let rules = self.room(|room| Ok(room.rules().clone()))?;
        let id = event_id(pdu, &rules).map_err(|error| Refusal::bad(error.to_string()))?;
        if id != self.part(1) {
            return Err(Refusal::bad("the event id is another"));
        }
        self.server.verify(pdu, &rules).await.map_err(|error| Refusal::forbidden(error.to_string()))?;
        let rooms = self.server.world().rooms();
        if let Added::Rejected(reason) =
            rooms.write(self.part(0), |room| room.add(pdu.clone(), Basis::CurrentIfMissing, false))??
        {
            return Err(Refusal::forbidden(reason));
        }
        self.relay();
        let answer = self.room(|room| match membership {
            "join" => Ok(self.join_answer(room, &id)),
            "knock" => Ok(json!({ "knock_room_state": stripped_state(room, "") })),
            _ => Ok(json!({})),
        })?;
        // send_knock has only a version 1, and that is not wrapped.
        Ok(if membership == "knock" { answer } else { self.wrapped(answer) })
    }

    fn join_answer(&self, room: &Room, id: &str) -> Value {
        let omits = self.may_omit_members && self.parameter("omit_members") == Some("true");
        let state = room.state_before(id).into_iter().flat_map(|state| state.values());
        let state: Vec<_> = state.filter(|event| !omits || event.kind().to_string() != "m.room.member").collect();
        let ids =
            state.iter().map(|event| event.id()).chain(room.event(id).into_iter().flat_map(|event| event.auth_ids()));
        let chain = room.auth_chain(ids);
        let mut answer = json!({
            "origin": self.server.name(),
            "event": self.body,
            "state": state.iter().map(|event| event.json()).collect::<Vec<_>>(),
            "auth_chain": chain.iter().map(|event| event.json()).collect::<Vec<_>>(),
            "members_omitted": omits,
        });
        if omits {
            answer["servers_in_room"] = json!(room.servers());
        }
        answer
    }

    /// Sends the taken event on, in the background; virtual servers share the graph and have it already.
    fn relay(&self) {
        let world = self.server.world();
        let servers = world.rooms().read(self.part(0), Room::servers).unwrap_or_default();
        for other in servers {
            if other == self.origin || world.known(&other).is_some() {
                continue;
            }
            let (server, pdu): (VirtualServer, Value) = (self.server.clone(), self.body.clone());
            tokio::spawn(async move {
                if let Err(error) = server.send(&other, vec![pdu], Vec::new()).await {
                    tracing::debug!(%other, %error, "relay a membership");
                }
            });
        }
    }

    /// An invite of one of this server's users: gets this server's signature.
    pub(super) async fn invite(&self) -> Result<Value, Refusal> {
        let pdu = if self.route.is_v1 { &self.body } else { &self.body["event"] };
        // Version 1 of the endpoint does not say the room version; only servers that know the room serve it here.
        let version = match self.body.get("room_version").and_then(Value::as_str) {
            Some(version) => version.to_owned(),
            None => self.server.world().rooms().read(self.part(0), |room| room.version().to_owned())?,
        };
        let incompatible = |_| Refusal::new(400, "M_INCOMPATIBLE_ROOM_VERSION", "unknown room version");
        let rules = rules_of(&version).map_err(incompatible)?;
        self.own_user(pdu["sender"].as_str().unwrap_or_default())?;
        let target = pdu["state_key"].as_str().and_then(server_of).map(ServerName::new);
        if target.as_ref() != Some(self.server.name()) || pdu["content"]["membership"] != "invite" {
            return Err(Refusal::bad("this is no invite of a user of this server"));
        }
        self.server.verify(pdu, &rules).await.map_err(|error| Refusal::forbidden(error.to_string()))?;
        let signed = countersign(pdu, &rules, self.server.name(), self.server.key())
            .map_err(|error| Refusal::bad(error.to_string()))?;
        Ok(self.wrapped(json!({ "event": signed })))
    }
}
