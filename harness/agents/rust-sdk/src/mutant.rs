//! Deliberately wrong clients (`fixtures/mutants/agent.yaml`): one defect, named by the environment, seeded into how orders
//! are carried out and how rooms are shaped. Nothing here runs without `FEDPROOF_MUTANT`.

mod keys;

use crate::{Refusal, device::Device, reference::raw};
use fedproof_agent_protocol::Command;
use matrix_sdk::{
    Room,
    deserialized_responses::TimelineEventKind,
    room::MessagesOptions,
    ruma::{
        TransactionId, UserId,
        api::client::{backup::create_backup_version, message::send_message_event, room::create_room::v3::Request},
        events::{AnyMessageLikeEventContent, room::message::RoomMessageEventContent},
        serde::Raw,
    },
};
use serde_json::{Value, json};
use std::sync::{LazyLock, OnceLock};

/// The defect, if there is one: `plaintext` of `agent/plaintext`.
static DEFECT: LazyLock<Option<String>> = LazyLock::new(|| {
    let set = std::env::var("FEDPROOF_MUTANT").ok()?;
    set.strip_prefix("agent/").map(str::to_owned)
});

/// Whether this defect is seeded.
pub(crate) fn is(name: &str) -> bool {
    DEFECT.as_deref() == Some(name)
}

/// What is done instead of an order, where the defect is about that.
pub(crate) async fn instead(device: &Device, command: &Command) -> Option<Result<Value, Refusal>> {
    let nothing = || Some(Ok(json!({})));
    match (DEFECT.as_deref()?, command) {
        ("plaintext", Command::Send { room, body }) if is_begun(device, room).await => {
            Some(in_the_clear(device, room, body).await)
        }
        ("plaintext", Command::SendMany { room, body, count }) if is_begun(device, room).await => {
            Some(many_in_the_clear(device, room, body, *count).await)
        }
        ("follows-downgrade", Command::Send { room, body }) if !is_encrypted_by_state(device, room).await => {
            Some(in_the_clear(device, room, body).await)
        }
        ("old-session" | "next-session-early", Command::Send { room, .. }) => again(device, room).await.transpose(),
        ("shares-with-old-devices", Command::Send { room, .. }) => match keys::block_newcomers(device, room).await {
            Ok(()) => None,
            Err(refusal) => Some(Err(refusal)),
        },
        ("garbles-one", Command::SendMany { room, .. }) => garble(device, room).await.err().map(Err),
        ("reads-one-sender", Command::Read { room, event }) => Some(device.read(room, event).await.map(of_one_sender)),
        ("restores-nothing", Command::Restore { .. }) | ("gives-no-role", Command::SetRole { .. }) => nothing(),
        ("verifies-nothing", Command::Verify { .. } | Command::AcceptVerification { .. }) => {
            Some(Ok(json!({"emoji": vec!["Dog"; 7], "verified": true})))
        }
        _ => None,
    }
}

/// What is done after an order was carried out.
pub(crate) async fn after(device: &Device, command: &Command, result: &mut Value) -> Result<(), Refusal> {
    match (DEFECT.as_deref(), command) {
        (Some("next-session-early"), Command::Send { room, .. }) => next_session(device, room).await,
        (Some("passes-keys-on"), Command::Invite { room, .. }) => keys::pass_on(device, room).await,
        (Some("passes-keys-on"), Command::Join { room }) => keys::take(device, room).await,
        (Some("shows-other-emoji"), Command::Verify { .. }) => {
            result["emoji"][0] = "none of them".into();
            Ok(())
        }
        (Some("second-notes"), Command::MyNotes {}) => {
            device.create_room(device.new_room("", &[], false)?).await.map(drop)
        }
        (Some("readable-backup" | "key-beside-backup"), Command::SetUpBackup { .. } | Command::BackUp {}) => {
            keys::readable_backup(device, is("key-beside-backup")).await
        }
        (Some("readable-secrets"), Command::SetUpBackup { .. }) => keys::readable_secrets(device).await,
        (Some("other-backup"), Command::SetUpBackup { .. }) => {
            let algorithm = json!({"algorithm": "org.fedproof.none", "auth_data": {}});
            let request = create_backup_version::v3::Request::new(raw(&algorithm)?);
            device.client.send(request).await?;
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Spoils the shape of a room that is about to be created.
pub(crate) fn spoil(request: &mut Request) -> Result<(), Refusal> {
    let Some(defect) = DEFECT.as_deref() else { return Ok(()) };
    let direct = request.is_direct;
    let mut state: Vec<Value> = Vec::new();
    for event in &request.initial_state {
        let mut event: Value = serde_json::from_str(event.json().get())?;
        let content = match (event["type"].as_str(), defect) {
            (Some("m.room.encryption"), "unencrypted-rooms") => continue,
            (Some("m.room.history_visibility"), "shared-history") => Some(json!({"history_visibility": "shared"})),
            (Some("m.room.server_acl"), "no-acl") => continue,
            (Some("m.room.server_acl"), "acl-everybody") => Some(json!({"allow": ["*"], "allow_ip_literals": false})),
            (Some("m.room.server_acl"), "acl-literals") => {
                event["content"]["allow_ip_literals"] = true.into();
                None
            }
            (Some("m.room.server_acl"), "acl-deny") => {
                event["content"]["deny"] = json!([]);
                None
            }
            (Some("m.room.server_acl"), "acl-port") => {
                let names = event["content"]["allow"].as_array().into_iter().flatten().filter_map(Value::as_str);
                // Homeservers refuse a list that leaves themselves out.
                let with_port = names.flat_map(|name| match name {
                    "*" => vec![name.to_owned()],
                    name => vec![name.to_owned(), format!("{name}:8448")],
                });
                event["content"]["allow"] = with_port.collect::<Vec<_>>().into();
                None
            }
            _ => None,
        };
        if let Some(content) = content {
            event["content"] = content;
        }
        state.push(event);
    }
    if direct && defect == "acl-in-dm" {
        let content = json!({"allow": ["*"], "allow_ip_literals": false});
        state.push(json!({"type": "m.room.server_acl", "state_key": "", "content": content}));
    }
    if defect == "open-notes" && request.creation_content.is_some() {
        state.push(json!({"type": "m.room.join_rules", "state_key": "", "content": {"join_rule": "public"}}));
    }
    request.initial_state = state.iter().map(raw).collect::<Result<_, _>>()?;
    match defect {
        "unfederated-rooms" => request.creation_content = Some(raw(&json!({"m.federate": false}))?),
        "federated-notes" if request.creation_content.is_some() => request.creation_content = None,
        "alias-without-time" => {
            let alias = request.room_alias_name.take();
            request.room_alias_name = alias.map(|alias| alias.chars().take(5).collect());
        }
        "alias-in-dm" if direct => {
            let user =
                request.invite.first().map(|user| user.localpart().replace(|c: char| !c.is_ascii_alphanumeric(), ""));
            request.room_alias_name = user;
        }
        "alias-unnamed" if !direct && request.name.is_none() => {
            request.room_alias_name = Some(TransactionId::new().to_string());
        }
        "roles-for-all" | "roles-for-moderators" => {
            if let Some(powers) = &request.power_level_content_override {
                let mut powers: Value = serde_json::from_str(powers.json().get())?;
                for (kind, power) in powers["events"].as_object_mut().into_iter().flatten() {
                    if !kind.starts_with("m.") {
                        *power = json!(if defect == "roles-for-all" { 0 } else { 50 });
                    }
                }
                request.power_level_content_override = Some(raw(&powers)?);
            }
        }
        _ => {}
    }
    Ok(())
}

/// What it reads, if it is by whom it read first.
fn of_one_sender(read: Value) -> Value {
    static FIRST: OnceLock<Value> = OnceLock::new();
    let first = FIRST.get_or_init(|| read["sender"].clone());
    if *first == read["sender"] { read } else { json!({"sender": read["sender"], "unreadable": "as the mutant is"}) }
}

/// As the server has it.
async fn is_encrypted_by_state(device: &Device, room: &str) -> bool {
    let states = device.states(room, "m.room.encryption").await.unwrap_or_default();
    states.iter().any(|(_, content)| content["algorithm"] == "m.megolm.v1.aes-sha2")
}

async fn put(
    device: &Device,
    room: &Room,
    kind: &str,
    content: Raw<AnyMessageLikeEventContent>,
) -> Result<Value, Refusal> {
    let (room, transaction) = (room.room_id().to_owned(), TransactionId::new());
    let request = send_message_event::v3::Request::new_raw(room, transaction, kind.into(), content);
    Ok(json!({"event": device.client.send(request).await?.event_id}))
}

async fn in_the_clear(device: &Device, room: &str, body: &str) -> Result<Value, Refusal> {
    let content = serde_json::to_value(RoomMessageEventContent::text_plain(body))?;
    put(device, &device.room(room)?, "m.room.message", raw(&content)?).await
}

/// Whether anything encrypted stands in a room.
async fn is_begun(device: &Device, room: &str) -> bool {
    let Ok(room) = device.room(room) else { return false };
    let page = room.messages(MessagesOptions::backward()).await;
    let is_encrypted = |kind: &TimelineEventKind| {
        matches!(kind, TimelineEventKind::Decrypted(_) | TimelineEventKind::UnableToDecrypt { .. })
    };
    page.is_ok_and(|page| page.chunk.iter().any(|event| is_encrypted(&event.kind)))
}

async fn many_in_the_clear(device: &Device, room: &str, body: &str, count: u32) -> Result<Value, Refusal> {
    let mut events = Vec::new();
    for number in 1..=count {
        events.push(in_the_clear(device, room, &format!("{body} {number}")).await?["event"].take());
    }
    Ok(json!({"events": events}))
}

/// Takes the session that the next message will have into use, and gives its key to all who are still there.
async fn next_session(device: &Device, room: &str) -> Result<(), Refusal> {
    device.room(room)?.discard_room_key().await?;
    device.send(room, "with the next session").await.map(drop)
}

/// Its last encrypted message once more, with the session of then; nothing where there is none.
async fn again(device: &Device, room: &str) -> Result<Option<Value>, Refusal> {
    let room = device.room(room)?;
    match last_encrypted(device, &room).await? {
        Some(content) => put(device, &room, "m.room.encrypted", raw(&content)?).await.map(Some),
        None => Ok(None),
    }
}

/// A message that nobody can read.
async fn garble(device: &Device, room: &str) -> Result<(), Refusal> {
    let room = device.room(room)?;
    let mut content = last_encrypted(device, &room).await?.ok_or("nothing was sent")?;
    content["session_id"] = "of a session that nobody has".into();
    put(device, &room, "m.room.encrypted", raw(&content)?).await.map(drop)
}

/// Content of its last encrypted message.
async fn last_encrypted(device: &Device, room: &Room) -> Result<Option<Value>, Refusal> {
    let page = room.messages(MessagesOptions::backward()).await?;
    for event in page.chunk.iter().filter_map(|event| event.event_id()) {
        let request =
            matrix_sdk::ruma::api::client::room::get_room_event::v3::Request::new(room.room_id().to_owned(), event);
        let event = device.client.send(request).await?.event;
        let field = |name: &str| event.get_field::<Value>(name).ok().flatten().unwrap_or_default();
        let is_own = field("sender").as_str() == device.client.user_id().map(UserId::as_str);
        if is_own && field("type") == "m.room.encrypted" {
            return Ok(Some(field("content")));
        }
    }
    Ok(None)
}
