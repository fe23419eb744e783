//! Sends many messages, one after another: no scenario should spell out two hundred steps.

use super::{With, client, number, text};
use crate::{
    outcome::{Done, StepError},
    step::Scene,
    verb::client::send,
};
use serde_json::{Value, json};

/// More than that is load, and not a case.
const MOST: u64 = 1_000;

/// `by` (a client) sends `count` messages to `room`, each after the answer to the one before, so that their order is no
/// matter of luck. Result: their ids, in that order.
pub(super) async fn send_all(scene: &Scene<'_>, with: &With) -> Result<Done, StepError> {
    let (by, room, count) = (client(scene, with, "by")?, text(with, "room")?, number(with, "count", 1));
    if count > MOST {
        return Err(StepError::broken(format!("that is more than {MOST} messages")));
    }
    let mut sent = Vec::new();
    for number in 1..=count {
        let content = json!({"msgtype": "m.text", "body": format!("{number} of {count} ({})", scene.case_id)});
        let done = send(by, room, "m.room.message", None, &content, &scene.stage.unique()).await?;
        if done.result == Value::Null {
            let seen = done.answer.map(|answer| answer.status.to_string()).unwrap_or_default();
            return Err(StepError::broken(format!("message {number} of {count} was answered {seen}")));
        }
        sent.push(done.result);
    }
    Ok(Done { result: sent.into(), answer: None, flaw: None })
}
