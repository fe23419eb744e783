//! Verification by emoji, both sides of it. A program compares better than a person: it gives the emoji out, and
//! whoever gave both orders holds one against the other.

use crate::{Refusal, device::Device};
use futures_util::StreamExt;
use matrix_sdk::{
    Client,
    encryption::verification::{
        SasState, SasVerification, Verification, VerificationRequest, VerificationRequestState,
    },
    ruma::{
        OwnedUserId, UserId,
        events::{
            key::verification::request::ToDeviceKeyVerificationRequestEvent,
            room::message::{MessageType, OriginalSyncRoomMessageEvent},
        },
    },
};
use serde_json::{Value, json};
use tokio::sync::watch;

/// Who asked to verify, and under which flow.
pub(crate) struct Requests(watch::Receiver<Vec<(OwnedUserId, String)>>);

impl Requests {
    /// Requests as they come in from now on, between devices and in rooms.
    pub(crate) fn of(client: &Client) -> Self {
        let (sender, receiver) = watch::channel(Vec::new());
        let note = sender.clone();
        client.add_event_handler(move |event: ToDeviceKeyVerificationRequestEvent| async move {
            note.send_modify(|known| known.push((event.sender, event.content.transaction_id.to_string())));
        });
        client.add_event_handler(move |event: OriginalSyncRoomMessageEvent| async move {
            if let MessageType::VerificationRequest(_) = &event.content.msgtype {
                sender.send_modify(|known| known.push((event.sender.clone(), event.event_id.to_string())));
            }
        });
        Self(receiver)
    }
}

impl Device {
    /// Asks `user`, and goes through with it.
    pub(crate) async fn verify(&self, user: &str) -> Result<Value, Refusal> {
        let user = UserId::parse(user)?;
        let identity = self.client.encryption().request_user_identity(&user).await?;
        let identity = identity.ok_or_else(|| format!("{user} has no identity: nothing can be verified"))?;
        let request = identity.request_verification().await?;
        let mut changes = request.changes();
        while !matches!(request.state(), VerificationRequestState::Ready { .. }) {
            next(&mut changes, || reason_of(&request)).await?;
        }
        let sas = request.start_sas().await?.ok_or("the other side does not compare emoji")?;
        compare(&sas).await
    }

    /// Waits until `user` asks, and goes through with it.
    pub(crate) async fn accept_verification(&self, user: &str) -> Result<Value, Refusal> {
        let user = UserId::parse(user)?;
        let request = self.request_of(&user).await?;
        request.accept().await?;
        let mut changes = request.changes();
        let sas = loop {
            if let VerificationRequestState::Transitioned { verification: Verification::SasV1(sas), .. } =
                request.state()
            {
                break sas;
            }
            next(&mut changes, || reason_of(&request)).await?;
        };
        sas.accept().await?;
        compare(&sas).await
    }

    /// Who asks in a room invites into it first.
    async fn request_of(&self, user: &UserId) -> Result<VerificationRequest, Refusal> {
        loop {
            let seen = self.syncs_so_far();
            for room in self.client.invited_rooms() {
                let inviter = room.invite_details().await.ok().and_then(|invite| invite.inviter);
                if inviter.is_some_and(|inviter| inviter.user_id() == user) {
                    room.join().await?;
                }
            }
            let asked = self.requests.0.borrow().iter().rfind(|(asker, _)| asker == user).cloned();
            if let Some((asker, flow)) = asked
                && let Some(request) = self.client.encryption().get_verification_request(&asker, &flow).await
            {
                return Ok(request);
            }
            self.sync_after(seen).await?;
        }
    }
}

/// Confirms whatever is shown, and gives it.
async fn compare(sas: &SasVerification) -> Result<Value, Refusal> {
    let mut changes = sas.changes();
    let mut emoji = Value::Null;
    let mut is_confirmed = false;
    loop {
        match sas.state() {
            SasState::KeysExchanged { emojis, .. } if !is_confirmed => {
                let shown = emojis.ok_or("no emoji were agreed on")?;
                emoji = shown.emojis.iter().map(|emoji| emoji.description).collect::<Vec<_>>().into();
                sas.confirm().await?;
                is_confirmed = true;
            }
            SasState::Done { .. } => return Ok(json!({"emoji": emoji, "verified": true})),
            SasState::Cancelled(info) => return Err(format!("cancelled: {}", info.reason()).into()),
            _ => next(&mut changes, || "the verification came to no end".to_owned()).await?,
        }
    }
}

fn reason_of(request: &VerificationRequest) -> String {
    match request.cancel_info() {
        Some(info) => format!("cancelled: {}", info.reason()),
        None => "the request came to no end".to_owned(),
    }
}

async fn next<T>(
    changes: &mut (impl futures_util::Stream<Item = T> + Unpin),
    otherwise: impl Fn() -> String,
) -> Result<(), Refusal> {
    changes.next().await.map(drop).ok_or_else(|| otherwise().into())
}
