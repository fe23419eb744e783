//! `keys_claimed`: who got which one-time key, read off all answers together.

use super::{With, text};
use crate::{
    outcome::{Done, StepError},
    step::Scene,
};
use fedproof_core::{ServerName, name::server_of, transcript::Exchange};
use serde_json::Value;
use std::collections::BTreeMap;

/// Of all claims for the `device` of `user` so far, by clients and by servers: each of `keys` (ids with their algorithm) was
/// given exactly once, and every other claim got `fallback`, or nothing if there is none.
pub(super) fn check(scene: &Scene<'_>, with: &With) -> Result<Done, StepError> {
    let (user, device) = (text(with, "user")?, text(with, "device")?);
    let keys = with.get("keys").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let mut expected: BTreeMap<&str, usize> = keys.map(|key| (key, 1)).collect();
    let fallback = with.contains_key("fallback").then(|| text(with, "fallback")).transpose()?;
    let exchanges = scene.stage.transcript().since(scene.stage.mark);
    // What another homeserver's user claims stands there twice: as the user asked, and as the homeserver asked this one.
    let server = server_of(user).map(ServerName::new);
    let is_claim = |exchange: &Exchange| {
        exchange.path.ends_with("/keys/claim")
            && Some(&exchange.destination) == server.as_ref()
            && !exchange.request["one_time_keys"][user][device].is_null()
    };
    let claims: Vec<_> = exchanges.iter().filter(|exchange| is_claim(exchange)).collect();
    let mut given: BTreeMap<&str, usize> = BTreeMap::new();
    for claim in &claims {
        let got = claim.response["one_time_keys"][user][device].as_object();
        match got.map(|got| got.keys().map(String::as_str).collect::<Vec<_>>()).as_deref() {
            Some([key]) => *given.entry(key).or_default() += 1,
            None | Some([]) => *given.entry("nothing").or_default() += 1,
            Some(several) => *given.entry("several at once").or_default() += several.len(),
        }
    }
    let rest = claims.len().saturating_sub(expected.len());
    if rest > 0 {
        expected.insert(fallback.unwrap_or("nothing"), rest);
    }
    if given == expected {
        return Ok(Done::default());
    }
    Err(StepError::Unmet {
        expected: format!("{} claims to be given {}", claims.len(), in_words(&expected)),
        seen: in_words(&given),
        exchanges: claims.iter().map(|claim| claim.id).collect(),
    })
}

fn in_words(given: &BTreeMap<&str, usize>) -> String {
    given.iter().map(|(key, times)| format!("{key} {times} times")).collect::<Vec<_>>().join(", ")
}
