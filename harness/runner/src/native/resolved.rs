//! `resolved`: what state resolution makes of a room that was forked, by the room graph of the virtual servers. A
//! scenario holds its own idea of the winner against it before it judges a homeserver by that.

use super::{With, text};
use crate::{
    outcome::{Done, StepError},
    step::Scene,
};
use fedproof_core::state;
use serde_json::Value;

/// Result: the content of the state event of that `type` (and `state_key`) in `room`, which must be the one `event`.
pub(super) fn state(scene: &Scene<'_>, with: &With) -> Result<Done, StepError> {
    let (room, kind, event) = (text(with, "room")?, text(with, "type")?, text(with, "event")?);
    let key = with.get("state_key").and_then(Value::as_str).unwrap_or_default();
    let found = scene.stage.world.rooms().read(room, |room| {
        let found = state::get(room.current(), kind, key)?;
        Some((found.id().to_string(), found.content_json().clone()))
    })?;
    match found {
        Some((id, content)) if id == event => Ok(Done { result: content, answer: None, flaw: None }),
        other => {
            let seen = other.map_or_else(|| "none".to_owned(), |(id, content)| format!("{id} {content}"));
            Err(StepError::broken(format!(
                "state resolution picks {seen}, not {event}: the fork is not what it should be"
            )))
        }
    }
}
