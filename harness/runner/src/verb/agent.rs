//! What clients under test are told, and what they are asked.

use crate::{
    actor::{AgentPlayer, Player},
    expect::{body_holds, quote},
    outcome::{Answer, Done, StepError},
    step::Scene,
    verb::condition::{WAIT_LIMIT, in_words, seen_after_all, unmet},
};
use fedproof_agent::AgentError;
use fedproof_agent_protocol::Command;
use fedproof_client::Client;
use fedproof_core::{
    invariant::canary,
    path::encode,
    transcript::{Api, Exchange, Outcome},
};
use fedproof_scenario::model::{BodyCheck, Condition};
use reqwest::Method;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

/// How long an order may take; a bound against hanging, not a wait.
const ORDER_LIMIT: Duration = Duration::from_secs(200);

/// What an answer counts as, so that scenarios expect of agents as they expect of servers.
const CARRIED_OUT: u16 = 200;
const REFUSED: u16 = 400;

/// Gives an order. The result is what the agent answers.
pub(crate) async fn act(scene: &Scene<'_>, actor: &AgentPlayer, command: Command) -> Result<Done, StepError> {
    Ok(Done::body(order(scene, actor, completed(scene, actor, command)?).await?))
}

/// Gives an order; it stands in the transcript like every other exchange.
async fn order(scene: &Scene<'_>, actor: &AgentPlayer, command: Command) -> Result<Answer, StepError> {
    let transcript = scene.stage.transcript();
    let (started_us, name) = (transcript.now_us(), command.name());
    let request = json!(command)[name].take();
    let answer = actor.agent.order(command, ORDER_LIMIT).await;
    let (status, body) = match answer {
        Ok(result) => (CARRIED_OUT, result),
        Err(AgentError::Refused { reason, .. }) => (REFUSED, json!({"reason": reason})),
        Err(error) => return Err(StepError::broken(format!("{}: {error}", actor.name))),
    };
    let exchange = transcript.record(Exchange {
        id: 0,
        api: Api::Agent,
        caller: "fedproof".to_owned(),
        origin: None,
        authorization: None,
        destination: actor.name.as_str().into(),
        method: "TELL".to_owned(),
        path: name.to_owned(),
        request,
        outcome: Outcome::Answered { status },
        response: body.clone(),
        started_us,
        duration_us: transcript.now_us() - started_us,
    });
    Ok(Answer { status, body, exchange })
}

/// The account that the client's device is one of, with raw requests.
fn account<'a>(scene: &'a Scene<'_>, actor: &AgentPlayer) -> Result<&'a Client, StepError> {
    match scene.player(&actor.of)? {
        Player::Client(client) => Ok(client),
        _ => Err(StepError::broken(format!("{} is no client", actor.of))),
    }
}

/// With what the command needs and the scenario does not say: where its user's homeserver is, and texts to send.
fn completed(scene: &Scene<'_>, actor: &AgentPlayer, mut command: Command) -> Result<Command, StepError> {
    let client = account(scene, actor)?;
    let fill = |text: &mut String, value: &dyn Fn() -> String| {
        if text.is_empty() {
            *text = value();
        }
    };
    match &mut command {
        Command::LogIn { homeserver, user, password, settings, .. } => {
            if settings.is_null() {
                *settings = scene.stage.settings.clone();
            }
            fill(homeserver, &|| client.base_url().to_owned());
            fill(user, &|| client.user_id().to_owned());
            fill(password, &|| client.password().to_owned());
        }
        Command::Send { body, .. } | Command::SendMany { body, .. } => {
            fill(body, &|| format!("{} {}", canary(&scene.stage.id), scene.stage.unique()));
        }
        _ => {}
    }
    Ok(command)
}

/// Asks, each time the agent has taken a sync in, until the answer is the right one.
pub(crate) async fn eventually(
    scene: &Scene<'_>,
    actor: &AgentPlayer,
    condition: &Condition,
) -> Result<Done, StepError> {
    let mut syncs = actor.agent.syncs();
    let mut last = None;
    let wait = async {
        loop {
            syncs.mark_unchanged();
            let answer = order(scene, actor, question(condition)?).await?;
            if holds(condition, &answer) {
                return Ok::<_, StepError>(answer);
            }
            last = Some(answer);
            // When the agent has ended, the next order says so.
            let _ = tokio::time::timeout(ASK_AGAIN, syncs.changed()).await;
        }
    };
    match tokio::time::timeout(WAIT_LIMIT, wait).await {
        Ok(outcome) => {
            let answer = outcome?;
            was_encrypted(scene, actor, condition).await?;
            Ok(Done::body(answer))
        }
        Err(_) => {
            let seen = last.map_or_else(|| "no answer".to_owned(), |answer| told(&answer.exchange));
            Err(unmet(condition, format!("not within {} s; {} says {seen}", WAIT_LIMIT.as_secs(), actor.name)))
        }
    }
}

/// A key may come beside any sync, and be taken in a little later.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// What a client reads may have come in plain text; whether it was encrypted its homeserver is asked, and not the client.
async fn was_encrypted(scene: &Scene<'_>, actor: &AgentPlayer, condition: &Condition) -> Result<(), StepError> {
    let Condition::Reads { room, event, .. } = condition else { return Ok(()) };
    let path = format!("/_matrix/client/v3/rooms/{}/event/{}", encode(room), encode(event));
    let reply = account(scene, actor)?.request(Method::GET, &path, None).await?;
    let seen = format!("GET /event/{event} gave {} {}", reply.status, told(&reply.exchange));
    let exchanges = vec![reply.exchange.id];
    match reply.status {
        200 if is_sealed(&reply.body) => Ok(()),
        200 => Err(StepError::Unmet { expected: format!("{}, encrypted", in_words(condition)), seen, exchanges }),
        _ => Err(StepError::Broken { reason: seen, exchanges }),
    }
}

/// Whether an event is ciphertext and nothing beside it.
fn is_sealed(event: &Value) -> bool {
    let content = &event["content"];
    event["type"] == "m.room.encrypted" && content["ciphertext"].is_string() && content["body"].is_null()
}

/// Asks once. Means something only after the agent was seen to have what came later.
pub(crate) async fn never(scene: &Scene<'_>, actor: &AgentPlayer, condition: &Condition) -> Result<Done, StepError> {
    let answer = order(scene, actor, question(condition)?).await?;
    let seen = format!("{} says {}", actor.name, told(&answer.exchange));
    let exchanges = vec![answer.exchange.id];
    match holds(condition, &answer) {
        true => Err(seen_after_all(condition, seen, exchanges)),
        false if has_looked(&answer) => Ok(Done::default()),
        false => Err(StepError::Broken { reason: format!("nothing was looked at: {seen}"), exchanges }),
    }
}

/// Whether the agent has had the message before it and could not read it. Who was refused it, or got something else, has
/// not tried.
fn has_looked(answer: &Answer) -> bool {
    answer.status == CARRIED_OUT && answer.body["unreadable"].is_string()
}

fn question(condition: &Condition) -> Result<Command, StepError> {
    match condition {
        Condition::Reads { room, event, .. } => Ok(Command::Read { room: room.clone(), event: event.clone() }),
        Condition::Answers { to, .. } => Ok(to.clone()),
        _ => Err(StepError::broken("a client under test does not see this; its user's client actor does")),
    }
}

fn holds(condition: &Condition, answer: &Answer) -> bool {
    let checks: &[BodyCheck] = match condition {
        Condition::Answers { body, .. } => body,
        _ => &[],
    };
    let is_read = match condition {
        Condition::Reads { body, .. } => match (&answer.body["body"], body) {
            (Value::String(seen), Some(body)) => seen == body,
            (Value::String(_), None) => true,
            _ => false,
        },
        _ => true,
    };
    answer.status == CARRIED_OUT && is_read && checks.iter().all(|check| body_holds(check, &answer.body))
}

fn told(exchange: &Arc<Exchange>) -> String {
    quote(&exchange.response.to_string())
}

#[cfg(test)]
mod tests {
    use super::is_sealed;
    use serde_json::json;

    #[test]
    fn only_ciphertext_alone_is_sealed() {
        let event = |kind: &str, content| is_sealed(&json!({"type": kind, "content": content}));
        assert!(event("m.room.encrypted", json!({"ciphertext": "c"})));
        assert!(!event("m.room.encrypted", json!({"ciphertext": "c", "body": "b"})));
        assert!(!event("m.room.message", json!({"body": "b"})));
        assert!(!event("m.room.encrypted", json!({})));
    }
}
