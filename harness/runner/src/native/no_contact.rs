//! `no_contact`: a homeserver has not turned to a name outside the deployment, nor to one name in particular. The
//! gateway refuses names that nobody in the deployment has, and keeps each attempt.

use super::{With, text};
use crate::{
    outcome::{Done, StepError},
    step::Scene,
};
use fedproof_core::transcript::{Exchange, Outcome};
use serde_json::json;

/// `by`: whose conduct it is. `name`: the name that must not have been turned to, ports aside; if missing, any that is no
/// part of the deployment. Looks at what happened since the instance began, and means something only after a barrier.
pub(super) fn check(scene: &Scene<'_>, with: &With) -> Result<Done, StepError> {
    let by = text(with, "by")?;
    let name = with.contains_key("name").then(|| text(with, "name")).transpose()?;
    let exchanges = scene.stage.transcript().since(scene.stage.mark);
    let turned_to = |exchange: &Exchange| match name {
        Some(name) => exchange.destination.host().eq_ignore_ascii_case(name),
        // Instances run side by side: what another one provoked is named after that one. A name that is named after none
        // is contacted by the homeserver of itself.
        None => {
            let destination = exchange.destination.as_str();
            exchange.outcome == Outcome::UnknownName
                && (destination.contains(&scene.stage.id)
                    || !scene.stage.diary.is_of_another(&scene.stage.id, destination))
        }
    };
    let mut contacts = exchanges.iter().filter(|exchange| exchange.caller == by && turned_to(exchange));
    match contacts.next() {
        None => Ok(Done { result: json!({"contacts": 0}), answer: None, flaw: None }),
        Some(first) => Err(StepError::Unmet {
            expected: format!("no contact with {}", name.unwrap_or("any name outside the deployment")),
            seen: format!(
                "{by} turned to {} ({} {}), {} times",
                first.destination,
                first.method,
                first.path,
                contacts.count() + 1
            ),
            exchanges: vec![first.id],
        }),
    }
}
