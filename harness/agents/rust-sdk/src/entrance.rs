//! What the reference asks of a deployment before it logs in: that the server is who it says it is, and that it is open.

use crate::{Refusal, mutant, reference::Reference};
use aws_lc_rs::signature::{RSA_PSS_2048_8192_SHA512, UnparsedPublicKey};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use fedproof_agent_protocol::Start;
use jiff::Timestamp;
use matrix_sdk::reqwest::Url;
use serde_json::Value;

impl Reference {
    /// Refuses a server that cannot prove its name, that is down for maintenance, or for which this client is too old.
    pub(crate) async fn enter(&self, homeserver: &str, start: &Start) -> Result<(), Refusal> {
        let now: Timestamp = start.now.parse()?;
        let tokens = get(homeserver, self.text("authenticity_path")?).await;
        let host = Url::parse(homeserver)?.host_str().unwrap_or_default().to_owned();
        if !self.is_authentic(tokens, &host, now)? && !mutant::is("no-proof") {
            return Err("the server did not prove that it is who it says it is".into());
        }
        // Where there is no document that can be read, nothing is known against going on.
        let document = get(homeserver, self.text("maintenance_path")?).await;
        if document.is_none() && mutant::is("needs-document") {
            return Err("there is no maintenance document that can be read".into());
        }
        match reason_to_stay_out(&document.unwrap_or_default(), start, now) {
            Some(reason) => Err(reason.into()),
            None => Ok(()),
        }
    }

    /// Whether one of the tokens holds: by the pinned key, for this host, not expired.
    fn is_authentic(&self, tokens: Option<Value>, host: &str, now: Timestamp) -> Result<bool, Refusal> {
        let pem = self.text("authenticity_pinned")?;
        let der: String = pem.lines().map(str::trim).filter(|line| !line.starts_with("-----")).collect();
        let key = UnparsedPublicKey::new(&RSA_PSS_2048_8192_SHA512, STANDARD.decode(der)?);
        let algorithm = self.text("authenticity_algorithm")?;
        let tokens = tokens.unwrap_or_default();
        let holds = |token: &str| {
            let claims = verified(token, algorithm, &key)?;
            let subject = mutant::is("any-subject") || claims["sub"] == host;
            let unit = if mutant::is("expiry-in-milliseconds") { 1000 } else { 1 };
            let expiry = claims["exp"].as_i64()? / unit;
            Some(subject && (mutant::is("expired-tokens") || expiry > now.as_second()))
        };
        let looked_at = if mutant::is("first-token") { 1 } else { usize::MAX };
        let mut tokens = tokens.as_array().into_iter().flatten().take(looked_at).filter_map(Value::as_str);
        Ok(tokens.any(|token| holds(token).unwrap_or(false)))
    }
}

/// The claims of a token, if its header and its signature are right.
fn verified(token: &str, algorithm: &str, key: &UnparsedPublicKey<Vec<u8>>) -> Option<Value> {
    let (signed, signature) = token.rsplit_once('.')?;
    let (header, claims) = signed.split_once('.')?;
    let part = |text: &str| serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(text).ok()?).ok();
    let named = part(header)?["alg"].clone();
    let is_right =
        named == algorithm && key.verify(signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).ok()?).is_ok();
    let is_taken = is_right
        || mutant::is("unsigned-tokens") && named == "none"
        || mutant::is("any-key") && named == algorithm
        || mutant::is("any-algorithm") && named != "none" && named != algorithm;
    if is_taken { part(claims) } else { None }
}

/// Why the maintenance document keeps this client out.
fn reason_to_stay_out(document: &Value, start: &Start, now: Timestamp) -> Option<String> {
    let time = |value: &Value| value.as_str()?.parse::<Timestamp>().ok();
    if mutant::is("needs-outages") && document.is_object() && !document["downtime"].is_array() {
        return Some("the maintenance document names no outages".to_owned());
    }
    for downtime in document["downtime"].as_array().into_iter().flatten() {
        let (Some(begins), Some(ends)) = (time(&downtime["start_time"]), time(&downtime["end_time"])) else { continue };
        let has_begun = begins <= now || mutant::is("early-maintenance");
        let is_now =
            has_begun && now < ends && !mutant::is("no-maintenance") || mutant::is("stale-maintenance") && ends <= now;
        if is_now && (downtime["blocking"] == true || mutant::is("every-outage-blocks")) {
            return Some(format!("down for maintenance: {}", downtime["description"]));
        }
    }
    let mut versions = document["versions"].as_object()?.iter();
    let (_, own) = versions.find(|(platform, _)| **platform == start.platform || mutant::is("any-platform"))?;
    let least = own["update_before"].as_str()?;
    let (version, asked) = (parts(&start.version)?, parts(least)?);
    let is_old = version < asked && !mutant::is("no-update") || version == asked && mutant::is("newer-than-least");
    is_old.then(|| format!("this version is older than {least}"))
}

/// Major, minor, patch.
fn parts(version: &str) -> Option<Vec<u64>> {
    version.split('.').map(|part| part.parse().ok()).collect()
}

/// A document of the deployment; nothing where it cannot be had or read.
async fn get(homeserver: &str, path: &str) -> Option<Value> {
    let answer = matrix_sdk::reqwest::get(format!("{}{path}", homeserver.trim_end_matches('/'))).await.ok()?;
    let body = answer.error_for_status().ok()?.bytes().await.ok()?;
    serde_json::from_slice(&body).ok()
}
