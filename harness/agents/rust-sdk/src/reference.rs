//! The reference for a downstream: what is documented of the closed federation's client, on top of the SDK. It is the
//! executable description that a downstream holds its own client against; whatever has no public source is a setting of
//! the profile.

use crate::{Refusal, device::Device, mutant};
use matrix_sdk::ruma::{
    RoomId, RoomVersionId, ServerName, UserId,
    api::client::{
        room::{create_room::v3::Request, upgrade_room},
        state::get_state_events,
    },
    events::{AnyStateEvent, GlobalAccountDataEventType},
    serde::Raw,
};
use serde_json::{Value, json, value::to_raw_value};

/// Commands that only this client knows.
pub(crate) const COMMANDS: &[&str] = &["my_notes", "set_role", "upgrade", "set_notification_times", "tell_time"];

/// What it says it can do beyond the SDK's commands.
pub(crate) const CAPABILITIES: &[&str] = &[
    "my_notes",
    "set_role",
    "upgrade",
    "set_notification_times",
    "tell_time",
    "closed_rooms",
    "mandatory_backup",
    "entrance",
    "content_scanner",
];

/// Settings of the profile, by name.
pub(crate) struct Reference(Value);

impl Reference {
    pub(crate) fn of(settings: &Value) -> Self {
        Self(settings.clone())
    }

    fn setting(&self, name: &str) -> Result<&Value, Refusal> {
        self.0.get(name).ok_or_else(|| format!("the profile has no setting {name:?}, which this client needs").into())
    }

    pub(crate) fn text(&self, name: &str) -> Result<&str, Refusal> {
        let setting = self.setting(name)?;
        setting.as_str().ok_or_else(|| format!("the profile's setting {name:?} is no text").into())
    }

    /// Gives a new room its shape: who may read what was before, and for what is no conversation of two an ACL, the power
    /// to give roles, and an alias if it has a name.
    pub(crate) fn shape(
        &self,
        request: &mut Request,
        own: &ServerName,
        federated: bool,
        now_ms: u64,
    ) -> Result<(), Refusal> {
        let visibility = self.text("history_visibility")?;
        let mut state = vec![("m.room.history_visibility", json!({"history_visibility": visibility}))];
        if !request.is_direct {
            // ACLs know no ports.
            let allow = if federated { "*" } else { own.host() };
            let literals = self.setting("acl_allow_ip_literals")?;
            state.push(("m.room.server_acl", json!({"allow": [allow], "allow_ip_literals": literals})));
            request.power_level_content_override = Some(raw(&json!({"events": self.powers()?}))?);
            request.room_alias_name = request.name.as_deref().map(|name| alias(name, now_ms));
        }
        for (kind, content) in state {
            request.initial_state.push(raw(&json!({"type": kind, "state_key": "", "content": content}))?);
        }
        Ok(())
    }

    /// Powers that events take: those that homeservers give, since what is said here replaces them, and the one of roles.
    fn powers(&self) -> Result<Value, Refusal> {
        let mut powers = json!({
            "m.room.name": 50, "m.room.avatar": 50, "m.room.canonical_alias": 50, "m.room.topic": 50,
            "m.room.power_levels": 100, "m.room.history_visibility": 100, "m.room.tombstone": 100,
            "m.room.server_acl": 100, "m.room.encryption": 100,
        });
        powers[self.text("role_event")?] = self.setting("role_power")?.clone();
        Ok(powers)
    }
}

/// A name in lower case, of which letters and digits stay, and the time.
fn alias(name: &str, now_ms: u64) -> String {
    let kept: String = name.to_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
    format!("{kept}{now_ms}")
}

pub(crate) fn raw<T>(value: &Value) -> Result<Raw<T>, Refusal> {
    Ok(Raw::from_json(to_raw_value(value)?))
}

impl Device {
    pub(crate) fn rules(&self) -> Result<&Reference, Refusal> {
        self.reference.as_ref().ok_or_else(|| "this client has no such feature".into())
    }

    /// At the first login of a user backup is set up, whether he wants it or not. Gives the recovery key.
    pub(crate) async fn back_up_from_the_start(&self) -> Result<Option<String>, Refusal> {
        let encryption = self.client.encryption();
        if mutant::is("no-backup") || encryption.backups().fetch_exists_on_server().await? {
            return Ok(None);
        }
        if mutant::is("no-secret-storage") {
            return Ok(encryption.recovery().enable_backup().await.map(|()| None)?);
        }
        Ok(Some(encryption.recovery().enable().wait_for_backups_to_upload().await?))
    }

    /// The room for notes, which every device finds by the account's data.
    pub(crate) async fn my_notes(&self) -> Result<Value, Refusal> {
        if let Some(room) = self.notes().await?.filter(|_| !mutant::is("notes-of-each-device")) {
            return Ok(json!({"room": room}));
        }
        let rules = self.rules()?;
        let assistant = mutant::is("assisted-notes").then_some(format!("@assistant:{}", self.own_server()?));
        let mut request = self.new_room("", assistant.as_slice(), false)?;
        rules.shape(&mut request, self.own_server()?, false, 0)?;
        request.creation_content = Some(raw(&json!({"type": rules.text("notes_room_type")?, "m.federate": false}))?);
        let created = self.create_room(request).await?;
        let kind = GlobalAccountDataEventType::from(rules.text("notes_account_data")?);
        self.client.account().set_account_data_raw(kind, raw(&json!({"room_id": created["room"]}))?).await?;
        Ok(created)
    }

    async fn notes(&self) -> Result<Option<String>, Refusal> {
        let kind = GlobalAccountDataEventType::from(self.rules()?.text("notes_account_data")?);
        let known = self.client.account().fetch_account_data(kind).await?;
        Ok(known.and_then(|content| content.get_field::<String>("room_id").ok().flatten()))
    }

    /// Whether a room is the one for notes.
    pub(crate) async fn keeps_to_itself(&self, room: &str) -> Result<bool, Refusal> {
        Ok(self.reference.is_some() && !mutant::is("shared-notes") && self.notes().await?.as_deref() == Some(room))
    }

    pub(crate) async fn set_role(&self, room: &str, user: &str, role: &str) -> Result<(), Refusal> {
        let user = UserId::parse(user)?;
        let content = if role.is_empty() { json!({}) } else { json!({"role": role}) };
        self.room(room)?.send_state_event_raw(self.rules()?.text("role_event")?, &key_of(&user), content).await?;
        Ok(())
    }

    /// Roles go along into the new room: no homeserver knows of them.
    pub(crate) async fn upgrade(&self, room: &str, version: &str) -> Result<Value, Refusal> {
        let kind = self.rules()?.text("role_event")?;
        let roles = self.states(room, kind).await?;
        let request = upgrade_room::v3::Request::new(RoomId::parse(room)?, RoomVersionId::try_from(version)?);
        let new = self.client.send(request).await?.replacement_room;
        self.until_joined(&new).await?;
        let room = self.room(new.as_str())?;
        for (key, content) in roles.into_iter().filter(|_| !mutant::is("roles-lost")) {
            room.send_state_event_raw(kind, &key, content).await?;
        }
        Ok(json!({"room": new}))
    }

    /// State of a type as the server has it, by state key.
    pub(crate) async fn states(&self, room: &str, kind: &str) -> Result<Vec<(String, Value)>, Refusal> {
        let request = get_state_events::v3::Request::new(RoomId::parse(room)?);
        let events = self.client.send(request).await?.room_state;
        let is_it =
            |event: &&Raw<AnyStateEvent>| event.get_field::<String>("type").ok().flatten().as_deref() == Some(kind);
        let known = events.iter().filter(is_it).filter_map(|event| {
            Some((
                event.get_field::<String>("state_key").ok().flatten()?,
                event.get_field::<Value>("content").ok().flatten()?,
            ))
        });
        Ok(known.collect())
    }
}

/// State keys that begin with `@` are reserved to that user.
fn key_of(user: &UserId) -> String {
    format!("_{user}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alias_is_the_name_without_what_is_no_letter_or_digit_and_the_time() {
        assert_eq!(alias("Große Lage (Süd) 7!", 1_700_000_000_123), "groelagesd71700000000123");
    }
}
