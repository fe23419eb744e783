//! From an order to its result.

use crate::{Refusal, Slot, device::Device, mutant, reference::Reference};
use fedproof_agent_protocol::Command;
use matrix_sdk::ruma::UserId;
use serde_json::{Value, json};
use std::sync::Arc;

/// Carries out a command; the protocol says what its result is.
pub(crate) async fn carry_out(slot: &Slot, command: Command, is_reference: bool) -> Result<Value, Refusal> {
    if let Command::LogIn { homeserver, user, password, settings, start } = &command {
        let reference = is_reference.then(|| Reference::of(settings));
        if let (Some(reference), Some(start)) = (&reference, start) {
            reference.enter(homeserver, start).await?;
        }
        let device = Device::log_in(homeserver, user, password, reference).await?;
        let mut result = json!({"user": device.client.user_id(), "device": device.client.device_id()});
        if device.reference.is_some() {
            result["recovery_key"] = json!(device.back_up_from_the_start().await?);
        }
        let before = slot.write().await.replace(Arc::new(device));
        // Two devices of one agent would both say what they have synced.
        before.iter().for_each(|device| device.stop());
        return Ok(result);
    }
    let device = slot.read().await.clone().ok_or("not logged in")?;
    if let Some(done) = mutant::instead(&device, &command).await {
        return done;
    }
    let mut result = on_device(slot, &device, command.clone()).await?;
    mutant::after(&device, &command, &mut result).await?;
    Ok(result)
}

async fn on_device(slot: &Slot, device: &Device, command: Command) -> Result<Value, Refusal> {
    let nothing = json!({});
    match command {
        Command::LogIn { .. } => Err("logged in already".into()),
        Command::LogOut {} => {
            device.stop();
            device.client.matrix_auth().logout().await?;
            *slot.write().await = None;
            Ok(nothing)
        }
        Command::CreateRoom { name, invite, direct, federated, now_ms } => {
            let mut request = device.new_room(&name, &invite, direct)?;
            if let Some(reference) = &device.reference {
                reference.shape(&mut request, device.own_server()?, federated, number(&now_ms))?;
            }
            device.create_room(request).await
        }
        Command::Join { room } => device.join(&room).await.map(|()| nothing),
        Command::Leave { room } => Ok(device.room(&room)?.leave().await.map(|()| nothing)?),
        Command::Invite { room, .. } if device.keeps_to_itself(&room).await? => {
            Err("notes to oneself are shared with nobody".into())
        }
        Command::Invite { room, user } => {
            Ok(device.room(&room)?.invite_user_by_id(&UserId::parse(user)?).await.map(|()| nothing)?)
        }
        Command::Kick { room, user } => {
            Ok(device.room(&room)?.kick_user(&UserId::parse(user)?, None).await.map(|()| nothing)?)
        }
        Command::Ban { room, user } => {
            Ok(device.room(&room)?.ban_user(&UserId::parse(user)?, None).await.map(|()| nothing)?)
        }
        Command::Send { room, body } => Ok(json!({"event": device.send(&room, &body).await?})),
        Command::SendMany { room, body, count } => {
            // One after the other: the SDK panics where a session expires under a second message.
            let mut events = Vec::new();
            for number in 1..=count {
                events.push(device.send(&room, &format!("{body} {number}")).await?);
            }
            Ok(json!({"events": events}))
        }
        Command::SendEvent { room, kind, content } => {
            Ok(json!({"event": device.send_event(&room, &kind, content).await?}))
        }
        Command::Read { room, event } => device.read(&room, &event).await,
        Command::OpenFile { room, event, scanner } => device.open_file(&room, &event, &scanner).await,
        Command::ReadBack { room, count } => device.read_back(&room, count).await,
        Command::Room { room } => device.describe(&room).await,
        Command::Devices { user } => devices(device, &user).await,
        Command::SetUpBackup { passphrase } => {
            let recovery = device.client.encryption().recovery();
            let setting_up = recovery.enable().wait_for_backups_to_upload();
            let key = match passphrase.as_str() {
                "" => setting_up.await?,
                passphrase => setting_up.with_passphrase(passphrase).await?,
            };
            Ok(json!({"recovery_key": key}))
        }
        Command::BackUp {} => {
            device.client.encryption().backups().wait_for_steady_state().await?;
            Ok(nothing)
        }
        Command::Restore { recovery_key } => {
            device.client.encryption().recovery().recover(&recovery_key).await?;
            Ok(nothing)
        }
        Command::MyNotes {} => device.my_notes().await,
        Command::SetRole { room, user, role } => device.set_role(&room, &user, &role).await.map(|()| nothing),
        Command::Upgrade { room, version } => device.upgrade(&room, &version).await,
        Command::SetNotificationTimes { zone, hours } => {
            device.set_notification_times(&zone, &hours).await.map(|()| nothing)
        }
        Command::TellTime { now } => device.tell_time(&now).await.map(|()| nothing),
        Command::Verify { user } => device.verify(&user).await,
        Command::AcceptVerification { user } => device.accept_verification(&user).await,
    }
}

/// A number, also one that was put in for a text.
fn number(value: &Value) -> u64 {
    value.as_u64().or_else(|| value.as_str()?.parse().ok()).unwrap_or_default()
}

async fn devices(device: &Device, user: &str) -> Result<Value, Refusal> {
    let known = device.client.encryption().get_user_devices(&UserId::parse(user)?).await?;
    let devices = known.devices().map(|device| {
        json!({
            "device": device.device_id(), "verified": device.is_verified(),
            "cross_signed": device.is_cross_signed_by_owner(),
        })
    });
    Ok(json!({"devices": devices.collect::<Vec<_>>()}))
}
