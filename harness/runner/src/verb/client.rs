//! Verbs of a client: the client-server API.

use crate::{
    outcome::{Answer, Done, StepError},
    step::Scene,
};
use fedproof_client::{Client, Reply};
use fedproof_core::{event::rules_of, path::encode};
use fedproof_scenario::model::{CreateRoom, Invite, Receipt, Send, Target, ToDevice, Typing, Verb};
use reqwest::Method;
use serde_json::{Map, Value, json};

/// Carries out a client's verb.
pub(crate) async fn act(scene: &Scene<'_>, client: &Client, verb: Verb<'_>) -> Result<Done, StepError> {
    match verb {
        Verb::CreateRoom(args) => create_room(client, &scene.resolve(args)?, &scene.stage.unique()).await,
        Verb::Join(args) => {
            let args = scene.resolve(args)?;
            let via = args.via.map_or_else(String::new, |via| format!("?via={0}&server_name={0}", encode(&via)));
            post(client, &format!("/_matrix/client/v3/join/{}{via}", encode(&args.room)), json!({})).await
        }
        Verb::Knock(args) => {
            let args = scene.resolve(args)?;
            let via = args.via.map_or_else(String::new, |via| format!("?via={0}&server_name={0}", encode(&via)));
            post(client, &format!("/_matrix/client/v3/knock/{}{via}", encode(&args.room)), json!({})).await
        }
        Verb::Leave(args) => room_post(client, &scene.resolve(args)?.room, "leave", json!({})).await,
        Verb::Invite(args) => {
            let Invite { room, target, .. } = scene.resolve(args)?;
            room_post(client, &room, "invite", json!({"user_id": target})).await
        }
        Verb::Kick(args) => {
            let Target { room, target } = scene.resolve(args)?;
            room_post(client, &room, "kick", json!({"user_id": target})).await
        }
        Verb::Ban(args) => {
            let Target { room, target } = scene.resolve(args)?;
            room_post(client, &room, "ban", json!({"user_id": target})).await
        }
        Verb::Send(args) => {
            let args: Send = scene.resolve(args)?;
            let content = args.content.unwrap_or_else(|| scene.message());
            send(client, &args.room, &args.kind, args.state_key.as_deref(), &content, &scene.stage.unique()).await
        }
        Verb::Typing(args) => {
            let Typing { room, typing: on } = scene.resolve(args)?;
            typing(client, &room, on).await
        }
        Verb::Receipt(args) => {
            let Receipt { room, event, kind } = scene.resolve(args)?;
            receipt(client, &room, &kind, &event).await
        }
        Verb::ToDevice(args) => {
            let ToDevice { kind, to, content } = scene.resolve(args)?;
            to_device(client, &kind, &to, &content, &scene.stage.unique()).await
        }
        Verb::Request(args) => {
            let (args, path) = scene.resolve_request(args)?;
            let method = Method::from_bytes(args.method.as_bytes())
                .map_err(|_| StepError::broken(format!("{:?} is no HTTP method", args.method)))?;
            done(client.request(method, &path, args.body.as_ref()).await?)
        }
        _ => Err(StepError::broken("a client has no such verb")),
    }
}

/// Creates a room. Result: room id. `mark` goes into its create event: since room version 12 the room id is that event's
/// hash, and two rooms that one user creates in one millisecond would be the same room.
async fn create_room(client: &Client, args: &CreateRoom, mark: &str) -> Result<Done, StepError> {
    let rules = rules_of(&args.version).map_err(|error| StepError::broken(error.to_string()))?;
    let preset = if args.join_rule == "public" { "public_chat" } else { "private_chat" };
    let mut state = args.initial_state.clone();
    if !matches!(args.join_rule.as_str(), "public" | "invite") {
        state.push(json!({"type": "m.room.join_rules", "content": {"join_rule": args.join_rule}}));
    }
    let mut users: Map<String, Value> = args.powers.iter().map(|(user, power)| (user.clone(), json!(power))).collect();
    if !rules.authorization.explicitly_privilege_room_creators {
        users.insert(client.user_id().to_owned(), json!(100));
    }
    let mut creation_content: Map<_, _> = args.creation_content.clone().into_iter().collect();
    creation_content.insert("org.fedproof.room".into(), mark.into());
    let body = json!({
        "room_version": args.version, "preset": preset, "initial_state": state,
        "creation_content": creation_content,
        "power_level_content_override": {"users": users, "invite": 0},
    });
    let reply = client.request(Method::POST, "/_matrix/client/v3/createRoom", Some(&body)).await?;
    result_at(reply, "room_id")
}

/// Sends an event, or sets state. Result: event id.
pub(crate) async fn send(
    client: &Client,
    room: &str,
    kind: &str,
    state_key: Option<&str>,
    content: &Value,
    transaction: &str,
) -> Result<Done, StepError> {
    let (room, kind) = (encode(room), encode(kind));
    let path = match state_key {
        Some(key) => format!("/_matrix/client/v3/rooms/{room}/state/{kind}/{}", encode(key)),
        None => format!("/_matrix/client/v3/rooms/{room}/send/{kind}/{transaction}"),
    };
    result_at(client.request(Method::PUT, &path, Some(content)).await?, "event_id")
}

/// Starts or stops typing.
pub(crate) async fn typing(client: &Client, room: &str, on: bool) -> Result<Done, StepError> {
    let path = format!("/_matrix/client/v3/rooms/{}/typing/{}", encode(room), encode(client.user_id()));
    let body = if on { json!({"typing": true, "timeout": 60_000}) } else { json!({"typing": false}) };
    done(client.request(Method::PUT, &path, Some(&body)).await?)
}

/// Marks an event read.
pub(crate) async fn receipt(client: &Client, room: &str, kind: &str, event: &str) -> Result<Done, StepError> {
    let path = format!("/_matrix/client/v3/rooms/{}/receipt/{}/{}", encode(room), encode(kind), encode(event));
    post(client, &path, json!({})).await
}

/// Sends a to-device message to all devices of a user.
pub(crate) async fn to_device(
    client: &Client,
    kind: &str,
    to: &str,
    content: &Value,
    transaction: &str,
) -> Result<Done, StepError> {
    let path = format!("/_matrix/client/v3/sendToDevice/{}/{transaction}", encode(kind));
    let content = if content.is_null() { &json!({}) } else { content };
    let body = json!({"messages": {to: {"*": content}}});
    done(client.request(Method::PUT, &path, Some(&body)).await?)
}

async fn room_post(client: &Client, room: &str, verb: &str, body: Value) -> Result<Done, StepError> {
    post(client, &format!("/_matrix/client/v3/rooms/{}/{verb}", encode(room)), body).await
}

async fn post(client: &Client, path: &str, body: Value) -> Result<Done, StepError> {
    done(client.request(Method::POST, path, Some(&body)).await?)
}

fn done(reply: Reply) -> Result<Done, StepError> {
    Ok(Done::body(answer(reply)))
}

fn result_at(reply: Reply, key: &str) -> Result<Done, StepError> {
    let result = reply.body.get(key).cloned().unwrap_or(Value::Null);
    Ok(Done { result, answer: Some(answer(reply)), flaw: None })
}

fn answer(reply: Reply) -> Answer {
    Answer { status: reply.status, body: reply.body, exchange: reply.exchange }
}
