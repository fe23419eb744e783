//! Rooms: created, written to, read.

use crate::{Refusal, device::Device, mutant};
use matrix_sdk::{
    Room,
    deserialized_responses::{TimelineEvent, TimelineEventKind},
    room::MessagesOptions,
    ruma::{
        EventId, OwnedUserId, RoomId, ServerName, UserId,
        api::client::room::create_room::v3::{Request, RoomPreset},
        events::{
            InitialStateEvent,
            room::{encryption::RoomEncryptionEventContent, member::MembershipState, message::RoomMessageEventContent},
        },
    },
};
use serde_json::{Value, json};

impl Device {
    /// A room this user has to do with.
    pub(crate) fn room(&self, id: &str) -> Result<Room, Refusal> {
        let id = RoomId::parse(id)?;
        self.client.get_room(&id).ok_or_else(|| format!("this device knows no room {id}").into())
    }

    /// Name of its homeserver.
    pub(crate) fn own_server(&self) -> Result<&ServerName, Refusal> {
        Ok(self.client.user_id().ok_or("not logged in")?.server_name())
    }

    /// A room as every client of today creates it: encrypted.
    pub(crate) fn new_room(&self, name: &str, invite: &[String], direct: bool) -> Result<Request, Refusal> {
        let mut request = Request::new();
        request.name = Some(name.to_owned()).filter(|name| !name.is_empty());
        request.invite = invite.iter().map(UserId::parse).collect::<Result<Vec<OwnedUserId>, _>>()?;
        request.is_direct = direct;
        request.preset = Some(if direct { RoomPreset::TrustedPrivateChat } else { RoomPreset::PrivateChat });
        let encryption = RoomEncryptionEventContent::with_recommended_defaults();
        request.initial_state = vec![InitialStateEvent::with_empty_state_key(encryption).to_raw_any()];
        Ok(request)
    }

    /// Creates it, and waits until it was synced: before that nobody knows that it is encrypted, and its history is taken for one
    /// that later members may read (`shared`, the default), so that they would be given its keys.
    pub(crate) async fn create_room(&self, mut request: Request) -> Result<Value, Refusal> {
        mutant::spoil(&mut request)?;
        let is_encrypted = request.initial_state.iter().any(|event| event.json().get().contains("m.room.encryption"));
        let room = self.client.create_room(request).await?;
        self.until_joined(room.room_id()).await?;
        loop {
            let seen = self.syncs_so_far();
            if !is_encrypted || room.latest_encryption_state().await?.is_encrypted() {
                break;
            }
            self.sync_after(seen).await?;
        }
        Ok(json!({"room": room.room_id()}))
    }

    /// Joins, and waits until the room was synced.
    pub(crate) async fn join(&self, room: &str) -> Result<(), Refusal> {
        let id = RoomId::parse(room)?;
        self.client.join_room_by_id(&id).await?;
        self.until_joined(&id).await
    }

    /// Waits until a sync has brought its own membership.
    pub(crate) async fn until_joined(&self, id: &RoomId) -> Result<(), Refusal> {
        let own = self.client.user_id().ok_or("not logged in")?;
        loop {
            let seen = self.syncs_so_far();
            if let Some(room) = self.client.get_room(id) {
                let member = room.get_member_no_sync(own).await?;
                if member.is_some_and(|member| *member.membership() == MembershipState::Join) {
                    return Ok(());
                }
            }
            self.sync_after(seen).await?;
        }
    }

    pub(crate) async fn send(&self, room: &str, body: &str) -> Result<String, Refusal> {
        let sent = self.room(room)?.send(RoomMessageEventContent::text_plain(body)).await?;
        Ok(sent.response.event_id.to_string())
    }

    pub(crate) async fn send_event(&self, room: &str, kind: &str, content: Value) -> Result<String, Refusal> {
        Ok(self.room(room)?.send_raw(kind, content).await?.response.event_id.to_string())
    }

    pub(crate) async fn read(&self, room: &str, event: &str) -> Result<Value, Refusal> {
        let event = EventId::parse(event)?;
        Ok(told(&self.room(room)?.event(&event, None).await?))
    }

    pub(crate) async fn read_back(&self, room: &str, count: u32) -> Result<Value, Refusal> {
        let room = self.room(room)?;
        let (mut bodies, mut unreadable, mut from) = (Vec::new(), Vec::new(), None);
        while bodies.len() + unreadable.len() < count as usize {
            let mut options = MessagesOptions::backward().from(from.as_deref());
            options.limit = 100u32.into();
            let page = room.messages(options).await?;
            for event in &page.chunk {
                let told = told(event);
                match (&told["body"], told.get("unreadable")) {
                    (_, Some(reason)) => unreadable.push(reason.clone()),
                    (Value::String(body), None) => bodies.push(body.clone()),
                    _ => {}
                }
            }
            from = page.end;
            if from.is_none() {
                break;
            }
        }
        Ok(json!({
            "readable": bodies.len(), "unreadable": unreadable.len(),
            "bodies": bodies, "reasons": unreadable,
        }))
    }

    pub(crate) async fn describe(&self, room: &str) -> Result<Value, Refusal> {
        use matrix_sdk::RoomMemberships;
        let room = self.room(room)?;
        let ids = |members: Vec<matrix_sdk::room::RoomMember>| -> Vec<String> {
            let mut ids: Vec<String> = members.iter().map(|member| member.user_id().to_string()).collect();
            ids.sort();
            ids
        };
        Ok(json!({
            "joined": ids(room.members_no_sync(RoomMemberships::JOIN).await?),
            "invited": ids(room.members_no_sync(RoomMemberships::INVITE).await?),
            "encrypted": room.encryption_state().is_encrypted(),
        }))
    }
}

/// What there is to say of an event.
fn told(event: &TimelineEvent) -> Value {
    let raw = event.raw();
    let field = |name: &str| raw.get_field::<Value>(name).ok().flatten().unwrap_or_default();
    let mut told = json!({"sender": field("sender"), "type": field("type")});
    match &event.kind {
        TimelineEventKind::UnableToDecrypt { utd_info, .. } => {
            told["unreadable"] = format!("{:?}", utd_info.reason).into();
        }
        kind => {
            told["encrypted"] = matches!(kind, TimelineEventKind::Decrypted(_)).into();
            told["body"] = field("content")["body"].take();
        }
    }
    told
}
