//! `policy_signed` and `policy_withheld`: what crossed the wire of a room that has a policy server.
//!
//! Specification: server-server API, "Policy Servers" (MSC4284).

use super::{With, text};
use crate::{
    actor::Player,
    expect::quote,
    outcome::{Done, StepError},
    step::Scene,
};
use fedproof_core::event::{countersign, event_id, rules_of};
use serde_json::{Value, json};

/// `policy`: the actor that is the policy server. `by`: the homeserver that sent the event. `to`: the server that has got
/// it. `event`: its id. Its first copy must carry the signature that the policy server's key makes. An Ed25519 signature
/// of one text by one key is always the same, so that it can be made again and compared.
pub(super) fn signed(scene: &Scene<'_>, with: &With) -> Result<Done, StepError> {
    let (by, to, id) = (text(with, "by")?, text(with, "to")?, text(with, "event")?);
    let Player::Virtual(policy) = scene.player(text(with, "policy")?)? else {
        return Err(StepError::broken("`policy` must name a virtual server"));
    };
    let broken = |error: fedproof_core::event::EventError| StepError::broken(error.to_string());
    let rules = rules_of(scene.scope.version).map_err(broken)?;
    let exchanges = scene.stage.transcript().since(scene.stage.mark);
    let has_id = |pdu: &&Value| event_id(pdu, &rules).is_ok_and(|found| found == id);
    let sent = exchanges
        .iter()
        .filter(|exchange| exchange.caller == by && exchange.destination.as_str() == to)
        .find_map(|exchange| exchange.pdus().iter().find(has_id).map(|pdu| (exchange.id, pdu)));
    let (exchange, pdu) = sent.ok_or_else(|| StepError::broken(format!("{to} was not sent {id} by {by}")))?;
    let (name, key) = (policy.name().as_str(), policy.policy_key());
    let right = countersign(pdu, &rules, policy.name(), key).map_err(broken)?;
    let of = |pdu: &Value| pdu["signatures"][name][key.id()].clone();
    if of(pdu) == of(&right) {
        return Ok(Done { result: of(pdu), answer: None, flaw: None });
    }
    Err(StepError::Unmet {
        expected: format!("what is sent carries the signature of {name} by {}", key.id()),
        seen: quote(&pdu["signatures"].to_string()),
        exchanges: vec![exchange],
    })
}

/// `by`: the homeserver. `mentions`: a text that stands in an event that was refused. No transaction may hold it; the policy
/// server, which is asked by another request, knows it. Means something only after a barrier.
pub(super) fn withheld(scene: &Scene<'_>, with: &With) -> Result<Done, StepError> {
    let (by, mentions) = (text(with, "by")?, text(with, "mentions")?);
    let exchanges = scene.stage.transcript().since(scene.stage.mark);
    let mut sent = exchanges.iter().filter(|exchange| {
        exchange.caller == by && exchange.pdus().iter().any(|pdu| pdu["content"].to_string().contains(mentions))
    });
    match sent.next() {
        None => Ok(Done { result: json!({"sent": 0}), answer: None, flaw: None }),
        Some(first) => Err(StepError::Unmet {
            expected: format!("no event that holds {mentions:?} is sent to another server"),
            seen: format!("{by} sent it to {}", first.destination),
            exchanges: vec![first.id],
        }),
    }
}
