//! Observing: what must come (`eventually`) and what must not have come (`never`).

use super::{agent, asked, front};
use crate::{
    actor::Player,
    expect::quote,
    outcome::{Done, StepError},
    step::Scene,
};
use fedproof_client::{Client, View};
use fedproof_core::{
    ServerName,
    acl::glob_matches,
    path::encode,
    transcript::{Begun, Exchange},
};
use fedproof_scenario::model::Condition;
use futures::future::join_all;
use reqwest::Method;
use serde_json::Value;
use std::time::Duration;

/// Bound of a wait. Nothing waits this long unless what it waits for does not come.
pub(crate) const WAIT_LIMIT: Duration = Duration::from_secs(20);

/// Waits until the condition has been observed. That it did not come says nothing while a homeserver of the instance, which
/// no step stopped, answers nobody: a machine in trouble is not a server that is wrong. What came and is wrong, which an
/// exchange shows, stays wrong.
pub(crate) async fn eventually(scene: &Scene<'_>, player: &Player, condition: &Condition) -> Result<Done, StepError> {
    let outcome = observed(scene, player, condition).await;
    if let Err(StepError::Unmet { expected, seen, exchanges }) = &outcome
        && exchanges.is_empty()
        && let Some(name) = silent(scene).await
    {
        let reason = format!("{name} answers nobody, not even /versions within {} s", WAIT_LIMIT.as_secs());
        let reason = format!("{reason}, so that nothing can be said: expected {expected}; saw {seen}");
        return Err(StepError::broken(reason));
    }
    outcome
}

/// The first homeserver of the instance that should answer and does not.
async fn silent(scene: &Scene<'_>) -> Option<String> {
    let homeservers = scene.stage.cast.values().filter_map(|player| match player {
        Player::Homeserver(home) if home.should_answer() => Some(home),
        _ => None,
    });
    let asked = homeservers.map(|home| async move {
        let endpoint = home.endpoint();
        let answer = endpoint.request("fedproof", None, Method::GET, "/_matrix/client/versions", None);
        let answered = tokio::time::timeout(WAIT_LIMIT, answer).await.is_ok_and(|answer| answer.is_ok());
        (!answered).then(|| home.name().to_owned())
    });
    join_all(asked).await.into_iter().flatten().next()
}

async fn observed(scene: &Scene<'_>, player: &Player, condition: &Condition) -> Result<Done, StepError> {
    match player {
        Player::Client(client) if is_asked_for(condition) => {
            match tokio::time::timeout(WAIT_LIMIT, asked::until_there(client, condition)).await {
                Ok(outcome) => outcome.map(|()| Done::default()),
                Err(_) => Err(unmet(condition, format!("not within {} s", WAIT_LIMIT.as_secs()))),
            }
        }
        Player::Client(client) => {
            let wait = client.observe(|view| on_client(condition, view).then_some(()));
            match tokio::time::timeout(WAIT_LIMIT, wait).await {
                Ok(outcome) => outcome.map(|()| Done::default()).map_err(Into::into),
                Err(_) => Err(unmet(condition, not_seen_by_client(client, condition).await)),
            }
        }
        Player::Virtual(server) => {
            let (stage, name) = (scene.stage, server.name());
            let wait = async {
                match condition {
                    // A request counts from its arrival on: its answer may be held back on purpose.
                    Condition::Request { method, path, .. } => {
                        let is_it = |begun: &Begun| is_request(begun, name, method, path).then_some(());
                        stage.transcript().begun().wait_for(stage.mark_begun, is_it).await;
                    }
                    _ => {
                        let is_it = |exchange: &Exchange| on_virtual(condition, name, exchange).then_some(());
                        stage.transcript().wait_for(stage.mark, is_it).await;
                    }
                }
            };
            match tokio::time::timeout(WAIT_LIMIT, wait).await {
                Ok(()) => Ok(Done::default()),
                Err(_) => Err(unmet(condition, not_seen_by_server(scene, name))),
            }
        }
        Player::Agent(actor) => agent::eventually(scene, actor, condition).await,
        Player::Front(front) => front::eventually(front, condition).await,
        Player::Homeserver(_) => Err(StepError::broken("a homeserver observes nothing; its clients do")),
    }
}

/// Makes sure that the condition has not been observed. Means something only after a barrier.
pub(crate) async fn never(scene: &Scene<'_>, player: &Player, condition: &Condition) -> Result<Done, StepError> {
    match player {
        Player::Client(client) if is_asked_for(condition) => match asked::is_there(client, condition).await? {
            Some(exchange) => {
                Err(seen_after_all(condition, format!("{} was told it", client.user_id()), vec![exchange]))
            }
            None => Ok(Done::default()),
        },
        Player::Client(client) => {
            if client.look(|view| ever_on_client(condition, view)).await? {
                return Err(seen_after_all(condition, format!("{} was shown it by /sync", client.user_id()), vec![]));
            }
            match condition {
                Condition::Event { room, id } => absent_on_request(client, condition, room, id).await,
                _ => Ok(Done::default()),
            }
        }
        Player::Virtual(server) => {
            if let Condition::Request { method, path, .. } = condition {
                let begun = scene.stage.transcript().begun().since(scene.stage.mark_begun);
                return match begun.iter().find(|begun| is_request(begun, server.name(), method, path)) {
                    Some(begun) => {
                        let seen =
                            format!("{} asked {} for {} {}", begun.caller, server.name(), begun.method, begun.path);
                        Err(seen_after_all(condition, seen, vec![]))
                    }
                    None => Ok(Done::default()),
                };
            }
            let found = scene.stage.transcript().since(scene.stage.mark);
            match found.iter().find(|exchange| on_virtual(condition, server.name(), exchange)) {
                Some(exchange) => {
                    let seen = format!(
                        "{} sent it to {} in {} {}",
                        exchange.caller,
                        server.name(),
                        exchange.method,
                        exchange.path
                    );
                    Err(seen_after_all(condition, seen, vec![exchange.id]))
                }
                None => Ok(Done::default()),
            }
        }
        Player::Agent(actor) => agent::never(scene, actor, condition).await,
        Player::Front(front) => front::never(front, condition),
        Player::Homeserver(_) => Err(StepError::broken("a homeserver observes nothing; its clients do")),
    }
}

/// `/event/{id}` must not give it either.
async fn absent_on_request(client: &Client, condition: &Condition, room: &str, id: &str) -> Result<Done, StepError> {
    let path = format!("/_matrix/client/v3/rooms/{}/event/{}", encode(room), encode(id));
    let reply = client.request(Method::GET, &path, None).await?;
    match reply.status {
        404 => Ok(Done::default()),
        200 => {
            let seen = format!("GET /event/{id} gave {}", quote(&reply.exchange.response.to_string()));
            Err(seen_after_all(condition, seen, vec![reply.exchange.id]))
        }
        // Neither there nor absent: the client may not ask, or the server is in trouble.
        status => Err(StepError::Broken {
            reason: format!("GET /event/{id} answered {status} {}", quote(&reply.exchange.response.to_string())),
            exchanges: vec![reply.exchange.id],
        }),
    }
}

/// What `/sync` as clients poll it does not show, so that it has to be asked for.
fn is_asked_for(condition: &Condition) -> bool {
    matches!(condition, Condition::Presence { .. } | Condition::Keys { .. } | Condition::Signed { .. })
}

/// As [`on_client`], for what has passed as well.
fn ever_on_client(condition: &Condition, view: &View) -> bool {
    match condition {
        Condition::State { room, kind, state_key, content } => view.had_state(room, kind, state_key, content),
        _ => on_client(condition, view),
    }
}

fn on_client(condition: &Condition, view: &View) -> bool {
    match condition {
        Condition::Event { room, id } => view.event(room, id).is_some(),
        Condition::Typing { room, user } => view.was_typing(room, user),
        Condition::Receipt { room, user, event } => view.had_receipt(room, user, event),
        Condition::State { room, kind, state_key, content } => view.state(room, kind, state_key) == Some(content),
        Condition::Invite { room, by } => view.was_invited(room, by),
        Condition::ToDevice { kind, mentions } => view.had_to_device(kind, mentions),
        Condition::Presence { .. }
        | Condition::Keys { .. }
        | Condition::Signed { .. }
        | Condition::Reads { .. }
        | Condition::Answers { .. }
        | Condition::Pdu { .. }
        | Condition::Edu { .. }
        | Condition::Push { .. }
        | Condition::Request { .. } => false,
    }
}

fn on_virtual(condition: &Condition, server: &ServerName, exchange: &Exchange) -> bool {
    if exchange.destination != *server {
        return false;
    }
    match condition {
        Condition::Pdu { id } => exchange.pdus().iter().any(|pdu| has_id(pdu, id)),
        Condition::Edu { kind, mentions } => exchange.edus().iter().any(|edu| {
            edu["edu_type"] == kind.as_str()
                && mentions.as_deref().is_none_or(|text| edu["content"].to_string().contains(text))
        }),
        Condition::Push { mentions } => exchange.is_push() && exchange.request.to_string().contains(mentions),
        _ => false,
    }
}

fn is_request(begun: &Begun, server: &ServerName, method: &str, path: &str) -> bool {
    begun.destination == *server
        && (method == "*" || begun.method.eq_ignore_ascii_case(method))
        && glob_matches(path, &begun.path)
}

/// Whether a PDU has this id; the id's format is the same in every room version from 4 on.
fn has_id(pdu: &Value, id: &str) -> bool {
    ["10", "11", "12"].iter().any(|version| {
        let rules = fedproof_core::event::rules_of(version);
        rules.and_then(|rules| fedproof_core::event::event_id(pdu, &rules)).is_ok_and(|found| found == id)
    })
}

fn room_of(condition: &Condition) -> Option<&str> {
    match condition {
        Condition::Event { room, .. }
        | Condition::Typing { room, .. }
        | Condition::Receipt { room, .. }
        | Condition::Invite { room, .. }
        | Condition::State { room, .. } => Some(room),
        _ => None,
    }
}

async fn not_seen_by_client(client: &Client, condition: &Condition) -> String {
    let room = room_of(condition).unwrap_or_default();
    match client.look(|view| view.describe(room)).await {
        Ok(known) => format!("not within {} s; {} knows of the room: {known}", WAIT_LIMIT.as_secs(), client.user_id()),
        Err(error) => format!("not within {} s, and then {error}", WAIT_LIMIT.as_secs()),
    }
}

fn not_seen_by_server(scene: &Scene<'_>, server: &ServerName) -> String {
    let exchanges = scene.stage.transcript().since(scene.stage.mark);
    let got: Vec<_> = exchanges.iter().filter(|exchange| exchange.destination == *server).collect();
    let pdus: usize = got.iter().map(|exchange| exchange.pdus().len()).sum();
    let edus: usize = got.iter().map(|exchange| exchange.edus().len()).sum();
    format!(
        "not within {} s; {server} got {} requests with {pdus} PDUs and {edus} EDUs",
        WAIT_LIMIT.as_secs(),
        got.len()
    )
}

pub(super) fn unmet(condition: &Condition, seen: String) -> StepError {
    StepError::Unmet { expected: format!("eventually {}", in_words(condition)), seen, exchanges: Vec::new() }
}

pub(super) fn seen_after_all(condition: &Condition, seen: String, exchanges: Vec<u64>) -> StepError {
    StepError::Unmet { expected: format!("never {}", in_words(condition)), seen, exchanges }
}

/// A condition as one would say it.
pub(crate) fn in_words(condition: &Condition) -> String {
    match condition {
        Condition::Event { room, id } => format!("event {id} in {room}"),
        Condition::Typing { room, user } => format!("{user} typing in {room}"),
        Condition::Receipt { room, user, event } => format!("a receipt of {user} for {event} in {room}"),
        Condition::State { room, kind, content, .. } => format!("{kind} = {content} in {room}"),
        Condition::Invite { room, by } => format!("an invite by {by} into {room}"),
        Condition::Presence { user, status } => format!("presence of {user} with the status {status:?}"),
        Condition::ToDevice { kind, mentions } => format!("a to-device message {kind} that names {mentions}"),
        Condition::Keys { user, mentions } => format!("{mentions} among the keys of {user}"),
        Condition::Signed { user, device: None } => format!("its own signature on the master key of {user}"),
        Condition::Signed { user, device: Some(device) } => format!("the signature of {user} on the device {device}"),
        Condition::Reads { event, body, .. } => match body {
            Some(body) => format!("message {event}, which says {body:?}"),
            None => format!("message {event}"),
        },
        Condition::Answers { to, body } => {
            let checks: Vec<&str> = body.iter().map(|check| check.at.as_str()).collect();
            format!("the right answer to `{}` ({})", to.name(), checks.join(", "))
        }
        Condition::Pdu { id } => format!("PDU {id}"),
        Condition::Edu { kind, mentions } => match mentions {
            Some(text) => format!("a {kind} EDU that names {text}"),
            None => format!("a {kind} EDU"),
        },
        Condition::Push { mentions } => format!("a push notification that names {mentions}"),
        Condition::Request { method, path, except, .. } if !except.is_empty() => {
            format!("a request {method} {path} other than {}", except.join(", "))
        }
        Condition::Request { method, path, .. } => format!("a request {method} {path}"),
    }
}
