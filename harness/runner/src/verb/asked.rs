//! Observing what a client has to ask for: presence, which the usual `/sync` leaves out, and keys.

use crate::outcome::StepError;
use fedproof_client::Client;
use fedproof_core::keys::is_signed_by;
use fedproof_scenario::model::Condition;
use reqwest::Method;
use serde_json::{Value, json};

/// Asks until the condition holds, after every piece of news. The caller bounds the time.
pub(super) async fn until_there(client: &Client, condition: &Condition) -> Result<(), StepError> {
    let mut since = None;
    loop {
        let (news, _) = presence_sync(client, since.as_deref()).await?;
        if holds_in(client, condition, &news) || is_there(client, condition).await?.is_some() {
            return Ok(());
        }
        since = news["next_batch"].as_str().map(str::to_owned);
    }
}

/// Whether the condition holds now: the exchange that shows it.
pub(super) async fn is_there(client: &Client, condition: &Condition) -> Result<Option<u64>, StepError> {
    let (shown, exchange) = match condition {
        Condition::Keys { user, .. } | Condition::Signed { user, .. } => {
            let body = json!({"device_keys": {(client.user_id()): [], user: []}});
            let reply = client.request(Method::POST, "/_matrix/client/v3/keys/query", Some(&body)).await?;
            (reply.body, reply.exchange.id)
        }
        _ => presence_sync(client, None).await?,
    };
    Ok(holds_in(client, condition, &shown).then_some(exchange))
}

/// A `/sync` about presence and devices; gives the exchange, too.
async fn presence_sync(client: &Client, since: Option<&str>) -> Result<(Value, u64), StepError> {
    let reply = client.presence(since).await?;
    match reply.status {
        200 => Ok((reply.body, reply.exchange.id)),
        status => {
            Err(StepError::Broken { reason: format!("/sync answered {status}"), exchanges: vec![reply.exchange.id] })
        }
    }
}

fn holds_in(client: &Client, condition: &Condition, shown: &Value) -> bool {
    match condition {
        Condition::Presence { user, status } => shown["presence"]["events"].as_array().is_some_and(|events| {
            events.iter().any(|event| event["sender"] == **user && event["content"]["status_msg"] == **status)
        }),
        Condition::Keys { user, mentions } => ["device_keys", "master_keys", "self_signing_keys"]
            .iter()
            .any(|kind| shown[*kind].get(user).is_some_and(|keys| keys.to_string().contains(mentions))),
        Condition::Signed { user, device: Some(device) } => {
            is_signed(&shown["device_keys"][user][device], user, &shown["self_signing_keys"][user])
        }
        Condition::Signed { user, device: None } => {
            let own = client.user_id();
            is_signed(&shown["master_keys"][user], own, &shown["user_signing_keys"][own])
        }
        _ => false,
    }
}

/// Whether `user` has signed an object by a cross-signing key, as it is published.
fn is_signed(object: &Value, user: &str, key: &Value) -> bool {
    let keys = key["keys"].as_object().into_iter().flatten();
    keys.filter_map(|(id, public)| Some((id, public.as_str()?))).any(|(id, key)| is_signed_by(object, user, id, key))
}
