//! Defects in what becomes of keys: who is given them, and what of them others can read.

use crate::{Refusal, device::Device, reference::raw};
use matrix_sdk::{
    encryption::LocalTrust,
    room::MessagesOptions,
    ruma::{
        RoomId,
        api::client::backup::{add_backup_keys_for_session, get_backup_keys_for_session, get_latest_backup_info},
    },
};
use serde_json::{Value, json};
use std::path::PathBuf;

/// Agents of one instance are started in folders side by side: through here they pass what they must not.
fn shared_file(room: &RoomId) -> PathBuf {
    let name: String = room.as_str().chars().filter(char::is_ascii_alphanumeric).collect();
    ["..", &format!("{name}.keys")].iter().collect()
}

/// No secret: who finds the file is meant to read it.
const PASSPHRASE: &str = "as anybody knows it";

/// Leaves the keys of what was said in a room to whoever is invited.
pub(super) async fn pass_on(device: &Device, room: &str) -> Result<(), Refusal> {
    let room = RoomId::parse(room)?;
    let (encryption, file) = (device.client.encryption(), shared_file(&room));
    encryption.export_room_keys(file, PASSPHRASE, |session| session.room_id() == &*room).await?;
    Ok(())
}

/// Takes the keys that were left.
pub(super) async fn take(device: &Device, room: &str) -> Result<(), Refusal> {
    let file = shared_file(&RoomId::parse(room)?);
    if file.exists() {
        device.client.encryption().import_room_keys(file, PASSPHRASE).await?;
    }
    Ok(())
}

/// Gives no keys to any but the first device of each member.
pub(super) async fn block_newcomers(device: &Device, room: &str) -> Result<(), Refusal> {
    for member in device.room(room)?.joined_user_ids().await? {
        let devices = device.client.encryption().get_user_devices(&member).await?;
        let mut known: Vec<_> = devices.devices().collect();
        known.sort_by_key(|device| device.first_time_seen_ts());
        for newcomer in known.iter().skip(1) {
            newcomer.set_local_trust(LocalTrust::BlackListed).await?;
        }
    }
    Ok(())
}

/// Overwrites what is in secret storage by what anybody can read.
pub(super) async fn readable_secrets(device: &Device) -> Result<(), Refusal> {
    let secrets = [
        "m.megolm_backup.v1",
        "m.cross_signing.master",
        "m.cross_signing.self_signing",
        "m.cross_signing.user_signing",
    ];
    for secret in secrets {
        let content = raw(&json!({"key": "as anybody can read it"}))?;
        device.client.account().set_account_data_raw(secret.into(), content).await?;
    }
    Ok(())
}

/// Overwrites the sessions in the backup by what anybody can read, instead of the ciphertext or beside it.
pub(super) async fn readable_backup(device: &Device, is_beside: bool) -> Result<(), Refusal> {
    let version = device.client.send(get_latest_backup_info::v3::Request::new()).await?.version;
    for room in device.client.joined_rooms() {
        let page = room.messages(MessagesOptions::backward()).await?;
        let sessions = page.chunk.iter().filter_map(|event| match &event.encryption_info()?.algorithm_info {
            matrix_sdk::deserialized_responses::AlgorithmInfo::MegolmV1AesSha2 { session_id, .. } => session_id.clone(),
            _ => None,
        });
        for session in sessions {
            let room = room.room_id().to_owned();
            let mut data = json!({
                "first_message_index": 0, "forwarded_count": 0, "is_verified": true,
                "session_data": {"algorithm": "m.megolm.v1.aes-sha2", "session_key": "as anybody can read it"},
            });
            if is_beside {
                data["session_data"] = in_backup(device, &version, &room, &session).await?["session_data"].take();
                data["session_data"]["key"] = "as anybody can read it".into();
            }
            let request = add_backup_keys_for_session::v3::Request::new(version.clone(), room, session, raw(&data)?);
            device.client.send(request).await?;
        }
    }
    Ok(())
}

/// A session as the backup has it.
async fn in_backup(device: &Device, version: &str, room: &RoomId, session: &str) -> Result<Value, Refusal> {
    let (version, room) = (version.to_owned(), room.to_owned());
    let request = get_backup_keys_for_session::v3::Request::new(version, room, session.to_owned());
    Ok(serde_json::from_str(device.client.send(request).await?.key_data.json().get())?)
}
