//! Barriers (docs/verdicts.md, R2): something later of the same kind, in the same room, has arrived, so that what has
//! not arrived by now was dropped and is not just late. If the barrier does not arrive, nothing can be said.

use crate::{
    actor::{Player, needed},
    outcome::{Done, StepError},
    step::Scene,
    verb::{client, condition},
};
use fedproof_client::Client;
use fedproof_scenario::model::{Barrier, BarrierKind, Condition};
use fedproof_virtual::{Draft, VirtualServer};
use serde_json::{Value, json};

/// Sends the barrier and waits for it.
///
/// # Errors
/// Never [`StepError::Unmet`]: a barrier that fails says nothing of the server under test.
pub(crate) async fn pass(scene: &Scene<'_>, barrier: &Barrier) -> Result<Done, StepError> {
    let passed = match (scene.player(&barrier.from)?, scene.player(&barrier.to)?) {
        (Player::Virtual(from), Player::Client(to)) => inbound(scene, barrier, from, to).await,
        (Player::Client(from), Player::Virtual(to)) => outbound(scene, barrier, from, to).await,
        _ => Err(StepError::broken("a barrier goes from a virtual server to a client, or the other way round")),
    };
    match passed {
        Err(StepError::Unmet { expected, seen, exchanges }) => {
            let reason =
                format!("the barrier from {} to {} did not arrive: {expected}; saw {seen}", barrier.from, barrier.to);
            Err(StepError::Broken { reason, exchanges })
        }
        other => other,
    }
}

/// From a virtual server to a client of the homeserver that it is sent to.
async fn inbound(scene: &Scene<'_>, barrier: &Barrier, from: &VirtualServer, to: &Client) -> Result<Done, StepError> {
    let room = needed(barrier.room.as_deref(), "room")?.to_owned();
    // A user that was never seen before, so that what arrives cannot be an earlier one.
    let user = from.user(&format!("barrier-{}", scene.stage.unique()));
    let (pdus, edus, expected) = match barrier.by {
        BarrierKind::Message | BarrierKind::Encrypted => {
            let sender = crate::actor::user_of(from, None);
            let (kind, content) = event(barrier.by, &scene.stage.unique());
            let built =
                from.build(Draft { room: room.clone(), sender, kind: kind.into(), content, ..Draft::default() })?;
            (vec![built.event], vec![], Condition::Event { room, id: built.event_id })
        }
        BarrierKind::Typing => {
            let content = json!({"room_id": room, "user_id": user, "typing": true});
            (vec![], vec![edu("m.typing", content)], Condition::Typing { room, user })
        }
        BarrierKind::Receipt => {
            let event = newest_event(scene, &room)?;
            let receipt = json!({"data": {"ts": 1}, "event_ids": [event]});
            let content = json!({&*room: {"m.read": {&*user: receipt}}});
            (vec![], vec![edu("m.receipt", content)], Condition::Receipt { room, user, event })
        }
        BarrierKind::ToDevice => {
            return Err(StepError::broken("a to-device barrier goes from a client to a virtual server"));
        }
    };
    let reply = from.send(to.server(), pdus, edus).await?;
    if reply.status != 200 {
        return Err(StepError::Broken {
            reason: format!("the barrier was answered {} {}", reply.status, reply.exchange.response),
            exchanges: vec![reply.exchange.id],
        });
    }
    condition::eventually(scene, scene.player(&barrier.to)?, &expected).await
}

/// From a client to a virtual server that is in the room or has the user.
async fn outbound(scene: &Scene<'_>, barrier: &Barrier, from: &Client, to: &VirtualServer) -> Result<Done, StepError> {
    let mark = scene.stage.unique();
    let (done, expected) = match barrier.by {
        BarrierKind::Message | BarrierKind::Encrypted => {
            let room = needed(barrier.room.as_deref(), "room")?;
            let (kind, content) = event(barrier.by, &mark);
            let done = client::send(from, room, kind, None, &content, &mark).await?;
            let id = done.result.as_str().unwrap_or_default().to_owned();
            (done, Condition::Pdu { id })
        }
        BarrierKind::ToDevice => {
            let (kind, user) = ("org.fedproof.barrier", to.user("user"));
            let done = client::to_device(from, kind, &user, &json!({"mark": mark}), &mark).await?;
            (done, Condition::Edu { kind: "m.direct_to_device".into(), mentions: Some(mark) })
        }
        BarrierKind::Typing | BarrierKind::Receipt => {
            return Err(StepError::broken("towards a virtual server a barrier is a message or a to-device message"));
        }
    };
    if let Some(answer) = done.answer.filter(|answer| answer.status != 200) {
        return Err(StepError::Broken {
            reason: format!("the barrier could not be sent: {} {}", answer.status, answer.exchange.response),
            exchanges: vec![answer.exchange.id],
        });
    }
    condition::eventually(scene, scene.player(&barrier.to)?, &expected).await
}

/// Type and content of an event that says nothing but `mark`.
fn event(by: BarrierKind, mark: &str) -> (&'static str, Value) {
    match by {
        BarrierKind::Encrypted => (
            "m.room.encrypted",
            json!({"algorithm": "m.megolm.v1.aes-sha2", "ciphertext": format!("barrier {mark}"), "session_id": mark}),
        ),
        _ => ("m.room.message", json!({"msgtype": "m.text", "body": format!("barrier {mark}")})),
    }
}

fn edu(kind: &str, content: Value) -> Value {
    json!({"edu_type": kind, "content": content})
}

fn newest_event(scene: &Scene<'_>, room: &str) -> Result<String, StepError> {
    let head = scene.stage.world.rooms().read(room, |room| room.heads().last().map(ToString::to_string))?;
    head.ok_or_else(|| StepError::broken(format!("{room} has no event yet")))
}
